#include "nodes/moonshine_asr/turn_audio.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "millrace/testing/node_harness.hpp"
#include "nodes/moonshine_asr/context_for_test.hpp"

namespace millrace::nodes {
namespace {

using base::MediaTime;
using ::testing::ElementsAre;
using testing::hanging_on;

/// `frames` frames of `value` from `from_ms` on.
media::Packet block(float value, std::size_t frames, std::int64_t from_ms,
                    const media::Lineage& lineage = {}) {
  const std::vector<float> samples(frames, value);
  media::Packet packet;
  packet.rate_hz = 16'000;
  packet.frames = static_cast<std::uint32_t>(frames);
  packet.from = MediaTime{from_ms * 1000};
  packet.to = packet.from + base::media_time(static_cast<std::int64_t>(frames), 16'000);
  packet.lineage = lineage;
  packet.payload = rt::Payload::copy_of(std::as_bytes(std::span(samples)));
  return packet;
}

/// Runs of equal samples: value and length.
std::vector<std::pair<float, std::size_t>> runs(const TurnAudio& audio) {
  std::vector<std::pair<float, std::size_t>> found;
  for (const float x : audio.samples()) {
    if (found.empty() || found.back().first != x) found.emplace_back(x, 0);
    ++found.back().second;
  }
  return found;
}

using Stretch = std::pair<float, std::size_t>;

TEST(TurnAudio, PutsBlocksTogetherAndKnowsTheirTime) {
  TurnAudio audio;
  EXPECT_TRUE(audio.empty());
  audio.append(block(0.1F, 160, 100));
  audio.append(block(0.2F, 160, 110));

  EXPECT_THAT(runs(audio), ElementsAre(Stretch{0.1F, 160}, Stretch{0.2F, 160}));
  EXPECT_EQ(audio.from(), MediaTime{100'000});
  EXPECT_EQ(audio.to(), MediaTime{120'000});
  EXPECT_FALSE(audio.empty());
}

TEST(TurnAudio, PutsSilenceForAGapButNoMoreThanThreeTenthsOfASecond) {
  TurnAudio audio;
  audio.append(block(0.1F, 160, 0));
  audio.append(block(0.2F, 160, 20));
  audio.append(block(0.3F, 160, 5'000));

  EXPECT_THAT(runs(audio),
              ElementsAre(Stretch{0.1F, 160}, Stretch{0.0F, 160}, Stretch{0.2F, 160},
                          Stretch{0.0F, TurnAudio::kMaxSilenceFrames}, Stretch{0.3F, 160}));
}

TEST(TurnAudio, LosesExactlyWhatAWithdrawnSegmentBroughtWithItsSilence) {
  ScriptedContext context;
  const auto first = context.ledger.open(policy::SegmentKind::onset);
  const auto second = context.ledger.open(policy::SegmentKind::onset);
  const auto third = context.ledger.open(policy::SegmentKind::onset);
  TurnAudio audio;
  audio.append(block(0.1F, 160, 0, hanging_on(first)));
  const TurnAudio::Mark before = audio.mark();
  audio.append(block(0.2F, 160, 20, hanging_on(second)));
  EXPECT_FALSE(audio.mark() == before);
  context.ledger.cancel(second);
  audio.drop_withdrawn(context);

  EXPECT_THAT(runs(audio), ElementsAre(Stretch{0.1F, 160}));
  EXPECT_EQ(audio.mark(), before) << "the same audio as before the segment came";
  audio.append(block(0.3F, 160, 40, hanging_on(third)));
  EXPECT_THAT(runs(audio), ElementsAre(Stretch{0.1F, 160}, Stretch{0.0F, 480}, Stretch{0.3F, 160}));
  EXPECT_FALSE(audio.mark() == before);

  context.ledger.cancel(first);
  audio.drop_withdrawn(context);
  EXPECT_THAT(runs(audio), ElementsAre(Stretch{0.0F, 480}, Stretch{0.3F, 160}));
  media::Lineage lineage;
  EXPECT_TRUE(audio.gather(lineage, context));
  EXPECT_EQ(lineage, hanging_on(third));
}

TEST(TurnAudio, ForgetsConfirmedSegmentsOfALongTurnBeforeItRefuses) {
  ScriptedContext context;
  TurnAudio audio;
  std::vector<base::SegmentId> segments;
  for (int i = 0; i < 20; ++i) {
    segments.push_back(context.ledger.open(policy::SegmentKind::onset));
    audio.append(block(0.1F, 160, 10 * i, hanging_on(segments.back())));
  }
  media::Lineage lineage;
  EXPECT_FALSE(audio.gather(lineage, context)) << "20 unconfirmed ones have no room";

  for (const auto segment : segments) context.ledger.confirm(segment);
  lineage = {};
  EXPECT_TRUE(audio.gather(lineage, context));
  EXPECT_TRUE(lineage.hangs_on(segments.back()));
}

TEST(TurnAudio, KeepsTheWordsOfAudioThatWentAndWhatTheyHangOn) {
  ScriptedContext context;
  const auto first = context.ledger.open(policy::SegmentKind::onset);
  const auto second = context.ledger.open(policy::SegmentKind::onset);
  TurnAudio audio;
  audio.append(block(0.1F, 1'600, 0, hanging_on(first)));
  audio.append(block(0.2F, 1'600, 100, hanging_on(second)));
  const TurnAudio::Mark before = audio.mark();

  EXPECT_TRUE(audio.front_goes(1'000, "one", context));
  EXPECT_EQ(audio.mark(), before) << "what is held stands for the same audio";
  EXPECT_THAT(runs(audio), ElementsAre(Stretch{0.1F, 600}, Stretch{0.2F, 1'600}));
  EXPECT_TRUE(audio.front_goes(1'000, "two", context));
  EXPECT_THAT(runs(audio), ElementsAre(Stretch{0.2F, 1'200}));
  EXPECT_EQ(audio.text_with("three"), "one two three");
  EXPECT_EQ(audio.text_with(""), "one two");
  EXPECT_EQ(audio.from(), MediaTime{0});
  EXPECT_EQ(audio.to(), MediaTime{200'000});

  context.ledger.cancel(first);
  audio.drop_withdrawn(context);
  EXPECT_EQ(audio.text_with("three"), "three") << "both parts had words of the first segment";
  EXPECT_EQ(audio.from(), MediaTime{125'000});

  EXPECT_TRUE(audio.front_goes(1'200, "all", context));
  EXPECT_FALSE(audio.empty());
  EXPECT_EQ(audio.to(), MediaTime{200'000});
}

TEST(TurnAudio, KeepsNoMoreWordsThanAPacketHasRoomFor) {
  ScriptedContext context;
  TurnAudio audio;
  audio.append(block(0.1F, 300, 0));
  const std::string much(TurnAudio::kMaxTextBytes - 1, 'a');

  EXPECT_TRUE(audio.front_goes(100, much, context));
  EXPECT_FALSE(audio.front_goes(100, "one too many", context));
  EXPECT_EQ(audio.samples().size(), 100U) << "its audio went all the same";
  EXPECT_EQ(audio.text_with(""), much);
}

TEST(TurnAudio, EndsATurnAndThoseBeforeItAlone) {
  ScriptedContext context;
  const auto of = [](std::uint32_t turn) { return hanging_on(base::TurnId{turn}, 0); };
  TurnAudio audio;
  audio.append(block(0.1F, 160, 0));
  audio.append(block(0.2F, 160, 10, of(1)));
  audio.append(block(0.3F, 160, 20, of(2)));
  audio.append(block(0.4F, 160, 30, of(3)));

  audio.drop_turn({2});
  EXPECT_THAT(runs(audio), ElementsAre(Stretch{0.4F, 160}));
  audio.drop_turn({3});
  EXPECT_TRUE(audio.empty());
}

TEST(TurnAudio, IsCutWhereItIsQuietest) {
  std::vector<float> samples(16'000, 0.5F);
  std::fill_n(samples.begin() + 2'000, 1'000, 0.0F);
  std::fill_n(samples.begin() + 12'000, 400, 0.1F);

  EXPECT_NEAR(static_cast<double>(quietest(samples, 8'000)), 12'200.0, 200.0);
  EXPECT_EQ(quietest(std::span(samples).first(100), 50), 100U) << "too short to look";
}

}  // namespace
}  // namespace millrace::nodes
