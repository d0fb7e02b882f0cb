#include "millrace/media/packet.hpp"

namespace millrace::media {

std::string_view name(PacketKind kind) noexcept {
  switch (kind) {
    case PacketKind::audio: return "audio";
    case PacketKind::video: return "video";
    case PacketKind::text: return "text";
    case PacketKind::tensor: return "tensor";
    case PacketKind::control: return "control";
  }
  return "unknown";
}

}  // namespace millrace::media
