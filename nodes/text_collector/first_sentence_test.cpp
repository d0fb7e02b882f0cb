// The first sentence of a text leaves early when the manifest or a deadline asks for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "millrace/rt/guard.hpp"
#include "millrace/testing/node_harness.hpp"
#include "nodes/text_collector/text_collector.hpp"

namespace millrace::nodes {
namespace {

using media::TextRole;
using ::testing::ElementsAre;
using testing::GivenParam;
using testing::hanging_on;
using ::testing::IsEmpty;
using testing::NodeHarness;
using namespace std::chrono_literals;

std::unique_ptr<NodeHarness> open(std::vector<GivenParam> params, bool in_rt = false) {
  auto harness =
      NodeHarness::create(text_collector_type(), {.params = std::move(params), .in_rt = in_rt});
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

void push_with_deadline(NodeHarness& harness, std::string_view text, base::Instant deadline,
                        TextRole role = TextRole::sentence) {
  media::Packet packet;
  packet.kind = media::PacketKind::text;
  packet.role = role;
  packet.deadline = deadline;
  packet.payload = harness.pool().copy_of(std::as_bytes(std::span(text)));
  harness.push(packet);
}

TEST(FirstSentence, WaitsForItsStopUnlessSomeoneAsks) {
  const auto harness = open({});

  harness->push_text(0, "As far as I can see, it is", TextRole::sentence);
  harness->advance(10s);

  EXPECT_THAT(harness->texts(), IsEmpty());
  EXPECT_EQ(harness->timer(), nullptr);
}

TEST(FirstSentence, LeavesAtAClauseWhenItsTimeIsUp) {
  const auto harness = open({{"first_sentence_ms", 200}});

  harness->push_text(0, "As far as I can see, it is", TextRole::sentence);
  harness->advance(199ms);
  EXPECT_THAT(harness->texts(), IsEmpty());
  harness->advance(1ms);
  EXPECT_THAT(harness->texts(), ElementsAre("As far as I can see,"));
  harness->push_text(0, " open, and busy.", TextRole::sentence);
  harness->advance(10s);
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre("As far as I can see,", "it is open, and busy."));
  EXPECT_FALSE(harness->out()[0].last);
  EXPECT_TRUE(harness->out()[1].last);
}

TEST(FirstSentence, LeavesAtTheFirstClauseThatComesWhenItsTimeIsUp) {
  const auto harness = open({{"first_sentence_ms", 200}});
  harness->push_text(0, "As far as I can", TextRole::sentence);
  harness->advance(1s);
  EXPECT_THAT(harness->texts(), IsEmpty());

  harness->push_text(0, " see, ", TextRole::sentence);
  EXPECT_THAT(harness->texts(), IsEmpty());
  harness->push_text(0, "i", TextRole::sentence);

  EXPECT_THAT(harness->texts(), ElementsAre("As far as I can see,"));
}

TEST(FirstSentence, IsOneOfEachText) {
  const auto harness = open({{"first_sentence_ms", 100}});
  media::Packet end;
  end.kind = media::PacketKind::text;
  end.role = TextRole::sentence;
  end.last = true;
  end.payload = harness->pool().copy_of(std::as_bytes(std::span(std::string_view("the end."))));
  harness->push_text(0, "Here is the first, and then ", TextRole::sentence);
  harness->advance(100ms);
  harness->push(end);

  harness->push_text(0, "Here is the second, and then", TextRole::sentence);
  EXPECT_THAT(harness->texts(), ElementsAre("Here is the first,", "and then the end."));
  harness->advance(100ms);

  EXPECT_THAT(harness->texts(),
              ElementsAre("Here is the first,", "and then the end.", "Here is the second,"));
}

TEST(FirstSentence, DoesNotWaitForTheBatchWindowLongerThanItsTime) {
  const auto harness = open({{"first_sentence_ms", 50}, {"batch_window_ms", 150}});
  harness->push_text(0, "One. Two. And", TextRole::sentence);
  harness->advance(50ms);
  EXPECT_THAT(harness->texts(), ElementsAre("One.", "Two."));

  harness->push_text(0, " three. Four", TextRole::sentence);
  harness->advance(149ms);
  EXPECT_THAT(harness->texts(), ElementsAre("One.", "Two."));
  harness->advance(1ms);

  EXPECT_THAT(harness->texts(), ElementsAre("One.", "Two.", "And three."));
}

TEST(FirstSentence, HasHalfOfTheTimeToThePacketsDeadline) {
  const auto harness = open({});
  push_with_deadline(*harness, "As far as I can see, it", harness->now() + 300ms);

  harness->advance(149ms);
  EXPECT_THAT(harness->texts(), IsEmpty());
  harness->advance(1ms);

  EXPECT_THAT(harness->texts(), ElementsAre("As far as I can see,"));
  EXPECT_EQ(harness->out()[0].deadline, base::Instant{300ms});
}

TEST(FirstSentence, TakesTheEarlierOfManifestAndDeadline) {
  const auto early_deadline = open({{"first_sentence_ms", 200}});
  push_with_deadline(*early_deadline, "As far as I can see, it", base::Instant{100ms});
  early_deadline->advance(50ms);
  EXPECT_THAT(early_deadline->texts(), ElementsAre("As far as I can see,"));

  const auto early_manifest = open({{"first_sentence_ms", 20}});
  push_with_deadline(*early_manifest, "As far as I can see, it", base::Instant{100ms});
  early_manifest->advance(20ms);
  EXPECT_THAT(early_manifest->texts(), ElementsAre("As far as I can see,"));
}

TEST(FirstSentence, LeavesAtOnceWhenTheDeadlineHasPassedOnArrival) {
  const auto harness = open({{"batch_window_ms", 150}});
  harness->advance(1s);

  push_with_deadline(*harness, "As far as I can see, it", base::Instant{900ms});

  EXPECT_THAT(harness->texts(), ElementsAre("As far as I can see,"));
}

TEST(FirstSentence, OfAWholeTextLeavesTheWindowForItsDeadline) {
  const auto harness = open({{"batch_window_ms", 150}});
  push_with_deadline(*harness, "Yes.", base::Instant{100ms}, TextRole::complete);

  harness->advance(49ms);
  EXPECT_THAT(harness->texts(), IsEmpty());
  harness->advance(1ms);

  EXPECT_THAT(harness->texts(), ElementsAre("Yes."));
}

TEST(FirstSentence, LeavesWhenTheSchedulerWarns) {
  const auto harness = open({});
  harness->push_text(0, "As far as I can see, it", TextRole::sentence);
  media::Control warning;
  warning.type = media::ControlType::deadline_warning;

  harness->push_control(warning);
  harness->advance(0ms);
  EXPECT_THAT(harness->texts(), ElementsAre("As far as I can see,"));
  harness->push_text(0, " is as I say, and", TextRole::sentence);
  harness->push_control(warning);
  harness->advance(0ms);

  EXPECT_THAT(harness->texts(), ElementsAre("As far as I can see,"));
}

TEST(FirstSentence, OfACancelledSegmentIsForgottenWithItsTime) {
  const auto harness = open({{"first_sentence_ms", 100}});
  const base::SegmentId bad = harness->ledger().open(policy::SegmentKind::onset);
  harness->push_text(0, "As far as I can see, it", TextRole::sentence, hanging_on(bad));
  harness->cancel(bad);
  harness->advance(1s);
  EXPECT_THAT(harness->texts(), IsEmpty());

  harness->push_text(0, "Here is another one, and", TextRole::complete);

  EXPECT_THAT(harness->texts(), ElementsAre("Here is another one, and"));
}

TEST(FirstSentence, OfANewTurnHasItsOwnTime) {
  const auto harness = open({{"first_sentence_ms", 100}});
  const base::TurnId first = harness->ledger().open_turn();
  const base::Revision one = harness->ledger().guess(first);
  const base::TurnId second = harness->ledger().open_turn();
  const base::Revision other = harness->ledger().guess(second);
  harness->push_text(0, "As far as I can see, it", TextRole::sentence, hanging_on(first, one));
  harness->advance(100ms);
  harness->push_text(0, "And here is more, so", TextRole::sentence, hanging_on(second, other));
  harness->advance(99ms);
  EXPECT_THAT(harness->texts(), ElementsAre("As far as I can see,", "it"));
  harness->advance(1ms);

  EXPECT_THAT(harness->texts(), ElementsAre("As far as I can see,", "it", "And here is more,"));
  EXPECT_EQ(harness->out()[2].lineage, hanging_on(second, other));
}

TEST(FirstSentence, DoesNotAllocateInTheSweep) {
  if (!rt::allocations_watched()) GTEST_SKIP() << "linked without the interposer";
  const auto harness = open({{"first_sentence_ms", 100}}, true);

  harness->push_text(0, "As far as I can see, it", TextRole::sentence);
  harness->advance(100ms);
  harness->end();

  EXPECT_EQ(harness->allocations(), 0U);
  EXPECT_EQ(harness->locks(), 0U);
}

TEST(HalfCharacter, OfACancelledPieceGoesAsAWhole) {
  const auto harness = open({});
  const base::SegmentId good = harness->ledger().open(policy::SegmentKind::onset);
  const base::SegmentId bad = harness->ledger().open(policy::SegmentKind::onset);
  harness->push_text(0, "Caf\xC3", TextRole::sentence, hanging_on(good));
  harness->push_text(0, "\xA9 noir \xC3", TextRole::sentence, hanging_on(bad));
  harness->push_text(0, "\xA9 or tea.", TextRole::sentence, hanging_on(good));

  harness->cancel(bad);
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre("Caf or tea."));
}

TEST(HalfCharacter, AtTheEndOfATextIsLeftOut) {
  const auto harness = open({});

  harness->push_text(0, "Caf\xC3");
  harness->push_text(0, "\xC3");

  EXPECT_THAT(harness->texts(), ElementsAre("Caf"));
}

}  // namespace
}  // namespace millrace::nodes
