#include "apps/millrace/bench/batching_world.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "millrace/base/rng.hpp"

namespace millrace::app {
namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t kPoissonSessions = 50;
constexpr base::Duration kBurstGap = milliseconds{5};
constexpr base::Duration kFloodGap = milliseconds{1};
constexpr std::uint32_t kFloodSize = 20;
constexpr double kSwing = 0.8;
constexpr double kDaySeconds = 120.0;
constexpr base::Instant kNever{base::Duration::max()};

base::Duration from_seconds(double value) {
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(value));
}

double seconds(base::Instant at) {
  return std::chrono::duration<double>(at.since_start).count();
}

/// Gaps between arrivals that know nothing of each other.
base::Duration gap(base::Rng& rng, double per_second) {
  return from_seconds(-std::log(1.0 - rng.unit()) / per_second);
}

void in_order(std::vector<BatchRequest>& trace) {
  std::stable_sort(trace.begin(), trace.end(),
                   [](const BatchRequest& a, const BatchRequest& b) { return a.at < b.at; });
}

void add_turn(std::vector<BatchRequest>& trace, base::Instant at, std::uint32_t session,
              std::uint64_t turn, std::uint32_t size, base::Duration apart) {
  for (std::uint32_t i = 0; i < size; ++i)
    trace.push_back({at + static_cast<std::int64_t>(i) * apart, session, turn, i == 0});
}

std::vector<BatchRequest> singles(double per_second, std::size_t count, double swing,
                                  base::Rng& rng) {
  std::vector<BatchRequest> trace;
  base::Instant at{};
  // Thinning (Lewis, Shedler 1979): arrivals at the highest rate, each kept with its share of it.
  const double highest = per_second * (1.0 + swing);
  while (trace.size() < count) {
    at = at + gap(rng, highest);
    const double phase = 2.0 * std::numbers::pi * seconds(at) / kDaySeconds;
    if (rng.unit() * (1.0 + swing) > 1.0 + swing * std::sin(phase)) continue;
    const auto session = static_cast<std::uint32_t>(rng.below(kPoissonSessions)) + 1;
    trace.push_back({at, session, trace.size(), true});
  }
  return trace;
}

std::vector<BatchRequest> turns(double per_second, std::size_t count, base::Rng& rng) {
  std::vector<BatchRequest> trace;
  base::Instant at{};
  for (std::uint64_t turn = 0; trace.size() < count; ++turn) {
    at = at + gap(rng, per_second / 4.0);  // 1 to 7 requests: 4 on average
    const auto session = static_cast<std::uint32_t>(rng.below(kPoissonSessions)) + 1;
    add_turn(trace, at, session, turn, static_cast<std::uint32_t>(rng.below(7)) + 1, kBurstGap);
  }
  in_order(trace);
  return trace;
}

}  // namespace

double BatchCost::capacity(std::size_t batch) const noexcept {
  return static_cast<double>(batch) / std::chrono::duration<double>(of(batch)).count();
}

double BatchCost::bound(std::size_t batch) const noexcept {
  return capacity(batch) / capacity(1);
}

std::string_view name(TraceKind kind) noexcept {
  switch (kind) {
    case TraceKind::poisson: return "poisson";
    case TraceKind::bursts: return "bursts";
    case TraceKind::diurnal: return "diurnal";
    case TraceKind::greedy_session: return "greedy_session";
  }
  return "poisson";
}

std::vector<BatchRequest> beside_a_flood(double normal_per_second, double greedy_per_second,
                                         base::Duration length, std::uint64_t seed) {
  std::vector<BatchRequest> trace;
  base::Rng normal(seed);
  base::Rng greedy(seed ^ 0xF100D);
  const base::Instant end{length};
  std::uint64_t turn = 0;
  for (base::Instant at{gap(normal, normal_per_second)}; at < end;
       at = at + gap(normal, normal_per_second)) {
    const auto session = static_cast<std::uint32_t>(normal.below(kNormalSessions)) + 1;
    trace.push_back({at, session, turn++, true});
  }
  if (greedy_per_second > 0.0) {
    const double floods = greedy_per_second / kFloodSize;
    for (base::Instant at{gap(greedy, floods)}; at < end; at = at + gap(greedy, floods))
      add_turn(trace, at, kGreedySession, turn++, kFloodSize, kFloodGap);
  }
  in_order(trace);
  return trace;
}

std::vector<BatchRequest> batch_trace(TraceKind kind, double per_second, std::size_t count,
                                      std::uint64_t seed) {
  base::Rng rng(seed);
  switch (kind) {
    case TraceKind::poisson: return singles(per_second, count, 0.0, rng);
    case TraceKind::bursts: return turns(per_second, count, rng);
    case TraceKind::diurnal: return singles(per_second, count, kSwing, rng);
    case TraceKind::greedy_session: break;
  }
  const auto length = from_seconds(static_cast<double>(count) / per_second);
  return beside_a_flood(per_second / 2.0, per_second / 2.0, length, seed);
}

std::optional<base::Duration> BatchOutcome::quantile(double q) const {
  if (latencies.empty()) return std::nullopt;
  std::vector<base::Duration> all;
  all.reserve(latencies.size());
  for (const auto& latency : latencies) all.push_back(latency.value_or(base::Duration::max()));
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(all.size())));
  const auto place = all.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(all.begin(), place, all.end());
  if (*place == base::Duration::max()) return std::nullopt;
  return *place;
}

BatchOutcome simulate_batching(const std::vector<BatchRequest>& trace, const BatchCost& cost,
                               BatchScheduler& scheduler, bool deadlines) {
  BatchOutcome out;
  out.latencies.resize(trace.size());
  if (trace.empty()) return out;
  const base::Instant last = trace.back().at;
  out.length = last.since_start;
  std::vector<std::uint32_t> batch;
  base::Instant started{};
  base::Instant free_at = kNever;  // of the batch that runs
  base::Instant wake_at = kNever;
  std::size_t next = 0;
  while (true) {
    const base::Instant arrival = next < trace.size() ? trace[next].at : kNever;
    const base::Instant now = std::min({arrival, free_at, wake_at});
    if (now == kNever) return out;
    if (now == free_at) {
      for (const std::uint32_t index : batch) {
        out.latencies[index] = now - trace[index].at;
        if (*out.latencies[index] <= kInTime) ++out.in_time;
      }
      out.completed += batch.size();
      if (now <= last) out.completed_while_load_lasts += batch.size();
      free_at = kNever;
      scheduler.finished(now, now - started);
    }
    for (; next < trace.size() && trace[next].at == now; ++next)
      scheduler.arrived(static_cast<std::uint32_t>(next), trace[next],
                        deadlines ? now + kInTime : kNever);
    wake_at = kNever;
    BatchStep step = scheduler.next(now, free_at == kNever);
    if (!step.start.empty()) {
      batch = std::move(step.start);
      started = now;
      free_at = now + cost.of(batch.size());
      ++out.runs;
    } else if (step.wake_at && *step.wake_at > now) {
      wake_at = *step.wake_at;
    }
  }
}

std::size_t most_in_time(const std::vector<BatchRequest>& trace, const BatchCost& cost,
                         std::size_t max_batch) {
  // free_at[i % rows][r]: the machine is free at the earliest when of the first i requests r were
  // given up. A batch that ends with request i-1 has the `size` before it: giving up one of those
  // instead of one in front of them would only make the batch's first deadline earlier.
  const std::size_t rows = max_batch + 1;
  std::vector<std::vector<base::Instant>> free_at(rows, {base::Instant{}});
  for (std::size_t i = 1; i <= trace.size(); ++i) {
    std::vector<base::Instant> row(i + 1, kNever);
    const auto& before = free_at[(i - 1) % rows];
    for (std::size_t r = 1; r <= i && r - 1 < before.size(); ++r) row[r] = before[r - 1];
    const base::Instant release = trace[i - 1].at;
    for (std::size_t size = 1; size <= std::min(max_batch, i); ++size) {
      const auto& from = free_at[(i - size) % rows];
      const base::Instant deadline = trace[i - size].at + kInTime;
      const base::Instant latest = deadline - cost.of(size);
      if (release > latest) break;
      for (std::size_t r = 0; r < from.size(); ++r)
        if (from[r] <= latest)
          row[r] = std::min(row[r], std::max(from[r], release) + cost.of(size));
    }
    // More given up is of use only when the machine is free earlier for it.
    base::Instant best = kNever;
    std::size_t used = 0;
    for (std::size_t r = 0; r < row.size(); ++r) {
      if (row[r] >= best) continue;
      best = row[r];
      used = r + 1;
    }
    for (std::size_t r = 1; r < used; ++r) row[r] = std::min(row[r], row[r - 1]);
    row.resize(used);
    free_at[i % rows] = std::move(row);
  }
  const auto& end = free_at[trace.size() % rows];
  std::size_t given_up = 0;
  while (given_up < end.size() && end[given_up] == kNever) ++given_up;
  return trace.size() - given_up;
}

}  // namespace millrace::app
