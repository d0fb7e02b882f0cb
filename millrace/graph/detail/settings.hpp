#pragma once

#include <span>
#include <string>
#include <vector>

#include "millrace/graph/detail/draft.hpp"

namespace millrace::graph::detail {

/// Fills in `node.stage` what the contract decides and the manifest may override: placement,
/// capabilities, virtual cost, commit boundary. What this version reads but does not apply goes to
/// `notes`.
void apply_settings(DraftNode& node, const node::Registry& registry,
                    std::vector<std::string>& notes, Diagnostics& mistakes);

/// The queue of `edge` between `from` and `to`: `queue` of the receiving node, where it says
/// nothing the capabilities of its type. A feedback edge drops its oldest, whatever is said.
[[nodiscard]] QueueConfig queue_of(const Edge& edge, const DraftNode& from, const DraftNode& to,
                                   Diagnostics& mistakes);

/// Where the manifest sets the queue's capacity, or the place nearest to that.
[[nodiscard]] const manifest::Place& capacity_place(const manifest::NodeSpec& node);

}  // namespace millrace::graph::detail
