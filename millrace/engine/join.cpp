#include "millrace/engine/join.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "millrace/base/limits.hpp"

namespace millrace::engine {

using media::Packet;
using media::PacketKind;

namespace {

/// Bytes between the two: the separator, or silence.
std::size_t between(const Packet& into, const Packet& next, const JoinRules& rules) noexcept {
  if (next.kind == PacketKind::text) return rules.separator.size();
  const std::int64_t frames =
      base::frame_at(next.from, next.rate_hz) - base::frame_at(into.to, into.rate_hz);
  return static_cast<std::size_t>(std::max<std::int64_t>(frames, 0)) *
         static_cast<std::size_t>(next.channels) * sizeof(float);
}

}  // namespace

bool same_work(const Packet& into, const Packet& next) noexcept {
  return !into.is_marker() && into.kind == next.kind && into.lineage == next.lineage;
}

bool joinable(const Packet& into, const Packet& next, const JoinRules& rules) noexcept {
  if (!same_work(into, next)) return false;
  if (next.kind == PacketKind::text) return true;
  return next.kind == PacketKind::audio && into.rate_hz == next.rate_hz && next.rate_hz > 0 &&
         into.channels == next.channels && !next.discontinuity && next.from >= into.to &&
         next.from - into.to <= rules.max_gap;
}

bool join(Packet& into, const Packet& next, const JoinRules& rules,
          rt::PayloadPool& payloads) noexcept {
  const bool text = next.kind == PacketKind::text;
  const std::size_t gap = between(into, next, rules);
  const std::size_t a = into.payload.size_bytes();
  const std::size_t b = next.payload.size_bytes();
  const std::uint64_t limit = std::min<std::uint64_t>(
      rules.max_bytes, text ? base::limits::kTextPacketBytes : base::limits::kPayloadBytes);
  if (a + gap + b > limit) return false;
  rt::Payload joined = payloads.acquire(a + gap + b);
  if (!joined) return false;
  std::byte* to = joined.writable().data();
  if (a > 0) std::memcpy(to, into.payload.bytes().data(), a);
  if (text && gap > 0) std::memcpy(to + a, rules.separator.data(), gap);
  if (!text && gap > 0) std::memset(to + a, 0, gap);
  if (b > 0) std::memcpy(to + a + gap, next.payload.bytes().data(), b);
  into.payload = std::move(joined);
  if (!text) {
    const std::size_t frame = static_cast<std::size_t>(next.channels) * sizeof(float);
    into.frames += next.frames + static_cast<std::uint32_t>(gap / frame);
  }
  join_header(into, next);
  return true;
}

void join_header(Packet& into, const Packet& next) noexcept {
  into.to = next.to;
  into.last = next.last;
  if (next.kind == PacketKind::text && next.role == media::TextRole::complete)
    into.role = next.role;
  into.deadline = std::min(into.deadline, next.deadline);
  into.optional = into.optional && next.optional;
  into.give_up.smaller_first_chunk |= next.give_up.smaller_first_chunk;
  into.give_up.lower_quality |= next.give_up.lower_quality;
}

}  // namespace millrace::engine
