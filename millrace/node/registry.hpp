#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "millrace/node/node.hpp"

namespace millrace::node {

/// The node types a program knows. Filled by an explicit list; there is no self-registration.
///   threads  filled once, then read by any
class Registry {
 public:
  /// A type whose name or alias is taken already is our bug.
  void add(NodeType type);

  /// By type name or alias; null when there is none.
  [[nodiscard]] const NodeType* find(std::string_view name) const noexcept;
  [[nodiscard]] std::span<const NodeType> types() const noexcept { return types_; }

 private:
  std::vector<NodeType> types_;
};

}  // namespace millrace::node
