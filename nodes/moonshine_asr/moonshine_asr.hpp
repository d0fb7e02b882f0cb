#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Turns the speech of a turn into words, English only. See README.md beside this.
[[nodiscard]] const node::NodeType& moonshine_asr_type();

}  // namespace millrace::nodes
