#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/millrace/manifest_text.hpp"
#include "apps/millrace/record_codec.hpp"
#include "millrace/engine/replay_runner.hpp"

namespace millrace::app {

/// One session of a recording.
struct RecordedSession {
  std::uint64_t number = 0;
  std::string name;
  std::string input;      ///< what the user called it
  base::Instant phase{};  ///< when its media time 0 was due
  std::vector<RecordedInput> inputs;
  std::vector<std::string> events;  ///< lines of the event log
};

/// A recorded run, read back.
struct Recording {
  bool virtual_time = false;
  std::string program;  ///< version that recorded it
  ManifestText manifest;
  std::map<std::string, std::string> models;  ///< name -> SHA-256
  std::vector<RecordedSession> sessions;
  std::vector<engine::RecordedShard> shards;  ///< of a run in real time
  std::map<engine::JobName, std::string> jobs;
  /// Where the file ends in the middle of the run; none when the run ended in order.
  std::optional<std::uint64_t> cut_at;
  bool tape_complete = true;  ///< no step of a shard found its tape full
  std::uint64_t events_lost = 0;
};

/// Reads a recording. One that was cut off is read up to its last whole chunk.
///   threads  any
///   errors   unavailable when it cannot be read; bad_peer_data, with the place in the file, when
///   it
///            is damaged or is no recording
[[nodiscard]] base::Result<Recording> read_recording(const std::string& path);
/// The same for bytes in memory; `name` is what messages call them.
[[nodiscard]] base::Result<Recording> parse_recording(std::string_view bytes,
                                                      const std::string& name);

}  // namespace millrace::app
