#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Lets speech through before it is certain, and withdraws what was none. See README.md beside
/// this.
[[nodiscard]] const node::NodeType& speculative_vad_gate_type();

}  // namespace millrace::nodes
