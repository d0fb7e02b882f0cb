#include "nodes/text_collector/text_collector.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "millrace/base/limits.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/testing/node_harness.hpp"

namespace millrace::nodes {
namespace {

using media::TextRole;
using ::testing::ElementsAre;
using testing::GivenParam;
using testing::hanging_on;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NodeHarness;
using ::testing::SizeIs;
using namespace std::chrono_literals;

std::unique_ptr<NodeHarness> open(std::vector<GivenParam> params = {}, bool in_rt = false) {
  auto harness =
      NodeHarness::create(text_collector_type(), {.params = std::move(params), .in_rt = in_rt});
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

base::SegmentId new_segment(NodeHarness& harness) {
  return harness.ledger().open(policy::SegmentKind::onset);
}

TEST(TextCollector, CutsACompleteTextAndMarksTheLastSentence) {
  const auto harness = open();

  harness->push_text(0, "Hello there. It is 3.14 today. Bye");

  EXPECT_THAT(harness->texts(), ElementsAre("Hello there.", "It is 3.14 today.", "Bye"));
  EXPECT_FALSE(harness->out()[1].last);
  EXPECT_TRUE(harness->out()[2].last);
  EXPECT_EQ(harness->out()[0].role, TextRole::sentence);
}

TEST(TextCollector, GivesTheSameSentencesHoweverTheTextWasCut) {
  const std::string text =
      "Mr. Smith paid 3.50 in the U.S. He left... then came back. \"Why?\" she asked. Nobody knows";
  const auto whole = open();
  whole->push_text(0, text);

  for (std::size_t size = 1; size <= text.size(); ++size) {
    const auto cut = open();
    for (std::size_t at = 0; at < text.size(); at += size)
      cut->push_text(0, text.substr(at, size), TextRole::sentence);
    cut->end();
    EXPECT_EQ(cut->texts(), whole->texts()) << "pieces of " << size;
    EXPECT_TRUE(cut->out().back().last);
  }
}

TEST(TextCollector, LetsASentenceGoAsSoonAsTheNextHasBegun) {
  const auto harness = open();

  harness->push_text(0, "We are open.", TextRole::sentence);
  EXPECT_THAT(harness->texts(), IsEmpty());
  harness->push_text(0, " Come", TextRole::sentence);

  EXPECT_THAT(harness->texts(), ElementsAre("We are open."));
}

TEST(TextCollector, IgnoresPartialsAndBlankText) {
  const auto harness = open();

  harness->push_text(0, "a guess", TextRole::partial);
  harness->push_text(0, "");
  harness->push_text(0, "  \n ");
  harness->end();

  EXPECT_THAT(harness->out(), IsEmpty());
  EXPECT_THAT(harness->failures(), IsEmpty());
}

TEST(TextCollector, PutsASpaceBetweenWordsWhereAskedTo) {
  const auto words = open({{"join", "space"}});
  words->push_text(0, "hello there", TextRole::sentence);
  words->push_text(0, "how are you", TextRole::sentence);
  words->end();
  EXPECT_THAT(words->texts(), ElementsAre("hello there how are you"));

  const auto tokens = open({{"join", "where_missing"}});
  tokens->push_text(0, "un", TextRole::sentence);
  tokens->push_text(0, "likely.", TextRole::sentence);
  tokens->push_text(0, "Yes.", TextRole::sentence);
  tokens->end();
  EXPECT_THAT(tokens->texts(), ElementsAre("unlikely.", "Yes."));
}

TEST(TextCollector, JoinsADecimalThatWasCutAtItsPoint) {
  const auto harness = open();

  harness->push_text(0, "It is 3.", TextRole::sentence);
  harness->push_text(0, "14 today.", TextRole::sentence);
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre("It is 3.14 today."));
}

TEST(TextCollector, HoldsSentencesForTheBatchWindow) {
  const auto harness = open({{"batch_window_ms", 150}});
  EXPECT_EQ(harness->stage().latency(), 150ms);

  harness->push_text(0, "One.");
  harness->advance(100ms);
  harness->push_text(0, "Two.");
  harness->advance(49ms);
  EXPECT_THAT(harness->texts(), IsEmpty());
  harness->advance(1ms);

  EXPECT_THAT(harness->texts(), ElementsAre("One.", "Two."));
}

TEST(TextCollector, OpensANewWindowForWhatComesAfterOne) {
  const auto harness = open({{"batch_window_ms", 100}});
  harness->push_text(0, "One.");
  harness->advance(1s);
  harness->push_text(0, "Two.");

  harness->advance(99ms);
  EXPECT_THAT(harness->texts(), ElementsAre("One."));
  harness->advance(1ms);

  EXPECT_THAT(harness->texts(), ElementsAre("One.", "Two."));
}

TEST(TextCollector, GivesUpTheWindowAtTheEndAndWhenADeadlineIsNear) {
  const auto harness = open({{"batch_window_ms", 1000}});
  harness->push_text(0, "One.");
  media::Control warning;
  warning.type = media::ControlType::deadline_warning;

  harness->push_control(warning);
  harness->advance(std::chrono::milliseconds(0));
  EXPECT_THAT(harness->texts(), ElementsAre("One."));
  harness->push_text(0, "Two. Three", TextRole::sentence);
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre("One.", "Two.", "Three"));
}

TEST(TextCollector, GivesUpTheWindowWhenItIsFull) {
  const auto harness = open({{"batch_window_ms", 1000}});

  for (int i = 0; i < 8; ++i) harness->push_text(0, "One.");

  EXPECT_THAT(harness->texts(), SizeIs(8));
}

TEST(TextCollector, ForgetsHeldTextWhoseSegmentIsCancelled) {
  const auto harness = open({{"batch_window_ms", 100}});
  const base::SegmentId good = new_segment(*harness);
  const base::SegmentId bad = new_segment(*harness);
  harness->push_text(0, "Keep this.", TextRole::complete, hanging_on(good));
  harness->push_text(0, "Not this.", TextRole::complete, hanging_on(bad));
  harness->push_text(0, "But this.", TextRole::complete, hanging_on(good));

  harness->cancel(bad);
  harness->advance(100ms);

  EXPECT_THAT(harness->texts(), ElementsAre("Keep this.", "But this."));
  EXPECT_EQ(harness->out()[0].lineage, hanging_on(good));
}

TEST(TextCollector, TakesACancelledPieceOutOfTheOpenSentence) {
  const auto harness = open();
  const base::SegmentId good = new_segment(*harness);
  const base::SegmentId bad = new_segment(*harness);
  harness->push_text(0, "I would", TextRole::sentence, hanging_on(good));
  harness->push_text(0, " not", TextRole::sentence, hanging_on(bad));

  harness->cancel(bad);
  harness->push_text(0, " like tea.", TextRole::sentence, hanging_on(good));
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre("I would like tea."));
}

TEST(TextCollector, ForgetsWhatHungOnAGuessThatWasResumed) {
  const auto harness = open({{"batch_window_ms", 100}});
  const base::TurnId turn = harness->ledger().open_turn();
  const base::Revision first = harness->ledger().guess(turn);
  harness->push_text(0, "Early answer. And", TextRole::sentence, hanging_on(turn, first));

  harness->marker(media::ControlType::turn_resumed, turn, first);
  const base::Revision second = harness->ledger().guess(turn);
  harness->push_text(0, "Right answer.", TextRole::complete, hanging_on(turn, second));
  harness->advance(100ms);

  EXPECT_THAT(harness->texts(), ElementsAre("Right answer."));
}

TEST(TextCollector, ForgetsEverythingOfAnInterruptedTurn) {
  const auto harness = open({{"batch_window_ms", 100}});
  const base::TurnId turn = harness->ledger().open_turn();
  const base::Revision revision = harness->ledger().guess(turn);
  harness->push_text(0, "One. Two. And", TextRole::sentence, hanging_on(turn, revision));

  harness->interrupt(turn);
  harness->advance(1s);
  harness->end();

  EXPECT_THAT(harness->out(), IsEmpty());
}

TEST(TextCollector, NeverJoinsTextOfDifferentTurns) {
  const auto harness = open();
  const base::TurnId first = harness->ledger().open_turn();
  const base::Revision one = harness->ledger().guess(first);
  const base::TurnId second = harness->ledger().open_turn();
  const base::Revision other = harness->ledger().guess(second);

  harness->push_text(0, "unfinished", TextRole::sentence, hanging_on(first, one));
  harness->push_text(0, " business", TextRole::sentence, hanging_on(second, other));
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre("unfinished", "business"));
  EXPECT_TRUE(harness->out()[0].last);
}

TEST(TextCollector, ASentenceHangsOnAllItWasMadeFrom) {
  const auto harness = open();
  const base::SegmentId first = new_segment(*harness);
  const base::SegmentId second = new_segment(*harness);
  harness->push_text(0, "half", TextRole::sentence, hanging_on(first));
  harness->push_text(0, " and half", TextRole::sentence, hanging_on(second));

  harness->end();

  media::Lineage both = hanging_on(first);
  both.add(second);
  ASSERT_THAT(harness->out(), SizeIs(1));
  EXPECT_EQ(harness->out()[0].lineage, both);
}

TEST(TextCollector, SplitsASentenceThatHangsOnMoreThanALineageHolds) {
  const auto harness = open();
  for (std::size_t i = 0; i < media::Lineage::kMaxSegments + 1; ++i)
    harness->push_text(0, " word" + std::to_string(i), TextRole::sentence,
                       hanging_on(new_segment(*harness)));
  EXPECT_THAT(harness->failures(), IsEmpty());

  harness->end();

  std::string all;
  for (const std::string& text : harness->texts()) all += text + " ";
  EXPECT_EQ(all, "word0 word1 word2 word3 word4 word5 word6 word7 word8 ");
  EXPECT_GT(harness->out().size(), 1U);
}

TEST(TextCollector, EndsTheOpenSentenceAtADiscontinuity) {
  const auto harness = open();
  harness->push_text(0, "before the", TextRole::sentence);
  media::Packet after;
  after.kind = media::PacketKind::text;
  after.role = TextRole::sentence;
  after.discontinuity = true;
  after.payload = harness->pool().copy_of(std::as_bytes(std::span{"after", 5}));

  harness->push(after);
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre("before the", "after"));
  EXPECT_FALSE(harness->out()[0].discontinuity);
  EXPECT_TRUE(harness->out()[1].discontinuity);
}

TEST(TextCollector, CarriesMediaTimeDueAndTheNearestDeadline) {
  const auto harness = open();
  media::Packet piece;
  piece.kind = media::PacketKind::text;
  piece.role = TextRole::sentence;
  piece.payload = harness->pool().copy_of(std::as_bytes(std::span{"ab", 2}));
  piece.from = base::MediaTime{100};
  piece.to = base::MediaTime{200};
  piece.deadline = base::Instant{9ms};
  harness->push(piece);
  piece.from = base::MediaTime{200};
  piece.to = base::MediaTime{300};
  piece.due = base::Instant{4ms};
  piece.deadline = base::Instant{7ms};
  harness->push(piece);

  harness->end();

  ASSERT_THAT(harness->out(), SizeIs(1));
  EXPECT_EQ(harness->out()[0].from, base::MediaTime{100});
  EXPECT_EQ(harness->out()[0].to, base::MediaTime{300});
  EXPECT_EQ(harness->out()[0].due, base::Instant{4ms});
  EXPECT_EQ(harness->out()[0].deadline, base::Instant{7ms});
}

TEST(TextCollector, CutsASentenceThatIsTooLongAtASpaceAndLosesNothing) {
  const auto harness = open({{"max_chars", 64}});
  std::string text;
  for (int i = 0; i < 40; ++i) text += "word ";
  std::string without_spaces(200, 'x');

  harness->push_text(0, text, TextRole::sentence);
  EXPECT_THAT(harness->texts(), SizeIs(2));
  harness->push_text(0, without_spaces, TextRole::sentence);
  harness->end();
  for (const std::string& piece : harness->texts()) EXPECT_LE(piece.size(), 64U);

  std::string all;
  for (const std::string& piece : harness->texts()) all += piece + " ";
  std::erase(all, ' ');
  std::erase(text, ' ');
  EXPECT_EQ(all, text + without_spaces);
}

TEST(TextCollector, GivesFewPacketsForALongTextAndAllOfIt) {
  const auto harness = open();
  std::string text;
  for (int i = 0; i < 100; ++i) text += "Sentence. ";

  harness->push_text(0, text);

  EXPECT_THAT(harness->texts(), SizeIs(8));
  std::string all;
  for (const std::string& piece : harness->texts()) all += piece + " ";
  EXPECT_EQ(all, text);
}

TEST(TextCollector, GoesOnAfterACancelWithNothingOfTheCancelledText) {
  const auto harness = open();
  const base::SegmentId bad = new_segment(*harness);
  harness->push_text(0, "No", TextRole::sentence, hanging_on(bad));
  harness->cancel(bad);

  harness->push_text(0, "Yes. And", TextRole::sentence);
  harness->push_text(0, " more.");
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre("Yes.", "And", "more."));
  EXPECT_THAT(harness->failures(), IsEmpty());
}

TEST(TextCollector, SessionsOfOneStageShareNothing) {
  const auto first = open();
  auto second = first->open_another("s2");
  ASSERT_TRUE(second.has_value());
  first->push_text(0, "mine", TextRole::sentence);

  (*second)->end();
  first->end();

  EXPECT_THAT((*second)->out(), IsEmpty());
  EXPECT_THAT(first->texts(), ElementsAre("mine"));
}

TEST(TextCollector, RefusesWhatIsNoTextOrTooLong) {
  const auto harness = open();

  harness->push_audio(0, std::array{0.0F}, base::MediaTime{0}, 16000);
  harness->push_text(0, std::string(base::limits::kTextPacketBytes + 1, 'a'));

  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("no text"), HasSubstr("64 KiB")));
  EXPECT_THAT(harness->out(), IsEmpty());
  harness->push_text(0, std::string(base::limits::kTextPacketBytes, 'a'));
  std::size_t bytes = 0;
  for (const std::string& piece : harness->texts()) bytes += piece.size();
  EXPECT_EQ(bytes, base::limits::kTextPacketBytes);
}

TEST(TextCollector, DoesNotAllocateInTheSweep) {
  if (!rt::allocations_watched()) GTEST_SKIP() << "linked without the interposer";
  const auto harness = open({{"batch_window_ms", 100}}, true);
  const base::SegmentId segment = new_segment(*harness);

  harness->push_text(0, "One. Two. And", TextRole::sentence, hanging_on(segment));
  harness->push_text(0, "Three.");
  harness->cancel(segment);
  harness->advance(1s);
  harness->end();

  EXPECT_EQ(harness->allocations(), 0U);
  EXPECT_EQ(harness->locks(), 0U);
}

/// A text that its sender could do without, or not.
media::Packet wanted(std::string_view text, bool optional, TextRole role) {
  media::Packet packet;
  packet.kind = media::PacketKind::text;
  packet.role = role;
  packet.optional = optional;
  packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const char>(text)));
  return packet;
}

TEST(TextCollector, PassesOnWhatIsOptional) {
  const auto harness = open();
  harness->push(wanted("We are open. Come in.", false, TextRole::complete));
  harness->push(wanted("Not on Sundays. Not at night.", true, TextRole::complete));

  EXPECT_THAT(harness->texts(),
              ElementsAre("We are open.", "Come in.", "Not on Sundays.", "Not at night."));
  std::vector<bool> optional;
  for (const media::Packet& packet : harness->out()) optional.push_back(packet.optional);
  EXPECT_THAT(optional, ElementsAre(false, false, true, true));
}

TEST(TextCollector, NeedsASentenceThatIsNeededInPart) {
  for (const bool first : {true, false}) {
    const auto harness = open();
    harness->push(wanted("Half of it ", first, TextRole::sentence));
    harness->push(wanted("is needed.", !first, TextRole::sentence));
    harness->end();

    EXPECT_THAT(harness->texts(), ElementsAre("Half of it is needed."));
    EXPECT_FALSE(harness->out()[0].optional);
  }
}

}  // namespace
}  // namespace millrace::nodes
