#include "millrace/node/context.hpp"

#include <gtest/gtest.h>

namespace millrace::node {
namespace {

/// Gives payloads from the heap and does nothing else.
class HeapContext final : public Context {
 public:
  base::Instant now() const noexcept override { return {}; }
  void emit(std::size_t, media::Packet&&) noexcept override {}
  rt::Payload acquire(std::size_t size_bytes) noexcept override {
    return rt::Payload::heap(size_bytes);
  }
  bool live(const media::Lineage&) const noexcept override { return true; }
  bool stop_requested() const noexcept override { return false; }
  void make_room(media::Lineage&) const noexcept override {}
  void set_timer(base::Instant) noexcept override {}
  void send(media::Control&&) noexcept override {}
  Speculation* speculation() noexcept override { return nullptr; }
  void failed(std::string_view) noexcept override {}
};

TEST(TextPacket, HoldsTheText) {
  HeapContext context;

  const media::Packet packet = text_packet(context, "good morning", media::TextRole::sentence);

  EXPECT_EQ(packet.kind, media::PacketKind::text);
  EXPECT_EQ(packet.role, media::TextRole::sentence);
  EXPECT_EQ(packet.text(), "good morning");
}

TEST(TextPacket, MayBeEmpty) {
  HeapContext context;

  EXPECT_EQ(text_packet(context, "", media::TextRole::complete).text(), "");
}

TEST(AudioPacket, HasRoomForItsFrames) {
  HeapContext context;

  media::Packet packet = audio_packet(context, 160, 16000, 2);

  EXPECT_EQ(packet.kind, media::PacketKind::audio);
  EXPECT_EQ(packet.frames, 160U);
  EXPECT_EQ(packet.rate_hz, 16000);
  EXPECT_EQ(packet.channels, 2);
  EXPECT_EQ(packet.payload.writable_as<float>().size(), 320U);
}

TEST(AudioPacket, IsMonoUnlessSaid) {
  HeapContext context;

  EXPECT_EQ(audio_packet(context, 10, 8000).samples().size(), 10U);
}

}  // namespace
}  // namespace millrace::node
