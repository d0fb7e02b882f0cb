#pragma once

#include <string>
#include <vector>

#include "millrace/graph/detail/draft.hpp"

namespace millrace::graph::detail {

/// Puts the batching wrapper in front of `node`: where the manifest says `buffering`, and by itself
/// where the capabilities say that calls cannot run side by side but gain from being joined. Says
/// in `notes` what was wrapped and why. A custom merge is looked up in `registry`. Placement and
/// capabilities must be settled.
void apply_batching(DraftNode& node, const node::Registry& registry,
                    std::vector<std::string>& notes, Diagnostics& mistakes);

}  // namespace millrace::graph::detail
