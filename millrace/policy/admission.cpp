#include "millrace/policy/admission.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace millrace::policy {
namespace {

constexpr base::Duration kShortestSpan = std::chrono::milliseconds{100};

double seconds(base::Duration d) noexcept {
  return std::chrono::duration<double>(d).count();
}

}  // namespace

void Admission::observe(base::Duration wall, base::Duration cpu, std::uint32_t sessions,
                        std::uint64_t late, std::uint64_t done) noexcept {
  if (wall <= base::Duration{0}) return;
  wall_ += wall;
  cpu_ += std::max(cpu, base::Duration{0});
  session_seconds_ += seconds(wall) * sessions;
  late_ += late;
  done_ += done;
  if (wall_ < kShortestSpan) return;
  const auto follow = [](double& average, double value, bool known) {
    average = known ? average + kAlpha * (value - average) : value;
  };
  // The load is that of this span: a moving average of it would let too many in on its way up.
  load_ = seconds(cpu_) / seconds(wall_) / std::max(params_.cores, 1e-3);
  if (session_seconds_ > 0.0) {
    follow(cost_, seconds(cpu_) / session_seconds_, costed_);
    costed_ = true;
  }
  const double late_now = done_ > 0 ? static_cast<double>(late_) / static_cast<double>(done_) : 0.0;
  follow(late_share_, late_now, measured_);
  measured_ = true;
  newcomers_ = 0;
  wall_ = cpu_ = base::Duration{0};
  session_seconds_ = 0.0;
  late_ = done_ = 0;
}

void Admission::closed(base::Instant now) noexcept {
  if (departures_++ > 0) {
    const double gap = std::max(0.0, seconds(now - last_departure_));
    departure_gap_s_ =
        departures_ == 2 ? gap : departure_gap_s_ + kAlpha * (gap - departure_gap_s_);
  }
  last_departure_ = now;
  if (open_ > 0) --open_;
  if (newcomers_ > 0) {
    --newcomers_;
    return;
  }
  // Its share is free at once, not with the next observation.
  load_ = std::max(0.0, load_ - cost_ / std::max(params_.cores, 1e-3));
}

double Admission::expected_load() const noexcept {
  return load_ + (newcomers_ + 1.0) * cost_ / std::max(params_.cores, 1e-3);
}

base::Duration Admission::retry_after(double over) const noexcept {
  double wait = seconds(kSoonest);
  if (departures_ > 1) {
    // As many sessions must leave as are too many, one for each usual gap.
    const double share = cost_ / std::max(params_.cores, 1e-3);
    const double leavers = share > 0.0 ? std::max(1.0, std::ceil(over / share)) : 1.0;
    wait = leavers * departure_gap_s_;
  } else {
    wait = 5.0 * wait;  // nobody was seen leaving yet: a few seconds, neither a storm nor for ever
  }
  const double clamped = std::clamp(wait, seconds(kSoonest), seconds(kLatest));
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(clamped));
}

AdmissionVerdict Admission::judge(base::Instant now) noexcept {
  if (!measured_) return {};
  if (open_ == 0) {
    refusing_ = false;
    return {};
  }
  const double room = params_.bound - (refusing_ ? params_.margin : 0.0);
  const double late_room = params_.late_bound * (refusing_ ? 0.5 : 1.0);
  const double over = expected_load() - room;
  refusing_ = over > 0.0 || late_share_ > late_room;
  if (!refusing_) return {};
  ++refused_;
  base::Duration wait = retry_after(over);
  // Part of the usual gap may have passed since the last one left.
  if (departures_ > 1)
    wait = std::max(kSoonest, wait - std::max(base::Duration{0}, now - last_departure_));
  return {.admit = false, .retry_after = wait};
}

}  // namespace millrace::policy
