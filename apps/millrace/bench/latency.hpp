#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/millrace/bench/speech_loop.hpp"
#include "millrace/base/result.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/metrics/distribution.hpp"

namespace millrace::app {

/// When the sessions' frames are due: each on a part of the 20 ms of its own, or all at once.
enum class PhasePattern : std::uint8_t { spread, aligned };

[[nodiscard]] std::string_view name(PhasePattern pattern) noexcept;

/// What `millrace bench latency` was asked for.
struct LatencyOptions {
  std::int64_t sessions = 1;
  double seconds = 10.0;
  std::string phases = "both";
  std::string pipeline;  ///< empty: speech, resampling, VAD and gate, built in
  std::string input;     ///< empty: Debian's prompts
  bool json = false;
  std::optional<double> max_p99_us;
};

/// What was counted in the measured stretches of one pattern; nothing is divided yet.
///   latency  frame due to gate decision; response: a turn without its endpoint wait; acoustic: the
///            whole turn; null: how late a thread wakes that only sleeps
///   units    distributions in nanoseconds
struct LatencyCounts {
  PhasePattern pattern = PhasePattern::spread;
  std::int64_t sessions = 0;
  metrics::Distribution latency;
  metrics::Distribution null;
  metrics::Distribution generator_late;
  metrics::Distribution response;
  metrics::Distribution acoustic;
  std::uint64_t windows_due = 0;
  std::uint64_t windows_late = 0;
  std::uint64_t blocks = 0;
  std::uint64_t refused = 0;
  std::uint64_t wake_ups = 0;
  std::optional<std::uint64_t> allocations;   ///< nothing: this program does not watch them
  std::optional<std::uint64_t> memory_bytes;  ///< all sessions; nothing: heap was used before
  base::Duration wall{0};
  base::Duration system_cpu{0};
  base::Duration generator_cpu{0};
};

/// The plan to be measured, with room for `sessions`.
// shared: with the engine that runs it
///   errors  every mistake in the manifest; bad_manifest when it has no audio_input that takes
///           48 kHz, or no gate
[[nodiscard]] std::expected<std::shared_ptr<const graph::Plan>, std::vector<base::Error>>
latency_plan(const std::string& pipeline, std::int64_t sessions);

/// How many 20 ms blocks each measured stretch has: `seconds` in all, rounded up to whole 160 ms (5
/// windows of 32 ms), in stretches of about 5 s with the null control between them.
[[nodiscard]] std::vector<std::int64_t> stretches(double seconds, bool one);

/// What `after` holds more than `before`, a former look at the same histogram.
[[nodiscard]] metrics::Distribution difference(const metrics::Distribution& after,
                                               const metrics::Distribution& before);

/// Runs the sessions in real time, open loop: frames are due on absolute deadlines and pushed then,
/// whatever the engine does. The calling thread is the generator.
///   threads   control; starts an engine of its own and ends it
///   progress  called about once a second with the seconds done
[[nodiscard]] base::Result<LatencyCounts> measure_latency(
    std::shared_ptr<const graph::Plan> plan, const SpeechLoop& speech,
    const LatencyOptions& options, PhasePattern pattern,
    const std::function<void(double seconds)>& progress);

}  // namespace millrace::app
