#include "millrace/policy/cost_curve.hpp"

#include <algorithm>
#include <chrono>

namespace millrace::policy {
namespace {

/// Below this variance of the sizes, relative to their mean squared, the slope is what rounding
/// makes of it; the last good one is kept.
constexpr double kLeastSpread = 1e-6;

double us(base::Duration d) noexcept {
  return std::chrono::duration<double, std::micro>(d).count();
}

base::Duration from_us(double value) noexcept {
  const double longest = us(base::Duration::max() / 4);
  return std::chrono::duration_cast<base::Duration>(
      std::chrono::duration<double, std::micro>(std::clamp(value, 0.0, longest)));
}

}  // namespace

void CostCurve::declare_average(base::Duration average) noexcept {
  if (runs_ > 0 || average <= base::Duration{0}) return;
  average_us_ = us(std::min(average, kLongestRun));
  batch_ = 1.0;
  took_ = average_us_;
  per_input_us_ = average_us_;
}

void CostCurve::observe(std::uint32_t batch, base::Duration took) noexcept {
  if (batch == 0) return;
  const double t = us(std::clamp(took, base::Duration{0}, kLongestRun));
  const double b = batch;
  average_us_ = runs_ == 0 ? t : average_us_ + kAlpha * (t - average_us_);
  largest_batch_ = std::max(largest_batch_, batch);
  ++runs_;
  // Weighted means and moments, updated in place: sums of squares would lose what they differ by.
  weight_ = (1.0 - kAlpha) * weight_ + 1.0;
  const double share = runs_ == 1 ? 1.0 : 1.0 / weight_;
  const double db = b - batch_;
  const double dt = t - took_;
  batch_ += share * db;
  took_ += share * dt;
  batch_spread_ = (1.0 - share) * (batch_spread_ + share * db * db);
  covariance_ = (1.0 - share) * (covariance_ + share * db * dt);
  fit();
}

void CostCurve::fit() noexcept {
  if (batch_spread_ > kLeastSpread * batch_ * batch_) {
    identified_ = true;
    per_input_us_ = std::max(0.0, covariance_ / batch_spread_);
  } else if (!identified_) {
    fixed_us_ = 0.0;
    per_input_us_ = took_ / batch_;
    return;
  }
  fixed_us_ = took_ - per_input_us_ * batch_;
  if (fixed_us_ >= 0.0) return;
  // The best line without a fixed part goes through the origin.
  fixed_us_ = 0.0;
  per_input_us_ = (covariance_ + batch_ * took_) / (batch_spread_ + batch_ * batch_);
}

base::Duration CostCurve::cost(std::uint32_t batch) const noexcept {
  const double b = batch;
  if (batch == 0) return base::Duration{0};
  if (!identified_) return from_us(per_input_us_ * std::max(b, batch_));
  return from_us(fixed_us_ + per_input_us_ * b);
}

}  // namespace millrace::policy
