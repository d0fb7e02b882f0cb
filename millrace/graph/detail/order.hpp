#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// Questions about a directed graph of numbered nodes: no plan, no manifest, only numbers.
namespace millrace::graph::detail {

/// One edge. `may_feed_back`: it may be cut out of the order to break a cycle; `feedback`: it is.
struct Link {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  bool may_feed_back = false;
  bool feedback = false;
};

/// Marks as feedback those links that may be and whose presence would close a cycle. Links are
/// taken in their order after all the links that may not, so the outcome depends on nothing else.
void mark_feedback(std::uint32_t count, std::span<Link> links);

/// The shortest cycle through the first node that lies on one, links marked as feedback aside:
/// indices of its links, beginning at that node. Empty when there is none.
[[nodiscard]] std::vector<std::size_t> find_cycle(std::uint32_t count, std::span<const Link> links);

/// The nodes so that every link not marked as feedback leads forward; where the links leave a
/// choice the lower number comes first. The graph has no cycle.
[[nodiscard]] std::vector<std::uint32_t> topological_order(std::uint32_t count,
                                                           std::span<const Link> links);

/// The nodes that can be reached from `start`, without `start` itself, ascending.
[[nodiscard]] std::vector<std::uint32_t> reachable(std::uint32_t count, std::span<const Link> links,
                                                   std::uint32_t start);

}  // namespace millrace::graph::detail
