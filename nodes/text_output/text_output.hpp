#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Where text leaves the graph. See README.md beside this.
[[nodiscard]] const node::NodeType& text_output_type();

}  // namespace millrace::nodes
