#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "millrace/base/clock.hpp"
#include "millrace/base/result.hpp"
#include "millrace/engine/lane.hpp"
#include "millrace/rt/doorbell.hpp"
#include "millrace/rt/mpsc_ring.hpp"
#include "millrace/rt/mutex.hpp"
#include "millrace/rt/platform/thread_clock.hpp"

namespace millrace::engine {

/// Threads that run the jobs of pool stages: earliest deadline first, then first posted; at most
/// one call at a time of a stage that is not parallelizable.
///   threads  post(): shards, without a lock; everything else: control
///   full     the ring of posts holds one entry for each lane that can have a job, so it never is
///   stop     stop() asks every worker to end, waits at most `patience` for them, and abandons
///   those
///            that hang in a node (they keep what they use alive)
class WorkerPool final : public LaneExecutor {
 public:
  /// Starts `threads` workers for at most `max_lanes` lanes.
  [[nodiscard]] static base::Result<std::unique_ptr<WorkerPool>> start(std::uint32_t threads,
                                                                       std::size_t max_lanes);
  ~WorkerPool() override;

  void post(std::shared_ptr<Lane> lane) noexcept override;
  /// CPU clocks of its threads, good until stop().
  [[nodiscard]] std::vector<rt::ThreadClock> clocks();
  /// Number of workers that had to be abandoned.
  std::uint32_t stop(base::Duration patience) noexcept;

 private:
  struct Core;
  struct Worker;
  WorkerPool() = default;
  static void work(const std::shared_ptr<Core>& core, std::size_t index) noexcept;

  std::shared_ptr<Core> core_;  // shared: an abandoned worker may outlive the pool
  std::vector<std::thread> threads_;
};

}  // namespace millrace::engine
