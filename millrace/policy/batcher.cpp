#include "millrace/policy/batcher.hpp"

#include <algorithm>

#include "millrace/base/check.hpp"

namespace millrace::policy {

std::string_view name(BatchMode mode) noexcept {
  return mode == BatchMode::fixed ? "fixed" : "greedy";
}

std::string_view name(MergeStrategy strategy) noexcept {
  switch (strategy) {
    case MergeStrategy::concatenate_text: return "concatenate_text";
    case MergeStrategy::concatenate_audio: return "concatenate_audio";
    case MergeStrategy::keep_separate: return "keep_separate";
    case MergeStrategy::custom: return "custom";
  }
  return "keep_separate";
}

namespace {

BatcherParams checked(BatcherParams params) {
  params.max_buffer_size = std::max(params.max_buffer_size, 1U);
  params.max_batch = std::max(params.max_batch, 1U);
  params.max_running = std::max(params.max_running, 1U);
  return params;
}

}  // namespace

Batcher::Batcher(const BatcherParams& params)
    : params_(checked(params)),
      share_(std::size_t{2} * params_.max_buffer_size),
      flow_rhythm_(share_.max_flows()),
      keys_(share_.max_flows()),
      runs_(params_.max_running) {
  const std::size_t most = std::size_t{2} * params_.max_buffer_size;
  waiting_.reserve(most);
  chosen_.reserve(most);
  urgent_.reserve(most);
  dropped_.reserve(most);
  late_.reserve(most);
  for (Run& run : runs_) run.items.reserve(most);
}

Pushed Batcher::push(const BatchInput& input) noexcept {
  ++counters_.pushed;
  if (input.deadline <= input.arrival) {
    ++counters_.expired;
    return {.outcome = Pushed::Outcome::refused, .reason = base::DropReason::deadline};
  }
  Pushed pushed;
  if (places_ >= params_.max_buffer_size) pushed = make_room(input);
  if (pushed.outcome == Pushed::Outcome::accepted) {
    store(input, false);
    if (places_ >= params_.max_buffer_size) pushed.outcome = Pushed::Outcome::full_flush;
  }
  return pushed;
}

std::optional<std::uint32_t> Batcher::merge_host(const BatchInput& input) const noexcept {
  if (!groups_matter() || waiting_.size() >= std::size_t{2} * params_.max_buffer_size) return {};
  for (std::size_t i = waiting_.size(); i-- > 0;) {
    if (waiting_[i].input.session != input.session) continue;
    // Only the newest of its session: joining an older one would overtake what lies between.
    if (waiting_[i].input.group != input.group) return {};
    if (!waiting_[i].joined) return static_cast<std::uint32_t>(i);
  }
  return {};
}

Pushed Batcher::make_room(const BatchInput& input) noexcept {
  if (params_.overflow == OverflowPolicy::block) {
    ++counters_.blocked;
    return {.outcome = Pushed::Outcome::blocked};
  }
  if (params_.overflow == OverflowPolicy::merge_on_overflow) {
    if (const auto host = merge_host(input)) {
      store(input, true);
      ++counters_.merged;
      return {.outcome = Pushed::Outcome::merged, .host = waiting_[*host].input.id};
    }
  }
  ++counters_.overflowed;
  const bool newest = params_.overflow == OverflowPolicy::drop_newest;
  const std::optional<std::uint32_t> victim = find_victim(input.session, newest);
  if (!victim || (newest && waiting_[*victim].input.session == input.session))
    return {.outcome = Pushed::Outcome::refused, .reason = base::DropReason::overflow};
  const BatchInput& gone = waiting_[*victim].input;
  const Pushed pushed{.evicted = BatchDrop{gone.id, gone.session, base::DropReason::overflow}};
  erase(*victim, false);
  return pushed;
}

bool Batcher::frees_a_place(std::uint32_t index) const noexcept {
  if (waiting_[index].joined) return false;
  for (std::size_t i = index + 1; i < waiting_.size(); ++i)
    if (waiting_[i].flow == waiting_[index].flow) return !waiting_[i].joined;
  return true;
}

std::optional<std::uint32_t> Batcher::find_victim(std::uint32_t newcomer,
                                                  bool newest) const noexcept {
  std::optional<std::uint32_t> victim;
  std::uint32_t most = 0;
  for (std::uint32_t i = 0; i < waiting_.size(); ++i) {
    // Of the session that holds the most; among equals, of the one who comes.
    const std::uint32_t held =
        2 * share_.waiting(waiting_[i].flow) + (waiting_[i].input.session == newcomer ? 1 : 0);
    const bool later = newest && victim && waiting_[i].flow == waiting_[*victim].flow;
    if ((held <= most && !later) || !frees_a_place(i)) continue;
    most = held;
    victim = i;
  }
  return victim;
}

void Batcher::store(const BatchInput& input, bool joined) noexcept {
  const FairShare::Place place = share_.arrive(input.session);
  if (place.fresh) flow_rhythm_[place.flow] = {};
  flow_rhythm_[place.flow].arrived(input.arrival);
  rhythm_.arrived(input.arrival);
  waiting_.push_back({.input = input, .flow = place.flow, .tag = place.tag, .joined = joined});
  if (!joined) ++places_;
}

void Batcher::erase(std::uint32_t index, bool served) noexcept {
  const Entry gone = waiting_[index];
  served ? share_.serve(gone.flow) : share_.withdraw(gone.flow);
  waiting_.erase(waiting_.begin() + index);
  if (gone.joined) return;
  --places_;
  const auto next = std::find_if(waiting_.begin() + index, waiting_.end(),
                                 [&](const Entry& e) { return e.flow == gone.flow; });
  if (next == waiting_.end() || !next->joined) return;
  next->joined = false;  // the first that rode with it takes its place
  ++places_;
}

BatchCancel Batcher::cancel(std::uint64_t id) noexcept {
  for (std::uint32_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i].input.id != id) continue;
    erase(i, false);
    ++counters_.cancelled_waiting;
    return BatchCancel::removed;
  }
  for (Run& run : runs_) {
    if (!run.busy) continue;
    for (BatchItem& item : run.items) {
      if (item.id != id) continue;
      if (!item.cancelled) ++counters_.cancelled_running;
      item.cancelled = true;
      return BatchCancel::running;
    }
  }
  return BatchCancel::unknown;
}

std::uint32_t Batcher::close(std::uint32_t session) noexcept {
  std::uint32_t closed = 0;
  for (auto i = static_cast<std::uint32_t>(waiting_.size()); i-- > 0;) {
    if (waiting_[i].input.session != session) continue;
    erase(i, false);
    ++counters_.cancelled_waiting;
    ++closed;
  }
  for (Run& run : runs_) {
    if (!run.busy) continue;
    for (BatchItem& item : run.items) {
      if (item.session != session || item.cancelled) continue;
      item.cancelled = true;
      ++counters_.cancelled_running;
      ++closed;
    }
  }
  return closed;
}

void Batcher::drop_expired(base::Instant now) noexcept {
  dropped_.clear();
  base::Instant reach = now;
  if (params_.drop_hopeless) reach = now + curve_.cost(1);
  for (std::uint32_t i = 0; i < waiting_.size();) {
    const BatchInput& input = waiting_[i].input;
    const bool expired = input.deadline <= now || input.deadline < reach;
    if (!expired) {
      ++i;
      continue;
    }
    dropped_.push_back({input.id, input.session, base::DropReason::deadline});
    ++counters_.expired;
    erase(i, false);
  }
}

BatchDecision Batcher::next(base::Instant now, bool idle) noexcept {
  drop_expired(now);
  BatchDecision decision;
  if (idle && running_ < params_.max_running && !waiting_.empty())
    decision = params_.mode == BatchMode::fixed ? fixed(now) : greedy(now);
  decision.dropped = dropped_;
  return decision;
}

std::span<const BatchItem> Batcher::end(std::uint32_t run, base::Instant now) noexcept {
  MR_CHECK(run < runs_.size() && runs_[run].busy, "only a run that began ends");
  runs_[run].busy = false;
  --running_;
  idle_since_ = now;
  return runs_[run].items;
}

std::span<const BatchItem> Batcher::finished(std::uint32_t run, base::Instant now,
                                             base::Duration took,
                                             std::optional<std::uint32_t> worked) noexcept {
  const std::span<const BatchItem> items = end(run, now);
  curve_.observe(worked.value_or(static_cast<std::uint32_t>(items.size())), took);
  return items;
}

std::span<const BatchItem> Batcher::failed(std::uint32_t run, base::Instant now) noexcept {
  ++counters_.failed_runs;
  return end(run, now);
}

LateInput Batcher::outlook(std::uint32_t index, base::Instant free_at) const noexcept {
  const Entry& entry = waiting_[index];
  const std::uint32_t per_run = limit();
  const std::uint32_t runs_before = index / per_run;
  const std::uint32_t with_it = std::min(per_run, waiting() - runs_before * per_run);
  const base::Duration cost = curve_.cost(with_it);
  return {.id = entry.input.id,
          .session = entry.input.session,
          .deadline = entry.input.deadline,
          .expected = free_at + runs_before * curve_.cost(per_run) + cost,
          .cost = cost,
          .warned = entry.warned};
}

std::span<const LateInput> Batcher::late(base::Instant free_at) noexcept {
  late_.clear();
  late_at_ = media::kNoDeadline;
  for (std::uint32_t i = 0; i < waiting_.size(); ++i) {
    if (waiting_[i].input.deadline == media::kNoDeadline) continue;
    const LateInput found = outlook(i, free_at);
    if (found.expected > found.deadline) {
      late_.push_back(found);
    } else {
      // In time up to this very instant.
      late_at_ =
          std::min(late_at_, free_at + (found.deadline - found.expected) + base::Duration{1});
    }
  }
  return late_;
}

Batcher::Entry* Batcher::find(std::uint64_t id) noexcept {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const Entry& entry) { return entry.input.id == id; });
  return found == waiting_.end() ? nullptr : &*found;
}

void Batcher::warned(std::uint64_t id) noexcept {
  Entry* entry = find(id);
  if (entry == nullptr || entry->warned) return;
  entry->warned = true;
  ++counters_.late_warnings;
}

bool Batcher::flush(std::uint64_t id) noexcept {
  Entry* entry = find(id);
  if (entry == nullptr || entry->hurried) return false;
  entry->hurried = true;
  return true;
}

std::optional<base::Instant> Batcher::gathers_until(base::Instant now) noexcept {
  if (params_.mode != BatchMode::fixed || waiting_.empty()) return std::nullopt;
  base::Instant wake_at = media::kNoDeadline;
  if (fixed_flow(now, wake_at)) return std::nullopt;
  return wake_at;
}

}  // namespace millrace::policy
