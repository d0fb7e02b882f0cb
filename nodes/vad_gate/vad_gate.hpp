#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Lets speech through once it is certain. See README.md beside this.
[[nodiscard]] const node::NodeType& vad_gate_type();

}  // namespace millrace::nodes
