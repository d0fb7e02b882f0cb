#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Gathers text to sentences, and can hold them back for a batch window. See README.md beside this.
[[nodiscard]] const node::NodeType& text_collector_type();

}  // namespace millrace::nodes
