#pragma once

#include <span>

#include "millrace/graph/detail/draft.hpp"

namespace millrace::graph::detail {

/// Walks the stages in order and makes each once, which loads its models, to learn the formats of
/// its outputs and its latency. A stage whose parameters are wrong, and what hangs on it, is left
/// out: there is nothing true to say about it. `nodes` and `edges` are those of `plan`.
///   threads  control
void settle_formats(Plan& plan, std::span<const DraftNode> nodes, std::span<const DraftEdge> edges,
                    Diagnostics& mistakes);

}  // namespace millrace::graph::detail
