#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Where audio leaves the graph. See README.md beside this.
[[nodiscard]] const node::NodeType& audio_output_type();

}  // namespace millrace::nodes
