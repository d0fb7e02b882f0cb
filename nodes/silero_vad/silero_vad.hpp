#pragma once

#include <cstdint>

#include "millrace/node/node.hpp"

namespace millrace::nodes {

/// Says of each 32 ms of audio how likely it is speech. See README.md beside this.
[[nodiscard]] const node::NodeType& silero_vad_type();

/// How often `stage`, made by silero_vad_type(), called its model: once for up to 64 sessions whose
/// windows fall due together.
///   threads  the shard, or any while no sweep runs
[[nodiscard]] std::uint64_t silero_model_calls(const node::StageNode& stage) noexcept;

}  // namespace millrace::nodes
