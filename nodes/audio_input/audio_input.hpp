#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Where audio enters the graph: checked, scrubbed and mixed down. See README.md beside this.
[[nodiscard]] const node::NodeType& audio_input_type();

}  // namespace millrace::nodes
