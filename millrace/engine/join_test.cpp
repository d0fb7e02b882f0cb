#include "millrace/engine/join.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace millrace::engine {
namespace {

using base::MediaTime;
using media::Packet;
using ::testing::ElementsAre;

class JoinTest : public ::testing::Test {
 protected:
  static Packet text(std::string_view words) {
    Packet packet;
    packet.kind = media::PacketKind::text;
    packet.payload = rt::Payload::copy_of(std::as_bytes(std::span(words.data(), words.size())));
    return packet;
  }
  /// Two samples at 1 kHz from `from_ms`.
  static Packet audio(int from_ms, float value) {
    Packet packet;
    packet.rate_hz = 1'000;
    packet.frames = 2;
    packet.from = MediaTime{1'000 * from_ms};
    packet.to = MediaTime{1'000 * (from_ms + 2)};
    const std::vector<float> samples{value, value};
    packet.payload = rt::Payload::copy_of(std::as_bytes(std::span(samples)));
    return packet;
  }

  rt::PayloadPool payloads_;
  JoinRules rules_{.separator = "; ", .max_gap = MediaTime{3'000}, .max_bytes = 1'000};
};

TEST_F(JoinTest, PutsTheSeparatorBetweenTexts) {
  Packet into = text("one");
  ASSERT_TRUE(join(into, text("two"), rules_, payloads_));
  EXPECT_EQ(into.text(), "one; two");
}

TEST_F(JoinTest, FillsAGapInAudioWithSilence) {
  Packet into = audio(0, 0.5F);
  ASSERT_TRUE(joinable(into, audio(4, 0.25F), rules_));
  ASSERT_TRUE(join(into, audio(4, 0.25F), rules_, payloads_));
  EXPECT_THAT(into.samples(), ElementsAre(0.5F, 0.5F, 0.0F, 0.0F, 0.25F, 0.25F));
  EXPECT_EQ(into.frames, 6U);
  EXPECT_EQ(into.to, MediaTime{6'000});
}

TEST_F(JoinTest, KeepsApartAudioThatIsTooFarOrOverlapsOrDiffers) {
  const Packet into = audio(10, 0.5F);
  EXPECT_FALSE(joinable(into, audio(16, 0.5F), rules_)) << "more than max_gap behind";
  EXPECT_FALSE(joinable(into, audio(11, 0.5F), rules_)) << "before the end of the other";
  Packet faster = audio(12, 0.5F);
  faster.rate_hz = 2'000;
  EXPECT_FALSE(joinable(into, faster, rules_));
  Packet stereo = audio(12, 0.5F);
  stereo.channels = 2;
  EXPECT_FALSE(joinable(into, stereo, rules_));
  Packet broken = audio(12, 0.5F);
  broken.discontinuity = true;
  EXPECT_FALSE(joinable(into, broken, rules_));
  EXPECT_FALSE(joinable(into, text("x"), rules_));
}

TEST_F(JoinTest, KeepsApartWhatHangsOnSomethingElse) {
  Packet other = text("two");
  ASSERT_TRUE(other.lineage.add(base::SegmentId{1}));
  EXPECT_FALSE(joinable(text("one"), other, rules_));
  Packet later = text("two");
  later.lineage.turn = base::TurnId{2};
  EXPECT_FALSE(joinable(text("one"), later, rules_));
}

TEST_F(JoinTest, ChangesNothingWhereTheResultWouldBeTooLarge) {
  rules_.max_bytes = 7;
  Packet into = text("one");
  EXPECT_FALSE(join(into, text("two"), rules_, payloads_));
  EXPECT_EQ(into.text(), "one");
  rules_.max_bytes = 8;
  EXPECT_TRUE(join(into, text("two"), rules_, payloads_));
}

}  // namespace
}  // namespace millrace::engine
