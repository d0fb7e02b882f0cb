#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "millrace/base/result.hpp"
#include "millrace/base/time.hpp"
#include "millrace/policy/admission.hpp"
#include "millrace/rt/mutex.hpp"

namespace millrace::engine {

/// What the threads of an engine had done up to an instant, all sessions together. The difference
/// of two readings is a load.
struct LoadReading {
  base::Instant at;
  std::uint64_t inputs = 0;     ///< packets that hosts pushed
  base::Duration shard_cpu{0};  ///< CPU time of the shard threads
  base::Duration pool_cpu{0};   ///< CPU time of the pool's threads
  std::uint64_t late = 0;       ///< decisions more than 20 ms past due
  std::uint64_t decisions = 0;
};

struct AdmissionSettings {
  bool enabled = true;
  double bound = 0.85;  ///< of the cores that the threads can use
  double shards = 1.0;
  double pool_threads = 1.0;
  double cores = 1.0;  ///< of the machine
};

/// Asks policy::Admission before a session opens, in three places, each of which can be full while
/// the others are idle: the shard threads, the pool's threads, and the machine they share. A
/// session is refused when one of them has no room.
///   measured  the first look is over a whole second of work, so whoever opens all sessions before
///             the first input is never refused; later looks are as long as the readings
///   feeding   audio that is fed faster than real time is load like any other
///   threads   any; a lock, never held for long: not for shards
class AdmissionControl {
 public:
  static constexpr base::Duration kFirstLook = std::chrono::seconds{1};

  struct Figures {
    double shard_load = 0.0;  ///< share of their cores, as last seen
    double pool_load = 0.0;
    double session_cost = 0.0;  ///< cores, of shards and pool together
    double late_share = 0.0;    ///< of decisions
    bool refusing = false;
    std::uint64_t refused = 0;  ///< sessions
  };

  explicit AdmissionControl(const AdmissionSettings& settings);

  /// From time to time, with growing readings.
  void observe(const LoadReading& reading);
  /// Before a session opens. overloaded: it would break the others; the message says what was
  /// measured, and retry_after_ms when to ask again. Who was let in must leave().
  [[nodiscard]] base::Result<void> enter(base::Instant now, const std::string& session);
  void leave(base::Instant now);
  [[nodiscard]] Figures figures() const;

 private:
  struct Room {
    Room(std::string_view called, const policy::AdmissionParams& params)
        : name(called), cores(params.cores), policy(params) {}
    std::string_view name;
    double cores;
    policy::Admission policy;
  };
  [[nodiscard]] std::string reason(const Room& room) const MR_REQUIRES(mutex_);
  void count_session_time(base::Instant until) MR_REQUIRES(mutex_);

  const AdmissionSettings settings_;
  mutable rt::Mutex mutex_;
  std::array<Room, 3> rooms_ MR_GUARDED_BY(mutex_);
  LoadReading previous_ MR_GUARDED_BY(mutex_);
  bool looked_ MR_GUARDED_BY(mutex_) = false;  ///< the first second of work was seen
  std::uint32_t open_ MR_GUARDED_BY(mutex_) = 0;
  base::Instant counted_until_ MR_GUARDED_BY(mutex_){};
  base::Duration session_time_ MR_GUARDED_BY(mutex_){0};  ///< since previous_
  std::uint64_t refused_ MR_GUARDED_BY(mutex_) = 0;
};

}  // namespace millrace::engine
