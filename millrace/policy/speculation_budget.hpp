#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "millrace/base/time.hpp"

namespace millrace::policy {

/// How much a session may speculate in any minute. 0 forbids it altogether.
struct BudgetParams {
  static constexpr std::uint32_t kUnlimited = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t max_turns_per_minute = 30;
  std::uint32_t max_wasted_ms_per_minute = 5000;
};

/// What changed with the last call; the session says it once.
enum class BudgetChange : std::uint8_t { none, paused, resumed };

struct BudgetCounters {
  std::uint64_t started = 0;
  std::uint64_t refused = 0;
  std::uint64_t accepted = 0;
  std::uint64_t withdrawn = 0;
  std::uint64_t wasted_us = 0;  ///< compute for what was withdrawn
  std::uint64_t pauses = 0;
};

/// Lets speculation go on while it stays in its budget, pauses it when the budget of the last
/// minute is used up, and resumes it when enough of that has grown old.
///   memory   61 buckets of a second: the minute looked back on is 60 to 61 s long, so the bound
///            holds for every minute
///   units    instants of the engine's clock, which never goes back
///   threads  the shard; never blocks or allocates
class SpeculationBudget {
 public:
  explicit SpeculationBudget(const BudgetParams& params) noexcept : params_(params) {}

  /// Asks for one more speculative turn, and counts it when it is allowed.
  [[nodiscard]] bool try_start(base::Instant now) noexcept;
  /// A speculation was confirmed.
  void accepted() noexcept { ++counters_.accepted; }
  /// A speculation was withdrawn after `compute` had been spent on it.
  void withdrawn(base::Instant now, base::Duration compute) noexcept;
  /// Whether speculation is paused at `now`, and whether that is news. Call it after try_start()
  /// and withdrawn(), and while paused.
  [[nodiscard]] BudgetChange update(base::Instant now) noexcept;

  [[nodiscard]] bool paused() const noexcept { return paused_; }
  [[nodiscard]] std::uint64_t turns_in_minute(base::Instant now) noexcept;
  [[nodiscard]] base::Duration wasted_in_minute(base::Instant now) noexcept;
  [[nodiscard]] const BudgetCounters& counters() const noexcept { return counters_; }

 private:
  static constexpr std::size_t kBuckets = 61;
  struct Bucket {
    std::uint64_t turns = 0;
    std::int64_t wasted_ns = 0;
  };

  void advance(base::Instant now) noexcept;
  [[nodiscard]] bool used_up() const noexcept;
  [[nodiscard]] Bucket& bucket() noexcept {
    return buckets_[static_cast<std::size_t>(second_) % kBuckets];
  }

  BudgetParams params_;
  std::array<Bucket, kBuckets> buckets_{};
  Bucket sum_;
  std::int64_t second_ = 0;
  bool paused_ = false;
  BudgetCounters counters_;
};

}  // namespace millrace::policy
