#pragma once

#include <functional>

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Turns the speech of a turn into words, English only. See README.md beside this.
[[nodiscard]] const node::NodeType& moonshine_asr_type();

/// The stage that the type makes; `stepped` is called after each decode step of any of its
/// sessions, on the worker that did it.
///   errors  unavailable: a model is missing; bad_peer_data: it is another one than expected
[[nodiscard]] base::Result<std::unique_ptr<node::StageNode>> make_moonshine_asr(
    const node::StageConfig& config, std::function<void()> stepped);

}  // namespace millrace::nodes
