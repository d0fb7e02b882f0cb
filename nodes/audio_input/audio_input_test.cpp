#include "nodes/audio_input/audio_input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <memory>
#include <vector>

#include "millrace/rt/guard.hpp"
#include "millrace/testing/node_harness.hpp"

namespace millrace::nodes {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::HarnessOptions;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NodeHarness;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr base::MediaTime kStart{0};

std::unique_ptr<NodeHarness> open(HarnessOptions options = {}) {
  auto harness = NodeHarness::create(audio_input_type(), std::move(options));
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

/// A block of 10 ms at 16 kHz that begins `ms` into the session.
media::Packet block_at(NodeHarness& harness, std::int64_t ms) {
  media::Packet packet;
  packet.rate_hz = 16000;
  packet.frames = 160;
  packet.from = base::MediaTime{ms * 1000};
  packet.to = base::MediaTime{(ms + 10) * 1000};
  std::array<float, 160> samples;
  samples.fill(0.5F);
  packet.payload = harness.pool().copy_of(std::as_bytes(std::span{samples}));
  return packet;
}

TEST(AudioInput, IsASourceOfMonoAudioUnlessToldOtherwise) {
  EXPECT_EQ(audio_input_type().contract->role, node::Role::source);
  EXPECT_EQ(open()->stage().output_format(0).channels, 1);
  EXPECT_EQ(open()->stage().output_format(0).rate_hz, 0);
  const auto declared = open({.params = {{"rate_hz", 48000}, {"mono", false}}});
  EXPECT_EQ(declared->stage().output_format(0).channels, 0);
  EXPECT_EQ(declared->stage().output_format(0).rate_hz, 48000);
}

TEST(AudioInput, DeclaresTheTimeThatABlockTakesToFill) {
  EXPECT_EQ(open()->stage().latency(), 20ms);
  EXPECT_EQ(open({.params = {{"frame_ms", 31}}})->stage().latency(), 31ms);
}

TEST(AudioInput, MixesChannelsDownToTheirMean) {
  const auto harness = open();

  harness->push_audio(0, std::array{0.5F, -0.5F, 1.0F, 0.5F}, kStart, 48000, {}, 2);

  EXPECT_THAT(harness->samples(), ElementsAre(0.0F, 0.75F));
  EXPECT_EQ(harness->out()[0].channels, 1);
  EXPECT_EQ(harness->out()[0].frames, 2U);
}

TEST(AudioInput, KeepsChannelsWhereAskedTo) {
  const auto harness = open({.params = {{"mono", false}}});

  harness->push_audio(0, std::array{0.5F, -0.5F}, kStart, 48000, {}, 2);

  EXPECT_THAT(harness->samples(), ElementsAre(0.5F, -0.5F));
  EXPECT_EQ(harness->out()[0].channels, 2);
}

TEST(AudioInput, KeepsMediaTimeAndTheMomentTheBlockWasDue) {
  const auto harness = open();
  media::Packet packet = block_at(*harness, 70);
  packet.due = base::Instant{80ms};

  harness->push(packet);

  ASSERT_THAT(harness->out(), SizeIs(1));
  EXPECT_EQ(harness->out()[0].from, 70ms);
  EXPECT_EQ(harness->out()[0].to, 80ms);
  EXPECT_EQ(harness->out()[0].due, base::Instant{80ms});
  EXPECT_FALSE(harness->out()[0].discontinuity) << "a session may begin anywhere";
}

TEST(AudioInput, SetsWhatIsNoAudioToSilenceAndSaysSoOnce) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  const auto harness = open();

  harness->push_audio(0, std::array{0.5F, kNan, -kInf, 1e-40F}, kStart, 16000);
  harness->push_audio(0, std::array{kNan, 0.25F}, base::MediaTime{250}, 16000);

  EXPECT_THAT(harness->samples(), ElementsAre(0.5F, 0.0F, 0.0F, 0.0F, 0.0F, 0.25F));
  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("set to 0")));
}

TEST(AudioInput, DoesNotTouchABlockThatAnotherHolds) {
  const auto harness = open();
  media::Packet held = block_at(*harness, 0);
  auto samples = held.payload.writable_as<float>();
  samples[0] = std::numeric_limits<float>::quiet_NaN();

  harness->push(held);

  EXPECT_NE(held.samples()[0], held.samples()[0]) << "still NaN";
  EXPECT_EQ(harness->samples()[0], 0.0F);
}

TEST(AudioInput, RefusesAChangeOfFormatAndMarksWhatFollows) {
  const auto harness = open();
  harness->push_audio(0, std::array{0.1F, 0.2F}, kStart, 16000);

  harness->push_audio(0, std::array{0.3F, 0.4F}, base::MediaTime{125}, 8000);
  harness->push_audio(0, std::array{0.3F, 0.4F}, base::MediaTime{125}, 16000, {}, 2);
  harness->push_audio(0, std::array{0.5F, 0.6F}, base::MediaTime{125}, 16000);

  EXPECT_THAT(harness->samples(), ElementsAre(0.1F, 0.2F, 0.5F, 0.6F));
  EXPECT_FALSE(harness->out()[0].discontinuity);
  EXPECT_TRUE(harness->out()[1].discontinuity);
  EXPECT_THAT(harness->failures(),
              ElementsAre(HasSubstr("8000 Hz and 1 channels was refused: the session began with "
                                    "16000 Hz and 1"),
                          HasSubstr("16000 Hz and 2 channels")));
}

TEST(AudioInput, RefusesAnotherRateThanTheManifestSays) {
  const auto harness = open({.params = {{"rate_hz", 16000}}});

  harness->push_audio(0, std::array{0.1F}, kStart, 8000);
  harness->push_audio(0, std::array{0.2F}, kStart, 16000);

  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("manifest says rate_hz 16000")));
  EXPECT_THAT(harness->samples(), ElementsAre(0.2F));
}

TEST(AudioInput, RefusesBlocksThatAreNotWhatTheySay) {
  const auto harness = open();
  const auto push = [&](std::int32_t rate_hz, std::int16_t channels, std::uint32_t frames) {
    media::Packet packet = block_at(*harness, 0);
    packet.rate_hz = rate_hz;
    packet.channels = channels;
    packet.frames = frames;
    harness->push(packet);
  };

  push(7999, 1, 160);
  push(48001, 1, 160);
  push(16000, 0, 160);
  push(16000, 9, 160);
  push(16000, -1, 160);
  push(16000, 1, 161);
  harness->push_text(0, "text");

  EXPECT_THAT(harness->out(), IsEmpty());
  EXPECT_THAT(harness->failures(), SizeIs(7));
  EXPECT_THAT(harness->failures(), Each(HasSubstr("refused")));
}

TEST(AudioInput, MarksAGapAndRefusesTimeThatRunsBackwards) {
  const auto harness = open();

  harness->push(block_at(*harness, 0));
  harness->push(block_at(*harness, 10));
  harness->push(block_at(*harness, 15));
  harness->push(block_at(*harness, 20));
  harness->push(block_at(*harness, 50));

  ASSERT_THAT(harness->out(), SizeIs(4));
  EXPECT_FALSE(harness->out()[1].discontinuity);
  EXPECT_TRUE(harness->out()[2].discontinuity) << "a block before it was refused";
  EXPECT_TRUE(harness->out()[3].discontinuity) << "20 ms are missing before it";
  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("before the end")));
}

TEST(AudioInput, HandsOnADiscontinuityEvenOfAnEmptyBlock) {
  const auto harness = open();
  harness->push(block_at(*harness, 0));
  media::Packet empty;
  empty.rate_hz = 16000;
  empty.from = empty.to = base::MediaTime{10'000};
  empty.discontinuity = true;

  harness->push(empty);
  harness->push(block_at(*harness, 10));

  ASSERT_THAT(harness->out(), SizeIs(2));
  EXPECT_TRUE(harness->out()[1].discontinuity);
  EXPECT_THAT(harness->failures(), IsEmpty());
}

TEST(AudioInput, HoldsNothingBackAtTheEnd) {
  const auto harness = open();
  harness->push(block_at(*harness, 0));

  harness->end();

  EXPECT_THAT(harness->samples(), SizeIs(160));
}

TEST(AudioInput, RefusesARateThatNoInputHas) {
  const auto harness =
      NodeHarness::create(audio_input_type(), {.params = {{"rate_hz", 7999}}, .id = "mic"});

  ASSERT_FALSE(harness.has_value());
  EXPECT_EQ(harness.error().code, base::Code::bad_manifest);
  EXPECT_THAT(harness.error().text(), HasSubstr("mic: 'rate_hz' is 7999"));
}

TEST(AudioInput, DoesNotAllocateInTheSweep) {
  if (!rt::allocations_watched()) GTEST_SKIP() << "linked without the interposer";
  const auto harness = open({.in_rt = true});

  harness->push_audio(0, std::array{0.5F, -0.5F, 1.0F, 0.5F}, kStart, 48000, {}, 2);
  harness->push_audio(0, std::array{0.5F}, kStart, 8000);

  EXPECT_EQ(harness->allocations(), 0U);
  EXPECT_THAT(harness->failures(), SizeIs(1));
}

}  // namespace
}  // namespace millrace::nodes
