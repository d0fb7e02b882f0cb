#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "millrace/base/result.hpp"
#include "millrace/engine/foreign_control.hpp"
#include "millrace/engine/session_state.hpp"
#include "millrace/engine/tape.hpp"

namespace millrace::app {

/// Chunks of a recording. Each is a header of 16 bytes, little endian: four letters, the length of
/// what follows, its CRC-32, and the CRC-32 of these twelve bytes.
inline constexpr std::string_view kRecordMagic = "MILLREC1";
inline constexpr std::size_t kChunkHeaderBytes = 16;
inline constexpr std::size_t kMaxChunkBytes = std::size_t{16} << 20;
/// A chunk is ended when it gets longer than this.
inline constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

inline constexpr std::string_view kHeadChunk = "HEAD";     ///< manifest, clock, models
inline constexpr std::string_view kSessionChunk = "SESS";  ///< one session
inline constexpr std::string_view kInputChunk = "INPT";    ///< packets that entered sessions
inline constexpr std::string_view kTapeChunk = "TAPE";     ///< what one shard took, and when
inline constexpr std::string_view kJobChunk = "JOBS";      ///< what jobs of the pool were told
inline constexpr std::string_view kEventChunk = "EVNT";    ///< events, as in the log
inline constexpr std::string_view kDoneChunk = "DONE";     ///< the run ended in order

/// Header and contents of one chunk.
[[nodiscard]] std::string chunk(std::string_view type, std::string_view contents);

/// Reads numbers and strings from the contents of a chunk. The first thing that is not there makes
/// it fail; everything read after that is empty.
class ChunkReader {
 public:
  explicit ChunkReader(std::string_view contents) noexcept : rest_(contents) {}

  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
  /// What was wrong first; empty when nothing was.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] bool good() const noexcept { return failure_.empty(); }
  void fail(std::string what);

  [[nodiscard]] std::int64_t number(const char* what);
  [[nodiscard]] std::int64_t number(const char* what, std::int64_t least, std::int64_t most);
  [[nodiscard]] std::string_view text(const char* what, std::size_t most);
  [[nodiscard]] std::string_view bytes(const char* what, std::size_t count);

 private:
  std::string_view rest_;
  std::string failure_;
};

void put_text(std::string& into, std::string_view text);

/// A packet that entered a session.
struct RecordedInput {
  std::uint64_t session = 0;
  base::Instant due{};  ///< on the clock of the run
  engine::InputPacket input;
};
void put_input(std::string& into, std::uint64_t session, base::Instant due,
               const engine::InputPacket& input);
[[nodiscard]] RecordedInput take_input(ChunkReader& reader);

/// `before`: the instant of the last step, in ns; steps are kept as the time since it.
void put_entry(std::string& into, const engine::TapeEntry& entry, std::int64_t& before);
[[nodiscard]] engine::TapeEntry take_entry(ChunkReader& reader, std::int64_t& before);

void put_foreign(std::string& into, const engine::ForeignControl& foreign);
[[nodiscard]] engine::ForeignControl take_foreign(ChunkReader& reader);

}  // namespace millrace::app
