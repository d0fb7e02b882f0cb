#include "apps/millrace/recording.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <utility>

#include "apps/millrace/crc32.hpp"
#include "millrace/base/limits.hpp"

namespace millrace::app {

namespace {

constexpr std::uint64_t kMaxFileBytes = std::uint64_t{4} << 30;
constexpr std::size_t kMaxSessions = 10'000;
constexpr std::size_t kMaxShards = 256;
constexpr std::size_t kMaxNameBytes = 4096;
constexpr std::size_t kMaxLineBytes = 512 << 10;
constexpr std::int64_t kMaxNs = std::int64_t{1} << 60;

std::uint32_t u32_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

/// Puts the contents of chunks where they belong.
class Parser {
 public:
  explicit Parser(Recording& into) : into_(into) {}

  void take(std::string_view type, ChunkReader& reader) {
    if (head_seen_ == (type == kHeadChunk))
      return reader.fail(head_seen_ ? "a second head; expected one, at the beginning"
                                    : "no head; expected it before everything else");
    if (done_) return reader.fail("something after the end of the run; expected nothing");
    if (type == kHeadChunk) return head(reader);
    if (type == kSessionChunk) return session(reader);
    if (type == kDoneChunk) return done(reader);
    while (reader.good() && !reader.done()) {
      if (type == kInputChunk) {
        input(reader);
      } else if (type == kJobChunk) {
        job(reader);
      } else if (type == kEventChunk) {
        event(reader);
      } else if (type == kTapeChunk) {
        tape(reader);
      } else {
        reader.fail("a chunk of an unknown kind; expected one that this version writes");
      }
    }
  }
  [[nodiscard]] bool head_seen() const noexcept { return head_seen_; }
  [[nodiscard]] bool done() const noexcept { return done_; }

 private:
  void head(ChunkReader& reader) {
    head_seen_ = true;
    into_.virtual_time = reader.number("the clock of the run", 0, 1) != 0;
    into_.program = reader.text("the version of the program", kMaxNameBytes);
    into_.manifest.name = reader.text("the name of the manifest", kMaxNameBytes);
    into_.manifest.text = reader.text("the manifest", base::limits::kManifestBytes);
    pairs(reader, "a variable", base::limits::kManifestBytes, into_.manifest.variables);
    pairs(reader, "a model", kMaxNameBytes, into_.models);
  }

  static void pairs(ChunkReader& reader, const char* what, std::size_t most,
                    std::map<std::string, std::string>& into) {
    const std::int64_t count = reader.number("how many there are", 0, 100'000);
    for (std::int64_t i = 0; i < count && reader.good(); ++i) {
      std::string name(reader.text(what, kMaxNameBytes));
      into[std::move(name)] = reader.text(what, most);
    }
  }

  void session(ChunkReader& reader) {
    RecordedSession session;
    session.number = static_cast<std::uint64_t>(
        reader.number("the number of a session", 1, std::numeric_limits<std::uint32_t>::max()));
    session.name = reader.text("the name of a session", kMaxNameBytes);
    session.input = reader.text("the input of a session", kMaxNameBytes);
    session.phase = {base::Duration{reader.number("the beginning of a session", 0, kMaxNs)}};
    if (!reader.good()) return;
    if (into_.sessions.size() == kMaxSessions)
      return reader.fail(fmt::format("more than {} sessions", kMaxSessions));
    if (!index_.emplace(session.number, into_.sessions.size()).second)
      return reader.fail(fmt::format("session {} a second time", session.number));
    into_.sessions.push_back(std::move(session));
  }

  RecordedSession* find(ChunkReader& reader, std::uint64_t number) {
    const auto found = index_.find(number);
    if (found != index_.end()) return &into_.sessions[found->second];
    reader.fail(fmt::format("something of session {}, which has not begun", number));
    return nullptr;
  }

  void input(ChunkReader& reader) {
    RecordedInput input = take_input(reader);
    if (!reader.good()) return;
    if (RecordedSession* session = find(reader, input.session))
      session->inputs.push_back(std::move(input));
  }

  void event(ChunkReader& reader) {
    const auto number = static_cast<std::uint64_t>(
        reader.number("the session of an event", 0, std::numeric_limits<std::uint32_t>::max()));
    const std::string_view line = reader.text("an event", kMaxLineBytes);
    if (!reader.good()) return;
    if (RecordedSession* session = find(reader, number)) session->events.emplace_back(line);
  }

  void job(ChunkReader& reader) {
    constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
    engine::JobName name;
    name.session = static_cast<std::uint64_t>(reader.number("the session of a job", 0, kMost));
    name.stage = static_cast<std::uint32_t>(reader.number("the stage of a job", 0, 1 << 16));
    name.number = static_cast<std::uint64_t>(reader.number("the number of a job", 0, kMost));
    const std::string_view tape = reader.text("the tape of a job", kMaxChunkBytes);
    if (reader.good()) into_.jobs[name] = tape;
  }

  void tape(ChunkReader& reader) {
    const auto shard = static_cast<std::size_t>(
        reader.number("the number of a shard", 0, static_cast<std::int64_t>(kMaxShards) - 1));
    if (!reader.good()) return;
    if (shard >= into_.shards.size()) into_.shards.resize(shard + 1);
    last_step_.resize(into_.shards.size(), 0);
    engine::RecordedShard& steps = into_.shards[shard];
    std::int64_t before = 0;
    while (reader.good() && !reader.done()) {
      const engine::TapeEntry entry = take_entry(reader, before);
      if (!reader.good()) return;
      if (engine::is_step(entry.what)) {
        if (entry.value < last_step_[shard])
          return reader.fail("a step before the one before it; expected later ones");
        last_step_[shard] = entry.value;
      }
      if (entry.what == engine::TapeEntry::What::foreign)
        steps.foreign.push_back(take_foreign(reader));
      if (reader.good()) steps.entries.push_back(entry);
    }
  }

  void done(ChunkReader& reader) {
    done_ = true;
    into_.tape_complete = reader.number("whether the tape is complete", 0, 1) != 0;
    into_.events_lost = static_cast<std::uint64_t>(
        reader.number("the events lost", 0, std::numeric_limits<std::int64_t>::max()));
    if (reader.good() && !reader.done()) reader.fail("more than the end; expected nothing");
  }

  Recording& into_;
  std::map<std::uint64_t, std::size_t> index_;
  std::vector<std::int64_t> last_step_;
  bool head_seen_ = false;
  bool done_ = false;
};

std::unexpected<base::Error> bad(const std::string& name, std::uint64_t at, std::string what) {
  return base::fail(base::Code::bad_peer_data, std::move(what),
                    fmt::format("{}: byte {}", name, at));
}

/// Hands the bytes that follow out, so that a file need not be in memory twice.
using Bytes = std::function<std::string_view(std::size_t count)>;

base::Result<Recording> parse(const Bytes& next, const std::string& name) {
  Recording recording;
  Parser parser(recording);
  const std::string_view magic = next(kRecordMagic.size());
  if (magic != kRecordMagic)
    return bad(name, 0,
               fmt::format("this is no recording of this version: it does not begin with '{}'; "
                           "expected a file that 'millrace run --record' wrote",
                           kRecordMagic));
  std::uint64_t at = kRecordMagic.size();
  for (;;) {
    const std::string header(next(kChunkHeaderBytes));
    if (header.size() < kChunkHeaderBytes) break;
    const std::string type = header.substr(0, 4);
    const std::size_t size = u32_at(header, 4);
    if (crc32(std::string_view(header).substr(0, 12)) != u32_at(header, 12))
      return bad(name, at, "the header of a chunk is damaged; expected its checksum to fit");
    if (size > kMaxChunkBytes)
      return bad(name, at,
                 fmt::format("a chunk of {} bytes; expected at most {}", size, kMaxChunkBytes));
    const std::string_view contents = next(size);
    if (contents.size() < size) break;
    if (crc32(contents) != u32_at(header, 8))
      return bad(name, at, fmt::format("chunk {} is damaged; expected its checksum to fit", type));
    ChunkReader reader(contents);
    parser.take(type, reader);
    if (!reader.good()) return bad(name, at, fmt::format("chunk {}: {}", type, reader.failure()));
    at += kChunkHeaderBytes + size;
  }
  if (!parser.head_seen())
    return bad(name, at, "the recording is cut off in its head; expected at least a manifest");
  if (!parser.done()) recording.cut_at = at;
  return recording;
}

}  // namespace

base::Result<Recording> parse_recording(std::string_view bytes, const std::string& name) {
  return parse(
      [&](std::size_t count) {
        const std::string_view taken = bytes.substr(0, count);
        bytes.remove_prefix(taken.size());
        return taken;
      },
      name);
}

base::Result<Recording> read_recording(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return base::fail(base::Code::bad_argument, "this is a folder; expected a recording", path);
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return base::fail(base::Code::bad_argument,
                      "the recording cannot be opened; expected a file that 'millrace run "
                      "--record' wrote",
                      path);
  std::string buffer;
  std::uint64_t read = 0;
  auto parsed = parse(
      [&](std::size_t count) -> std::string_view {
        buffer.resize(count);
        file.read(buffer.data(), static_cast<std::streamsize>(count));
        buffer.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
        read += buffer.size();
        return read > kMaxFileBytes ? std::string_view{} : std::string_view(buffer);
      },
      path);
  if (file.bad())
    return base::fail(base::Code::unavailable, "the recording cannot be read; check the disk",
                      path);
  if (read > kMaxFileBytes)
    return base::fail(
        base::Code::bad_peer_data,
        fmt::format("the recording is too long; expected at most {} GiB", kMaxFileBytes >> 30),
        path);
  return parsed;
}

}  // namespace millrace::app
