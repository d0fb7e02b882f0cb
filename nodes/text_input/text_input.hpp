#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Where text enters the graph: checked, and told apart as whole texts or pieces of one. See
/// README.md beside this.
[[nodiscard]] const node::NodeType& text_input_type();

}  // namespace millrace::nodes
