#include "millrace/engine/paced_sink.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace millrace::engine {

using base::Instant;
using base::MediaTime;

void PacedSink::take(media::Packet&& packet, Instant now) noexcept {
  if (!playout_ || rate_hz_ != packet.rate_hz) {
    rate_hz_ = packet.rate_hz;
    playout_.emplace(policy::PlayoutParams{
        .rate_hz = rate_hz_, .cushion = pacing_.cushion, .cushion_max = pacing_.cushion_max});
  }
  const std::int64_t position = playout_->push(packet.frames, packet.last, now);
  if (packet.lineage.turn != turn_) {
    turn_ = packet.lineage.turn;
    turn_position_ = position;
  }
  took_last_ = packet.last;
  current_ = std::move(packet);
  offset_ = 0;
}

std::optional<media::Packet> PacedSink::next_piece(Instant now,
                                                   rt::PayloadPool& payloads) noexcept {
  if (!current_) return std::nullopt;
  const std::uint32_t rest = current_->frames - offset_;
  const std::uint32_t due = std::min(playout_->due(now), rest);
  if (rest == 0) {
    current_.reset();
    return std::nullopt;
  }
  if (due == 0) return std::nullopt;
  const auto piece_frames = static_cast<std::uint32_t>(rate_hz_ / 50);
  const std::uint32_t frames = std::min(due, std::max(piece_frames, 1U));
  media::Packet piece = *current_;
  const std::size_t frame_bytes = sizeof(float) * static_cast<std::size_t>(piece.channels);
  piece.payload = payloads.copy_of(
      current_->payload.bytes().subspan(offset_ * frame_bytes, frames * frame_bytes));
  piece.frames = frames;
  piece.last = piece.last && frames == rest;
  playout_->sent(frames, now);
  offset_ += frames;
  if (frames == rest) current_.reset();
  return piece;
}

Instant PacedSink::next_due(Instant now) noexcept {
  const Instant never{base::Duration::max()};
  if (!playout_) return never;
  return playout_->next(now).value_or(never);
}

void PacedSink::pause(Instant now) noexcept {
  if (playout_) playout_->pause(now);
}

void PacedSink::resume(Instant now) noexcept {
  if (playout_) playout_->resume(now);
}

MediaTime PacedSink::flush(Instant now) noexcept {
  if (!playout_) return MediaTime{0};
  const MediaTime played = playout_->played(turn_position_, now);
  playout_->flush(now);
  current_.reset();
  return played;
}

MediaTime PacedSink::interrupt(Instant now) noexcept {
  refusing_ = refusing_ || (!turn_ && !took_last_);
  took_last_ = true;
  return flush(now);
}

bool PacedSink::refuses(const media::Packet& packet) noexcept {
  if (!refusing_) return false;
  refusing_ = !packet.lineage.turn && !packet.last;
  return !packet.lineage.turn;
}

bool PacedSink::playing(Instant now) const noexcept {
  return current_ || (playout_ && playout_->playing(now));
}

}  // namespace millrace::engine
