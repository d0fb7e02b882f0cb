#pragma once

#include <string>
#include <string_view>

namespace millrace::manifest {

/// The registry's spelling of a node type: `SileroVAD`, `SileroVADNode` and `silero_vad` are one.
/// Words split at capitals, a run of capitals is one word, a last word `Node` falls away; names
/// that follow no rule come from a table.
[[nodiscard]] std::string canonical_type_name(std::string_view written);

}  // namespace millrace::manifest
