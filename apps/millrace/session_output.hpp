#pragma once

#include <optional>
#include <string>

#include "apps/millrace/event_log.hpp"
#include "apps/millrace/run_options.hpp"
#include "apps/millrace/summary.hpp"
#include "millrace/engine/session_state.hpp"
#include "nodes/audio_output/wav_sink.hpp"

namespace millrace::app {

/// Where one session's events and outputs go: the log, the summary, and a WAV file with the audio
/// of the plan's first audio sink.
///   threads  one
///   errors   a file that cannot be written is reported once; the session goes on without it
class SessionOutput {
 public:
  SessionOutput(const SessionTask& task, std::uint64_t number, const graph::Plan& plan,
                EventLog& log);

  void event(const engine::Event& event, base::Instant opened);
  void output(const engine::OutputPacket& output);
  /// Ends the WAV file. False when something could not be written.
  [[nodiscard]] bool close();

  [[nodiscard]] SessionSummary& summary() noexcept { return summary_; }

 private:
  void check(base::Result<void> written);

  std::string name_;
  std::uint64_t number_;
  const graph::Plan* plan_;
  EventLog* log_;
  SessionSummary summary_;
  std::optional<nodes::WavSink> wav_;
  std::optional<std::uint32_t> audio_sink_;
  bool good_ = true;
};

}  // namespace millrace::app
