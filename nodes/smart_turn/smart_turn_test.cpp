#include "nodes/smart_turn/smart_turn.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "millrace/inference/speech_for_test.hpp"
#include "millrace/testing/node_harness.hpp"
#include "nodes/smart_turn/smart_turn_model.hpp"

namespace millrace::nodes {
namespace {

namespace speech = inference::speech_for_test;
using base::media_time;
using base::MediaTime;
using testing::hanging_on;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NodeHarness;
using ::testing::SizeIs;

constexpr std::int32_t kRate = SmartTurnModel::kRateHz;
constexpr std::size_t kPiece = kRate / 2;  ///< as the gate cuts

std::unique_ptr<NodeHarness> open() {
  auto harness = NodeHarness::create(smart_turn_type());
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

/// One piece of a question, at frame `at` of the session.
media::Packet piece(NodeHarness& harness, std::span<const float> samples, std::size_t at) {
  media::Packet packet;
  packet.rate_hz = kRate;
  packet.frames = static_cast<std::uint32_t>(samples.size());
  packet.from = media_time(static_cast<std::int64_t>(at), kRate);
  packet.to = media_time(static_cast<std::int64_t>(at + samples.size()), kRate);
  packet.payload = harness.pool().copy_of(std::as_bytes(samples));
  return packet;
}

/// Asks about `samples` as the gate does: in pieces, the first marked as a break, the last as last.
void ask(NodeHarness& harness, std::span<const float> samples, std::size_t size = kPiece,
         std::size_t at = 0, const media::Lineage& lineage = {}) {
  for (std::size_t i = 0; i < samples.size(); i += size) {
    media::Packet packet =
        piece(harness, samples.subspan(i, std::min(size, samples.size() - i)), at + i);
    packet.discontinuity = i == 0;
    packet.last = i + size >= samples.size();
    packet.lineage = lineage;
    harness.push(std::move(packet));
  }
}

/// What the model itself says.
float expected(std::span<const float> samples) {
  auto model = SmartTurnModel::create(inference::ModelStore::locate());
  EXPECT_TRUE(model.has_value());
  const auto found = model->probability(samples);
  EXPECT_TRUE(found.has_value());
  return found.value_or(-1.0F);
}

TEST(SmartTurn, TellsAFinishedTurnFromOneThatStopsInTheMiddle) {
  std::size_t right = 0;
  constexpr std::array kPrompts{"agent-pass", "cannot-complete-as-dialed", "auth-thankyou",
                                "check-number-dial-again"};
  for (const char* name : kPrompts) {
    const std::vector<float> whole = speech::prompt(name);
    const auto harness = open();
    ask(*harness, whole);
    ask(*harness, std::span(whole).first(whole.size() * 6 / 10));

    const std::vector<media::Packet> said = harness->data();
    ASSERT_THAT(said, SizeIs(2));
    right += (said[0].value > 0.5F ? 1 : 0) + (said[1].value < 0.5F ? 1 : 0);
  }
  EXPECT_GE(right, kPrompts.size() * 2 - 1);
}

TEST(SmartTurn, AnswersOnceWithTheTimesOfWhatItWasAsked) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const auto harness = open();
  ask(*harness, samples, kPiece, 4'000);

  ASSERT_THAT(harness->data(), SizeIs(1));
  const media::Packet& said = harness->out()[0];
  EXPECT_EQ(said.kind, media::PacketKind::tensor);
  EXPECT_EQ(said.from, media_time(4'000, kRate));
  EXPECT_EQ(said.to, media_time(4'000 + static_cast<std::int64_t>(samples.size()), kRate));
  EXPECT_EQ(said.value, expected(samples));
}

TEST(SmartTurn, SaysTheSameHoweverTheAudioIsCut) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const float want = expected(samples);
  for (const std::size_t size : {std::size_t{1'001}, kPiece, samples.size()}) {
    const auto harness = open();
    ask(*harness, samples, size);

    ASSERT_THAT(harness->data(), SizeIs(1)) << size;
    EXPECT_EQ(harness->out()[0].value, want) << size;
  }
}

TEST(SmartTurn, ANewQuestionTakesThePlaceOfOneThatWasNotWhole) {
  const std::vector<float> old = speech::prompt("auth-thankyou");
  const std::vector<float> samples = speech::prompt("agent-pass");
  const auto harness = open();
  media::Packet first = piece(*harness, std::span(old).first(kPiece), 0);
  first.discontinuity = true;
  harness->push(std::move(first));
  ask(*harness, samples, kPiece, kPiece);

  ASSERT_THAT(harness->data(), SizeIs(1));
  EXPECT_EQ(harness->out()[0].value, expected(samples));
  EXPECT_EQ(harness->out()[0].from, media_time(kPiece, kRate));
}

TEST(SmartTurn, AudioThatDoesNotFollowBeginsANewQuestion) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const auto harness = open();
  harness->push(piece(*harness, std::span(samples).first(kPiece), 0));
  media::Packet later = piece(*harness, samples, 100'000);
  later.last = true;
  harness->push(std::move(later));

  ASSERT_THAT(harness->data(), SizeIs(1));
  EXPECT_EQ(harness->out()[0].value, expected(samples));
}

TEST(SmartTurn, KeepsTheLastEightSecondsOfALongQuestion) {
  std::vector<float> samples = speech::prompt("basic-pbx-ivr-main");
  ASSERT_GT(samples.size(), SmartTurnModel::kFrames);
  const auto harness = open();
  ask(*harness, samples);

  ASSERT_THAT(harness->data(), SizeIs(1));
  EXPECT_EQ(harness->out()[0].value, expected(samples));
  EXPECT_EQ(harness->out()[0].to - harness->out()[0].from, MediaTime{8'000'000});
}

TEST(SmartTurn, AnAnswerHangsOnEveryPieceOfItsQuestion) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const auto harness = open();
  const base::TurnId turn = harness->ledger().open_turn();
  const base::SegmentId segment = harness->ledger().open(policy::SegmentKind::onset);
  media::Packet first = piece(*harness, std::span(samples).first(kPiece), 0);
  first.lineage = hanging_on(segment);
  harness->push(std::move(first));
  media::Packet rest = piece(*harness, std::span(samples).subspan(kPiece), kPiece);
  rest.lineage = hanging_on(turn, 0);
  rest.last = true;
  harness->push(std::move(rest));

  ASSERT_THAT(harness->data(), SizeIs(1));
  EXPECT_TRUE(harness->out()[0].lineage.hangs_on(segment));
  EXPECT_EQ(harness->out()[0].lineage.turn, turn);
}

TEST(SmartTurn, DoesNotThinkAboutWhatWasWithdrawn) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const auto harness = open();
  const base::SegmentId segment = harness->ledger().open(policy::SegmentKind::onset);
  media::Packet first = piece(*harness, std::span(samples).first(kPiece), 0);
  first.lineage = hanging_on(segment);
  harness->push(std::move(first));
  harness->cancel(segment);
  media::Packet rest = piece(*harness, std::span(samples).subspan(kPiece), kPiece);
  rest.last = true;
  harness->push(std::move(rest));
  EXPECT_THAT(harness->data(), IsEmpty());
  EXPECT_EQ(harness->emitted_after_stop(), 0U);

  ask(*harness, samples);
  EXPECT_THAT(harness->data(), SizeIs(1)) << "the next question is answered";
}

TEST(SmartTurn, SessionsDoNotHearEachOther) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const auto one = open();
  const auto other = one->open_another("s2");
  ASSERT_TRUE(other.has_value());
  one->push(piece(*one, std::span(samples).first(kPiece), 0));
  ask(**other, samples);

  EXPECT_THAT(one->data(), IsEmpty());
  ASSERT_THAT((*other)->data(), SizeIs(1));
  EXPECT_EQ((*other)->out()[0].value, expected(samples));
}

TEST(SmartTurn, RefusesAudioOfAnotherFormatAndTellsOnce) {
  const auto harness = open();
  harness->push_audio(0, std::vector<float>(480, 0.1F), MediaTime{0}, 48'000);
  harness->push_audio(0, std::vector<float>(480, 0.1F), MediaTime{0}, kRate, {}, 2);
  harness->push_text(0, "hello");
  ASSERT_THAT(harness->failures(), SizeIs(1));
  EXPECT_THAT(harness->failures()[0], HasSubstr("16 kHz mono expected"));

  ask(*harness, std::vector<float>(kPiece, 0.0F));
  EXPECT_THAT(harness->data(), SizeIs(1));
}

TEST(SmartTurn, RefusesAQuestionWithoutAudio) {
  const auto harness = open();
  media::Packet nothing = piece(*harness, {}, 0);
  nothing.last = true;
  harness->push(std::move(nothing));

  EXPECT_THAT(harness->failures().back(), HasSubstr("without audio"));
  EXPECT_THAT(harness->data(), IsEmpty());
}

TEST(SmartTurn, ASampleThatIsNoNumberCountsAsSilenceAndSpoilsNothingElse) {
  std::vector<float> samples = speech::prompt("agent-pass");
  samples.resize(samples.size() * 6 / 10);
  samples[9'000] = 0.0F;
  const float want = expected(samples);
  samples[9'000] = std::numeric_limits<float>::quiet_NaN();
  const auto harness = open();
  ask(*harness, samples);

  ASSERT_THAT(harness->data(), SizeIs(1));
  EXPECT_EQ(harness->out()[0].value, want);
}

TEST(SmartTurn, SaysWhichNodeMissesItsModelAndWhatToDo) {
  const auto made = NodeHarness::create(
      smart_turn_type(), {.params = {{"model", std::string{"/nowhere"}}}, .id = "listener"});

  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, base::Code::unavailable);
  EXPECT_EQ(made.error().where, "listener");
  EXPECT_THAT(made.error().message, HasSubstr("./dev setup"));
}

TEST(SmartTurn, NeverRunsInTheSweep) {
  const node::Contract& contract = *smart_turn_type().contract;

  EXPECT_EQ(contract.placement, node::Placement::pool);
  EXPECT_TRUE(contract.pool_only);
  EXPECT_EQ(contract.virtual_cost.first_us, 55'000);
}

}  // namespace
}  // namespace millrace::nodes
