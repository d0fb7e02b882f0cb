#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "millrace/base/clock.hpp"
#include "millrace/base/result.hpp"
#include "millrace/engine/shard.hpp"

namespace millrace::engine {

/// Makes the stages of a plan for one shard (models come from the nodes' own shared caches).
[[nodiscard]] base::Result<std::shared_ptr<ShardStages>> make_stages(
    std::shared_ptr<const graph::Plan> plan);

/// The engines of a plan's stages, one for all shards.
[[nodiscard]] std::vector<StageEngine> make_engines(const graph::Plan& plan);

/// Payload memory for the sessions that are open at once: grows with their highest number, and is
/// used again by those that come later.
///   threads  control, one at a time
class Provision {
 public:
  /// Makes sure that `sessions` sessions find their blocks. Sessions that went are not counted.
  [[nodiscard]] base::Result<void> cover(rt::PayloadPool& payloads, std::size_t sessions);

 private:
  static constexpr std::size_t kLeastSessions = 1;
  std::size_t covered_ = 0;
};

/// What a session is made from.
struct SessionMaking {
  std::string name;
  std::uint64_t number = 0;
  std::shared_ptr<ShardStages> stages;  // shared: kept alive by workers that hang
  std::span<StageEngine> engines;
  std::shared_ptr<rt::PayloadPool> payloads;  // shared: as stages
  const base::Clock* clock = nullptr;
  /// What `clock` and `engines` stand in, when workers may outlive their owner.
  std::shared_ptr<const void> keep_alive;
  std::shared_ptr<WakeBell> bell;  // shared: as stages; none under virtual time
  /// Tapes of the jobs: recorded in real time, played under virtual time; none: neither.
  std::shared_ptr<JobTapes> tapes;
  Lane::Time time = Lane::Time::real;
};

/// Makes a session: all its memory is taken here, so that the shard takes none.
///   threads  control
[[nodiscard]] base::Result<std::unique_ptr<SessionState>> make_session(const SessionMaking& making);

}  // namespace millrace::engine
