#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Answers what was said by rules of the manifest, without any service. See README.md beside this.
[[nodiscard]] const node::NodeType& reply_type();

}  // namespace millrace::nodes
