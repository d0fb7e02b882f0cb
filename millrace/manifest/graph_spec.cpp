#include "millrace/manifest/graph_spec.hpp"

#include <algorithm>

namespace millrace::manifest {

std::string_view name(Placement value) noexcept {
  return kPlacementNames[static_cast<std::size_t>(value)];
}
std::string_view name(QueuePolicy value) noexcept {
  return kQueuePolicyNames[static_cast<std::size_t>(value)];
}
std::string_view name(BufferingMode value) noexcept {
  return kBufferingModeNames[static_cast<std::size_t>(value)];
}
std::string_view name(MergeKind value) noexcept {
  return kMergeKindNames[static_cast<std::size_t>(value)];
}
std::string_view name(GiveUp value) noexcept {
  return kGiveUpNames[static_cast<std::size_t>(value)];
}
std::string_view name(Release value) noexcept {
  return kReleaseNames[static_cast<std::size_t>(value)];
}

const NodeSpec* GraphSpec::find_node(std::string_view id) const noexcept {
  const auto it = std::ranges::find(nodes, id, &NodeSpec::id);
  return it == nodes.end() ? nullptr : &*it;
}

}  // namespace millrace::manifest
