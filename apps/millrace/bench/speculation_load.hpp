#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "apps/millrace/bench/latency.hpp"
#include "millrace/engine/session_state.hpp"
#include "millrace/metrics/histogram.hpp"

namespace millrace::app {

/// What became of cancels, interrupts and confirms in one session, read off its events and outputs
/// in the order in which the shard made them.
///   silence  from the ledger's answer to a cancel or an interrupt, to where its queues are flushed
///            and nothing that hangs on it leaves any more; a stale packet adds a later end
///   asked    from the call of control() to the same end
///   release  from a confirm at the ledger to the first packet that it had held leaving the sink
///   stale    packets taken by the host that left the sink after what they hang on was withdrawn
///   threads  one
class SilenceWatch {
 public:
  struct Counts {
    metrics::Histogram silence;
    metrics::Histogram asked;
    metrics::Histogram release;
    std::uint64_t cancels = 0;
    std::uint64_t interrupts = 0;
    std::uint64_t not_applied = 0;  ///< too late, or about nothing
    std::uint64_t packets = 0;
    std::uint64_t stale = 0;
    std::uint64_t flushed = 0;    ///< withheld at a sink: was waiting to leave
    std::uint64_t unmatched = 0;  ///< packets that are not what the log says left
  };

  /// `held_sink`: the stage whose releases are timed.
  SilenceWatch(std::uint32_t held_sink, Counts& counts) : held_sink_(held_sink), counts_(&counts) {}

  void event(const engine::Event& event);
  void output(const engine::OutputPacket& output);

 private:
  struct Left {
    media::Lineage lineage;
    bool stale = false;
    std::optional<base::Instant> confirmed;  ///< the confirm that this packet is the first after
    base::Instant logged{};
  };
  struct Taken {
    media::Lineage lineage;
    base::Instant enqueued{};
  };
  void take_output(const engine::Event& event);
  void take_control(const engine::Event& event);
  void match();

  std::uint32_t held_sink_;
  Counts* counts_;
  std::optional<base::Instant> withdrawn_at_;  ///< told, and its control event is still to come
  std::map<std::uint32_t, base::Instant> dead_segments_;
  std::uint32_t dead_turn_ = 0;  ///< it and all before it
  base::Instant dead_turn_at_{};
  std::map<std::uint32_t, base::Instant> confirmed_;  ///< not yet seen leaving
  std::deque<Left> left_;                             ///< in the log, not yet taken by the host
  std::deque<Taken> taken_;                           ///< by the host, not yet seen in the log
};

/// What loaded sessions came to in one pattern.
///   units  distributions in nanoseconds
struct CancelCounts {
  PhasePattern pattern = PhasePattern::spread;
  std::int64_t sessions = 0;
  metrics::Distribution silence;
  metrics::Distribution asked;
  metrics::Distribution release;
  metrics::Distribution null;
  metrics::Distribution sweep;
  metrics::Distribution stage;  ///< the one that took longest
  std::string longest_stage;
  std::uint64_t cancels = 0;
  std::uint64_t interrupts = 0;
  std::uint64_t not_applied = 0;
  std::uint64_t packets = 0;
  std::uint64_t stale = 0;
  std::uint64_t flushed = 0;
  std::uint64_t unmatched = 0;
  std::uint64_t events_lost = 0;
  std::uint64_t refused = 0;  ///< blocks of audio, at the door
  base::Duration tick{0};
};

/// Runs `sessions` sessions of 48 kHz speech for `seconds` in real time, as bench latency does,
/// with one sink that holds back what is not confirmed and a paced one that lets guesses out;
/// cancels and interrupts come at instants of their own.
///   threads  control; starts an engine of its own and ends it
// shared: its plan, with that engine
[[nodiscard]] base::Result<CancelCounts> measure_cancels(
    const SpeechLoop& speech, std::int64_t sessions, double seconds, PhasePattern pattern,
    const std::function<void(double seconds)>& progress);

}  // namespace millrace::app
