#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Tells from the sound of a turn so far whether it is complete. See README.md beside this.
[[nodiscard]] const node::NodeType& smart_turn_type();

}  // namespace millrace::nodes
