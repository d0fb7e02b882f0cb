#include "nodes/audio_output/audio_output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "millrace/rt/guard.hpp"
#include "millrace/testing/node_harness.hpp"

namespace millrace::nodes {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::hanging_on;
using testing::HarnessOptions;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NodeHarness;
using ::testing::SizeIs;
using namespace std::chrono_literals;

constexpr std::array kBlock{0.1F, -0.2F, 0.3F, -0.4F};

std::unique_ptr<NodeHarness> open(HarnessOptions options = {}) {
  auto harness = NodeHarness::create(audio_output_type(), std::move(options));
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

media::Packet block(NodeHarness& harness, std::int32_t rate_hz, std::int16_t channels,
                    std::uint32_t frames) {
  media::Packet packet;
  packet.rate_hz = rate_hz;
  packet.channels = channels;
  packet.frames = frames;
  packet.payload = harness.pool().copy_of(std::as_bytes(std::span{kBlock}));
  return packet;
}

TEST(AudioOutput, LetsAudioOutAsItCameWithoutACopy) {
  const auto harness = open();
  const base::SegmentId segment = harness->ledger().open(policy::SegmentKind::onset);
  media::Packet in = block(*harness, 16000, 2, 2);
  in.from = base::MediaTime{5};
  in.discontinuity = true;
  in.lineage = hanging_on(segment);

  harness->push(in);

  ASSERT_THAT(harness->out(), SizeIs(1));
  EXPECT_EQ(harness->out()[0].payload.bytes().data(), in.payload.bytes().data());
  EXPECT_EQ(harness->out()[0].from, in.from);
  EXPECT_TRUE(harness->out()[0].discontinuity);
  EXPECT_EQ(harness->out()[0].lineage, in.lineage);
}

TEST(AudioOutput, TakesAnyRateAndItsChange) {
  const auto harness = open();

  harness->push(block(*harness, 8000, 1, 4));
  harness->push(block(*harness, 48000, 4, 1));

  EXPECT_THAT(harness->samples(), SizeIs(8));
  EXPECT_THAT(harness->failures(), IsEmpty());
}

TEST(AudioOutput, RefusesBlocksThatAreNotWhatTheySay) {
  const auto harness = open();

  harness->push_text(0, "text");
  harness->push(block(*harness, 7999, 1, 4));
  harness->push(block(*harness, 48001, 1, 4));
  harness->push(block(*harness, 16000, 0, 4));
  harness->push(block(*harness, 16000, 9, 4));
  harness->push(block(*harness, 16000, -1, 4));
  harness->push(block(*harness, 16000, 1, 5));

  EXPECT_THAT(harness->out(), IsEmpty());
  ASSERT_THAT(harness->failures(), SizeIs(7));
  EXPECT_THAT(harness->failures(), Each(HasSubstr("refused")));
}

TEST(AudioOutput, LetsAnEmptyBlockOutOnlyWhenItEndsAReply) {
  const auto harness = open();
  media::Packet empty;
  empty.rate_hz = 16000;
  empty.payload = harness->pool().acquire(0);

  harness->push(empty);
  EXPECT_THAT(harness->out(), IsEmpty());
  empty.last = true;
  harness->push(empty);

  ASSERT_THAT(harness->out(), SizeIs(1));
  EXPECT_TRUE(harness->out()[0].last);
}

TEST(AudioOutput, HoldsNothingBackAtACancelOrTheEnd) {
  const auto harness = open();
  const base::SegmentId segment = harness->ledger().open(policy::SegmentKind::onset);
  harness->push_audio(0, kBlock, base::MediaTime{0}, 16000, hanging_on(segment));

  harness->cancel(segment);
  harness->end();
  harness->push_audio(0, kBlock, base::MediaTime{250}, 16000);

  EXPECT_THAT(harness->out(), SizeIs(2));
}

TEST(AudioOutput, DeclaresTheCushionAsLatency) {
  EXPECT_EQ(open()->stage().latency(), 0ms);
  EXPECT_EQ(open({.params = {{"pace", true}}})->stage().latency(), 0ms);
  EXPECT_EQ(open({.params = {{"pace", true}, {"cushion_ms", 60}}})->stage().latency(), 60ms);
}

TEST(AudioOutput, AsksForThePaceThatTheManifestGives) {
  EXPECT_FALSE(open()->stage().pacing().has_value());

  const auto wide = open({.params = {{"pace", true}, {"cushion_ms", 300}}});
  ASSERT_TRUE(wide->stage().pacing().has_value());
  EXPECT_EQ(wide->stage().pacing()->cushion, 300ms);
  EXPECT_EQ(wide->stage().pacing()->cushion_max, 300ms) << "never smaller than the cushion";
  EXPECT_EQ(open({.params = {{"pace", true}}})->stage().pacing()->cushion_max, 200ms);
}

TEST(AudioOutput, GivesTheFormatThatComesIn) {
  const auto harness =
      open({.inputs = {{.kind = media::PacketKind::audio, .rate_hz = 24000, .channels = 1}}});

  EXPECT_EQ(harness->stage().output_format(0).rate_hz, 24000);
}

TEST(AudioOutput, RefusesACushionThatCannotAct) {
  const auto smaller = NodeHarness::create(
      audio_output_type(),
      {.params = {{"pace", true}, {"cushion_ms", 60}, {"cushion_max_ms", 40}}, .id = "speaker"});
  const auto without_pace =
      NodeHarness::create(audio_output_type(), {.params = {{"cushion_ms", 60}}, .id = "speaker"});

  ASSERT_FALSE(smaller.has_value());
  EXPECT_EQ(smaller.error().code, base::Code::bad_manifest);
  EXPECT_THAT(smaller.error().text(), HasSubstr("speaker: 'cushion_max_ms' is smaller"));
  ASSERT_FALSE(without_pace.has_value());
  EXPECT_THAT(without_pace.error().message, HasSubstr("'pace: true'"));
}

TEST(AudioOutput, DoesNotAllocateInTheSweep) {
  if (!rt::allocations_watched()) GTEST_SKIP() << "linked without the interposer";
  const auto harness = open({.in_rt = true});

  harness->push_audio(0, kBlock, base::MediaTime{0}, 16000);
  harness->push(block(*harness, 0, 1, 4));

  EXPECT_EQ(harness->allocations(), 0U);
}

}  // namespace
}  // namespace millrace::nodes
