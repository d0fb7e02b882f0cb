#include "nodes/flite_tts/flite_tts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "millrace/base/limits.hpp"
#include "millrace/testing/node_harness.hpp"

namespace millrace::nodes {
namespace {

using base::MediaTime;
using media::ControlType;
using media::TextRole;
using ::testing::ElementsAre;
using testing::GivenParam;
using testing::hanging_on;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NodeHarness;
using ::testing::SizeIs;

constexpr std::int32_t kRate = 16'000;
constexpr std::size_t kAudio = 0;
constexpr std::size_t kHeard = 1;
constexpr const char* kAnswer = "We are open from nine to five. Please come in. Thank you.";

std::unique_ptr<NodeHarness> open(std::vector<GivenParam> params = {}) {
  auto harness = NodeHarness::create(flite_tts_type(), {.params = std::move(params)});
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

std::vector<float> spoken(const std::string& text, std::vector<GivenParam> params = {}) {
  const auto harness = open(std::move(params));
  harness->push_text(0, text);
  return harness->samples();
}

/// Ends of replies among what was emitted.
std::ptrdiff_t ends(const NodeHarness& harness) {
  const std::vector<media::Packet> data = harness.data();
  return std::ranges::count_if(data, &media::Packet::last);
}

/// Interrupts `turn` after `played` of the audio that the harness has got so far.
void interrupt(NodeHarness& harness, base::TurnId turn, double played) {
  media::Control control;
  control.type = ControlType::interrupt;
  control.turn = turn;
  control.from = MediaTime{7'000'000};
  control.played =
      base::media_time(std::llround(played * static_cast<double>(harness.samples().size())), kRate);
  harness.push_control(control);
}

/// A turn that has ended, with its answer spoken.
base::TurnId answered(NodeHarness& harness, const std::string& answer) {
  const base::TurnId turn = harness.ledger().open_turn();
  const base::Revision revision = harness.ledger().guess(turn);
  harness.push_text(0, answer, TextRole::complete, hanging_on(turn, revision));
  harness.marker(ControlType::end_of_turn, turn, revision);
  return turn;
}

/// One text with what it should give up.
media::Packet hurried(std::string_view text, media::GiveUp give_up) {
  media::Packet packet;
  packet.kind = media::PacketKind::text;
  packet.role = TextRole::complete;
  packet.give_up = give_up;
  packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const char>(text)));
  return packet;
}

TEST(FliteTts, MakesLessBeforeItsFirstPacketWhenItGivesUpTheFirstChunk) {
  const auto harness = open();
  const std::vector<float> beginning = spoken("We are open");
  harness->push(hurried("We are open from nine to five.", {.smaller_first_chunk = true}));

  const std::vector<float> all = harness->samples();
  ASSERT_GT(all.size(), beginning.size());
  EXPECT_TRUE(std::equal(beginning.begin(), beginning.end(), all.begin()))
      << "the first three words are made, and sent, by themselves";
}

TEST(FliteTts, SpeaksCoarselyWhenItGivesUpQuality) {
  const std::vector<float> full = spoken("We are open from nine to five.");
  const auto harness = open();
  harness->push(hurried("We are open from nine to five.", {.lower_quality = true}));

  EXPECT_EQ(harness->samples().size(), full.size());
  EXPECT_NE(harness->samples(), full);
}

TEST(FliteTts, SpeaksAsLongAsAPersonWould) {
  const std::vector<float> samples = spoken("The quick brown fox jumps over the lazy dog.");

  const double seconds = static_cast<double>(samples.size()) / kRate;
  EXPECT_GT(seconds, 1.5);
  EXPECT_LT(seconds, 5.0);
  double energy = 0.0;
  float loudest = 0.0F;
  for (const float x : samples) {
    energy += static_cast<double>(x) * static_cast<double>(x);
    loudest = std::max(loudest, std::abs(x));
  }
  EXPECT_GT(std::sqrt(energy / static_cast<double>(samples.size())), 0.01);
  EXPECT_LE(loudest, 1.0F);
}

TEST(FliteTts, SaysWhatItSendsAndCutsItAsAsked) {
  const auto harness = open({{"chunk_ms", std::int64_t{100}}});
  harness->push_text(0, kAnswer);

  const std::vector<media::Packet> data = harness->data();
  ASSERT_GT(data.size(), 10U);
  EXPECT_EQ(data[0].frames, 640U) << "a short first packet";
  EXPECT_EQ(data[1].frames, 1'600U);
  for (const media::Packet& packet : data) {
    EXPECT_EQ(packet.rate_hz, kRate);
    EXPECT_EQ(packet.channels, 1);
    EXPECT_EQ(packet.samples().size(), packet.frames);
    EXPECT_LE(packet.frames, 1'600U);
    EXPECT_GT(packet.frames, 0U);
  }
  EXPECT_EQ(spoken(kAnswer), harness->samples()) << "the cut changes no sample";
}

TEST(FliteTts, NoPacketIsLongerThanAskedNotEvenTheFirst) {
  const auto harness = open({{"chunk_ms", std::int64_t{20}}});
  harness->push_text(0, "Hello.");

  for (const media::Packet& packet : harness->data()) EXPECT_LE(packet.frames, 320U);
}

TEST(FliteTts, MarksTheEndOfAReplyOnItsLastPacket) {
  const auto harness = open();
  harness->push_text(0, kAnswer);

  EXPECT_EQ(ends(*harness), 1);
  EXPECT_TRUE(harness->data().back().last);
}

TEST(FliteTts, TakesAReplySentenceBySentence) {
  const auto harness = open();
  harness->push_text(0, "We are open from nine to five.", TextRole::sentence);
  harness->push_text(0, "Please come in.", TextRole::sentence);
  EXPECT_EQ(ends(*harness), 0);
  const std::size_t before = harness->data().size();
  harness->push_text(0, "Thank you.");

  EXPECT_EQ(harness->samples(), spoken(kAnswer));
  EXPECT_EQ(ends(*harness), 1);
  EXPECT_EQ(harness->data()[before].frames, 3'200U) << "only a reply begins with a short packet";
  harness->push_text(0, "Another one.");
  EXPECT_EQ(harness->data()[harness->data().size() - 1].last, true);
  EXPECT_EQ(ends(*harness), 2);
}

TEST(FliteTts, TellsWhenNothingOfATextCouldBeSpoken) {
  const auto harness = open();
  harness->push_text(0, "\u3053\u3093\u306b\u3061\u306f");
  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("the voice reads English")));
  harness->push_text(0, " \u2026 \u2014 ... ");

  EXPECT_THAT(harness->failures(), SizeIs(1)) << "marks alone are no words";
}

TEST(FliteTts, EndsAReplyWhoseLastTextHasNothingToSay) {
  const auto harness = open();
  harness->push_text(0, "Hello.", TextRole::sentence);
  const std::size_t before = harness->samples().size();
  harness->push_text(0, " ... ");

  EXPECT_EQ(harness->samples().size(), before);
  EXPECT_TRUE(harness->data().back().last);
  EXPECT_EQ(harness->data().back().frames, 0U);
}

TEST(FliteTts, SaysNothingForTextWithoutWordsAndForPartials) {
  const auto harness = open();
  harness->push_text(0, "");
  harness->push_text(0, " \n");
  harness->push_text(0, "\U0001f600");
  harness->push_text(0, "not yet sure", TextRole::partial);

  EXPECT_THAT(harness->data(), IsEmpty());
  EXPECT_THAT(harness->failures(), IsEmpty());
}

TEST(FliteTts, SpeaksLettersOfOtherLanguagesAsNearAsItCan) {
  EXPECT_EQ(spoken("A caf\u00e9 \u4f60 \u201copen\u201d."), spoken("A cafe   \"open\"."));
  EXPECT_FALSE(spoken("\xff\xfe Hello \x80.").empty());
}

TEST(FliteTts, HasTwoVoicesAndSpeaksAtTheRateAsked) {
  const std::string text = "One two three four.";
  const std::vector<float> slt = spoken(text);

  EXPECT_NE(spoken(text, {{"voice", "kal16"}}), slt);
  EXPECT_LT(spoken(text, {{"rate", 2.0}}).size(), slt.size() * 7 / 10);
}

TEST(FliteTts, SpeechHangsOnItsTextAndKeepsABreakInIt) {
  const auto harness = open();
  media::Packet text;
  text.kind = media::PacketKind::text;
  text.payload = harness->pool().copy_of(std::as_bytes(std::span{"Hello there.", 12}));
  text.lineage = hanging_on(harness->ledger().open(policy::SegmentKind::onset));
  text.from = MediaTime{10};
  text.to = MediaTime{20};
  text.discontinuity = true;
  harness->push(text);

  const std::vector<media::Packet> data = harness->data();
  ASSERT_GT(data.size(), 1U);
  for (const media::Packet& packet : data) {
    EXPECT_EQ(packet.lineage, text.lineage);
    EXPECT_EQ(packet.to, text.to);
    EXPECT_EQ(packet.discontinuity, &packet == &data.front());
    EXPECT_FALSE(packet.last) << "the text was not the last of its reply";
  }
}

TEST(FliteTts, GivesUpAtOnceWhenItsTurnIsWithdrawn) {
  const auto harness = open();
  const base::TurnId turn = harness->ledger().open_turn();
  const base::Revision revision = harness->ledger().guess(turn);
  harness->on_emit([&](const media::Packet&) {
    if (harness->data().size() == 2) harness->ledger().withdraw(turn, revision);
  });
  harness->push_text(0, kAnswer, TextRole::complete, hanging_on(turn, revision));

  EXPECT_THAT(harness->data(), SizeIs(2));
  EXPECT_EQ(harness->emitted_after_stop(), 0U);
  EXPECT_EQ(ends(*harness), 0);
}

TEST(FliteTts, GivesUpWhenTheSessionStopsAndMakesNothingOnceStopped) {
  const auto harness = open();
  harness->stop();
  harness->push_text(0, kAnswer);

  EXPECT_EQ(harness->emitted_after_stop(), 0U);
  EXPECT_THAT(harness->data(), IsEmpty());
  EXPECT_THAT(harness->failures(), IsEmpty());
}

TEST(FliteTts, TellsWhichWordsWereHeardBeforeAnInterruption) {
  struct Case {
    double played;
    const char* from;
    const char* to;
  };
  for (const Case& want :
       {Case{0.0, "", ""}, Case{0.5, "We are open", "We are open from nine to five. Please come"},
        Case{1.0, kAnswer, kAnswer}, Case{2.0, kAnswer, kAnswer}}) {
    const auto harness = open();
    const base::TurnId turn = answered(*harness, kAnswer);
    interrupt(*harness, turn, want.played);

    ASSERT_THAT(harness->texts(kHeard), SizeIs(1)) << want.played;
    const std::string heard = harness->texts(kHeard)[0];
    EXPECT_TRUE(heard.starts_with(want.from)) << heard;
    EXPECT_TRUE(std::string(want.to).starts_with(heard)) << heard;
    EXPECT_TRUE(std::string(kAnswer).starts_with(heard)) << heard;
  }
}

TEST(FliteTts, WhatWasHeardIsToldInTheSpellingOfTheReply) {
  const std::string answer = "Caf\u00e9 \u201cL\u2019\u00e9t\u00e9\u201d is open. Yes.";
  const auto harness = open();
  interrupt(*harness, answered(*harness, answer), 1.0);

  EXPECT_THAT(harness->texts(kHeard), ElementsAre(answer));
}

TEST(FliteTts, WhatWasHeardHangsOnNothingThatIsDead) {
  const auto harness = open();
  const base::TurnId turn = answered(*harness, kAnswer);
  interrupt(*harness, turn, 0.5);

  const std::vector<media::Packet> heard = harness->data(kHeard);
  ASSERT_THAT(heard, SizeIs(1));
  EXPECT_TRUE(heard[0].lineage.empty());
  EXPECT_TRUE(harness->ledger().live(heard[0].lineage));
  EXPECT_FALSE(harness->ledger().live(hanging_on(turn, 1)));
  EXPECT_EQ(heard[0].about_turn, turn) << "but it says what it tells of";
  EXPECT_EQ(heard[0].about_revision, 1U);
  EXPECT_EQ(heard[0].role, TextRole::complete);
  EXPECT_TRUE(heard[0].last);
  EXPECT_EQ(heard[0].from, MediaTime{7'000'000});
}

TEST(FliteTts, TellsOfEachReplyOnceAndOfNoneThatWasNot) {
  const auto harness = open();
  const base::TurnId silent = harness->ledger().open_turn();
  interrupt(*harness, silent, 0.0);
  EXPECT_THAT(harness->texts(kHeard), IsEmpty());

  const base::TurnId turn = answered(*harness, "Yes.");
  interrupt(*harness, turn, 1.0);
  interrupt(*harness, turn, 1.0);
  EXPECT_THAT(harness->texts(kHeard), ElementsAre("Yes."));
}

TEST(FliteTts, AGuessAboutALaterTurnWasNotHeard) {
  const auto harness = open();
  answered(*harness, "The first answer.");
  const std::size_t length = harness->samples().size();
  const base::TurnId next = harness->ledger().open_turn();
  const base::Revision guess = harness->ledger().guess(next);
  harness->push_text(0, "A guess.", TextRole::complete, hanging_on(next, guess));

  interrupt(*harness, next,
            static_cast<double>(length) / static_cast<double>(harness->samples().size()));

  EXPECT_THAT(harness->texts(kHeard), ElementsAre("The first answer."));
}

TEST(FliteTts, WhatWasWithdrawnWasNotHeard) {
  const auto harness = open();
  const base::TurnId turn = harness->ledger().open_turn();
  const base::Revision first = harness->ledger().guess(turn);
  harness->push_text(0, "Wrong.", TextRole::complete, hanging_on(turn, first));
  harness->marker(ControlType::turn_resumed, turn, first);
  const base::Revision second = harness->ledger().guess(turn);
  harness->push_text(0, "Right.", TextRole::complete, hanging_on(turn, second));
  harness->marker(ControlType::end_of_turn, turn, second);

  interrupt(*harness, turn, 1.0);

  EXPECT_THAT(harness->texts(kHeard), ElementsAre("Right."));
}

TEST(FliteTts, AnInterruptedReplyIsRememberedAsFarAsItCame) {
  const auto harness = open();
  const base::TurnId turn = harness->ledger().open_turn();
  const base::Revision revision = harness->ledger().guess(turn);
  harness->on_emit([&](const media::Packet& packet) {
    if (packet.kind == media::PacketKind::audio) harness->ledger().interrupt(turn);
  });
  harness->push_text(0, kAnswer, TextRole::complete, hanging_on(turn, revision));
  EXPECT_THAT(harness->data(kAudio), SizeIs(1));

  interrupt(*harness, turn, 1.0);

  EXPECT_THAT(harness->texts(kHeard), ElementsAre("")) << "40 ms are no word";
}

TEST(FliteTts, RemembersABoundedNumberOfReplies) {
  const auto harness = open({{"voice", "kal16"}, {"rate", 2.0}});
  base::TurnId turn;
  for (int i = 0; i < 40; ++i) turn = answered(*harness, "Yes " + std::to_string(i) + ".");
  interrupt(*harness, turn, 1.0);

  EXPECT_THAT(harness->texts(kHeard), ElementsAre("Yes 39."));
}

TEST(FliteTts, RefusesWhatIsNoTextOrTooMuchOfIt) {
  const auto harness = open();
  harness->push_audio(0, std::array{0.0F}, MediaTime{0}, kRate);
  harness->push_text(0, std::string(base::limits::kTextPacketBytes + 1, ' '));
  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("no text"), HasSubstr("64 KiB")));

  harness->push_text(0, std::string(base::limits::kTextPacketBytes, ' '));
  EXPECT_THAT(harness->failures(), SizeIs(2));
  EXPECT_THAT(harness->data(), IsEmpty());
}

TEST(FliteTts, IsWhatTheTableOfNodesSays) {
  const node::Contract& contract = *flite_tts_type().contract;

  EXPECT_EQ(contract.alias, "tts");
  EXPECT_EQ(contract.placement, node::Placement::pool);
  EXPECT_TRUE(contract.pool_only);
  EXPECT_FALSE(contract.capabilities.parallelizable);
  EXPECT_TRUE(contract.capabilities.batch_aware);
  EXPECT_EQ(contract.gives_up, (media::GiveUp{.smaller_first_chunk = true, .lower_quality = true}));
  EXPECT_EQ(contract.capabilities.queue_capacity, 20U);
  EXPECT_EQ(contract.capabilities.overflow, node::OverflowPolicy::merge_on_overflow);
  EXPECT_EQ(open()->stage().output_format(kAudio).rate_hz, kRate);
  EXPECT_EQ(open()->stage().output_format(kHeard).kind, media::PacketKind::text);
}

}  // namespace
}  // namespace millrace::nodes
