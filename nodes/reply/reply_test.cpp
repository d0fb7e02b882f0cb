#include "nodes/reply/reply.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

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

constexpr const char* kHours = R"([{"when": "opening hours", "say": "From nine to five."},
                                   {"when": "hours", "say": "Which hours?"},
                                   {"when": "nothing", "say": ""}])";

std::unique_ptr<NodeHarness> open(std::vector<GivenParam> params = {}, bool in_rt = false) {
  auto harness = NodeHarness::create(reply_type(), {.params = std::move(params), .in_rt = in_rt});
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

TEST(Reply, GivesTheAnswerOfTheFirstRuleThatFits) {
  const auto harness = open({{"rules", kHours}});

  harness->push_text(0, "What are your OPENING hours, please?");
  harness->push_text(0, "Hours!");
  harness->push_text(0, "Our house.");

  EXPECT_THAT(harness->texts(),
              ElementsAre("From nine to five.", "Which hours?", "I heard: Our house."));
  EXPECT_EQ(harness->out()[0].role, TextRole::complete);
  EXPECT_TRUE(harness->out()[0].last);
}

TEST(Reply, MarksWhatMayBeLeftOutOfTheAnswer) {
  const auto harness =
      open({{"rules", R"([{"when": "hours", "say": "From nine to five.", "more": "Not on {text}."},
                     {"when": "name", "say": "Ann.", "more": ""}])"}});

  harness->push_text(0, "hours");
  harness->push_text(0, "name");

  EXPECT_THAT(harness->texts(), ElementsAre("From nine to five.", "Not on hours.", "Ann."));
  EXPECT_FALSE(harness->out()[0].optional);
  EXPECT_TRUE(harness->out()[1].optional);
  EXPECT_FALSE(harness->out()[2].optional);
  EXPECT_TRUE(harness->out()[0].last) << "the rest may never come";
  EXPECT_TRUE(harness->out()[1].last);
}

TEST(Reply, PutsWhatWasSaidIntoTheAnswer) {
  const auto harness = open({{"default", "{text}? You said {text}."}});

  harness->push_text(0, "  tea\n");

  EXPECT_THAT(harness->texts(), ElementsAre("tea? You said tea."));
}

TEST(Reply, AnswersWholeTextsAndNoPartials) {
  const auto harness = open();

  harness->push_text(0, "hel", TextRole::partial);
  EXPECT_THAT(harness->out(), IsEmpty());
  harness->push_text(0, "hello");
  harness->push_text(0, "Bye.", TextRole::sentence);

  EXPECT_THAT(harness->texts(), ElementsAre("I heard: hello", "I heard: Bye."));
}

TEST(Reply, IsSilentOnSilenceUnlessToldOtherwise) {
  const auto silent = open();
  silent->push_text(0, "");
  silent->push_text(0, " \n");
  EXPECT_THAT(silent->out(), IsEmpty());

  const auto asking = open({{"on_silence", "Are you there?"}});
  asking->push_text(0, " ");
  EXPECT_THAT(asking->texts(), ElementsAre("Are you there?"));
}

TEST(Reply, GivesNoAnswerWhereTheRuleSaysNothing) {
  const auto harness = open({{"rules", kHours}, {"default", ""}});

  harness->push_text(0, "nothing");
  harness->push_text(0, "else");

  EXPECT_THAT(harness->out(), IsEmpty());
}

TEST(Reply, TheAnswerHangsOnWhatWasSaid) {
  const auto harness = open();
  const base::TurnId turn = harness->ledger().open_turn();
  const base::Revision revision = harness->ledger().guess(turn);
  media::Packet said;
  said.kind = media::PacketKind::text;
  said.payload = harness->pool().copy_of(std::as_bytes(std::span{"hi", 2}));
  said.lineage = hanging_on(turn, revision);
  said.from = base::MediaTime{10};
  said.to = base::MediaTime{20};
  said.discontinuity = true;

  harness->push(said);

  ASSERT_THAT(harness->out(), SizeIs(1));
  EXPECT_EQ(harness->out()[0].lineage, said.lineage);
  EXPECT_EQ(harness->out()[0].to, said.to);
  EXPECT_TRUE(harness->out()[0].discontinuity);
  harness->marker(media::ControlType::turn_resumed, turn, revision);
  EXPECT_FALSE(harness->ledger().live(harness->out()[0].lineage));
}

TEST(Reply, EveryRevisionOfATurnIsAnsweredAnew) {
  const auto harness = open();
  const base::TurnId turn = harness->ledger().open_turn();
  const base::Revision first = harness->ledger().guess(turn);
  harness->push_text(0, "one", TextRole::complete, hanging_on(turn, first));
  harness->marker(media::ControlType::turn_resumed, turn, first);

  const base::Revision second = harness->ledger().guess(turn);
  harness->push_text(0, "one two", TextRole::complete, hanging_on(turn, second));

  EXPECT_EQ(harness->data().back().text(), "I heard: one two");
  EXPECT_EQ(harness->data().back().lineage.revision, second);
}

TEST(Reply, RefusesRulesThatCannotBeMeant) {
  const std::array<std::pair<const char*, const char*>, 9> cases{{
      {"{", "rules: a list"},
      {R"({"when": "a"})", "rules: a list"},
      {R"(["a"])", "rules[0]: {when: words, say: text} expected"},
      {R"([{"when": "a", "say": "b"}, {"when": "a"}])", "rules[1]: 'say' is missing"},
      {R"([{"when": 5, "say": "b"}])", "rules[0].when: text expected, found number"},
      {R"([{"when": "?!", "say": "b"}])", "rules[0].when: at least one word"},
      {R"([{"when": "a", "say": "{txt}"}])", "rules[0].say: a brace"},
      {R"([{"when": "a", "say": "b", "sy": "c"}])", "unknown key 'sy'"},
      {"", ""},
  }};
  for (const auto& [rules, message] : cases) {
    const auto harness = NodeHarness::create(
        reply_type(), {.params = {{"rules", std::string{rules}}}, .id = "answers"});
    if (*message == '\0') {
      EXPECT_TRUE(harness.has_value());
      continue;
    }
    ASSERT_FALSE(harness.has_value()) << rules;
    EXPECT_EQ(harness.error().code, base::Code::bad_manifest);
    EXPECT_EQ(harness.error().where, "answers");
    EXPECT_THAT(harness.error().message, HasSubstr(message));
  }
}

TEST(Reply, RefusesMoreRulesThanTheLimit) {
  const auto rules = [](std::size_t count) {
    std::string list = "[";
    for (std::size_t i = 0; i < count; ++i)
      list += std::string{i > 0 ? "," : ""} + R"({"when": "a", "say": "b"})";
    return list + "]";
  };

  EXPECT_TRUE(NodeHarness::create(reply_type(), {.params = {{"rules", rules(256)}}}).has_value());
  EXPECT_FALSE(NodeHarness::create(reply_type(), {.params = {{"rules", rules(257)}}}).has_value());
}

TEST(Reply, RefusesWhatIsNoTextOrWouldBeTooLong) {
  const auto harness = open({{"default", "{text}{text}"}});

  harness->push_audio(0, std::array{0.0F}, base::MediaTime{0}, 16000);
  harness->push_text(0, std::string(base::limits::kTextPacketBytes / 2 + 1, 'a'));
  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("no text"), HasSubstr("64 KiB")));
  EXPECT_THAT(harness->out(), IsEmpty());

  harness->push_text(0, std::string(base::limits::kTextPacketBytes / 2, 'a'));
  EXPECT_THAT(harness->out(), SizeIs(1));
}

TEST(Reply, DoesNotAllocateInTheSweep) {
  if (!rt::allocations_watched()) GTEST_SKIP() << "linked without the interposer";
  const auto harness = open({{"rules", kHours}}, true);

  harness->push_text(0, "opening hours");
  harness->push_text(0, "something else");
  harness->end();

  EXPECT_EQ(harness->allocations(), 0U);
}

}  // namespace
}  // namespace millrace::nodes
