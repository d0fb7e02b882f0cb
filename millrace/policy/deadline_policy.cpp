#include "millrace/policy/deadline_policy.hpp"

#include <algorithm>
#include <chrono>

namespace millrace::policy {
namespace {

base::Duration part(base::Duration whole, double share) noexcept {
  return std::chrono::duration_cast<base::Duration>(
      std::chrono::duration<double, std::nano>(whole) * share);
}

bool changes_cost(GiveUp action) noexcept {
  return action != GiveUp::flush_batch && action != GiveUp::drop;
}

}  // namespace

std::string_view name(GiveUp action) noexcept {
  switch (action) {
    case GiveUp::flush_batch: return "flush_batch";
    case GiveUp::smaller_first_chunk: return "smaller_first_chunk";
    case GiveUp::lower_quality: return "lower_quality";
    case GiveUp::skip_optional: return "skip_optional";
    case GiveUp::drop: return "drop";
  }
  return "drop";
}

DeadlinePolicy::DeadlinePolicy(std::span<const GiveUp> give_up) noexcept {
  for (const GiveUp action : give_up)
    if (std::find(order_.begin(), order_.end(), action) == order_.end()) order_.push_back(action);
}

DeadlineVerdict DeadlinePolicy::judge(const DeadlineOutlook& outlook, bool warned) const noexcept {
  base::Duration gather = std::max(outlook.gather, base::Duration{0});
  base::Duration cost = std::max(outlook.cost, base::Duration{0});
  const base::Instant free_at = outlook.now + std::max(outlook.queue, base::Duration{0});
  const auto late = [&] { return free_at + gather + cost > outlook.deadline; };
  DeadlineVerdict verdict;
  verdict.warn = late() && !warned;
  bool may_drop = false;
  for (const GiveUp action : order_) {
    if (!late()) break;
    // An action that has nothing to save is left out; drop waits for the end.
    if (action == GiveUp::drop) may_drop = true;
    if (action == GiveUp::flush_batch && gather > base::Duration{0}) {
      gather = base::Duration{0};
      verdict.actions.push_back(action);
    }
    if (changes_cost(action) && remains(action) < 1.0 && cost > base::Duration{0}) {
      cost = part(cost, remains(action));
      verdict.actions.push_back(action);
    }
  }
  verdict.expected = free_at + gather + cost;
  verdict.in_time = !late();
  if (verdict.in_time || !may_drop) return verdict;
  // What is dropped gives up nothing else beside it.
  verdict.actions.clear();
  verdict.actions.push_back(GiveUp::drop);
  return verdict;
}

void DeadlinePolicy::taken(const DeadlineVerdict& verdict) noexcept {
  for (const GiveUp action : verdict.actions) ++counts_[static_cast<std::size_t>(action)];
  if (verdict.warn) ++warnings_;
}

void DeadlinePolicy::observe(GiveUp action, base::Duration cost, base::Duration took) noexcept {
  if (!changes_cost(action) || cost <= base::Duration{0}) return;
  const auto index = static_cast<std::size_t>(action);
  const double ratio =
      std::clamp(static_cast<double>(took.count()) / static_cast<double>(cost.count()), 0.0, 1.0);
  if (measured_[index]) {
    remains_[index] += kAlpha * (ratio - remains_[index]);
  } else {
    remains_[index] = ratio;
  }
  measured_[index] = true;
}

}  // namespace millrace::policy
