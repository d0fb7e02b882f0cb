#include "millrace/session/event_json.hpp"

#include <gtest/gtest.h>

#include <array>
#include <nlohmann/json.hpp>

#include "millrace/metrics/turn_ledger.hpp"
#include "millrace/testing/test_nodes.hpp"

namespace millrace::session {
namespace {

using engine::Event;
using engine::EventType;

std::shared_ptr<const graph::Plan> plan() {
  return testing::test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: out, type: sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: out}
)");
}

Event at(EventType type) {
  Event event;
  event.type = type;
  event.stage = 1;
  event.at_media = base::MediaTime{1'344'000};
  event.wall = base::Instant{std::chrono::microseconds(1'344'210)};
  return event;
}

TEST(EventLine, SaysWhenSpeculationBeganAndFromWhere) {
  Event event = at(EventType::speculation_started);
  event.segment = {7};
  event.from = base::MediaTime{1'162'000};

  EXPECT_EQ(event_line(event, *plan(), "s1", base::Instant{}),
            R"({"event":"speculation_started","session":"s1","node":"gate","segment":7,)"
            R"("kind":"onset","from_us":1162000,"t_us":1344000,"wall_us":1344210})");
}

TEST(EventLine, GivesTheExactRangeOfACancel) {
  Event event = at(EventType::speculation_cancelled);
  event.segment = {8};
  event.from = base::MediaTime{2'410'000};
  event.to = base::MediaTime{2'720'000};

  EXPECT_EQ(event_line(event, *plan(), "s1", base::Instant{}),
            R"({"event":"speculation_cancelled","session":"s1","node":"gate","segment":8,)"
            R"("kind":"onset","from_us":2410000,"to_us":2720000,"reason":"too_short",)"
            R"("t_us":1344000,"wall_us":1344210})");
}

TEST(EventLine, CountsTheWallFromTheOpeningOfTheSession) {
  const Event event = at(EventType::speech_started);

  const auto line = nlohmann::json::parse(
      event_line(event, *plan(), "s1", base::Instant{std::chrono::microseconds(1'000'000)}));

  EXPECT_EQ(line["wall_us"], 344'210);
}

TEST(EventLine, NamesEverythingAnOutputHangsOn) {
  Event event = at(EventType::output);
  event.stage = 2;
  event.state = media::PacketState::confirmed;
  event.lineage.add({6});
  event.lineage.add({7});
  event.lineage.turn = {2};
  event.lineage.revision = 3;
  event.duration = base::MediaTime{20'000};

  const auto line = nlohmann::json::parse(event_line(event, *plan(), "s1", base::Instant{}));

  EXPECT_EQ(line["node"], "out");
  EXPECT_EQ(line["segment"], 7);
  EXPECT_EQ(line["segments"], (std::vector<int>{6, 7}));
  EXPECT_EQ(line["turn"], 2);
  EXPECT_EQ(line["revision"], 3);
  EXPECT_EQ(line["state"], "confirmed");
}

TEST(EventLine, AddsUpTheAccountOfATurnToTheMicrosecond) {
  Event event = at(EventType::turn);
  event.lineage.turn = {2};
  event.total = std::chrono::nanoseconds(1'000'999);
  const std::array<metrics::PartTime, 2> parts{
      {{{metrics::TurnPart::endpoint_wait, 0}, std::chrono::nanoseconds(600'600)},
       {metrics::compute_of(1), std::chrono::nanoseconds(400'399)}}};
  event.body = rt::Payload::copy_of(std::as_bytes(std::span(parts)));

  const auto line = nlohmann::json::parse(event_line(event, *plan(), "s1", base::Instant{}));

  std::int64_t sum = 0;
  for (const auto& part : line["parts"]) sum += part.get<std::int64_t>();
  EXPECT_EQ(sum, line["total_us"].get<std::int64_t>());
  EXPECT_TRUE(line["parts"].contains("compute.gate"));
  EXPECT_TRUE(line["parts"].contains("unattributed"));
}

TEST(EventLine, ReplacesBytesThatAreNoUtf8) {
  Event event = at(EventType::output);
  event.kind = media::PacketKind::text;
  const std::string broken = "caf\xe9";
  event.body = rt::Payload::copy_of(std::as_bytes(std::span<const char>(broken)));

  const auto line = nlohmann::json::parse(event_line(event, *plan(), "s1", base::Instant{}));

  EXPECT_EQ(line["text"], "caf\xef\xbf\xbd");
}

TEST(EventLine, EscapesWhatJsonCannotHold) {
  Event event = at(EventType::failed);
  const std::string what = "line one\nline \"two\"";
  event.body = rt::Payload::copy_of(std::as_bytes(std::span<const char>(what)));

  const std::string text = event_line(event, *plan(), "s1", base::Instant{});

  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(text)["what"], what);
}

TEST(EventLine, BeginsAndEndsAlikeForEveryType) {
  for (int type = 0; type <= static_cast<int>(EventType::failed); ++type) {
    const Event event = at(static_cast<EventType>(type));

    const std::string line = event_line(event, *plan(), "s1", base::Instant{});

    const std::string begin =
        R"({"event":")" + std::string(engine::name(event.type)) + R"(","session":"s1")";
    EXPECT_EQ(line.rfind(begin, 0), 0U) << line;
    EXPECT_TRUE(line.ends_with(R"("t_us":1344000,"wall_us":1344210})")) << line;
  }
}

TEST(EventLine, TellsWhatBecameOfAControlMessageAndWhenItCame) {
  Event event = at(EventType::control);
  event.control_type = media::ControlType::cancel_speculation;
  event.id = 7;
  event.segment = {2};
  event.sent = base::Instant{std::chrono::microseconds(1'344'000)};

  EXPECT_EQ(event_line(event, *plan(), "s1", base::Instant{}),
            R"({"event":"control","session":"s1","type":"cancel_speculation","id":"7",)"
            R"("context":"local","status":"applied","target_segment_id":"s1/2",)"
            R"("sent_wall_us":1344000,"delivered_wall_us":1344210,)"
            R"("t_us":1344000,"wall_us":1344210})");
}

TEST(EventLine, SaysWhyAControlMessageDidNotAct) {
  Event event = at(EventType::control);
  EXPECT_EQ(event_line(event, *plan(), "s1", base::Instant{}).find("code"), std::string::npos);
  event.status = engine::ControlStatus::rejected;
  event.code = engine::ControlCode::bad_range;

  const auto line = nlohmann::json::parse(event_line(event, *plan(), "s1", base::Instant{}));

  EXPECT_EQ(line["status"], "rejected");
  EXPECT_EQ(line["code"], "bad_range");
}

TEST(EventLine, SaysHowManyInputsWentIntoACall) {
  Event event = at(EventType::batch);
  event.count = 4;
  event.calls = 1;

  const auto line = nlohmann::json::parse(event_line(event, *plan(), "s1", base::Instant{}));

  EXPECT_EQ(line["inputs"], 4);
  EXPECT_EQ(line["packets"], 1);
  EXPECT_FALSE(line.contains("kept_separate"));
  EXPECT_EQ(line["strategy"], "keep_separate");
}

TEST(EventLine, SaysHowManyInputsOfACallCouldNotBeJoined) {
  Event event = at(EventType::batch);
  event.count = 4;
  event.calls = 3;
  event.kept_separate = 2;

  const auto line = nlohmann::json::parse(event_line(event, *plan(), "s1", base::Instant{}));

  EXPECT_EQ(line["kept_separate"], 2);
}

TEST(EventLine, SaysWhoWillBeLateAndByHowMuch) {
  Event event = at(EventType::deadline_warning);
  event.lineage.turn = {3};
  event.until_deadline = std::chrono::milliseconds(40);
  event.total = std::chrono::milliseconds(15);

  const auto line = nlohmann::json::parse(event_line(event, *plan(), "s1", base::Instant{}));

  EXPECT_EQ(line["event"], "deadline_warning");
  EXPECT_EQ(line["turn"], 3);
  EXPECT_EQ(line["deadline_us"], 40'000);
  EXPECT_EQ(line["late_us"], 15'000);
  EXPECT_TRUE(line.contains("node"));
}

TEST(EventLine, SaysWhatWasGivenUpForADeadline) {
  Event event = at(EventType::deadline_action);
  event.action = policy::GiveUp::lower_quality;
  event.until_deadline = std::chrono::milliseconds(40);

  const auto line = nlohmann::json::parse(event_line(event, *plan(), "s1", base::Instant{}));

  EXPECT_EQ(line["event"], "deadline_action");
  EXPECT_EQ(line["action"], "lower_quality");
  EXPECT_EQ(line["deadline_us"], 40'000);
}

TEST(EventLine, NamesTheTurnWhoseWordsWereHeard) {
  Event event = at(EventType::output);
  event.kind = media::PacketKind::text;
  event.about_turn = {3};
  event.about_revision = 2;

  const auto line = nlohmann::json::parse(event_line(event, *plan(), "s1", base::Instant{}));

  EXPECT_EQ(line["turn"], 3);
  EXPECT_EQ(line["revision"], 2);
  EXPECT_EQ(line["heard"], true);
  EXPECT_FALSE(line.contains("segment")) << "it hangs on nothing";
}

TEST(EventLine, TellsHowMuchOfAReplyWasHeard) {
  Event event = at(EventType::interrupt);
  event.lineage.turn = {1};
  event.from = base::MediaTime{5'120'000};
  event.played = base::MediaTime{2'400'000};

  EXPECT_EQ(event_line(event, *plan(), "s1", base::Instant{}),
            R"({"event":"interrupt","session":"s1","turn":1,"from_us":5120000,)"
            R"("played_us":2400000,"t_us":1344000,"wall_us":1344210})");
}

TEST(EventLine, CountsWhatANodeDropped) {
  Event event = at(EventType::dropped);
  event.drop_reason = base::DropReason::cancelled;
  event.count = 21;

  EXPECT_EQ(event_line(event, *plan(), "s1", base::Instant{}),
            R"({"event":"dropped","session":"s1","node":"gate","reason":"cancelled",)"
            R"("count":21,"t_us":1344000,"wall_us":1344210})");
}

TEST(EventLine, SaysInTheFirstLineWhichClockItIs) {
  EXPECT_EQ(nlohmann::json::parse(log_header("p", true))["time"], "virtual");
  EXPECT_EQ(nlohmann::json::parse(log_header("p", false))["time"], "real");
}

}  // namespace
}  // namespace millrace::session
