#include "millrace/node/context.hpp"

#include <cstring>

namespace millrace::node {

media::Packet text_packet(Context& context, std::string_view text, media::TextRole role) noexcept {
  media::Packet packet;
  packet.kind = media::PacketKind::text;
  packet.role = role;
  packet.payload = context.acquire(text.size());
  if (packet.payload && !text.empty())
    std::memcpy(packet.payload.writable().data(), text.data(), text.size());
  return packet;
}

media::Packet audio_packet(Context& context, std::uint32_t frames, std::int32_t rate_hz,
                           std::int16_t channels) noexcept {
  media::Packet packet;
  packet.kind = media::PacketKind::audio;
  packet.frames = frames;
  packet.rate_hz = rate_hz;
  packet.channels = channels;
  packet.payload =
      context.acquire(std::size_t{frames} * static_cast<std::size_t>(channels) * sizeof(float));
  return packet;
}

}  // namespace millrace::node
