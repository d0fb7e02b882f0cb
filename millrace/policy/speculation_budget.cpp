#include "millrace/policy/speculation_budget.hpp"

#include <algorithm>
#include <chrono>

namespace millrace::policy {

void SpeculationBudget::advance(base::Instant now) noexcept {
  const std::int64_t second =
      std::chrono::duration_cast<std::chrono::seconds>(now.since_start).count();
  if (second <= second_) return;
  const std::int64_t steps = std::min(second - second_, static_cast<std::int64_t>(buckets_.size()));
  second_ = second - steps;
  for (std::int64_t i = 0; i < steps; ++i) {
    ++second_;
    sum_.turns -= bucket().turns;
    sum_.wasted_ns -= bucket().wasted_ns;
    bucket() = {};
  }
}

bool SpeculationBudget::used_up() const noexcept {
  const auto reached = [](std::uint64_t value, std::uint32_t bound) {
    return bound != BudgetParams::kUnlimited && value >= bound;
  };
  const auto wasted_ms = static_cast<std::uint64_t>(sum_.wasted_ns / 1'000'000);
  return reached(sum_.turns, params_.max_turns_per_minute) ||
         reached(wasted_ms, params_.max_wasted_ms_per_minute);
}

bool SpeculationBudget::try_start(base::Instant now) noexcept {
  advance(now);
  if (used_up()) {
    ++counters_.refused;
    return false;
  }
  ++bucket().turns;
  ++sum_.turns;
  ++counters_.started;
  return true;
}

void SpeculationBudget::withdrawn(base::Instant now, base::Duration compute) noexcept {
  advance(now);
  const base::Duration spent = std::max(compute, base::Duration{0});
  ++counters_.withdrawn;
  counters_.wasted_us += static_cast<std::uint64_t>(base::to_us(spent));
  bucket().wasted_ns += spent.count();
  sum_.wasted_ns += spent.count();
}

BudgetChange SpeculationBudget::update(base::Instant now) noexcept {
  advance(now);
  const bool was = paused_;
  paused_ = used_up();
  if (paused_ == was) return BudgetChange::none;
  if (paused_) ++counters_.pauses;
  return paused_ ? BudgetChange::paused : BudgetChange::resumed;
}

std::uint64_t SpeculationBudget::turns_in_minute(base::Instant now) noexcept {
  advance(now);
  return sum_.turns;
}

base::Duration SpeculationBudget::wasted_in_minute(base::Instant now) noexcept {
  advance(now);
  return base::Duration{sum_.wasted_ns};
}

}  // namespace millrace::policy
