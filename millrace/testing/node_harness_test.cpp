#include "millrace/testing/node_harness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <utility>

#include "millrace/rt/guard.hpp"

namespace millrace::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

/// What the echo node is told to do by the text it gets.
class EchoSession final : public node::SessionNode {
 public:
  void process(media::Packet& packet, node::Context& context) noexcept override {
    const std::string_view text = packet.text();
    if (text == "fail") return context.failed("told to fail");
    if (text == "allocate") kept_ = std::make_unique<std::array<char, 4096>>();
    if (text == "timer") return context.set_timer(context.now() + 5ms);
    if (text == "hint") {
      media::Control hint;
      hint.type = media::ControlType::batch_hint;
      return context.send(std::move(hint));
    }
    if (text == "gate") return open_gate(context);
    const int copies = text == "flood" ? 5 : 1;
    for (int i = 0; i < copies && !context.stop_requested(); ++i) {
      media::Packet out = node::text_packet(context, packet.text(), media::TextRole::complete);
      if (text == "own") out.lineage = own;
      context.emit(text == "astray" ? 7 : 0, std::move(out));
    }
  }
  void on_timer(node::Context& context) noexcept override {
    context.emit(0, node::text_packet(context, "tick", media::TextRole::complete));
  }
  void on_control(const media::Control& control, node::Context& context) noexcept override {
    context.emit(0,
                 node::text_packet(context, media::name(control.type), media::TextRole::complete));
  }
  void on_end(node::Context& context) noexcept override {
    context.emit(0, node::text_packet(context, "end", media::TextRole::complete));
  }

  static inline media::Lineage own;  ///< what the answer to "own" hangs on

 private:
  static void open_gate(node::Context& context) noexcept {
    node::Speculation& speculation = *context.speculation();
    const base::SegmentId segment = speculation.open_segment(base::MediaTime{10});
    if (!segment) return;
    media::Packet out = node::text_packet(context, "open", media::TextRole::complete);
    out.lineage.add(segment);
    context.emit(0, std::move(out));
    const base::TurnId turn = speculation.open_turn();
    (void)speculation.eager_end_of_turn(turn, base::MediaTime{30}, base::MediaTime{40});
    speculation.cancel_segment(segment, base::MediaTime{10}, base::MediaTime{20},
                               media::CancelReason::too_short);
  }
  std::unique_ptr<std::array<char, 4096>> kept_;
};

class EchoStage final : public node::StageNode {
 public:
  explicit EchoStage(bool batches) : batches_(batches) {}
  base::Result<std::unique_ptr<node::SessionNode>> open_session(
      const node::SessionInfo& info) override {
    if (info.session == "refused") return base::fail(base::Code::overloaded, "told to refuse");
    return std::make_unique<EchoSession>();
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::text};
  }
  [[nodiscard]] bool batches() const override { return batches_; }
  void process_batch(std::span<node::Work> works) noexcept override {
    largest_batch = std::max(largest_batch, works.size());
    for (const node::Work& work : works) work.node->process(work.packets[0], *work.context);
  }
  static inline std::size_t largest_batch = 0;

 private:
  bool batches_;
};

constexpr std::array<node::PortDecl, 1> kPorts{
    {{.name = "text", .kind = media::PacketKind::text, .summary = "any text"}}};
constexpr std::array<std::string_view, 2> kModes{"soft", "hard"};
constexpr std::array<node::ParamDecl, 4> kParams{{
    {.name = "level",
     .kind = node::ParamKind::number,
     .minimum = 0,
     .maximum = 1,
     .initial = "0.5"},
    {.name = "count", .kind = node::ParamKind::integer, .minimum = 1, .maximum = 9, .initial = "3"},
    {.name = "mode", .kind = node::ParamKind::choice, .initial = "soft", .choices = kModes},
    {.name = "batches", .kind = node::ParamKind::boolean, .initial = "false"},
}};
constexpr node::Contract kEcho{.type = "echo",
                               .summary = "says what it hears",
                               .inputs = kPorts,
                               .outputs = kPorts,
                               .params = kParams,
                               .max_outputs = 4,
                               .speculates = true};

node::NodeType echo() {
  return {
      .contract = &kEcho,
      .create =
          [](const node::StageConfig& config) -> base::Result<std::unique_ptr<node::StageNode>> {
        return std::make_unique<EchoStage>(config.params.boolean("batches"));
      }};
}

std::unique_ptr<NodeHarness> open(HarnessOptions options = {}) {
  auto harness = NodeHarness::create(echo(), std::move(options));
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

TEST(HarnessParams, AreTheDefaultsOfTheContractUntilGiven) {
  const std::array<GivenParam, 1> given{{{"count", 5}}};

  const auto params = params_for(kEcho, given, "n");

  ASSERT_TRUE(params.has_value());
  EXPECT_EQ(params->integer("count"), 5);
  EXPECT_DOUBLE_EQ(params->number("level"), 0.5);
  EXPECT_EQ(params->text("mode"), "soft");
  EXPECT_TRUE(params->given("count"));
  EXPECT_FALSE(params->given("mode"));
}

TEST(HarnessParams, RefuseWhatTheContractDoesNotTake) {
  const std::array<std::pair<GivenParam, const char*>, 5> cases{{
      {{"count", 10}, "out of the range"},
      {{"level", true}, "another kind"},
      {{"mode", "loud"}, "none of the choices"},
      {{"volume", 1}, "declares no parameter 'volume'"},
      {{"level", std::numeric_limits<double>::quiet_NaN()}, "out of the range"},
  }};
  for (const auto& [given, message] : cases) {
    const auto params = params_for(kEcho, {&given, 1}, "n");
    ASSERT_FALSE(params.has_value()) << message;
    EXPECT_EQ(params.error().code, base::Code::bad_argument);
    EXPECT_EQ(params.error().where, "n");
    EXPECT_THAT(params.error().message, HasSubstr(message));
  }
}

TEST(NodeHarness, HandsOnTheErrorOfASessionThatDoesNotOpen) {
  const auto harness = NodeHarness::create(echo(), {.session = "refused"});

  ASSERT_FALSE(harness.has_value());
  EXPECT_EQ(harness.error().code, base::Code::overloaded);
}

TEST(NodeHarness, KeepsOutputsFailuresAndControls) {
  const auto harness = open();

  harness->push_text(0, "hello");
  harness->push_text(0, "fail");
  harness->push_text(0, "hint");
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre("hello", "end"));
  EXPECT_THAT(harness->failures(), ElementsAre("told to fail"));
  ASSERT_EQ(harness->sent().size(), 1U);
  EXPECT_EQ(harness->sent()[0].type, media::ControlType::batch_hint);
}

TEST(NodeHarness, FiresATimerAtTheInstantItWasAskedFor) {
  const auto harness = open();
  harness->push_text(0, "timer");
  ASSERT_NE(harness->timer(), nullptr);

  harness->advance(4ms);
  EXPECT_THAT(harness->texts(), IsEmpty());
  harness->advance(10ms);

  EXPECT_THAT(harness->texts(), ElementsAre("tick"));
  EXPECT_EQ(harness->timer(), nullptr);
  EXPECT_EQ(harness->now().since_start, 14ms);
}

TEST(NodeHarness, OutputsInheritTheLineageOfTheirInput) {
  const auto harness = open();
  const base::SegmentId first = harness->ledger().open(policy::SegmentKind::onset);
  const base::SegmentId second = harness->ledger().open(policy::SegmentKind::onset);
  EchoSession::own = hanging_on(second);

  harness->push_text(0, "own", media::TextRole::complete, hanging_on(first));

  ASSERT_EQ(harness->out().size(), 1U);
  media::Lineage both = hanging_on(first);
  both.add(second);
  EXPECT_EQ(harness->out()[0].lineage, both);
}

TEST(NodeHarness, OutputsInheritTimesWhereTheyHaveNone) {
  const auto harness = open();
  media::Packet input;
  input.kind = media::PacketKind::text;
  input.from = base::MediaTime{10};
  input.to = base::MediaTime{20};
  input.due = base::Instant{3ms};
  input.deadline = base::Instant{9ms};
  input.payload = harness->pool().copy_of(std::as_bytes(std::span{"hi", 2}));

  harness->push(input);

  ASSERT_EQ(harness->out().size(), 1U);
  EXPECT_EQ(harness->out()[0].from, input.from);
  EXPECT_EQ(harness->out()[0].to, input.to);
  EXPECT_EQ(harness->out()[0].due, input.due);
  EXPECT_EQ(harness->out()[0].deadline, input.deadline);
}

TEST(NodeHarness, ReportsALineageThatFindsNoRoom) {
  const auto harness = open();
  EchoSession::own = {};
  for (std::size_t i = 0; i < media::Lineage::kMaxSegments; ++i)
    EchoSession::own.add(harness->ledger().open(policy::SegmentKind::onset));
  const base::SegmentId one_more = harness->ledger().open(policy::SegmentKind::onset);

  harness->push_text(0, "own", media::TextRole::complete, hanging_on(one_more));

  EXPECT_THAT(harness->violations(), ElementsAre(HasSubstr("finds no room")));
}

TEST(NodeHarness, ACancelReachesTheLedgerBeforeTheNode) {
  const auto harness = open();
  const base::SegmentId segment = harness->ledger().open(policy::SegmentKind::onset);

  harness->cancel(segment);
  harness->push_text(0, "late", media::TextRole::complete, hanging_on(segment));

  EXPECT_EQ(harness->ledger().state(segment), policy::SegmentState::cancelled);
  EXPECT_THAT(harness->texts(), ElementsAre("cancel_speculation"));
}

TEST(NodeHarness, AMarkerStandsBehindWhatTheNodeEmitsForIt) {
  const auto harness = open();
  const base::TurnId turn = harness->ledger().open_turn();
  const base::Revision revision = harness->ledger().guess(turn);

  harness->marker(media::ControlType::end_of_turn, turn, revision, base::MediaTime{7});

  ASSERT_EQ(harness->out().size(), 2U);
  EXPECT_EQ(harness->out()[0].text(), "end_of_turn");
  EXPECT_TRUE(harness->out()[1].is_marker());
  EXPECT_EQ(harness->out()[1].from, base::MediaTime{7});
  EXPECT_TRUE(harness->ledger().turn_committed(turn));
  EXPECT_EQ(harness->data().size(), 1U);
}

TEST(NodeHarness, WhatIsEmittedAfterAStopIsCountedAndThrownAway) {
  const auto harness = open();
  harness->on_emit([&](const media::Packet&) { harness->stop(); });

  harness->push_text(0, "flood");
  harness->push_text(0, "once more");
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre("flood"));
  EXPECT_EQ(harness->emitted_after_stop(), 1U);
}

TEST(NodeHarness, AnswersASpeculatingNodeFromARealLedger) {
  const auto harness = open();

  harness->push_text(0, "gate");

  const auto& calls = harness->speculation().calls();
  ASSERT_EQ(calls.size(), 4U);
  EXPECT_EQ(calls[0].call, SpeculationCall::open_segment);
  EXPECT_EQ(calls[0].segment, base::SegmentId{1});
  EXPECT_EQ(calls[2].revision, 1U);
  EXPECT_EQ(calls[3].to, base::MediaTime{20});
  ASSERT_EQ(harness->out().size(), 2U);
  EXPECT_EQ(harness->out()[1].control_type, media::ControlType::eager_end_of_turn);
  EXPECT_FALSE(harness->ledger().live(harness->out()[0].lineage));
}

TEST(NodeHarness, OpensNothingWhileTheBudgetIsUsedUp) {
  const auto harness = open();
  harness->speculation().set_budget_used_up(true);

  harness->push_text(0, "gate");

  EXPECT_EQ(harness->speculation().calls(SpeculationCall::open_segment).size(), 1U);
  EXPECT_EQ(harness->ledger().last_segment(), base::SegmentId{0});
  EXPECT_THAT(harness->out(), IsEmpty());
}

TEST(NodeHarness, ReportsMoreOutputsThanTheContractAllows) {
  const auto harness = open();

  harness->push_text(0, "flood");
  harness->push_text(0, "astray");

  EXPECT_THAT(harness->violations(),
              ElementsAre(HasSubstr("max_outputs"), HasSubstr("does not declare")));
}

TEST(NodeHarnessDeathTest, AbortsWhenNobodyLooksAtAViolation) {
  EXPECT_DEATH(
      {
        const auto harness = open();
        harness->push_text(0, "flood");
      },
      "breaks its contract");
}

TEST(NodeHarness, CallsTheStageOnceForSessionsPushedTogether) {
  EchoStage::largest_batch = 0;
  const auto first = open({.params = {{"batches", true}}});
  auto second = first->open_another("s2");
  ASSERT_TRUE(second.has_value());
  const auto say = [](std::string_view text) {
    media::Packet packet;
    packet.kind = media::PacketKind::text;
    packet.payload = rt::Payload::copy_of(std::as_bytes(std::span{text.data(), text.size()}));
    return packet;
  };
  std::array<NodeHarness::Batched, 2> batch{{{first.get(), say("a")}, {second->get(), say("b")}}};

  NodeHarness::push_together(batch);

  EXPECT_EQ(EchoStage::largest_batch, 2U);
  EXPECT_THAT(first->texts(), ElementsAre("a"));
  EXPECT_THAT((*second)->texts(), ElementsAre("b"));
}

TEST(NodeHarness, CountsWhatTheNodeAllocatesAndNotWhatTheHarnessDoes) {
  if (!rt::allocations_watched()) GTEST_SKIP() << "linked without the interposer";
  const auto harness = open({.in_rt = true});

  harness->push_text(0, "hello");
  EXPECT_EQ(harness->allocations(), 0U);
  harness->push_text(0, "allocate");

  EXPECT_EQ(harness->allocations(), 1U);
}

TEST(NodeHarness, KeepsTheSamplesOfAnAudioPortInOrder) {
  static constexpr std::array<node::PortDecl, 1> kAudio{
      {{.name = "audio", .summary = "any audio"}}};
  static constexpr node::Contract kPass{
      .type = "pass", .summary = "passes on", .inputs = kAudio, .outputs = kAudio};
  struct Pass final : node::SessionNode {
    void process(media::Packet& packet, node::Context& context) noexcept override {
      context.emit(0, std::move(packet));
    }
  };
  struct PassStage final : node::StageNode {
    base::Result<std::unique_ptr<node::SessionNode>> open_session(
        const node::SessionInfo&) override {
      return std::make_unique<Pass>();
    }
    [[nodiscard]] node::Format output_format(std::size_t) const override { return {}; }
  };
  auto harness = NodeHarness::create(
      {.contract = &kPass,
       .create = [](const node::StageConfig&) -> base::Result<std::unique_ptr<node::StageNode>> {
         return std::make_unique<PassStage>();
       }});
  ASSERT_TRUE(harness.has_value());

  (*harness)->push_audio(0, std::array{0.1F, 0.2F}, base::MediaTime{0}, 16000);
  (*harness)->push_audio(0, std::array{0.3F, 0.4F}, base::MediaTime{125}, 16000, {}, 2);

  EXPECT_THAT((*harness)->samples(), ElementsAre(0.1F, 0.2F, 0.3F, 0.4F));
  EXPECT_EQ((*harness)->out()[0].to, base::MediaTime{125});
  EXPECT_EQ((*harness)->out()[1].frames, 1U);
}

}  // namespace
}  // namespace millrace::testing
