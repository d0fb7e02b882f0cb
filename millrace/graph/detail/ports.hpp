#pragma once

#include <span>
#include <vector>

#include "millrace/graph/detail/draft.hpp"

namespace millrace::graph::detail {

/// The edges of the manifest with their ports found, in the order written. A port that is left out
/// is the only one of its direction, or the first declared one (outputs before inputs) whose kind
/// the other end has. Edges that make no sense are left out and said in `mistakes`.
[[nodiscard]] std::vector<DraftEdge> connect(const manifest::GraphSpec& spec,
                                             std::span<DraftNode> nodes, Diagnostics& mistakes);

/// Required inputs have an edge, every node is fed from somewhere, there is a source and a sink.
/// `edges` know already which of them are feedback.
void check_connections(const manifest::GraphSpec& spec, std::span<const DraftNode> nodes,
                       std::span<const DraftEdge> edges, Diagnostics& mistakes);

}  // namespace millrace::graph::detail
