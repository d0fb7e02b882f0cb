#include "millrace/engine/deadline_watch.hpp"

#include <algorithm>
#include <chrono>

namespace millrace::engine {

using base::Duration;
using base::Instant;
using policy::GiveUp;
using policy::GiveUps;

namespace {

bool for_node(GiveUp action) noexcept {
  return action == GiveUp::smaller_first_chunk || action == GiveUp::lower_quality;
}

bool has(const GiveUps& actions, GiveUp action) noexcept {
  return std::find(actions.begin(), actions.end(), action) != actions.end();
}

GiveUps without_skip(std::span<const GiveUp> all) noexcept {
  GiveUps kept;
  for (const GiveUp action : all)
    if (action != GiveUp::skip_optional) kept.push_back(action);
  return kept;
}

/// For an optional input, to be skipped is to be dropped.
GiveUps until_skip(std::span<const GiveUp> all) noexcept {
  GiveUps kept;
  for (const GiveUp action : all) {
    if (action == GiveUp::skip_optional) break;
    if (action != GiveUp::drop) kept.push_back(action);
  }
  kept.push_back(GiveUp::drop);
  return kept;
}

GiveUps of_node(std::span<const GiveUp> all) noexcept {
  GiveUps kept;
  for (const GiveUp action : all)
    if (for_node(action)) kept.push_back(action);
  return kept;
}

}  // namespace

DeadlineWatch::DeadlineWatch(std::span<const GiveUp> give_up) noexcept
    : waiting_(without_skip(give_up)),
      optional_(until_skip(give_up)),
      in_call_(of_node(give_up)),
      skips_(std::find(give_up.begin(), give_up.end(), GiveUp::skip_optional) != give_up.end()),
      flushes_(std::find(give_up.begin(), give_up.end(), GiveUp::flush_batch) != give_up.end()) {}

std::optional<GiveUp> DeadlineWatch::judge(const Waiting& waiting, Instant now) const noexcept {
  const policy::LateInput& late = waiting.late;
  const Duration gather = waiting.starts_at - waiting.free_at;
  policy::DeadlineOutlook outlook{.now = now,
                                  .deadline = late.deadline,
                                  .queue = late.expected - late.cost - gather - now,
                                  .gather = gather,
                                  .cost = late.cost};
  const bool skips = skips_ && waiting.optional;
  const GiveUps actions = (skips ? optional_ : waiting_).judge(outlook, true).actions;
  if (has(actions, GiveUp::flush_batch)) return GiveUp::flush_batch;
  if (!has(actions, GiveUp::drop)) return std::nullopt;
  if (skips) return GiveUp::skip_optional;
  // Late among others is not lost: the Batcher may yet take it first, or in a smaller call.
  outlook.queue = waiting.free_at - now;
  outlook.gather = Duration{0};
  outlook.cost = waiting.alone;
  if (has(waiting_.judge(outlook, true).actions, GiveUp::drop)) return GiveUp::drop;
  if (flushes_ && gather > Duration{0}) return GiveUp::flush_batch;
  return std::nullopt;
}

media::GiveUp DeadlineWatch::judge_call(Instant now, Instant deadline,
                                        Duration cost) const noexcept {
  media::GiveUp given;
  if (deadline == media::kNoDeadline) return given;
  const policy::DeadlineOutlook outlook{.now = now, .deadline = deadline, .cost = cost};
  for (const GiveUp action : in_call_.judge(outlook, true).actions) {
    given.smaller_first_chunk |= action == GiveUp::smaller_first_chunk;
    given.lower_quality |= action == GiveUp::lower_quality;
  }
  return given;
}

void DeadlineWatch::begin(Instant now, Duration cost, media::GiveUp given_up) noexcept {
  began_ = now;
  cost_ = cost;
  given_up_ = given_up;
  has_output_ = false;
  expected_ = cost;
  if (given_up.lower_quality)
    expected_ = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double, std::nano>(cost) * remains(GiveUp::lower_quality));
}

void DeadlineWatch::observe(GiveUp action, Duration took) noexcept {
  waiting_.observe(action, cost_, took);
  optional_.observe(action, cost_, took);
  in_call_.observe(action, cost_, took);
}

void DeadlineWatch::output(Duration took) noexcept {
  const bool first = !has_output_;
  has_output_ = true;
  if (first && given_up_.smaller_first_chunk && !given_up_.lower_quality)
    observe(GiveUp::smaller_first_chunk, took);
}

bool DeadlineWatch::end(Duration took) noexcept {
  if (given_up_.lower_quality && !given_up_.smaller_first_chunk)
    observe(GiveUp::lower_quality, took);
  return !given_up_.any();
}

Instant DeadlineWatch::expected_end(Instant now) const noexcept {
  return std::max(now, began_ + expected_);
}

}  // namespace millrace::engine
