#include "millrace/node/gate_audio.hpp"

#include <algorithm>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/node/gate_settings.hpp"

namespace millrace::node {
namespace {

// A piece of a range: short, so that what comes after the gate can begin with the first of them.
constexpr base::MediaTime kPiece{20'000};
// The first range of a call leaves in no more than this; each later one in half of what is left.
constexpr std::int64_t kMostPieces = 12;
// A turn model looks at all of it at once, so these pieces need only fit a block of the pool.
constexpr base::MediaTime kCheckPiece{500'000};
constexpr base::MediaTime kMostStep{100'000};

constexpr std::int64_t divided_up(std::int64_t a, std::int64_t b) noexcept {
  return (a + b - 1) / b;
}

}  // namespace

base::Result<GateAudio> GateAudio::create(std::int32_t rate_hz, std::int16_t channels,
                                          base::MediaTime keep) {
  // One frame more than the span has: either end of it may lie between two frames.
  const std::int64_t frames = base::frame_at(std::max(keep, kMostStep), rate_hz) + 1;
  auto ring = media::AudioRing::create(static_cast<std::size_t>(frames),
                                       static_cast<std::size_t>(channels));
  if (!ring) return std::unexpected(ring.error());
  return GateAudio(*std::move(ring), rate_hz, channels);
}

GateAudio::GateAudio(media::AudioRing ring, std::int32_t rate_hz, std::int16_t channels)
    : ring_(std::move(ring)),
      rate_hz_(rate_hz),
      channels_(channels),
      most_frames_(base::frame_at(kMostStep, rate_hz)) {}

bool GateAudio::must_flush(std::int64_t frames) const noexcept {
  return from_ < to_ &&
         from_ < ring_.end() + frames - static_cast<std::int64_t>(ring_.capacity_frames());
}

void GateAudio::append(std::int64_t from, std::span<const float> interleaved) noexcept {
  ring_.append(from, interleaved);
}

void GateAudio::begin(std::int64_t from) noexcept {
  from_ = to_ = std::max({from, kept_, ring_.oldest()});
}

void GateAudio::extend(std::int64_t to) noexcept {
  to_ = std::max(to_, to);
}

void GateAudio::flush(const media::Lineage& lineage, Context& context) noexcept {
  const std::int64_t frames = to_ - from_;
  if (frames <= 0) return;
  const std::int64_t room = kGateMaxOutputs - emitted_;
  if (room == 0) {
    context.failed("audio was lost: one block brought more changes than a gate can send at once");
    from_ = to_;
    return;
  }
  const std::int64_t most = std::clamp<std::int64_t>(room / 2, 1, kMostPieces);
  const std::int64_t pieces = std::min(most, divided_up(frames, frame_of(kPiece)));
  const std::int64_t size = divided_up(frames, pieces);
  while (from_ < to_) {
    const std::int64_t next = std::min(from_ + size, to_);
    ++emitted_;
    const bool follows = from_ == kept_ && !broken_;
    if (emit(kGateSent, from_, next, lineage, follows, false, context)) {
      kept_ = next;
      broken_ = false;
    }
    from_ = next;
  }
}

void GateAudio::check(std::int64_t from, std::int64_t to, const media::Lineage& lineage,
                      Context& context) noexcept {
  if (checked_ > 0) return;
  from = std::max(from, ring_.oldest());
  bool follows = false;
  while (from < to && checked_ < kGateMaxOutputs) {
    const std::int64_t next = std::min(from + frame_of(kCheckPiece), to);
    ++checked_;
    follows = emit(kGateTurnCheck, from, next, lineage, follows, next == to, context);
    from = next;
  }
}

bool GateAudio::emit(std::size_t port, std::int64_t from, std::int64_t to,
                     const media::Lineage& lineage, bool follows, bool last,
                     Context& context) noexcept {
  media::Packet packet =
      audio_packet(context, static_cast<std::uint32_t>(to - from), rate_hz_, channels_);
  if (!packet.payload) {
    context.failed("audio was lost: no memory");
    return false;
  }
  const bool held = ring_.copy(from, to, packet.payload.writable_as<float>());
  MR_CHECK(held, "a range leaves before the ring forgets its audio");
  packet.from = time_of(from);
  packet.to = time_of(to);
  packet.lineage = lineage;
  packet.discontinuity = !follows;
  packet.last = last;
  context.emit(port, std::move(packet));
  return true;
}

}  // namespace millrace::node
