#include "nodes/audio_resample/audio_resample.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "millrace/media/resampler.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/testing/node_harness.hpp"

namespace millrace::nodes {
namespace {

using base::media_time;
using base::MediaTime;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NodeHarness;
using ::testing::SizeIs;

constexpr std::int32_t kIn = 48'000;
constexpr std::int32_t kOut = 16'000;

std::unique_ptr<NodeHarness> open(node::Format input, std::vector<testing::GivenParam> params = {},
                                  bool in_rt = false) {
  auto harness = NodeHarness::create(
      audio_resample_type(), {.params = std::move(params), .inputs = {input}, .in_rt = in_rt});
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

std::unique_ptr<NodeHarness> open_48() {
  return open({.rate_hz = kIn, .channels = 1});
}

std::vector<float> tone(std::size_t frames, std::size_t channels = 1) {
  std::vector<float> samples(frames * channels);
  for (std::size_t i = 0; i < frames; ++i)
    for (std::size_t c = 0; c < channels; ++c)
      samples[i * channels + c] =
          0.5F * std::sin(0.04F * static_cast<float>(i) * static_cast<float>(c + 1));
  return samples;
}

/// What the conversion gives when the whole stream comes at once.
std::vector<float> whole(std::span<const float> in, std::size_t channels = 1) {
  auto resampler = media::Resampler::create(kIn, kOut, media::ResampleQuality::low, channels);
  const std::size_t frames = in.size() / channels;
  std::vector<float> out((frames / 3 + 2) * channels);
  const auto step = resampler->process(in, out);
  const std::size_t rest = resampler->flush(std::span(out).subspan(step.produced * channels));
  out.resize((step.produced + rest) * channels);
  return out;
}

media::Packet audio(NodeHarness& harness, std::span<const float> samples, MediaTime from,
                    MediaTime to) {
  media::Packet packet;
  packet.rate_hz = kIn;
  packet.frames = static_cast<std::uint32_t>(samples.size());
  packet.from = from;
  packet.to = to;
  packet.payload = harness.pool().copy_of(std::as_bytes(samples));
  return packet;
}

TEST(AudioResample, GivesTheSameBitsAndExactTimesForEveryCut) {
  const std::vector<float> in = tone(kIn);
  const std::vector<float> expected = whole(in);
  std::mt19937 random{3};
  for (const std::size_t block : {std::size_t{0}, std::size_t{1}, std::size_t{480},
                                  std::size_t{960}, std::size_t{1488}, std::size_t{48'000}}) {
    const auto harness = open_48();
    for (std::size_t at = 0; at < in.size();) {
      const std::size_t wanted = block > 0 ? block : 1 + random() % 2000;
      const std::size_t frames = std::min(wanted, in.size() - at);
      harness->push_audio(0, std::span(in).subspan(at, frames),
                          media_time(static_cast<std::int64_t>(at), kIn), kIn);
      at += frames;
    }
    harness->end();

    EXPECT_EQ(harness->samples(), expected) << "blocks of " << block;
    std::int64_t frame = 0;
    for (const media::Packet& packet : harness->out()) {
      EXPECT_EQ(packet.from, media_time(frame, kOut));
      frame += packet.frames;
      EXPECT_EQ(packet.to, media_time(frame, kOut));
      EXPECT_EQ(packet.rate_hz, kOut);
      EXPECT_FALSE(packet.discontinuity);
    }
    EXPECT_THAT(harness->failures(), IsEmpty());
  }
}

TEST(AudioResample, SendsEachBlockAtOnceLessTheDelayOfTheFilter) {
  const auto harness = open_48();
  harness->push_audio(0, tone(960), MediaTime{0}, kIn);

  ASSERT_THAT(harness->out(), SizeIs(1));
  const MediaTime missing = MediaTime{20'000} - harness->out()[0].to;
  EXPECT_GT(missing, MediaTime{0});
  EXPECT_LE(missing, harness->stage().latency() + media_time(1, kOut));
  EXPECT_LT(harness->stage().latency(), MediaTime{1'000});
}

TEST(AudioResample, KeepsEveryChannel) {
  const std::vector<float> in = tone(4'800, 2);
  const auto harness = open({.rate_hz = kIn, .channels = 2});
  harness->push_audio(0, in, MediaTime{0}, kIn, {}, 2);
  harness->end();

  EXPECT_EQ(harness->samples(), whole(in, 2));
  EXPECT_EQ(harness->out()[0].channels, 2);
  EXPECT_EQ(harness->stage().output_format(0).channels, 2);
}

TEST(AudioResample, PassesOnWhatHasTheRateAlready) {
  const std::vector<float> in = tone(320);
  const auto harness = open({.rate_hz = kOut, .channels = 1});
  harness->push_audio(0, in, MediaTime{40'000}, kOut);
  harness->end();

  EXPECT_EQ(harness->samples(), in);
  EXPECT_EQ(harness->out()[0].from, MediaTime{40'000});
  EXPECT_EQ(harness->stage().latency(), MediaTime{0});
}

TEST(AudioResample, TakesTheFormatFromTheFirstBlockWhenThePlanKnewNone) {
  const std::vector<float> in = tone(4'800);
  const auto harness = open({});
  harness->push_audio(0, in, MediaTime{0}, kIn);
  harness->end();

  EXPECT_EQ(harness->samples(), whole(in));
}

TEST(AudioResample, EndsTheStreamAtAGapAndBeginsAnewWhereTheAudioGoesOn) {
  const std::vector<float> in = tone(9'600);
  const auto harness = open_48();
  harness->push_audio(0, std::span(in).first(960), MediaTime{0}, kIn);
  harness->push_audio(0, std::span(in).subspan(4'800, 960), MediaTime{100'000}, kIn);
  harness->end();

  const auto& out = harness->out();
  ASSERT_THAT(out, SizeIs(4));
  EXPECT_EQ(out[1].to, MediaTime{20'000});
  EXPECT_FALSE(out[1].discontinuity);
  EXPECT_EQ(out[2].from, MediaTime{100'000});
  EXPECT_TRUE(out[2].discontinuity);
  EXPECT_EQ(out[3].to, MediaTime{120'000});
  EXPECT_FALSE(out[3].discontinuity);
  // Neither side of the gap is heard on the other.
  const std::vector<float> first = whole(std::span(in).first(960));
  const std::vector<float> second = whole(std::span(in).subspan(4'800, 960));
  std::vector<float> both = first;
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_EQ(harness->samples(), both);
}

TEST(AudioResample, KeepsTimesFromOverlappingWhereAMarkedBreakLosesNoTime) {
  const auto harness = open_48();
  const std::vector<float> in = tone(961);
  // 961 frames end between two output frames, so the next stream begins on the later one.
  harness->push(audio(*harness, in, MediaTime{0}, media_time(961, kIn)));
  media::Packet next = audio(*harness, in, media_time(961, kIn), media_time(1'922, kIn));
  next.discontinuity = true;
  harness->push(std::move(next));
  harness->end();

  const auto& out = harness->out();
  ASSERT_THAT(out, SizeIs(4));
  for (std::size_t i = 1; i < out.size(); ++i) EXPECT_EQ(out[i].from, out[i - 1].to);
  EXPECT_TRUE(out[2].discontinuity);
  EXPECT_LT(out[2].from - media_time(961, kIn), media_time(1, kOut) + MediaTime{1});
}

TEST(AudioResample, EndsAReplyWithItsLastBlockAndLeavesItsTimesAlone) {
  const std::vector<float> in = tone(1'920);
  const auto harness = open_48();
  harness->push(audio(*harness, std::span(in).first(960), MediaTime{5'000}, MediaTime{9'000}));
  media::Packet end =
      audio(*harness, std::span(in).subspan(960), MediaTime{5'000}, MediaTime{9'000});
  end.last = true;
  harness->push(std::move(end));

  EXPECT_EQ(harness->samples(), whole(in));
  ASSERT_THAT(harness->out(), SizeIs(2));
  EXPECT_FALSE(harness->out()[0].last);
  EXPECT_TRUE(harness->out()[1].last);
  EXPECT_EQ(harness->out()[1].from, MediaTime{5'000});
  EXPECT_EQ(harness->out()[1].to, MediaTime{9'000});
}

TEST(AudioResample, LetsNothingOfABrokenOffReplyIntoTheNext) {
  const std::vector<float> loud(960, 0.9F);
  const std::vector<float> quiet(960, 0.0F);
  const auto harness = open_48();
  const base::TurnId turn = harness->ledger().open_turn();
  const auto first = harness->ledger().guess(turn);
  media::Packet broken = audio(*harness, loud, MediaTime{5'000}, MediaTime{9'000});
  broken.lineage = testing::hanging_on(turn, first);
  harness->push(std::move(broken));
  harness->ledger().withdraw(turn, first);
  harness->clear();

  media::Packet next = audio(*harness, quiet, MediaTime{5'000}, MediaTime{12'000});
  next.lineage = testing::hanging_on(turn, harness->ledger().guess(turn));
  harness->push(std::move(next));

  EXPECT_THAT(harness->samples(), ::testing::Each(0.0F));
  EXPECT_EQ(harness->emitted_after_stop(), 0U);
}

TEST(AudioResample, GivesTheEndOfAReplyEvenWhenNoSampleIsLeft) {
  const auto harness = open_48();
  media::Packet end = audio(*harness, {}, MediaTime{0}, MediaTime{0});
  end.last = true;
  harness->push(std::move(end));

  ASSERT_THAT(harness->out(), SizeIs(1));
  EXPECT_TRUE(harness->out()[0].last);
  EXPECT_EQ(harness->out()[0].frames, 0U);
}

TEST(AudioResample, RefusesAnotherRateOnceAndGoesOnWhenTheFirstComesBack) {
  const auto harness = open_48();
  const std::vector<float> in = tone(960);
  harness->push_audio(0, in, MediaTime{0}, kIn);
  harness->push_audio(0, in, MediaTime{20'000}, 44'100);
  harness->push_audio(0, in, MediaTime{40'000}, 44'100);
  harness->push_audio(0, in, MediaTime{60'000}, kIn);
  harness->push_audio(0, tone(480, 2), MediaTime{80'000}, kIn, {}, 2);
  harness->end();

  EXPECT_THAT(harness->failures(), SizeIs(2));
  EXPECT_EQ(harness->out().back().to, MediaTime{80'000});
  EXPECT_TRUE(harness->out()[2].discontinuity);
  EXPECT_EQ(harness->out()[2].from, MediaTime{60'000});
}

TEST(AudioResample, RefusesWhatIsNoAudioOrLiesAboutItself) {
  const auto harness = open_48();
  harness->push_text(0, "hello");
  media::Packet lying = audio(*harness, tone(10), MediaTime{0}, MediaTime{0});
  lying.frames = 11;
  harness->push(std::move(lying));
  harness->push_audio(0, tone(10), MediaTime{0}, 7'999);
  harness->push_audio(0, tone(10), MediaTime{-20}, kIn);

  EXPECT_THAT(harness->failures(), SizeIs(4));
  EXPECT_THAT(harness->out(), IsEmpty());
}

TEST(AudioResample, TellsAtThePlanWhenARatioIsImpossible) {
  const auto made = NodeHarness::create(
      audio_resample_type(), {.params = {{"rate_hz", std::int64_t{47'999}}, {"quality", "high"}},
                              .inputs = {{.rate_hz = 47'989, .channels = 1}},
                              .id = "resample"});
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, base::Code::bad_manifest);
  EXPECT_EQ(made.error().where, "resample");
}

TEST(AudioResample, CountsARatioThatTurnsOutImpossibleOnce) {
  const auto harness = open({}, {{"rate_hz", std::int64_t{47'999}}, {"quality", "high"}});
  for (int i = 0; i < 3; ++i) harness->push_audio(0, tone(480), MediaTime{0}, 47'989);

  EXPECT_THAT(harness->failures(), ElementsAre(AllOf(HasSubstr("47989 to 47999 Hz needs"),
                                                     HasSubstr("convert the audio to a usual"))));
}

TEST(AudioResample, NeitherAllocatesNorLocksInTheSweep) {
  const auto harness = open({.rate_hz = kIn, .channels = 1}, {}, true);
  const std::vector<float> in = tone(960);
  for (int i = 0; i < 20; ++i)
    harness->push_audio(0, in, MediaTime{i * 20'000 + (i > 9 ? 7'000 : 0)}, kIn);
  harness->end();

  EXPECT_EQ(harness->allocations(), 0U);
  EXPECT_EQ(harness->locks(), 0U);
  EXPECT_EQ(harness->out().back().to, MediaTime{407'000});
}

}  // namespace
}  // namespace millrace::nodes
