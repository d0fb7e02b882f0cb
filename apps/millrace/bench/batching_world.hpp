#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "millrace/base/time.hpp"

/// The world in which batching policies are compared: requests that come, one machine that runs
/// batches, virtual time. Everything follows from the seed.
namespace millrace::app {

/// In time: done this long after it came, or sooner.
inline constexpr base::Duration kInTime = std::chrono::milliseconds{300};

/// What a batch costs on the machine: T(b) = fixed + each * b.
struct BatchCost {
  std::string_view name;
  base::Duration fixed{0};
  base::Duration each{0};

  [[nodiscard]] base::Duration of(std::size_t batch) const noexcept {
    return fixed + static_cast<std::int64_t>(batch) * each;
  }
  /// Requests a second when every batch has `batch`.
  [[nodiscard]] double capacity(std::size_t batch) const noexcept;
  /// How much batches of `batch` gain over batches of one: (a + c) / (a/B + c).
  [[nodiscard]] double bound(std::size_t batch) const noexcept;
};

inline constexpr std::array<BatchCost, 3> kBatchCosts{{
    {"gpu_like", std::chrono::milliseconds{40}, std::chrono::milliseconds{3}},
    {"memory_bound", std::chrono::milliseconds{30}, std::chrono::milliseconds{10}},
    {"compute_bound", std::chrono::milliseconds{10}, std::chrono::milliseconds{30}},
}};

struct BatchRequest {
  base::Instant at{};
  std::uint32_t session = 0;
  std::uint64_t turn = 0;  ///< unique over all sessions
  bool first = true;       ///< of its turn
};

/// poisson: single requests of 50 sessions. bursts: turns of 1 to 7 requests, 5 ms apart. diurnal:
/// poisson whose rate swings by 0.8 about its mean, once in two minutes. greedy_session: half the
/// requests from 20 sessions, half from one that sends 20 at a time, 1 ms apart.
enum class TraceKind : std::uint8_t { poisson, bursts, diurnal, greedy_session };
inline constexpr std::array<TraceKind, 4> kTraceKinds{
    TraceKind::poisson, TraceKind::bursts, TraceKind::diurnal, TraceKind::greedy_session};
[[nodiscard]] std::string_view name(TraceKind kind) noexcept;

/// The session of greedy_session that floods; the others are 1 to 20.
inline constexpr std::uint32_t kGreedySession = 1000;
inline constexpr std::uint32_t kNormalSessions = 20;

/// About `count` requests at `per_second` on average, in order of their time.
[[nodiscard]] std::vector<BatchRequest> batch_trace(TraceKind kind, double per_second,
                                                    std::size_t count, std::uint64_t seed);
/// What the 20 normal sessions send at `normal_per_second` together, and what the greedy one adds:
/// the former are the same whatever the latter is.
[[nodiscard]] std::vector<BatchRequest> beside_a_flood(double normal_per_second,
                                                       double greedy_per_second,
                                                       base::Duration length, std::uint64_t seed);

/// What a policy does next.
struct BatchStep {
  std::vector<std::uint32_t> start;      ///< indices of requests; empty: nothing starts
  std::optional<base::Instant> wake_at;  ///< ask again then
};

/// Decides on the machine's batches. A request is known by its index in the trace.
class BatchScheduler {
 public:
  virtual ~BatchScheduler() = default;
  virtual void arrived(std::uint32_t index, const BatchRequest& request,
                       base::Instant deadline) = 0;
  [[nodiscard]] virtual BatchStep next(base::Instant now, bool idle) = 0;
  virtual void finished(base::Instant now, base::Duration took) = 0;
};

/// How one run went. A request that never ran has no latency.
struct BatchOutcome {
  std::vector<std::optional<base::Duration>> latencies;  ///< of each request
  std::size_t runs = 0;
  std::size_t completed = 0;
  std::size_t in_time = 0;
  std::size_t completed_while_load_lasts = 0;
  base::Duration length{0};  ///< to the last arrival

  /// A quantile over all requests, those that never ran counted as infinite (nothing then).
  [[nodiscard]] std::optional<base::Duration> quantile(double q) const;
};

/// Plays the trace to one machine. `deadlines`: each request has to be done in kInTime, and the
/// policy knows; otherwise nothing is urgent.
[[nodiscard]] BatchOutcome simulate_batching(const std::vector<BatchRequest>& trace,
                                             const BatchCost& cost, BatchScheduler& scheduler,
                                             bool deadlines = true);

/// The most requests of the trace that any schedule, one that knows the future, can have in time
/// with batches of at most `max_batch`. Exact.
///   source  dynamic programming over (requests looked at, requests given up), which keeps the
///           earliest instant at which the machine is free. Deadlines are in the order of arrival,
///           so some best schedule runs what it keeps in that order, and gives up only in front of
///           a batch
[[nodiscard]] std::size_t most_in_time(const std::vector<BatchRequest>& trace,
                                       const BatchCost& cost, std::size_t max_batch);

}  // namespace millrace::app
