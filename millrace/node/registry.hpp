#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "millrace/node/merge.hpp"
#include "millrace/node/node.hpp"

namespace millrace::node {

/// The node types and merges a program knows. Filled by an explicit list; there is no
/// self-registration.
///   threads  filled once, then read by any
class Registry {
 public:
  /// A type whose name or alias is taken already is our bug.
  void add(NodeType type);

  /// By type name or alias; null when there is none.
  [[nodiscard]] const NodeType* find(std::string_view name) const noexcept;
  [[nodiscard]] std::span<const NodeType> types() const noexcept { return types_; }

  /// A merge without a name or a function, or whose name is taken already, is our bug.
  void add_merge(MergeType merge);
  [[nodiscard]] const MergeType* find_merge(std::string_view name) const noexcept;
  [[nodiscard]] std::span<const MergeType> merges() const noexcept { return merges_; }

 private:
  std::vector<NodeType> types_;
  std::vector<MergeType> merges_;
};

}  // namespace millrace::node
