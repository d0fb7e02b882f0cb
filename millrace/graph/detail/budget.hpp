#pragma once

#include <span>

#include "millrace/graph/detail/draft.hpp"

namespace millrace::graph::detail {

/// Fills in the latency of the slowest path to each stage, and that of the plan: the slowest path
/// from a source to a sink. Stages stand in topological order and know their own latency.
void add_latency(Plan& plan);

/// Where paths from one stage meet again, what comes over the faster one waits for the slower. An
/// edge with policy `block` must have room for what gathers meanwhile, or the stage before the fork
/// would be held up by the queue that only it can empty.
void check_slack(const Plan& plan, std::span<const DraftNode> nodes, Diagnostics& mistakes);

}  // namespace millrace::graph::detail
