#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "apps/millrace/event_log.hpp"
#include "apps/millrace/run_options.hpp"
#include "apps/millrace/summary.hpp"
#include "millrace/engine/session_state.hpp"
#include "nodes/audio_output/wav_sink.hpp"

namespace millrace::app {

class Progress;
struct RunState;

/// Where one session's events and outputs go: the log, the summary, a WAV file for each audio sink
/// (the first takes the name given, others OUT-NODE.wav), and a text file or the standard output
/// for what text sinks let out. Only what is confirmed and final: a file is no place to withdraw
/// from.
///   threads  one
///   errors   a file that cannot be written is reported once; the session goes on without it
class SessionOutput {
 public:
  /// The run outlives it.
  SessionOutput(const SessionTask& task, std::uint64_t number, RunState& run);

  void event(const engine::Event& event, base::Instant opened);
  void output(const engine::OutputPacket& output);
  /// Ends the files. False when something could not be written.
  [[nodiscard]] bool close();

  [[nodiscard]] SessionSummary& summary() noexcept { return summary_; }

 private:
  struct AudioFile {
    std::uint32_t stage = 0;
    nodes::WavSink sink;
  };
  void say(const engine::OutputPacket& output);
  void check(base::Result<void> written);

  std::string name_;
  std::uint64_t number_;
  const graph::Plan* plan_;
  EventLog* log_;
  Progress* progress_;  ///< none: texts are not printed
  SessionSummary summary_;
  std::vector<AudioFile> audio_;
  std::string text_path_;
  std::ofstream text_;
  bool good_ = true;
};

}  // namespace millrace::app
