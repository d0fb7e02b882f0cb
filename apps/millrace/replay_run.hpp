#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/millrace/decisions.hpp"
#include "apps/millrace/recording.hpp"
#include "apps/millrace/run.hpp"

namespace millrace::app {

/// What a replay gave: the events of each session of the recording, as lines of the event log.
struct Replayed {
  std::vector<EventLines> events;
  /// When a shard first asked for something that the record does not have next.
  std::optional<base::Instant> parted;
  std::uint64_t jobs_parted = 0;  ///< jobs of the pool that did so
};

/// Checks that what a recording says entered its sessions can enter `plan`.
///   errors  bad_peer_data, naming the session and the input
[[nodiscard]] base::Result<void> check_inputs(const Recording& recording, const graph::Plan& plan);

/// Every step of every shard again, with what came to it then. `state` has a task for each session.
[[nodiscard]] base::Result<Replayed> replay_steps(RunState& state, Recording& recording);

/// Each session in a virtual world of its own: its inputs come at the instants at which they came,
/// and everything else follows from the plan.
[[nodiscard]] base::Result<Replayed> replay_inputs(RunState& state, Recording& recording);

}  // namespace millrace::app
