#include "millrace/engine/admission_control.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace millrace::engine {

using base::Duration;
using base::Instant;

namespace {

policy::AdmissionParams params_of(const AdmissionSettings& settings, double threads) {
  policy::AdmissionParams params;
  params.cores = std::max(std::min(threads, settings.cores), 0.1);
  params.bound = settings.bound;
  return params;
}

std::string fixed(double value, int digits) {
  std::array<char, 64> text;
  const double shown = std::clamp(value, -1e9, 1e9);
  const auto end = std::to_chars(text.data(), text.data() + text.size(), shown,
                                 std::chars_format::fixed, digits);
  return {text.data(), end.ptr};
}

}  // namespace

AdmissionControl::AdmissionControl(const AdmissionSettings& settings)
    : settings_(settings),
      rooms_{{{"the shard threads", params_of(settings, settings.shards)},
              {"the pool's threads", params_of(settings, settings.pool_threads)},
              {"shards and pool together",
               params_of(settings, settings.shards + settings.pool_threads)}}} {}

void AdmissionControl::count_session_time(Instant until) {
  if (until > counted_until_) session_time_ += (until - counted_until_) * open_;
  counted_until_ = std::max(counted_until_, until);
}

void AdmissionControl::observe(const LoadReading& reading) {
  if (!settings_.enabled) return;
  const rt::MutexLock lock(mutex_);
  count_session_time(reading.at);
  const Duration wall = reading.at - previous_.at;
  if (!looked_ && (open_ == 0 || reading.inputs == 0)) {
    previous_ = reading;  // opening sessions is no load that would say what they cost
    session_time_ = Duration{0};
    return;
  }
  if (!looked_ && wall < kFirstLook) return;
  if (wall <= Duration{0}) return;
  looked_ = true;
  const auto sessions = static_cast<std::uint32_t>(
      std::lround(static_cast<double>(session_time_.count()) / static_cast<double>(wall.count())));
  const Duration shards = reading.shard_cpu - previous_.shard_cpu;
  const Duration pool = reading.pool_cpu - previous_.pool_cpu;
  // Counters may be read while they are written: never more late than were decided.
  const std::uint64_t decided =
      reading.decisions - std::min(reading.decisions, previous_.decisions);
  const std::uint64_t late =
      std::min(decided, reading.late - std::min(reading.late, previous_.late));
  rooms_[0].policy.observe(wall, shards, sessions, late, decided);
  rooms_[1].policy.observe(wall, pool, sessions, 0, 0);
  rooms_[2].policy.observe(wall, shards + pool, sessions, 0, 0);
  previous_ = reading;
  session_time_ = Duration{0};
}

base::Result<void> AdmissionControl::enter(Instant now, const std::string& session) {
  if (!settings_.enabled) return {};
  const rt::MutexLock lock(mutex_);
  const Room* full = nullptr;
  Duration wait{0};
  for (Room& room : rooms_) {
    const policy::AdmissionVerdict verdict = room.policy.judge(now);
    if (verdict.admit || verdict.retry_after <= wait) continue;
    full = &room;
    wait = verdict.retry_after;
  }
  if (full != nullptr) {
    ++refused_;
    const std::int64_t ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
    return std::unexpected(base::Error{.code = base::Code::overloaded,
                                       .message = reason(*full) + "; try again in " +
                                                  fixed(static_cast<double>(ms) / 1000.0, 1) + " s",
                                       .where = session,
                                       .retry_after_ms = ms});
  }
  count_session_time(now);
  ++open_;
  for (Room& room : rooms_) room.policy.opened();
  return {};
}

std::string AdmissionControl::reason(const Room& room) const {
  std::string text = "one more session would make the others late: " + std::string(room.name) +
                     " use " + fixed(room.policy.load() * room.cores, 2) + " of " +
                     fixed(room.cores, 2) + " cores (" + fixed(settings_.bound * room.cores, 2) +
                     " are given away at most), a session costs " +
                     fixed(room.policy.session_cost(), 3);
  if (room.policy.late_share() > 0.0)
    text += ", " + fixed(100.0 * room.policy.late_share(), 1) + " % of decisions are late";
  return text;
}

void AdmissionControl::leave(Instant now) {
  if (!settings_.enabled) return;
  const rt::MutexLock lock(mutex_);
  count_session_time(now);
  if (open_ > 0) --open_;
  for (Room& room : rooms_) room.policy.closed(now);
}

AdmissionControl::Figures AdmissionControl::figures() const {
  const rt::MutexLock lock(mutex_);
  return {.shard_load = rooms_[0].policy.load(),
          .pool_load = rooms_[1].policy.load(),
          .session_cost = rooms_[2].policy.session_cost(),
          .late_share = rooms_[0].policy.late_share(),
          .refusing = std::any_of(rooms_.begin(), rooms_.end(),
                                  [](const Room& room) { return room.policy.refusing(); }),
          .refused = refused_};
}

}  // namespace millrace::engine
