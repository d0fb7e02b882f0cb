#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/graph/detail/diagnostics.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/manifest/graph_spec.hpp"
#include "millrace/node/node.hpp"

namespace millrace::graph::detail {

/// What is known of one node of the manifest while the plan is made.
///   type       null: unknown, and said so
///   params     empty: wrong, and said so
///   stage      what contract and manifest settle without regard to other nodes
///   doubtful   an edge of it could not be understood, so nothing is said about its connections
struct DraftNode {
  const manifest::NodeSpec* spec = nullptr;
  const node::NodeType* type = nullptr;
  std::optional<node::Params> params;
  Stage stage;
  bool doubtful = false;

  [[nodiscard]] const node::Contract& contract() const noexcept { return *type->contract; }
  /// "'mic' (audio_input)"; the type must be known.
  [[nodiscard]] std::string called() const { return detail::called(*spec, contract()); }
};

/// An edge with the words of the manifest that it came from; its indices are into the draft nodes.
struct DraftEdge {
  Edge edge;
  const manifest::EdgeSpec* spec = nullptr;
};

}  // namespace millrace::graph::detail
