#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "apps/millrace/bench/batching_curve.hpp"
#include "millrace/engine/engine.hpp"
#include "millrace/rt/doorbell.hpp"

/// Requests to the whole engine in real time: each is a session that gets one spoken prompt and the
/// end of its input, and gives the words.
namespace millrace::app {

/// Instants, from the beginning, of requests that know nothing of each other, `per_second` on
/// average. The same seed gives the same instants.
[[nodiscard]] std::vector<base::Duration> poisson_schedule(double per_second, double seconds,
                                                           std::uint64_t seed);

/// A rate that was tried.
struct TriedRate {
  double per_second = 0.0;
  double p95_ms = 0.0;  ///< infinite: too many were never done
};

/// What a search for the highest rate found.
struct SustainedRate {
  std::optional<TriedRate> best;  ///< none: no rate that was tried was kept
  std::vector<TriedRate> tried;   ///< in their order
};

/// Looks for the highest rate whose P95 is below a bound: halves a span, upwards where it is. Step
/// by step, so that two searches can take turns and see the same machine.
class RateSearch {
 public:
  RateSearch(double low, double high, double bound_ms)
      : low_(low), high_(high), bound_ms_(bound_ms) {}

  /// The rate to be tried next.
  [[nodiscard]] double rate() const noexcept { return (low_ + high_) / 2.0; }
  /// What rate() came to; answers whether it was kept.
  bool came_to(double p95_ms);
  [[nodiscard]] const SustainedRate& found() const noexcept { return found_; }

 private:
  double low_;
  double high_;
  double bound_ms_;
  SustainedRate found_;
};

/// Done per second between the last one done up to `from` and the last one up to `to`: both ends
/// are ends of calls, so no call counts in part. None when nothing was done in between.
///   units  seconds
[[nodiscard]] std::optional<double> done_per_second(std::vector<double> done, double from,
                                                    double to);

/// What became of the requests of one stretch.
///   latency_ms  of each request by its number: from the instant at which it was planned to its
///               words leaving the graph; infinite: never done
///   done_s      instants from the beginning
struct LoadRecord {
  std::vector<double> latency_ms;
  std::vector<double> done_s;
  std::vector<double> started_late_ms;  ///< the generator, behind its plan; in the latency
  std::vector<double> opened_us;        ///< what opening a session took, before it was needed
  double calls = 0.0;                   ///< of the recogniser
  double cpu_ms = 0.0;                  ///< of the process without the generator's thread
  std::size_t wordless = 0;             ///< done, but nothing was recognised
  std::size_t failures = 0;

  [[nodiscard]] double p(double q) const;
  [[nodiscard]] double mean_batch() const noexcept;
  [[nodiscard]] double cpu_ms_each() const noexcept;
};

/// An engine with the plan `audio_input -> moonshine_asr -> text_output`, one shard and one worker,
/// and the generator that asks it.
///   threads  control; the generator sleeps and polls on the thread that calls
///   errors   unavailable, with the remedy, when the model is missing
class EngineUnderLoad {
 public:
  /// `batched` false: `capabilities: {batch_aware: false}`, jobs run one after the other.
  [[nodiscard]] static base::Result<EngineUnderLoad> start(bool batched,
                                                           std::span<const DigitPrompt> prompts);

  /// Open loop: requests come as planned, whatever became of those before.
  [[nodiscard]] base::Result<LoadRecord> open_loop(std::span<const base::Duration> planned);
  /// Closed loop: `under_way` requests at any time, for `seconds`.
  [[nodiscard]] base::Result<LoadRecord> closed_loop(std::size_t under_way, double seconds);

 private:
  struct Request {
    std::unique_ptr<engine::SessionHandle> handle;
    std::size_t number = 0;
    base::Instant planned{};
    std::optional<base::Instant> words_left;
    std::uint64_t together = 1;  ///< jobs of the call that it was recognised in
  };

  EngineUnderLoad() = default;
  base::Result<void> open_one();
  base::Result<void> ask(base::Instant planned);
  void collect();
  void finish(Request& request);
  base::Result<void> rest(base::Instant until);
  void begin();
  LoadRecord end();
  [[nodiscard]] base::Instant now() const { return engine_->clock().now(); }

  std::span<const DigitPrompt> prompts_;  ///< of the caller, who outlives this
  std::uint32_t source_ = 0;
  std::unique_ptr<engine::Engine> engine_;
  std::chrono::steady_clock::time_point clock_start_;
  std::unique_ptr<rt::Doorbell> bell_ = std::make_unique<rt::Doorbell>();
  std::deque<std::unique_ptr<engine::SessionHandle>> ready_;  ///< opened, not yet asked
  std::vector<Request> under_way_;
  std::deque<std::unique_ptr<engine::SessionHandle>> done_;  ///< to be closed when there is time
  base::Instant begin_{};
  base::Duration cpu_before_{0};
  LoadRecord record_;
};

}  // namespace millrace::app
