#pragma once

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Changes the rate of audio, each piece as soon as it exists. See README.md beside this.
[[nodiscard]] const node::NodeType& audio_resample_type();

}  // namespace millrace::nodes
