#include "millrace/graph/detail/order.hpp"

#include <algorithm>

#include "millrace/base/check.hpp"

namespace millrace::graph::detail {
namespace {

constexpr std::size_t kNoLink = static_cast<std::size_t>(-1);

/// The shortest way from `start` to `goal` over the links that `usable` lets pass, as indices of
/// links; empty when there is none.
template <class Usable>
std::vector<std::size_t> shortest_way(std::uint32_t count, std::span<const Link> links,
                                      std::uint32_t start, std::uint32_t goal, Usable usable) {
  std::vector<std::size_t> came_by(count, kNoLink);
  std::vector<std::uint32_t> front{start};
  while (!front.empty() && came_by[goal] == kNoLink) {
    std::vector<std::uint32_t> next;
    for (const std::uint32_t at : front)
      for (std::size_t i = 0; i < links.size(); ++i) {
        if (links[i].from != at || !usable(links[i]) || came_by[links[i].to] != kNoLink) continue;
        came_by[links[i].to] = i;
        next.push_back(links[i].to);
      }
    front = std::move(next);
  }
  std::vector<std::size_t> way;
  if (came_by[goal] == kNoLink) return way;
  std::uint32_t at = goal;
  do {
    way.push_back(came_by[at]);
    at = links[came_by[at]].from;
  } while (at != start);
  std::ranges::reverse(way);
  return way;
}

}  // namespace

void mark_feedback(std::uint32_t count, std::span<Link> links) {
  std::vector<bool> placed(links.size());
  for (std::size_t i = 0; i < links.size(); ++i) placed[i] = !links[i].may_feed_back;
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (placed[i]) continue;
    Link& link = links[i];
    const auto usable = [&](const Link& other) {
      return placed[static_cast<std::size_t>(&other - links.data())] && !other.feedback;
    };
    link.feedback =
        link.from == link.to || !shortest_way(count, links, link.to, link.from, usable).empty();
    placed[i] = true;
  }
}

std::vector<std::size_t> find_cycle(std::uint32_t count, std::span<const Link> links) {
  for (std::uint32_t start = 0; start < count; ++start) {
    auto cycle =
        shortest_way(count, links, start, start, [](const Link& link) { return !link.feedback; });
    if (!cycle.empty()) return cycle;
  }
  return {};
}

std::vector<std::uint32_t> topological_order(std::uint32_t count, std::span<const Link> links) {
  std::vector<std::uint32_t> waiting_for(count, 0);
  for (const Link& link : links)
    if (!link.feedback) ++waiting_for[link.to];
  std::vector<std::uint32_t> order;
  std::vector<bool> done(count);
  while (order.size() < count) {
    std::uint32_t next = 0;
    while (next < count && (done[next] || waiting_for[next] > 0)) ++next;
    MR_CHECK(next < count, "a graph is put in order only after its cycles have been refused");
    done[next] = true;
    order.push_back(next);
    for (const Link& link : links)
      if (!link.feedback && link.from == next) --waiting_for[link.to];
  }
  return order;
}

std::vector<std::uint32_t> reachable(std::uint32_t count, std::span<const Link> links,
                                     std::uint32_t start) {
  std::vector<bool> seen(count);
  std::vector<std::uint32_t> open{start};
  seen[start] = true;
  while (!open.empty()) {
    const std::uint32_t at = open.back();
    open.pop_back();
    for (const Link& link : links) {
      if (link.feedback || link.from != at || seen[link.to]) continue;
      seen[link.to] = true;
      open.push_back(link.to);
    }
  }
  std::vector<std::uint32_t> found;
  for (std::uint32_t i = 0; i < count; ++i)
    if (seen[i] && i != start) found.push_back(i);
  return found;
}

}  // namespace millrace::graph::detail
