#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Speaks text with the voice of CMU flite, and tells what was heard of it when it is interrupted.
/// See README.md beside this.
[[nodiscard]] const node::NodeType& flite_tts_type();

}  // namespace millrace::nodes
