#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "millrace/base/inline_vector.hpp"
#include "millrace/base/time.hpp"

namespace millrace::policy {

/// What a node may give up for a deadline. The words are those of the manifest.
enum class GiveUp : std::uint8_t {
  flush_batch,          ///< start now instead of waiting for more
  smaller_first_chunk,  ///< the first output is shorter
  lower_quality,
  skip_optional,  ///< leave out what the node calls optional
  drop,           ///< do not do it at all
};
inline constexpr std::size_t kGiveUps = 5;

[[nodiscard]] std::string_view name(GiveUp action) noexcept;

using GiveUps = base::InlineVector<GiveUp, kGiveUps>;

/// A piece of work as it stands: when it will be done, if nothing is given up.
struct DeadlineOutlook {
  base::Instant now{};
  base::Instant deadline{};
  base::Duration queue{0};   ///< until the node is free for it
  base::Duration gather{0};  ///< that its batch would still wait; flush_batch saves it
  base::Duration cost{0};    ///< of its run, as learned
};

struct DeadlineVerdict {
  base::Instant expected{};  ///< with all that is given up
  GiveUps actions;           ///< to be taken, in the order of the manifest; drop only as the last
  bool in_time = true;       ///< expected is not after the deadline
  bool warn = false;         ///< it was late before anything was given up, and nobody was told
};

/// Sets what is expected against a deadline and says what to give up, in the manifest's order, as
/// little as is enough. The same outlook always gets the same verdict: no state, no hysteresis.
///   savings   lower_quality and the like save a part of the cost that is learned from the runs in
///             which they were taken (moving average, alpha 0.1); half until the first
///   drop      only when all that is listed before it is not enough
///   threads   one at a time; reads no clock, never blocks or allocates
class DeadlinePolicy {
 public:
  static constexpr double kAlpha = 0.1;

  /// Each action once; what is listed twice counts the first time.
  explicit DeadlinePolicy(std::span<const GiveUp> give_up) noexcept;

  /// `warned`: a deadline_warning for this work went out before. Keep it with the work.
  [[nodiscard]] DeadlineVerdict judge(const DeadlineOutlook& outlook, bool warned) const noexcept;
  /// Counts what was really done about a verdict.
  void taken(const DeadlineVerdict& verdict) noexcept;
  /// A run with `action`, and no other that changes its cost, took `took` instead of `cost`.
  void observe(GiveUp action, base::Duration cost, base::Duration took) noexcept;

  [[nodiscard]] std::uint64_t count(GiveUp action) const noexcept {
    return counts_[static_cast<std::size_t>(action)];
  }
  [[nodiscard]] std::uint64_t warnings() const noexcept { return warnings_; }
  /// What is left of the cost with the action, 0 to 1.
  [[nodiscard]] double remains(GiveUp action) const noexcept {
    return remains_[static_cast<std::size_t>(action)];
  }

 private:
  GiveUps order_;
  std::array<double, kGiveUps> remains_{1.0, 0.5, 0.5, 0.5, 0.0};
  std::array<bool, kGiveUps> measured_{};
  std::array<std::uint64_t, kGiveUps> counts_{};
  std::uint64_t warnings_ = 0;
};

}  // namespace millrace::policy
