#include "nodes/text_input/text_input.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "millrace/base/limits.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/testing/node_harness.hpp"

namespace millrace::nodes {
namespace {

using base::MediaTime;
using media::TextRole;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NodeHarness;

std::unique_ptr<NodeHarness> open(const std::string& lines = "whole", bool in_rt = false) {
  auto harness =
      NodeHarness::create(text_input_type(), {.params = {{"lines", lines}}, .in_rt = in_rt});
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

media::Packet text(NodeHarness& harness, std::string_view said, MediaTime from = {},
                   MediaTime to = {}) {
  media::Packet packet;
  packet.kind = media::PacketKind::text;
  packet.from = from;
  packet.to = to;
  packet.payload = harness.pool().copy_of(std::as_bytes(std::span(said)));
  return packet;
}

TEST(TextInput, PassesEachLineOnAsATextOfItsOwn) {
  const auto harness = open();

  harness->push(text(*harness, "One.", MediaTime{0}, MediaTime{5}));
  harness->push(text(*harness, "Zwei für dich.", MediaTime{5}, MediaTime{10}));

  ASSERT_THAT(harness->texts(), ElementsAre("One.", "Zwei für dich."));
  for (const media::Packet& packet : harness->out()) {
    EXPECT_EQ(packet.role, TextRole::complete);
    EXPECT_TRUE(packet.last);
  }
  EXPECT_EQ(harness->out()[1].from, MediaTime{5});
  EXPECT_EQ(harness->out()[1].to, MediaTime{10});
}

TEST(TextInput, PassesPiecesOnAsTheyAreAndKeepsTheMarkOfTheLast) {
  const auto harness = open("pieces");
  media::Packet end = text(*harness, "d.\n");
  end.last = true;

  harness->push(text(*harness, "An en"));
  harness->push(text(*harness, "\n"));
  harness->push(end);

  ASSERT_THAT(harness->texts(), ElementsAre("An en", "\n", "d.\n"));
  EXPECT_EQ(harness->out()[0].role, TextRole::sentence);
  EXPECT_FALSE(harness->out()[0].last);
  EXPECT_TRUE(harness->out()[2].last);
}

TEST(TextInput, SkipsBlankLinesOfWholeTexts) {
  const auto harness = open();

  harness->push(text(*harness, ""));
  harness->push(text(*harness, " \t"));

  EXPECT_THAT(harness->out(), IsEmpty());
  EXPECT_THAT(harness->failures(), IsEmpty());
}

TEST(TextInput, RefusesWhatIsNoTextAndMarksTheNext) {
  const auto harness = open();

  harness->push_audio(0, std::array{0.0F}, MediaTime{0}, 16000);
  harness->push(text(*harness, "\xC3("));
  harness->push(text(*harness, std::string_view("a\0b", 3)));
  EXPECT_THAT(harness->failures(),
              ElementsAre(HasSubstr("no text"), HasSubstr("not UTF-8"), HasSubstr("NUL")));
  harness->push(text(*harness, "Good."));
  harness->push(text(*harness, "More."));

  ASSERT_THAT(harness->texts(), ElementsAre("Good.", "More."));
  EXPECT_TRUE(harness->out()[0].discontinuity);
  EXPECT_FALSE(harness->out()[1].discontinuity);
}

TEST(TextInput, LetsAPieceEndWithinACharacter) {
  const auto harness = open("pieces");

  harness->push(text(*harness, "f\xC3"));
  harness->push(text(*harness, "\xBCr"));

  EXPECT_THAT(harness->texts(), ElementsAre("f\xC3", "\xBCr"));
  EXPECT_THAT(harness->failures(), IsEmpty());
}

TEST(TextInput, TakesATextOfTheLimitAndRefusesOneOver) {
  const auto harness = open();

  harness->push(text(*harness, std::string(base::limits::kTextPacketBytes, 'a')));
  EXPECT_THAT(harness->failures(), IsEmpty());
  harness->push(text(*harness, std::string(base::limits::kTextPacketBytes + 1, 'a')));

  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("64 KiB")));
  EXPECT_EQ(harness->out().size(), 1U);
}

TEST(TextInput, RefusesMediaTimeThatRunsBackwards) {
  const auto harness = open();
  harness->push(text(*harness, "One.", MediaTime{0}, MediaTime{10}));

  harness->push(text(*harness, "Two.", MediaTime{9}, MediaTime{20}));
  harness->push(text(*harness, "Three.", MediaTime{30}, MediaTime{20}));
  harness->push(text(*harness, "Four.", MediaTime{10}, MediaTime{20}));

  EXPECT_THAT(harness->texts(), ElementsAre("One.", "Four."));
  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("before"), HasSubstr("before")));
}

TEST(TextInput, DoesNotAllocateInTheSweep) {
  if (!rt::allocations_watched()) GTEST_SKIP() << "linked without the interposer";
  const auto harness = open("whole", true);

  harness->push(text(*harness, "One."));
  harness->push(text(*harness, "\xFF"));

  EXPECT_EQ(harness->allocations(), 0U);
  EXPECT_EQ(harness->locks(), 0U);
}

}  // namespace
}  // namespace millrace::nodes
