#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "apps/millrace/bench/batching_world.hpp"
#include "millrace/policy/batch_types.hpp"

/// The policies that are compared. Each drops what is past its deadline instead of starting it.
namespace millrace::app {

/// The Batcher of the engine, in its default mode.
///   learning  it is told nothing of the machine: it learns the cost from its own runs
[[nodiscard]] std::unique_ptr<BatchScheduler> our_scheduler(std::uint32_t max_batch);
/// First come, first served, one at a time.
[[nodiscard]] std::unique_ptr<BatchScheduler> unbatched_scheduler();
/// First come, first served: starts with a full batch, or when the first has waited `wait`.
[[nodiscard]] std::unique_ptr<BatchScheduler> fixed_wait_scheduler(std::uint32_t max_batch,
                                                                   base::Duration wait);
/// First come, first served: all that waits, up to a size that grows by one while a batch takes
/// less than kInTime, and shrinks by a tenth when it takes more.
///   source  Crankshaw et al., Clipper, NSDI 2017, section 4.3.1
[[nodiscard]] std::unique_ptr<BatchScheduler> aimd_scheduler(std::uint32_t max_batch);
/// Knows the true cost: earliest deadline first, drops what cannot be in time, and runs the largest
/// batch that keeps the earliest deadline.
///   source  after Gujarati et al., Clockwork, OSDI 2020, without its timed model loading
[[nodiscard]] std::unique_ptr<BatchScheduler> earliest_deadline_scheduler(std::uint32_t max_batch,
                                                                          const BatchCost& cost);

}  // namespace millrace::app
