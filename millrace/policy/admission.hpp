#pragma once

#include <cstdint>

#include "millrace/base/time.hpp"

namespace millrace::policy {

struct AdmissionParams {
  double cores = 1.0;        ///< that the sessions may use
  double bound = 0.85;       ///< of them, above which sessions begin to wait for each other
  double margin = 0.05;      ///< below the bound before a refusal ends
  double late_bound = 0.02;  ///< share of work that may be late
};

struct AdmissionVerdict {
  bool admit = true;
  base::Duration retry_after{0};  ///< refused: when it is worth asking again
};

/// Decides whether one more session would break those that are open, from what they were seen to
/// cost: CPU seconds per session-second, the load now, and the share of work that was late.
///   measured    nothing is refused before the first second of load was seen; the cost of a session
///               and the time between departures are moving averages (alpha 0.1)
///   newcomers   sessions admitted since the last observation are not in its load yet, and count
///               with the learned cost
///   hysteresis  once it refuses, it admits again only when there is room for the session and for
///               `margin` more, so that a load at the bound does not make it flap
///   alone       a session that would be the only one is never refused
///   threads     one at a time; reads no clock, never blocks or allocates
class Admission {
 public:
  static constexpr double kAlpha = 0.1;
  static constexpr base::Duration kSoonest = std::chrono::seconds{1};
  static constexpr base::Duration kLatest = std::chrono::seconds{60};

  explicit Admission(const AdmissionParams& params) noexcept : params_(params) {}

  /// In the `wall` that passed since the last call, `sessions` were open and used `cpu` together,
  /// and `late` of `done` pieces of work were late. Spans under 100 ms add to the next.
  void observe(base::Duration wall, base::Duration cpu, std::uint32_t sessions, std::uint64_t late,
               std::uint64_t done) noexcept;
  void opened() noexcept {
    ++newcomers_;
    ++open_;
  }
  /// A session ended at `now`.
  void closed(base::Instant now) noexcept;
  [[nodiscard]] AdmissionVerdict judge(base::Instant now) noexcept;

  [[nodiscard]] double load() const noexcept {
    return load_;
  }  ///< share of the cores, as last seen
  [[nodiscard]] double session_cost() const noexcept { return cost_; }  ///< cores
  [[nodiscard]] double late_share() const noexcept { return late_share_; }
  [[nodiscard]] bool refusing() const noexcept { return refusing_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }

 private:
  [[nodiscard]] double expected_load() const noexcept;
  [[nodiscard]] base::Duration retry_after(double over) const noexcept;

  AdmissionParams params_;
  base::Duration wall_{0};
  base::Duration cpu_{0};
  double session_seconds_ = 0.0;
  std::uint64_t late_ = 0;
  std::uint64_t done_ = 0;
  bool measured_ = false;
  bool costed_ = false;
  double load_ = 0.0;
  double cost_ = 0.0;
  double late_share_ = 0.0;
  double departure_gap_s_ = 0.0;
  base::Instant last_departure_{};
  std::uint64_t departures_ = 0;
  std::uint32_t newcomers_ = 0;
  std::uint32_t open_ = 0;
  bool refusing_ = false;
  std::uint64_t refused_ = 0;
};

}  // namespace millrace::policy
