#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "millrace/engine/lane.hpp"

namespace millrace::engine {

/// The worker pool of virtual time: a job runs inline when a virtual worker is free, and its
/// outputs arrive after their declared cost. Earliest deadline first, then first posted, as in
/// WorkerPool. Same inputs, same times.
///   threads  one
class VirtualPool final : public LaneExecutor {
 public:
  explicit VirtualPool(std::uint32_t workers);

  void post(std::shared_ptr<Lane> lane) noexcept override;
  /// Starts every job that has a free worker at `now`. True: it ran some.
  bool run_due(base::Instant now) noexcept;
  /// When there is something to do next: a worker gets free for a waiting job, or a result becomes
  /// due. The latest possible instant when there is nothing. What was due at `now` or before counts
  /// as taken.
  [[nodiscard]] base::Instant next(base::Instant now) noexcept;
  [[nodiscard]] bool busy() const noexcept { return !ready_.empty() || !due_.empty(); }

 private:
  struct Running {
    base::Instant until{};
    StageEngine* engine = nullptr;
  };
  void release(base::Instant now) noexcept;
  void note_due(const Lane& lane);
  /// The job that may start next; the end when there is none.
  [[nodiscard]] std::deque<std::shared_ptr<Lane>>::iterator best() noexcept;

  std::vector<Running> workers_;             ///< engine null: free
  std::deque<std::shared_ptr<Lane>> ready_;  // shared: with the slots of their sessions
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> due_;
};

}  // namespace millrace::engine
