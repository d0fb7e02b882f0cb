#include "nodes/moonshine_asr/moonshine_asr.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "millrace/inference/speech_for_test.hpp"
#include "millrace/testing/node_harness.hpp"
#include "nodes/moonshine_asr/context_for_test.hpp"
#include "nodes/moonshine_asr/moonshine_model.hpp"

namespace millrace::nodes {
namespace {

namespace speech = inference::speech_for_test;
using base::media_time;
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

constexpr std::int32_t kRate = MoonshineModel::kRateHz;
constexpr std::size_t kBlock = 320;

const MoonshineModel& model() {
  static const auto made = MoonshineModel::create(inference::ModelStore::locate());
  if (!made) ADD_FAILURE() << made.error().text();
  return made.value();
}

/// What the recogniser makes of `samples` in one piece.
std::string heard(std::span<const float> samples) {
  const auto transcript = model().transcribe(samples);
  EXPECT_TRUE(transcript);
  return transcript ? transcript->text : "";
}

std::unique_ptr<NodeHarness> open(std::vector<GivenParam> params = {}) {
  auto harness = NodeHarness::create(moonshine_asr_type(), {.params = std::move(params)});
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

/// The node without a harness, for what happens in the midst of a call.
struct Bare {
  std::unique_ptr<node::StageNode> stage;
  std::unique_ptr<node::SessionNode> session;
  ScriptedContext context;

  explicit Bare(std::vector<GivenParam> given = {}) {
    const node::NodeType& type = moonshine_asr_type();
    auto params = testing::params_for(*type.contract, given, "asr");
    stage = *type.create({.id = "asr", .params = std::move(*params), .inputs = {}});
    session = *stage->open_session({});
  }
  void say(std::span<const float> samples, std::size_t at, const media::Lineage& lineage) {
    media::Packet packet;
    packet.rate_hz = kRate;
    packet.frames = static_cast<std::uint32_t>(samples.size());
    packet.from = media_time(static_cast<std::int64_t>(at), kRate);
    packet.to = media_time(static_cast<std::int64_t>(at + samples.size()), kRate);
    packet.lineage = lineage;
    packet.payload = rt::Payload::copy_of(std::as_bytes(samples));
    session->process(packet, context);
    run();
  }
  void run() {
    while (session->deferred()) {
      node::Work deferred{.node = session.get(), .packets = {}, .context = &context};
      stage->run_together({&deferred, 1});
    }
  }
  void control(ControlType type, base::TurnId turn, base::Revision revision) {
    media::Control control;
    control.type = type;
    control.turn = turn;
    control.revision = revision;
    session->on_control(control, context);
    run();
  }
};

/// A speaker in front of a harness: every utterance is a confirmed segment of the turn.
class Speaker {
 public:
  explicit Speaker(NodeHarness& harness) : harness_(&harness) {}

  [[nodiscard]] base::TurnId turn() {
    if (!turn_) turn_ = harness_->ledger().open_turn();
    return turn_;
  }
  base::SegmentId say(std::span<const float> samples, bool confirm = true) {
    const base::SegmentId segment = harness_->ledger().open(policy::SegmentKind::onset);
    media::Lineage lineage = hanging_on(segment);
    lineage.turn = turn();
    for (std::size_t i = 0; i < samples.size(); i += kBlock) {
      const auto block = samples.subspan(i, std::min(kBlock, samples.size() - i));
      harness_->push_audio(0, block, media_time(static_cast<std::int64_t>(at_ + i), kRate), kRate,
                           lineage);
    }
    at_ += samples.size();
    if (confirm) harness_->confirm(segment);
    return segment;
  }
  void pause(std::size_t frames) { at_ += frames; }
  base::Revision eager() {
    const base::Revision revision = harness_->ledger().guess(turn());
    harness_->marker(ControlType::eager_end_of_turn, turn(), revision);
    return revision;
  }
  void resume(base::Revision revision) {
    harness_->marker(ControlType::turn_resumed, turn(), revision);
  }
  void end(base::Revision revision) {
    harness_->marker(ControlType::end_of_turn, turn(), revision);
    turn_ = {};
  }

 private:
  NodeHarness* harness_;
  base::TurnId turn_;
  std::size_t at_ = 0;
};

TEST(MoonshineAsr, RecognisesATurnAtTheGuessAndAddsNothingAtTheEndThatConfirmsIt) {
  const auto samples = speech::prompt("agent-pass");
  const auto harness = open();
  Speaker speaker{*harness};
  const auto turn = speaker.turn();
  const auto segment = speaker.say(samples);
  const auto revision = speaker.eager();

  ASSERT_THAT(harness->data(), SizeIs(1));
  const media::Packet text = harness->data()[0];
  const auto said = speech::words(speech::prompt_text("agent-pass"));
  EXPECT_LE(speech::word_errors(said, speech::words(text.text())), said.size() / 5) << text.text();
  EXPECT_EQ(text.text(), heard(samples));
  EXPECT_EQ(text.role, TextRole::complete);
  EXPECT_TRUE(text.last);
  EXPECT_EQ(text.from, MediaTime{0});
  EXPECT_EQ(text.to, media_time(static_cast<std::int64_t>(samples.size()), kRate));
  EXPECT_TRUE(text.lineage.hangs_on(segment));
  EXPECT_EQ(text.lineage.turn, turn);
  EXPECT_EQ(text.lineage.revision, revision);

  speaker.end(revision);
  EXPECT_THAT(harness->data(), SizeIs(1));
  harness->end();
  EXPECT_THAT(harness->data(), SizeIs(1));
}

TEST(MoonshineAsr, GoesOnWithAResumedTurnAndGivesAllOfItAgain) {
  const auto first = speech::prompt("all-circuits-busy-now");
  const auto second = speech::prompt("check-number-dial-again");
  const auto harness = open();
  Speaker speaker{*harness};
  speaker.say(first);
  const auto guess = speaker.eager();
  speaker.resume(guess);
  speaker.say(second);
  const auto last = speaker.eager();
  speaker.end(last);

  std::vector<float> both = first;
  both.insert(both.end(), second.begin(), second.end());
  EXPECT_THAT(harness->texts(), ElementsAre(heard(first), heard(both)));
  EXPECT_EQ(harness->data()[1].lineage.revision, last);
  EXPECT_EQ(last, guess + 1);
}

TEST(MoonshineAsr, BeginsEachTurnWithNothingOfTheOneBefore) {
  const auto first = speech::prompt("all-circuits-busy-now");
  const auto second = speech::prompt("auth-thankyou");
  const auto harness = open();
  Speaker speaker{*harness};
  speaker.say(first);
  speaker.end(speaker.eager());
  speaker.say(second);
  speaker.end(harness->ledger().guess(speaker.turn()));

  EXPECT_THAT(harness->texts(), ElementsAre(heard(first), heard(second)));
  EXPECT_EQ(harness->data()[1].lineage.turn, base::TurnId{2});
}

TEST(MoonshineAsr, GivesTheWordsAgainUnderANewRevisionWithoutListeningAgain) {
  const auto samples = speech::prompt("auth-thankyou");
  Bare bare;
  const auto turn = bare.context.ledger.open_turn();
  const auto blip = bare.context.ledger.open(policy::SegmentKind::onset);
  bare.say(samples, 0, {});
  bare.control(ControlType::eager_end_of_turn, turn, bare.context.ledger.guess(turn));
  ASSERT_THAT(bare.context.emitted, SizeIs(1));

  // A cough came and was cancelled: the audio is what it was.
  bare.say(samples, samples.size(), hanging_on(blip));
  bare.context.ledger.cancel(blip);
  bare.control(ControlType::cancel_speculation, {}, 0);
  bare.context.ledger.withdraw(turn, 1);
  bare.control(ControlType::turn_resumed, turn, 1);
  const auto asked = bare.context.asked;
  bare.control(ControlType::end_of_turn, turn, bare.context.ledger.guess(turn));

  EXPECT_EQ(bare.context.asked, asked) << "no decoding";
  ASSERT_THAT(bare.context.emitted, SizeIs(2));
  EXPECT_EQ(bare.context.emitted[1].text(), bare.context.emitted[0].text());
  EXPECT_EQ(bare.context.emitted[1].lineage.revision, 2U);
}

TEST(MoonshineAsr, GivesOneTextForARevisionWhateverSilenceFollows) {
  const auto samples = speech::prompt("auth-thankyou");
  const auto harness = open();
  Speaker speaker{*harness};
  speaker.say(samples);
  const auto revision = speaker.eager();
  speaker.say(std::vector<float>(kRate / 10, 0.0F));
  speaker.end(revision);

  EXPECT_THAT(harness->texts(), ElementsAre(heard(samples)));
}

TEST(MoonshineAsr, LosesExactlyTheWordsOfACancelledSegment) {
  const auto first = speech::prompt("all-circuits-busy-now");
  const auto cancelled = speech::prompt("auth-thankyou");
  const auto third = speech::prompt("check-number-dial-again");
  const auto harness = open();
  Speaker speaker{*harness};
  speaker.say(first);
  harness->cancel(speaker.say(cancelled, false));
  speaker.say(third);
  speaker.eager();

  // The cancelled 0.96 s are a gap, for which 0.3 s of silence stand.
  std::vector<float> rest = first;
  rest.resize(rest.size() + kRate * 3 / 10, 0.0F);
  rest.insert(rest.end(), third.begin(), third.end());
  EXPECT_THAT(harness->texts(), ElementsAre(heard(rest)));
  EXPECT_EQ(harness->emitted_after_stop(), 0U);
}

TEST(MoonshineAsr, ListensOnceMoreWithoutASegmentThatIsCancelledMeanwhile) {
  const auto first = speech::prompt("all-circuits-busy-now");
  const auto second = speech::prompt("auth-thankyou");
  Bare bare;
  const auto turn = bare.context.ledger.open_turn();
  const auto segment = bare.context.ledger.open(policy::SegmentKind::onset);
  bare.say(first, 0, {});
  bare.say(second, first.size(), hanging_on(segment));
  const std::uint64_t before = bare.context.asked;
  bare.context.ask = [&](std::uint64_t asked) {
    if (asked == before + 5) bare.context.ledger.cancel(segment);
  };
  bare.control(ControlType::eager_end_of_turn, turn, bare.context.ledger.guess(turn));

  ASSERT_THAT(bare.context.emitted, SizeIs(1));
  EXPECT_EQ(bare.context.emitted[0].text(), heard(first));
  EXPECT_FALSE(bare.context.emitted[0].lineage.hangs_on(segment));
}

TEST(MoonshineAsr, StopsAtTheNextStepAndHearsTheTurnAnewLater) {
  const auto samples = speech::prompt("all-circuits-busy-now");
  Bare bare;
  const auto turn = bare.context.ledger.open_turn();
  bare.say(samples, 0, {});
  const std::uint64_t before = bare.context.asked;
  for (const std::uint64_t question : {1U, 2U, 4U}) {
    bare.context.asked = before;
    bare.context.stop_at = before + question;
    bare.control(ControlType::eager_end_of_turn, turn, bare.context.ledger.guess(turn));

    // Asked before and after the encoder and after each step; once more by the node itself.
    EXPECT_EQ(bare.context.asked, before + question + 1);
    EXPECT_THAT(bare.context.emitted, IsEmpty());
  }
  bare.context.stop_at = 0;
  bare.control(ControlType::end_of_turn, turn, bare.context.ledger.guess(turn));

  ASSERT_THAT(bare.context.emitted, SizeIs(1));
  EXPECT_EQ(bare.context.emitted[0].text(), heard(samples));
  EXPECT_THAT(bare.context.failures, IsEmpty());
}

TEST(MoonshineAsr, TellsGrowingPartialsAndThenTheWhole) {
  const auto samples = speech::prompt("all-circuits-busy-now");
  const auto harness = open({{"partials_ms", std::int64_t{600}}});
  Speaker speaker{*harness};
  speaker.say(samples);
  speaker.end(speaker.eager());

  const auto told = harness->data();
  ASSERT_GE(told.size(), 3U);
  for (std::size_t i = 0; i + 1 < told.size(); ++i) {
    EXPECT_EQ(told[i].role, TextRole::partial);
    EXPECT_FALSE(told[i].last);
    EXPECT_EQ(told[i].lineage.revision, 0U);
    EXPECT_LE(told[i].to, told[i + 1].to);
    if (i > 0) {
      EXPECT_NE(told[i - 1].text(), told[i].text());
    }
  }
  EXPECT_EQ(told.back().role, TextRole::complete);
  EXPECT_EQ(told.back().text(), heard(samples));
}

TEST(MoonshineAsr, TellsNoPartialsUnlessAsked) {
  const auto harness = open();
  Speaker speaker{*harness};
  speaker.say(speech::prompt("all-circuits-busy-now"));

  EXPECT_THAT(harness->data(), IsEmpty());
}

TEST(MoonshineAsr, LosesNoWordsOfATurnLongerThanItKeeps) {
  const std::vector<std::string> prompts{"agent-pass", "cannot-complete-as-dialed",
                                         "check-number-dial-again", "all-circuits-busy-now"};
  const auto harness = open({{"max_turn_s", std::int64_t{4}}});
  Speaker speaker{*harness};
  std::vector<std::string> said;
  for (const auto& name : prompts) {
    speaker.say(speech::prompt(name));
    speaker.pause(kRate / 2);
    for (const auto& word : speech::words(speech::prompt_text(name))) said.push_back(word);
  }
  speaker.end(speaker.eager());

  ASSERT_THAT(harness->data(), SizeIs(1));
  const media::Packet text = harness->data()[0];
  EXPECT_LE(speech::word_errors(said, speech::words(text.text())), said.size() / 4) << text.text();
  EXPECT_EQ(text.from, MediaTime{0});
  EXPECT_GT(text.to, MediaTime{10'000'000});
  EXPECT_THAT(harness->failures(), IsEmpty());
}

TEST(MoonshineAsr, SaysNothingForATurnWithoutAudioOrWords) {
  const auto harness = open();
  Speaker speaker{*harness};
  speaker.end(speaker.eager());
  const auto segment = speaker.say(std::vector<float>(kRate / 2, 0.0F), false);
  harness->cancel(segment);
  speaker.end(speaker.eager());
  harness->end();

  EXPECT_THAT(harness->data(), IsEmpty());
  EXPECT_THAT(harness->out(), SizeIs(4)) << "the markers go on";
}

TEST(MoonshineAsr, ForgetsAnInterruptedTurnAndNotTheOneThatInterrupts) {
  const auto first = speech::prompt("all-circuits-busy-now");
  const auto second = speech::prompt("auth-thankyou");
  const auto harness = open();
  Speaker speaker{*harness};
  const auto turn = speaker.turn();
  speaker.say(first);
  harness->interrupt(turn);
  Speaker next{*harness};
  ASSERT_NE(next.turn(), turn);
  next.pause(5 * kRate);
  next.say(second);
  harness->interrupt(turn);
  next.end(next.eager());

  EXPECT_THAT(harness->texts(), ElementsAre(heard(second)));
}

TEST(MoonshineAsr, TakesTheWholeInputForATurnWhereNobodyTellsTurns) {
  const auto samples = speech::prompt("auth-thankyou");
  const auto harness = open();
  harness->push_audio(0, samples, MediaTime{0}, kRate);
  harness->end();

  EXPECT_THAT(harness->texts(), ElementsAre(heard(samples)));
  EXPECT_TRUE(harness->data()[0].last);
}

TEST(MoonshineAsr, RefusesAnotherFormatOnce) {
  const auto harness = open();
  const std::vector<float> block(kBlock, 0.0F);
  harness->push_audio(0, block, MediaTime{0}, 48'000);
  harness->push_audio(0, block, MediaTime{0}, kRate, {}, 2);
  harness->push_audio(0, block, MediaTime{0}, kRate);

  EXPECT_THAT(harness->failures(), SizeIs(1));
}

TEST(MoonshineAsr, SaysWhichNodeMissesItsModelAndWhatToDo) {
  const auto made = NodeHarness::create(
      moonshine_asr_type(), {.params = {{"model", std::string{"/nowhere"}}}, .id = "asr"});

  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, base::Code::unavailable);
  EXPECT_EQ(made.error().where, "asr");
  EXPECT_THAT(made.error().message, HasSubstr("./dev setup"));
}

TEST(MoonshineAsr, IsTheGenericRecogniserAndNeverRunsInTheSweep) {
  const node::Contract& contract = *moonshine_asr_type().contract;
  EXPECT_EQ(contract.alias, "asr");
  EXPECT_TRUE(contract.pool_only);
  EXPECT_EQ(contract.placement, node::Placement::pool);
  EXPECT_EQ(contract.virtual_cost.first_us, 110'000);
}

}  // namespace
}  // namespace millrace::nodes
