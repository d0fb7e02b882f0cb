#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "millrace/base/limits.hpp"
#include "millrace/base/rng.hpp"
#include "millrace/engine/engine.hpp"
#include "millrace/testing/virtual_world.hpp"

// Control as careless or hostile clients send it: every message is answered, nothing wrong acts,
// and nobody else's audio notices.
namespace millrace::testing {
namespace {

using engine::ControlCode;
using engine::ControlStatus;
using engine::EventType;
using media::Control;
using media::ControlType;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// What the `ear` nodes of all sessions were told, and a door that holds them up.
struct Heard {
  std::atomic<int> customs{0};
  std::atomic<std::size_t> last_body{0};
  std::atomic<bool> door_shut{false};
  std::atomic<bool> at_the_door{false};
};
Heard heard;

class Ear final : public node::SessionNode {
 public:
  void process(media::Packet& packet, node::Context& context) noexcept override {
    while (heard.door_shut.load()) {
      heard.at_the_door.store(true);
      std::this_thread::yield();
    }
    context.emit(0, std::move(packet));
  }
  void on_control(const Control& control, node::Context&) noexcept override {
    if (control.type != ControlType::custom) return;
    heard.customs.fetch_add(1);
    heard.last_body.store(control.body.size_bytes());
  }
};

class EarStage final : public node::StageNode {
 public:
  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<Ear>();
  }
  node::Format output_format(std::size_t) const override {
    return {media::PacketKind::audio, 16'000, 1};
  }
};

constexpr node::PortDecl kIn[] = {
    {.name = "in", .kind = media::PacketKind::audio, .summary = "audio"}};
constexpr node::PortDecl kOut[] = {
    {.name = "out", .kind = media::PacketKind::audio, .summary = "audio"}};
constexpr node::Contract kEar{
    .type = "ear", .summary = "hears control", .inputs = kIn, .outputs = kOut, .max_outputs = 1};

std::shared_ptr<const graph::Plan> gated_plan() {
  static const node::Registry registry = [] {
    node::Registry made;
    add_test_nodes(made);
    made.add(
        {&kEar, [](const node::StageConfig&) -> base::Result<std::unique_ptr<node::StageNode>> {
           return std::make_unique<EarStage>();
         }});
    return made;
  }();
  return test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: ear, type: ear}
  - {id: out, type: sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: ear}
  - {from: ear, to: out}
executor: {max_sessions: 8}
)",
                   registry);
}

Control message(ControlType type, std::uint32_t segment = 0, std::uint64_t id = 0) {
  Control control;
  control.type = type;
  control.segment = {segment};
  control.id = id;
  return control;
}

Control custom(std::size_t size_bytes, std::uint64_t id = 0, char fill = 'x') {
  Control control = message(ControlType::custom, 0, id);
  const std::string body(size_bytes, fill);
  control.body = rt::Payload::copy_of(std::as_bytes(std::span(body)));
  return control;
}

/// One session whose gate opens segment 1 at 20 ms and never ends it before the script does.
class ControlInput : public ::testing::Test {
 protected:
  ControlInput() {
    heard.customs = 0;
    heard.door_shut = false;
    heard.at_the_door = false;
    world_.open();
    say(GateCommand::open);
    for (int i = 0; i < 9; ++i) say(GateCommand::pass);
  }
  void say(GateCommand command) {
    world_.feed().add_audio(world_.stage("mic"), static_cast<int>(command));
  }
  void until(int ms) {
    while (world_.runner().clock().now() < base::Instant{std::chrono::milliseconds(ms)} &&
           world_.runner().step()) {
    }
  }
  void send(Control control) { ASSERT_TRUE(world_.runner().control({1, std::move(control)})); }
  void finish() {
    world_.feed().end(world_.stage("mic"));
    world_.run();
  }
  [[nodiscard]] std::vector<ControlStatus> answers(std::size_t session = 0) {
    std::vector<ControlStatus> all;
    for (const engine::Event& event : world_.tap(session).events)
      if (event.type == EventType::control) all.push_back(event.status);
    return all;
  }

  [[nodiscard]] std::vector<ControlCode> codes(std::size_t session = 0) {
    std::vector<ControlCode> all;
    for (const engine::Event& event : world_.tap(session).events)
      if (event.type == EventType::control) all.push_back(event.code);
    return all;
  }

  VirtualWorld world_{gated_plan(), 8};
};

TEST_F(ControlInput, SaysWhyItRejects) {
  until(40);
  send(message(ControlType::cancel_speculation, 77));
  Control interrupt = message(ControlType::interrupt);
  interrupt.turn = {7};
  send(interrupt);
  Control backwards = message(ControlType::cancel_speculation, 1);
  backwards.from = base::MediaTime{2};
  backwards.to = base::MediaTime{1};
  send(backwards);
  Control to_come = message(ControlType::cancel_speculation, 1);
  to_come.from = base::MediaTime{10'000'000};
  to_come.to = base::MediaTime{20'000'000};
  send(to_come);
  send(custom(1 << 20));
  send(message(ControlType::end_of_turn));
  send(custom(4, 5, 'a'));
  send(custom(4, 5, 'b'));
  say(GateCommand::confirm);
  finish();

  EXPECT_THAT(codes(), ElementsAre(ControlCode::unknown_segment, ControlCode::unknown_turn,
                                   ControlCode::bad_range, ControlCode::outside_ring,
                                   ControlCode::too_large, ControlCode::gate_only,
                                   ControlCode::none, ControlCode::duplicate_id_other_content));
  EXPECT_EQ(world_.tap().outputs.size(), 11U) << "nothing of it acted";
  EXPECT_EQ(world_.session().control_answers[static_cast<std::size_t>(ControlStatus::rejected)],
            7U);
  EXPECT_EQ(world_.session().control_answers[static_cast<std::size_t>(ControlStatus::applied)], 1U);
}

TEST_F(ControlInput, SaysWhatASegmentIsAlready) {
  until(40);
  send(message(ControlType::confirm_speculation, 1));
  send(message(ControlType::confirm_speculation, 1));
  send(message(ControlType::cancel_speculation, 1));
  finish();

  EXPECT_THAT(answers(), ElementsAre(ControlStatus::applied, ControlStatus::duplicate,
                                     ControlStatus::too_late));
  EXPECT_THAT(codes(), ElementsAre(ControlCode::none, ControlCode::already_confirmed,
                                   ControlCode::already_confirmed));
}

TEST_F(ControlInput, AnswersARetryOfWhatCameTooLateAsTheFirstTime) {
  until(40);
  send(message(ControlType::confirm_speculation, 1, 4));
  send(message(ControlType::cancel_speculation, 1, 5));
  send(message(ControlType::cancel_speculation, 1, 5));
  send(message(ControlType::confirm_speculation, 1, 4));
  finish();

  EXPECT_THAT(answers(), ElementsAre(ControlStatus::applied, ControlStatus::too_late,
                                     ControlStatus::too_late, ControlStatus::duplicate));
  EXPECT_THAT(codes(), ElementsAre(ControlCode::none, ControlCode::already_confirmed,
                                   ControlCode::already_confirmed, ControlCode::repeated));
}

TEST_F(ControlInput, RejectsAMegabyteOfMetadataAndHoldsNoneOfIt) {
  world_.open();
  const std::uint32_t mic = world_.stage("mic");
  world_.feed(1).add_audio(mic, static_cast<int>(GateCommand::open));
  for (int i = 0; i < 8; ++i) world_.feed(1).add_audio(mic);
  world_.feed(1).add_audio(mic, static_cast<int>(GateCommand::confirm));
  world_.feed(1).end(mic);
  until(40);

  for (std::uint64_t id = 1; id <= 100; ++id) send(custom(1 << 20, id));
  send(custom(10));
  say(GateCommand::confirm);
  finish();

  std::vector<ControlStatus> all = answers();
  ASSERT_EQ(all.size(), 101U) << "each is answered: none filled the door with its bytes";
  EXPECT_EQ(all.back(), ControlStatus::applied);
  EXPECT_EQ(std::count(all.begin(), all.end(), ControlStatus::rejected), 100);
  EXPECT_EQ(codes().front(), ControlCode::too_large);
  EXPECT_EQ(world_.session().control_answers[static_cast<std::size_t>(ControlStatus::rejected)],
            100U);
  EXPECT_EQ(world_.tap(0).outputs.size(), 11U) << "the session goes on";
  EXPECT_EQ(world_.tap(1).outputs.size(), 10U) << "and so does the other";
  EXPECT_THAT(answers(1), IsEmpty());
  EXPECT_EQ(heard.customs.load(), 1);
  EXPECT_THAT(world_.broken(), IsEmpty());
}

TEST_F(ControlInput, DropsAndCountsWhatIsForASessionThatIsNotThere) {
  until(40);

  ASSERT_TRUE(world_.runner().control({99, message(ControlType::cancel_speculation, 1)}));
  say(GateCommand::confirm);
  finish();

  EXPECT_EQ(world_.runner().shard().counters().controls_unknown, 1U);
  EXPECT_THAT(answers(), IsEmpty());
  EXPECT_EQ(world_.tap().outputs.size(), 11U);
}

TEST_F(ControlInput, RejectsSegmentsAndTurnsThatWereNeverGivenOut) {
  until(40);

  send(message(ControlType::cancel_speculation, 2));
  send(message(ControlType::cancel_speculation, 0));
  send(message(ControlType::confirm_speculation, 4'000'000'000));
  Control interrupt = message(ControlType::interrupt);
  interrupt.turn = {7};
  send(interrupt);
  say(GateCommand::confirm);
  finish();

  EXPECT_THAT(answers(), Each(ControlStatus::rejected));
  EXPECT_EQ(answers().size(), 4U);
  EXPECT_EQ(world_.tap().outputs.size(), 11U);
  EXPECT_THAT(world_.broken(), IsEmpty());
}

TEST_F(ControlInput, RejectsAnInterruptionBeforeThereIsATurn) {
  send(message(ControlType::interrupt));
  say(GateCommand::confirm);
  finish();

  EXPECT_THAT(answers(), ElementsAre(ControlStatus::rejected));
}

TEST_F(ControlInput, RejectsARangeThatDoesNotBeginBeforeItEnds) {
  until(40);
  const std::pair<std::int64_t, std::int64_t> wrong[] = {
      {20'000, 20'000}, {40'000, 20'000}, {5, 0}, {-1, 20'000}, {-5, -1}};
  for (const auto& [from, to] : wrong) {
    Control cancel = message(ControlType::cancel_speculation, 1);
    cancel.from = base::MediaTime{from};
    cancel.to = base::MediaTime{to};
    send(cancel);
  }
  EXPECT_EQ(world_.session().shared->ledger.state({1}), policy::SegmentState::speculative);

  Control cancel = message(ControlType::cancel_speculation, 1);
  cancel.to = base::MediaTime{1};
  send(cancel);
  finish();

  ASSERT_EQ(answers().size(), 6U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(answers()[i], ControlStatus::rejected) << i;
  EXPECT_EQ(answers().back(), ControlStatus::applied);
  EXPECT_THAT(world_.tap().outputs, IsEmpty());
}

TEST_F(ControlInput, RejectsTurnMessagesWhichOnlyAGateMaySend) {
  until(40);

  for (const ControlType type : {ControlType::eager_end_of_turn, ControlType::turn_resumed,
                                 ControlType::end_of_turn, ControlType::end_of_input})
    send(message(type));
  say(GateCommand::confirm);
  finish();

  EXPECT_EQ(answers().size(), 4U);
  EXPECT_THAT(answers(), Each(ControlStatus::rejected));
  EXPECT_EQ(world_.tap().outputs.size(), 11U);
}

TEST_F(ControlInput, IsTooLateAfterTheCommitAndChangesNothing) {
  until(40);
  send(message(ControlType::confirm_speculation, 1));
  until(60);

  send(message(ControlType::cancel_speculation, 1));
  finish();

  EXPECT_THAT(answers(), ElementsAre(ControlStatus::applied, ControlStatus::too_late));
  EXPECT_EQ(world_.tap().outputs.size(), 10U);
  EXPECT_THAT(world_.broken(), IsEmpty());
}

TEST_F(ControlInput, ActsOnceOnAMessageThatComesTwice) {
  until(40);

  send(custom(10, 5));
  send(custom(10, 5));
  send(message(ControlType::cancel_speculation, 1, 6));
  send(message(ControlType::cancel_speculation, 1, 6));
  send(message(ControlType::cancel_speculation, 1));
  finish();

  EXPECT_THAT(answers(),
              ElementsAre(ControlStatus::applied, ControlStatus::duplicate, ControlStatus::applied,
                          ControlStatus::duplicate, ControlStatus::duplicate));
  EXPECT_EQ(heard.customs.load(), 1);
  EXPECT_EQ(world_.tap().count(EventType::speculation_cancelled), 1U);
}

TEST_F(ControlInput, RejectsAnotherMessageUnderAnIdThatWasUsed) {
  until(40);

  send(custom(10, 5, 'a'));
  send(custom(10, 5, 'b'));
  send(message(ControlType::cancel_speculation, 1, 5));
  say(GateCommand::confirm);
  finish();

  EXPECT_THAT(answers(), ElementsAre(ControlStatus::applied, ControlStatus::rejected,
                                     ControlStatus::rejected));
  EXPECT_EQ(heard.customs.load(), 1);
  EXPECT_EQ(world_.tap().outputs.size(), 11U) << "the cancel did not act";
}

TEST_F(ControlInput, LetsAMessageThatWasRejectedBeMendedUnderItsId) {
  until(40);

  send(message(ControlType::cancel_speculation, 77, 5));
  send(message(ControlType::cancel_speculation, 1, 5));
  finish();

  EXPECT_THAT(answers(), ElementsAre(ControlStatus::rejected, ControlStatus::applied));
}

TEST_F(ControlInput, RemembersTheLatestIdsAndNoMore) {
  until(40);
  send(custom(1, 1));
  for (std::uint64_t id = 2; id <= engine::kSeenControls; ++id) {
    send(custom(1, id));
    world_.runner().step();
  }

  send(custom(1, 1));
  send(custom(1, engine::kSeenControls + 1));
  send(custom(1, 1));
  finish();

  const std::vector<ControlStatus> all = answers();
  ASSERT_EQ(all.size(), engine::kSeenControls + 3);
  EXPECT_EQ(all[all.size() - 3], ControlStatus::duplicate);
  EXPECT_EQ(all[all.size() - 2], ControlStatus::applied);
  EXPECT_EQ(all[all.size() - 1], ControlStatus::applied) << "forgotten: one place, one id";
}

TEST_F(ControlInput, TakesMetadataUpToTheLimitAndRejectsOneByteMore) {
  until(40);

  send(custom(base::limits::kControlMetadataBytes));
  until(60);
  EXPECT_EQ(heard.last_body.load(), base::limits::kControlMetadataBytes);
  send(custom(base::limits::kControlMetadataBytes + 1));
  send(custom(1 << 20));
  finish();

  EXPECT_THAT(answers(), ElementsAre(ControlStatus::applied, ControlStatus::rejected,
                                     ControlStatus::rejected));
  EXPECT_EQ(heard.customs.load(), 1);
}

TEST_F(ControlInput, AnswersOverloadedWhenMoreComesInATickThanNodesAreTold) {
  until(40);

  for (std::size_t i = 0; i < engine::kMaxControls + 3; ++i) send(custom(1));
  send(message(ControlType::cancel_speculation, 1));
  finish();

  const std::vector<ControlStatus> all = answers();
  EXPECT_EQ(std::count(all.begin(), all.end(), ControlStatus::overloaded), 3);
  const std::vector<ControlCode> why = codes();
  EXPECT_EQ(std::count(why.begin(), why.end(), ControlCode::lane_full), 3);
  EXPECT_EQ(all.back(), ControlStatus::applied) << "a cancel is the ledger's";
  EXPECT_THAT(world_.tap().outputs, IsEmpty());
}

/// Three sessions of a second; session 0 is flooded when asked. What left each of them, and the
/// most payload blocks that were out at once.
struct Second {
  std::vector<std::vector<float>> audio;
  std::uint64_t blocks_max = 0;
  std::size_t answered = 0;
  std::vector<std::string> broken;
};

Second run_a_second(int messages_per_ms) {
  VirtualWorld world(gated_plan(), 8);
  for (std::size_t s = 0; s < 3; ++s) {
    world.open();
    for (int i = 0; i < 60; ++i)
      world.feed(s).add_audio(world.stage("mic"), i == 0 ? 1 : i % 7 == 3 ? 2 : 0);
    world.feed(s).end(world.stage("mic"));
  }
  engine::VirtualRunner& runner = world.runner();
  Second second;
  base::Rng rng(1);
  std::int64_t sent_ms = 0;
  do {
    const std::int64_t now_ms = runner.clock().now().since_start.count() / 1'000'000;
    for (; messages_per_ms > 0 && sent_ms <= now_ms && sent_ms < 1000; ++sent_ms)
      for (int i = 0; i < messages_per_ms; ++i) {
        Control control = i % 3 == 0 ? message(ControlType::cancel_speculation, 1'000)
                                     : message(ControlType::custom, 0, rng.below(400));
        control.body = runner.payloads().acquire(1'000);
        std::memset(control.body.writable().data(), i, 1'000);
        EXPECT_TRUE(runner.control({1, std::move(control)}));
      }
    second.blocks_max = std::max(second.blocks_max, runner.payloads().stats().blocks_in_use);
  } while (runner.step());
  world.run();
  second.broken = world.broken();
  for (std::size_t s = 0; s < 3; ++s) {
    std::vector<float>& heard_by = second.audio.emplace_back();
    for (const engine::OutputPacket& output : world.tap(s).outputs)
      heard_by.push_back(output.packet.samples()[0]);
  }
  second.answered = world.tap(0).count(EventType::control);
  return second;
}

TEST(ControlFlood, AnswersTenThousandMessagesInASecondAndHarmsNobodysAudio) {
  const Second quiet = run_a_second(0);
  const Second flooded = run_a_second(10);

  EXPECT_THAT(flooded.broken, IsEmpty());
  EXPECT_EQ(flooded.answered, 10'000U);
  EXPECT_EQ(flooded.audio, quiet.audio);
  EXPECT_EQ(quiet.audio[0].size(), 60U);
  EXPECT_LE(flooded.blocks_max, quiet.blocks_max + engine::kMaxControls + 10);
}

TEST_F(ControlInput, KeepsHalfOfTheDoorForWhatChangesTheLedger) {
  until(40);
  engine::Shard& shard = world_.runner().shard();
  int taken = 0;
  while (shard.post_control({1, message(ControlType::custom)})) ++taken;

  EXPECT_TRUE(shard.post_control({1, message(ControlType::cancel_speculation, 1)}));
  EXPECT_FALSE(shard.post_control({1, message(ControlType::batch_hint)}));
  world_.feed().end(world_.stage("mic"));
  world_.runner().run();

  EXPECT_GT(taken, 1000);
  EXPECT_EQ(world_.session().shared->ledger.state({1}), policy::SegmentState::cancelled);
  EXPECT_THAT(world_.tap().outputs, IsEmpty());
}

TEST_F(ControlInput, HoldsABoundedNumberOfBytesAtTheDoor) {
  until(40);
  engine::Shard& shard = world_.runner().shard();
  std::size_t bytes = 0;
  while (shard.post_control({1, custom(base::limits::kControlMetadataBytes)}))
    bytes += base::limits::kControlMetadataBytes;

  EXPECT_GE(bytes, base::limits::kControlMetadataBytes);
  EXPECT_LE(bytes, std::size_t{8} << 20);
  EXPECT_TRUE(shard.post_control({1, message(ControlType::cancel_speculation, 1)}));
  until(60);
  EXPECT_TRUE(shard.post_control({1, custom(base::limits::kControlMetadataBytes)}))
      << "what was taken makes room";
  finish();
}

media::Packet command(engine::SessionHandle& session, GateCommand what) {
  media::Packet packet;
  packet.rate_hz = 16'000;
  packet.frames = 320;
  packet.to = base::MediaTime{20'000};
  packet.payload = session.payloads().acquire(320 * sizeof(float));
  packet.payload.writable_as<float>()[0] = static_cast<float>(what);
  return packet;
}

/// Returns when everything that was sent to `session` before has been acted on.
void settle(engine::SessionHandle& session) {
  engine::Event event;
  for (std::uint64_t id = 1;; ++id) {
    const bool sent = session.control(message(ControlType::batch_hint, 0, id));
    for (int i = 0; i < 100; ++i) {
      while (session.next_event(event))
        if (sent && event.type == EventType::control && event.id == id) return;
      std::this_thread::yield();
    }
  }
}

TEST(ControlDoor, LosesNoCancelWhileTheShardHangsInANode) {
  auto engine = engine::Engine::start(gated_plan());
  ASSERT_TRUE(engine.has_value());
  auto session = (*engine)->open("one");
  ASSERT_TRUE(session.has_value());
  engine::SessionHandle& one = **session;
  heard.at_the_door = false;
  heard.door_shut = true;
  ASSERT_TRUE(one.push(0, command(one, GateCommand::open)));
  while (!heard.at_the_door.load()) std::this_thread::yield();
  int hints = 0;
  while (one.control(message(ControlType::batch_hint))) ++hints;
  EXPECT_GT(hints, 1000);
  EXPECT_EQ((*engine)->totals().shards.controls_refused, 1U);
  // Confirms of a segment that does not exist fill the other half.
  while (one.control(message(ControlType::confirm_speculation, 1'000'000))) {
  }

  std::thread host([&] {
    // As a host does: a cancel that was refused is sent again.
    while (!one.control(message(ControlType::cancel_speculation, 1))) {
    }
  });
  heard.door_shut = false;
  host.join();
  settle(one);
  while (!one.push(0, command(one, GateCommand::confirm))) std::this_thread::yield();
  while (!one.end_input(0)) std::this_thread::yield();
  while (!one.ended()) std::this_thread::yield();

  engine::OutputPacket output;
  EXPECT_FALSE(one.next_output(output)) << "it was held, then cancelled; the confirm came too late";
  one.close();
}

}  // namespace
}  // namespace millrace::testing
