// Which inputs run together, and when: the part of Batcher that answers next().
#include <algorithm>

#include "millrace/base/check.hpp"
#include "millrace/policy/batcher.hpp"

namespace millrace::policy {
namespace {

/// From this load on there is no time to spare: throughput comes first.
constexpr double kBusy = 0.9;

}  // namespace

// Order ------------------------------------------------------------------------------------------

void Batcher::add_to_key(Key& key, std::uint32_t index, base::Instant now) const noexcept {
  const Entry& entry = waiting_[index];
  if (!key.present) {
    key.present = true;
    key.head = index;
    key.over_share = share_.over_share(entry.tag);
  }
  // The head goes first in its session, so it inherits the haste of those behind it.
  const base::Instant deadline = entry.input.deadline;
  key.hopeless &= deadline != media::kNoDeadline && deadline < now + curve_.cost(1);
  key.later_chunk &= !entry.input.first_chunk;
  key.deadline = std::min(key.deadline, deadline);
}

void Batcher::rank(base::Instant now) noexcept {
  std::fill_n(keys_.begin(), share_.flows(), Key{});
  for (std::uint32_t i = 0; i < waiting_.size(); ++i) {
    waiting_[i].taken = false;
    add_to_key(keys_[waiting_[i].flow], i, now);
  }
}

void Batcher::rank_flow(std::uint32_t flow, base::Instant now) noexcept {
  keys_[flow] = {};
  for (std::uint32_t i = 0; i < waiting_.size(); ++i)
    if (waiting_[i].flow == flow && !waiting_[i].taken) add_to_key(keys_[flow], i, now);
}

bool Batcher::before(const Key& a, const Key& b) const noexcept {
  if (!by_deadline_ && a.over_share != b.over_share) return b.over_share;
  if (a.hopeless != b.hopeless) return b.hopeless;
  if (!by_deadline_ && a.later_chunk != b.later_chunk) return b.later_chunk;
  if (a.deadline != b.deadline) return a.deadline < b.deadline;
  return a.head < b.head;
}

std::optional<std::uint32_t> Batcher::best_flow() const noexcept {
  std::optional<std::uint32_t> best;
  for (std::uint32_t flow = 0; flow < share_.flows(); ++flow) {
    if (!keys_[flow].present) continue;
    if (!best || before(keys_[flow], keys_[*best])) best = flow;
  }
  return best;
}

// Batch ------------------------------------------------------------------------------------------

std::uint32_t Batcher::limit() const noexcept {
  if (params_.mode == BatchMode::fixed || hint_ == 0) return params_.max_batch;
  return std::min(params_.max_batch, hint_);
}

bool Batcher::may_follow(const Entry& entry) const noexcept {
  if (joins_sessions()) return true;
  const Entry& first = waiting_[chosen_.front()];
  return entry.flow == first.flow && (!groups_matter() || entry.input.group == first.input.group);
}

void Batcher::take(std::uint32_t flow, base::Instant now) noexcept {
  bool first = true;
  for (std::uint32_t i = keys_[flow].head; i < waiting_.size(); ++i) {
    if (waiting_[i].flow != flow) continue;
    if (!first && !waiting_[i].joined) break;
    first = false;
    waiting_[i].taken = true;
    chosen_.push_back(i);
  }
  rank_flow(flow, now);
}

void Batcher::gather(std::uint32_t first_flow, base::Instant now) noexcept {
  chosen_.clear();
  const std::uint32_t most = limit();
  std::uint64_t units = 0;
  std::optional<std::uint32_t> flow = first_flow;
  for (std::uint32_t places = 0; places < most && flow; ++places) {
    if (!keys_[*flow].present) return;
    const Entry& head = waiting_[keys_[*flow].head];
    if (places > 0 && !may_follow(head)) return;
    units += head.input.size;
    if (places > 0 && params_.max_batch_units > 0 && units > params_.max_batch_units) return;
    take(*flow, now);
    if (joins_sessions()) flow = best_flow();
  }
}

void Batcher::count_late(Plan& plan, const Entry& entry) const noexcept {
  ++plan.late;
  if (share_.over_share(entry.tag)) return;
  ++plan.late_in_share;
  if (entry.input.first_chunk) ++plan.late_first;
}

void Batcher::sort_urgent(std::uint32_t size) noexcept {
  urgent_.assign(chosen_.begin(), chosen_.begin() + size);
  std::sort(urgent_.begin(), urgent_.end(), [&](std::uint32_t a, std::uint32_t b) {
    const base::Instant x = waiting_[a].input.deadline;
    const base::Instant y = waiting_[b].input.deadline;
    return x != y ? x < y : a < b;
  });
}

Batcher::Plan Batcher::plan_of(std::uint32_t size, base::Instant now) noexcept {
  Plan plan{.size = size};
  sort_urgent(size);
  std::uint32_t run = size;
  for (const std::uint32_t i : urgent_) {
    if (waiting_[i].input.deadline >= now + curve_.cost(run)) break;
    count_late(plan, waiting_[i]);
    if (params_.drop_hopeless && run > 1) --run;
  }
  plan.dropped = size - run;
  const std::uint32_t rest = waiting() - size;
  const std::uint32_t per_run = limit();
  const base::Instant done = now + curve_.cost(run);
  std::uint32_t position = 0;
  const auto count_rest = [&](const Entry& entry) {
    const std::uint32_t runs_before = position / per_run;
    const std::uint32_t with_it = std::min(per_run, rest - runs_before * per_run);
    plan.clear_at = done + runs_before * curve_.cost(per_run) + curve_.cost(with_it);
    if (entry.input.deadline < plan.clear_at) count_late(plan, entry);
    ++position;
  };
  plan.clear_at = done;
  for (std::uint32_t i = size; i < chosen_.size(); ++i) count_rest(waiting_[chosen_[i]]);
  for (const Entry& entry : waiting_)
    if (!entry.taken) count_rest(entry);
  return plan;
}

std::uint32_t Batcher::within_blocking(std::uint32_t size) const noexcept {
  if (!joins_sessions()) return size;
  for (const std::uint32_t i : chosen_) {
    const Entry& entry = waiting_[i];
    if (entry.input.deadline == media::kNoDeadline || !share_.over_share(entry.tag)) continue;
    const base::Duration longest = (entry.input.deadline - entry.input.arrival) / 2;
    while (size > 1 && curve_.cost(size) > longest) --size;
  }
  return size;
}

// With batches of B the k-th ends after k*a + k*B*c: large ones make the first inputs wait for the
// last, small ones pay the fixed part more often, and so does who comes before the node is idle
// again (as many as come in a busy period of that length).
std::uint32_t Batcher::calm_size(std::uint32_t all) const noexcept {
  if (!curve_.identified() || waiting() > all) return all;
  const double fixed = curve_.fixed_us();
  const double each = curve_.per_input_us();
  const double amortized = std::max(fixed / limit() + each, 1.0);
  const double load = rhythm_.load(amortized);
  if (load >= kBusy) return all;
  const double busy_period = (fixed + all * each) / (1.0 - load);
  const double to_come = load / amortized * busy_period;
  std::uint32_t best = all;
  double least = 0.0;
  for (std::uint32_t size = all; size > 0; --size) {
    double waited = 0.0;
    double end = 0.0;
    for (std::uint32_t done = 0; done < all; done += size) {
      const std::uint32_t batch = std::min(size, all - done);
      end += fixed + batch * each;
      waited += batch * end;
    }
    waited += to_come * (end - fixed - all * each);
    if (size == all || waited < least) {
      best = size;
      least = waited;
    }
  }
  return best;
}

Batcher::Plan Batcher::best_plan(base::Instant now) noexcept {
  const auto all = static_cast<std::uint32_t>(chosen_.size());
  const bool hurry = std::any_of(chosen_.begin(), chosen_.end(), [&](std::uint32_t i) {
    return waiting_[i].input.deadline != media::kNoDeadline;
  });
  if (!hurry) return {.size = calm_size(all)};
  // A curve of one size says nothing of larger ones: learn it by doubling.
  if (!curve_.identified())
    return {.size = std::min(all, std::max(1U, 2 * curve_.largest_batch()))};
  const std::uint32_t most = within_blocking(all);
  Plan best = plan_of(most, now);
  if (best.late == 0) {
    const Plan calm = plan_of(calm_size(most), now);
    return calm.late == 0 ? calm : best;
  }
  for (std::uint32_t size = most - 1; size > 0; --size) {
    const Plan plan = plan_of(size, now);
    if (score(plan, now) < score(best, now)) best = plan;
  }
  return best;
}

double Batcher::score(const Plan& plan, base::Instant now) const noexcept {
  // Time that the machine spends more is lost to those to come, as far as it is loaded.
  const double each_us = curve_.fixed_us() / limit() + curve_.per_input_us();
  const std::chrono::duration<double, std::micro> time = plan.clear_at - now;
  return plan.late + rhythm_.load(each_us) * time.count() / std::max(each_us, 1.0);
}

Batcher::Plan Batcher::plan(base::Instant now) noexcept {
  by_deadline_ = false;
  rank(now);
  gather(*best_flow(), now);
  const Plan in_order = best_plan(now);
  if (in_order.late == 0) return in_order;
  // Who goes first gives way where that saves somebody else and makes none of them late.
  by_deadline_ = true;
  rank(now);
  gather(*best_flow(), now);
  const Plan urgent = best_plan(now);
  if (urgent.late_first <= in_order.late_first && urgent.late_in_share <= in_order.late_in_share &&
      score(urgent, now) < score(in_order, now))
    return urgent;
  by_deadline_ = false;
  rank(now);
  gather(*best_flow(), now);
  return in_order;
}

void Batcher::drop_late(const Plan& plan) noexcept {
  chosen_.resize(plan.size);
  if (plan.dropped == 0) return;
  sort_urgent(plan.size);
  urgent_.resize(plan.dropped);
  std::sort(urgent_.begin(), urgent_.end());
  for (const std::uint32_t i : urgent_) {
    dropped_.push_back(
        {waiting_[i].input.id, waiting_[i].input.session, base::DropReason::deadline});
    ++counters_.expired;
  }
  std::sort(chosen_.begin(), chosen_.end());
  for (std::size_t k = urgent_.size(); k-- > 0;) {
    const std::uint32_t gone = urgent_[k];
    erase(gone, false);
    std::erase(chosen_, gone);
    for (std::uint32_t& i : chosen_)
      if (i > gone) --i;
  }
}

std::optional<base::Instant> Batcher::worth_waiting_until(base::Instant now) const noexcept {
  const auto size = static_cast<std::uint32_t>(chosen_.size());
  const base::Duration window = params_.coalesce_wait;
  if (window <= base::Duration{0} || size < 2 || size >= limit()) return {};
  if (places_ >= params_.max_buffer_size || !curve_.identified()) return {};
  const Entry& first = waiting_[chosen_.front()];
  const ArrivalRhythm& rhythm = joins_sessions() ? rhythm_ : flow_rhythm_[first.flow];
  if (!rhythm.burst(now, window)) return {};
  // Each that waits loses the gap and what one more costs; the one that comes saves a whole call.
  const double gap_us = std::chrono::duration<double, std::micro>(rhythm.gap()).count();
  if (size * (gap_us + curve_.per_input_us()) > curve_.fixed_us() - gap_us) return {};
  base::Instant oldest = first.input.arrival;
  base::Instant deadline = first.input.deadline;
  for (const std::uint32_t i : chosen_) {
    oldest = std::min(oldest, waiting_[i].input.arrival);
    deadline = std::min(deadline, waiting_[i].input.deadline);
  }
  const base::Instant end =
      std::min(std::max(idle_since_, oldest) + window, rhythm.over_at(window));
  if (end <= now) return {};
  if (deadline != media::kNoDeadline && deadline < end + curve_.cost(size + 1)) return {};
  return end;
}

BatchDecision Batcher::greedy(base::Instant now) noexcept {
  const Plan plan = this->plan(now);
  if (plan.size == chosen_.size() && plan.dropped == 0) {
    if (const auto until = worth_waiting_until(now)) {
      if (!coalescing_) ++counters_.coalescing_waits;
      coalescing_ = true;
      return {.what = BatchDecision::What::wake, .wake_at = *until};
    }
  } else {
    ++counters_.capped;
    drop_late(plan);
  }
  return start();
}

std::optional<std::uint32_t> Batcher::fixed_flow(base::Instant now,
                                                 base::Instant& wake_at) noexcept {
  by_deadline_ = false;
  rank(now);
  const bool full = places_ >= params_.max_buffer_size;
  const std::uint32_t enough =
      std::min(limit(), std::max(1U, hint_ > 0 ? hint_ : params_.min_batch_size));
  std::optional<std::uint32_t> ready;
  for (std::uint32_t flow = 0; flow < share_.flows(); ++flow) {
    if (!keys_[flow].present) continue;
    const Entry& head = waiting_[keys_[flow].head];
    bool hurried = false;
    const auto together = [&](const Entry& entry) {
      const bool with =
          joins_sessions() ||
          (entry.flow == flow && (!groups_matter() || entry.input.group == head.input.group));
      hurried = hurried || (entry.hurried && (with || entry.flow == flow));
      return with;
    };
    const auto count = std::count_if(waiting_.begin(), waiting_.end(), together);
    const base::Instant oldest =
        joins_sessions() ? waiting_.front().input.arrival : head.input.arrival;
    const base::Instant due = oldest + params_.max_wait;
    wake_at = std::min(wake_at, due);
    const bool enough_wait = count >= static_cast<std::ptrdiff_t>(enough);
    if (!full && !hurried && !enough_wait && now < due) continue;
    if (!ready || before(keys_[flow], keys_[*ready])) ready = flow;
  }
  return ready;
}

BatchDecision Batcher::fixed(base::Instant now) noexcept {
  base::Instant wake_at = media::kNoDeadline;
  const std::optional<std::uint32_t> ready = fixed_flow(now, wake_at);
  if (!ready) return {.what = BatchDecision::What::wake, .wake_at = wake_at};
  gather(*ready, now);
  return start();
}

BatchDecision Batcher::start() noexcept {
  const auto slot = std::find_if(runs_.begin(), runs_.end(), [](const Run& r) { return !r.busy; });
  MR_CHECK(slot != runs_.end(), "next() starts only while there is a slot");
  slot->busy = true;
  slot->items.clear();
  ++running_;
  ++counters_.runs;
  counters_.started += chosen_.size();
  if (places_ >= params_.max_buffer_size) ++counters_.full_flushes;
  coalescing_ = false;
  const std::uint32_t sessions = share_.sessions_waiting();
  std::sort(chosen_.begin(), chosen_.end());
  for (const std::uint32_t i : chosen_) {
    const BatchInput& input = waiting_[i].input;
    slot->items.push_back({input.id, input.session, input.group});
  }
  for (std::size_t i = chosen_.size(); i-- > 0;) erase(chosen_[i], true);
  share_.advance(static_cast<std::uint32_t>(slot->items.size()), sessions);
  return {.what = BatchDecision::What::start,
          .run = static_cast<std::uint32_t>(slot - runs_.begin()),
          .inputs = slot->items};
}

}  // namespace millrace::policy
