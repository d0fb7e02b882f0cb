#include "apps/millrace/record_codec.hpp"

#include <fmt/core.h>

#include <bit>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "apps/millrace/crc32.hpp"
#include "millrace/base/limits.hpp"
#include "millrace/engine/varint.hpp"

namespace millrace::app {

namespace {

using engine::TapeEntry;

constexpr std::int64_t kMaxNumber = std::numeric_limits<std::int64_t>::max();
/// A run of 30 years; instants up to here cannot overflow in sums.
constexpr std::int64_t kMaxNs = std::int64_t{1} << 60;
constexpr std::int64_t kMaxStages = 1 << 16;
constexpr float kFullScale = 32768.0F;

enum class Kind : std::uint8_t { end = 0, audio = 1, text = 2 };
enum class Form : std::uint8_t { float32 = 1, int16 = 2 };

void put_u32(std::string& into, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8)
    into.push_back(static_cast<char>(static_cast<unsigned char>(value >> shift)));
}

std::uint32_t byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<unsigned char>(bytes[i]);
}

/// Whether every sample is one of 16 bits, so that half of the bytes say the same.
bool fits_int16(std::span<const float> samples) {
  for (const float sample : samples) {
    const float scaled = sample * kFullScale;
    if (!(scaled >= -kFullScale && scaled < kFullScale) || scaled != std::floor(scaled) ||
        (scaled == 0.0F && std::signbit(sample)))
      return false;
  }
  return true;
}

void put_samples(std::string& into, std::span<const float> samples) {
  const bool narrow = fits_int16(samples);
  into.push_back(static_cast<char>(narrow ? Form::int16 : Form::float32));
  for (const float sample : samples) {
    if (narrow) {
      const auto value = static_cast<std::uint32_t>(static_cast<std::int32_t>(sample * kFullScale));
      into.push_back(static_cast<char>(static_cast<unsigned char>(value)));
      into.push_back(static_cast<char>(static_cast<unsigned char>(value >> 8)));
    } else {
      put_u32(into, std::bit_cast<std::uint32_t>(sample));
    }
  }
}

rt::Payload samples_of(std::string_view raw, bool narrow, std::size_t count) {
  rt::Payload payload = rt::Payload::heap(count * sizeof(float));
  if (!payload) return payload;
  const std::span<float> samples = payload.writable_as<float>();
  for (std::size_t i = 0; i < count; ++i) {
    if (narrow) {
      const auto bits =
          static_cast<std::uint16_t>(byte_at(raw, 2 * i) | byte_at(raw, 2 * i + 1) << 8);
      samples[i] = static_cast<float>(std::bit_cast<std::int16_t>(bits)) / kFullScale;
    } else {
      samples[i] =
          std::bit_cast<float>(byte_at(raw, 4 * i) | byte_at(raw, 4 * i + 1) << 8 |
                               byte_at(raw, 4 * i + 2) << 16 | byte_at(raw, 4 * i + 3) << 24);
    }
  }
  return payload;
}

void take_text(ChunkReader& reader, media::Packet& packet) {
  packet.kind = media::PacketKind::text;
  packet.role = static_cast<media::TextRole>(
      reader.number("the role of a text", 0, static_cast<std::int64_t>(media::TextRole::sentence)));
  packet.last = reader.number("the end of a text", 0, 1) != 0;
  const std::string_view text = reader.text("a text", base::limits::kTextPacketBytes);
  if (reader.good())
    packet.payload = rt::Payload::copy_of(std::as_bytes(std::span(text.data(), text.size())));
}

void take_audio(ChunkReader& reader, media::Packet& packet) {
  packet.rate_hz = static_cast<std::int32_t>(
      reader.number("the rate of a block", base::limits::kMinRateHz, base::limits::kMaxRateHz));
  packet.channels = static_cast<std::int16_t>(
      reader.number("the channels of a block", 1, base::limits::kMaxChannels));
  const auto most =
      static_cast<std::int64_t>(base::limits::kPayloadBytes / sizeof(float)) / packet.channels;
  packet.frames = static_cast<std::uint32_t>(reader.number("the frames of a block", 0, most));
  const std::string_view form = reader.bytes("the form of a block", 1);
  if (!reader.good()) return;
  const bool narrow = form.front() == static_cast<char>(Form::int16);
  if (!narrow && form.front() != static_cast<char>(Form::float32))
    return reader.fail("a block has samples of an unknown form; expected 16 bits or float");
  const std::size_t count = std::size_t{packet.frames} * static_cast<std::size_t>(packet.channels);
  const std::string_view raw = reader.bytes("the samples of a block", count * (narrow ? 2 : 4));
  if (reader.good()) packet.payload = samples_of(raw, narrow, count);
}

}  // namespace

std::string chunk(std::string_view type, std::string_view contents) {
  std::string made(type);
  put_u32(made, static_cast<std::uint32_t>(contents.size()));
  put_u32(made, crc32(contents));
  put_u32(made, crc32(made));
  made += contents;
  return made;
}

void ChunkReader::fail(std::string what) {
  if (failure_.empty()) failure_ = std::move(what);
  rest_ = {};
}

std::int64_t ChunkReader::number(const char* what) {
  if (const auto value = engine::take_varint(rest_)) return *value;
  fail(fmt::format("{} is missing; expected a number", what));
  return 0;
}

std::int64_t ChunkReader::number(const char* what, std::int64_t least, std::int64_t most) {
  const std::int64_t value = number(what);
  if (!good() || (value >= least && value <= most)) return good() ? value : least;
  fail(fmt::format("{} is {}; expected {} to {}", what, value, least, most));
  return least;
}

std::string_view ChunkReader::bytes(const char* what, std::size_t count) {
  if (count > rest_.size()) {
    fail(fmt::format("{} should be {} bytes, but the chunk has only {} more", what, count,
                     rest_.size()));
    return {};
  }
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

std::string_view ChunkReader::text(const char* what, std::size_t most) {
  const std::int64_t size = number(what, 0, static_cast<std::int64_t>(most));
  return bytes(what, static_cast<std::size_t>(size));
}

void put_text(std::string& into, std::string_view text) {
  engine::put_varint(into, static_cast<std::int64_t>(text.size()));
  into += text;
}

void put_input(std::string& into, std::uint64_t session, base::Instant due,
               const engine::InputPacket& input) {
  const media::Packet& packet = input.packet;
  const bool text = packet.kind == media::PacketKind::text;
  engine::put_varint(into, static_cast<std::int64_t>(session));
  engine::put_varint(into, due.since_start.count());
  engine::put_varint(into, input.stage);
  const Kind kind = packet.is_marker() ? Kind::end : text ? Kind::text : Kind::audio;
  engine::put_varint(into, static_cast<std::int64_t>(kind));
  if (kind == Kind::end) return;
  engine::put_varint(into, packet.from.count());
  engine::put_varint(into, packet.to.count());
  engine::put_varint(into, packet.discontinuity ? 1 : 0);
  if (text) {
    engine::put_varint(into, static_cast<std::int64_t>(packet.role));
    engine::put_varint(into, packet.last ? 1 : 0);
    put_text(into, packet.text());
    return;
  }
  engine::put_varint(into, packet.rate_hz);
  engine::put_varint(into, packet.channels);
  engine::put_varint(into, packet.frames);
  put_samples(into, packet.samples());
}

RecordedInput take_input(ChunkReader& reader) {
  RecordedInput taken;
  taken.session =
      static_cast<std::uint64_t>(reader.number("the session of an input", 0, kMaxNumber));
  taken.due = {base::Duration{reader.number("the instant of an input", 0, kMaxNs)}};
  taken.input.stage =
      static_cast<std::uint32_t>(reader.number("the stage of an input", 0, kMaxStages - 1));
  media::Packet& packet = taken.input.packet;
  const auto kind = static_cast<Kind>(reader.number("the kind of an input", 0, 2));
  if (!reader.good() || kind == Kind::end) {
    packet.kind = media::PacketKind::control;
    packet.control_type = media::ControlType::end_of_input;
    return taken;
  }
  packet.from = base::MediaTime{reader.number("the beginning of an input", 0, kMaxNs / 1000)};
  packet.to =
      base::MediaTime{reader.number("the end of an input", packet.from.count(), kMaxNs / 1000)};
  packet.discontinuity = reader.number("the gap before an input", 0, 1) != 0;
  if (kind == Kind::text) {
    take_text(reader, packet);
  } else {
    take_audio(reader, packet);
  }
  return taken;
}

void put_entry(std::string& into, const TapeEntry& entry, std::int64_t& before) {
  into.push_back(static_cast<char>(entry.what));
  if (engine::is_step(entry.what)) {
    engine::put_varint(into, entry.value - before);
    before = entry.value;
    return;
  }
  engine::put_varint(into, entry.session);
  engine::put_varint(into, entry.stage);
  engine::put_varint(into, entry.value);
}

TapeEntry take_entry(ChunkReader& reader, std::int64_t& before) {
  TapeEntry entry;
  const std::string_view what = reader.bytes("the kind of a step", 1);
  if (!reader.good()) return entry;
  if (byte_at(what, 0) >= engine::kTapeEntries) {
    reader.fail(fmt::format("a step of kind {}; expected 0 to {}", byte_at(what, 0),
                            engine::kTapeEntries - 1));
    return entry;
  }
  entry.what = static_cast<TapeEntry::What>(what.front());
  if (engine::is_step(entry.what)) {
    before += reader.number("the instant of a step", 0, kMaxNs - before);
    entry.value = before;
    return entry;
  }
  entry.session = static_cast<std::uint32_t>(
      reader.number("the session of a step", 0, std::numeric_limits<std::uint32_t>::max()));
  entry.stage = static_cast<std::uint16_t>(reader.number("the stage of a step", 0, kMaxStages - 1));
  entry.value = reader.number("the value of a step", -kMaxNs, kMaxNs);
  return entry;
}

void put_foreign(std::string& into, const engine::ForeignControl& foreign) {
  const media::Control& control = foreign.control;
  for (const std::int64_t value :
       {static_cast<std::int64_t>(foreign.session), std::bit_cast<std::int64_t>(foreign.content),
        std::int64_t{foreign.oversized ? 1 : 0}, static_cast<std::int64_t>(control.type),
        static_cast<std::int64_t>(control.reason), std::bit_cast<std::int64_t>(control.id),
        std::int64_t{control.segment.number}, std::int64_t{control.turn.number},
        static_cast<std::int64_t>(control.revision), std::int64_t{control.from.count()},
        std::int64_t{control.to.count()}, control.value, control.timestamp_us,
        std::int64_t{control.sent.since_start.count()}})
    engine::put_varint(into, value);
  const auto body = control.body.bytes();
  put_text(into, {reinterpret_cast<const char*>(body.data()), body.size()});
}

engine::ForeignControl take_foreign(ChunkReader& reader) {
  constexpr std::int64_t kMost32 = std::numeric_limits<std::uint32_t>::max();
  engine::ForeignControl foreign;
  media::Control& control = foreign.control;
  foreign.session =
      static_cast<std::uint64_t>(reader.number("the session of a message", 0, kMost32));
  foreign.content = std::bit_cast<std::uint64_t>(reader.number("the sum of a message"));
  foreign.oversized = reader.number("the size of a message", 0, 1) != 0;
  control.type = static_cast<media::ControlType>(reader.number(
      "the type of a message", 0, static_cast<std::int64_t>(media::ControlType::end_of_input)));
  control.reason = static_cast<media::CancelReason>(reader.number(
      "the reason of a message", 0, static_cast<std::int64_t>(media::CancelReason::closed)));
  control.id = std::bit_cast<std::uint64_t>(reader.number("the id of a message"));
  control.segment.number =
      static_cast<std::uint32_t>(reader.number("the segment of a message", 0, kMost32));
  control.turn.number =
      static_cast<std::uint32_t>(reader.number("the turn of a message", 0, kMost32));
  control.revision =
      static_cast<base::Revision>(reader.number("the revision of a message", 0, kMost32));
  control.from = base::MediaTime{reader.number("the beginning of a message", -kMaxNs, kMaxNs)};
  control.to = base::MediaTime{reader.number("the end of a message", -kMaxNs, kMaxNs)};
  control.value = reader.number("the value of a message");
  control.timestamp_us = reader.number("the time of a message");
  control.sent = {base::Duration{reader.number("the instant of a message", 0, kMaxNs)}};
  const std::string_view body =
      reader.text("the body of a message", base::limits::kControlMetadataBytes);
  if (!body.empty())
    control.body = rt::Payload::copy_of(std::as_bytes(std::span(body.data(), body.size())));
  return foreign;
}

}  // namespace millrace::app
