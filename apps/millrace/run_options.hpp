#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/millrace/input_source.hpp"
#include "millrace/base/result.hpp"
#include "millrace/graph/plan.hpp"

namespace millrace::app {

/// What `millrace run` was asked for.
struct RunOptions {
  std::string pipeline;
  std::vector<std::string> inputs;   ///< one each session; "a.wav+b.wav" is one
  std::vector<std::string> outputs;  ///< "….txt": what text sinks said; else a WAV file
  std::string events;
  std::string record;
  bool fast = false;
  bool realtime = false;      ///< asked for; it is the default all the same
  std::int64_t sessions = 1;  ///< of each input
  double gap_ms = 0.0;
  std::optional<double> frame_ms;  ///< the pipeline's own when not given
  std::optional<double> line_ms;   ///< likewise, of a source of text
  std::int64_t loop = 1;
  std::optional<double> seconds;
  std::optional<std::int32_t> raw_rate_hz;
  std::string raw_encoding = "s16";
  std::int32_t raw_channels = 1;
};

/// One session to be run.
struct SessionTask {
  std::string name;   ///< s1, s2, …
  std::string input;  ///< as the user wrote it
  std::string wav;    ///< file for the audio; empty: none
  std::string text;   ///< file for the texts; empty: they are printed
};

/// Splits "a.wav,b.wav" at the commas, unless a file of just that name is there.
[[nodiscard]] std::vector<std::string> split_inputs(const std::string& text);
/// Splits "out.wav,out.txt" at the commas.
[[nodiscard]] std::vector<std::string> split_outputs(const std::string& text);
/// "dir/out.wav" and "s2" -> "dir/out-s2.wav".
[[nodiscard]] std::string with_suffix(const std::string& path, const std::string& suffix);

/// What the files of a run must not be: an output that the plan has no sink for, two outputs of one
/// kind, or a file that the run both reads and writes, or writes twice.
[[nodiscard]] base::Result<void> check_files(const RunOptions& options, const graph::Plan& plan);
/// The plan's sinks of one kind, in order.
[[nodiscard]] std::vector<std::uint32_t> sinks_of(const graph::Plan& plan, media::PacketKind kind);

/// A file for the audio of one sink.
struct AudioTarget {
  std::uint32_t stage = 0;
  std::string path;
};
/// Where a session writes the audio of each sink: out.wav, and out-NODE.wav for further ones.
[[nodiscard]] std::vector<AudioTarget> audio_targets(const SessionTask& task,
                                                     const graph::Plan& plan);

/// The sessions of a run, and where each writes: out.wav, out-s2.wav, …
[[nodiscard]] std::vector<SessionTask> session_tasks(const RunOptions& options);

/// How files become blocks, or lines, for this plan.
[[nodiscard]] base::Result<nodes::FileOptions> file_options(const RunOptions& options,
                                                            const graph::Plan& plan);

}  // namespace millrace::app
