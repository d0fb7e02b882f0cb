#include "apps/millrace/summary.hpp"

#include <gtest/gtest.h>

#include <array>

#include "millrace/testing/test_nodes.hpp"

namespace millrace::app {
namespace {

using base::MediaTime;
using engine::Event;
using engine::EventType;

const graph::Plan& plan() {
  static const auto made = testing::test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: out, type: sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: out}
)");
  return *made;
}

Event event(EventType type, std::uint32_t segment, std::int64_t at_media_us) {
  Event made;
  made.type = type;
  made.stage = 1;
  made.segment = {segment};
  made.at_media = MediaTime{at_media_us};
  return made;
}

Event started(std::uint32_t segment, std::int64_t from_us, std::int64_t at_media_us) {
  Event made = event(EventType::speculation_started, segment, at_media_us);
  made.from = MediaTime{from_us};
  return made;
}

Event said(const std::string& text, bool final) {
  Event made = event(EventType::output, 0, 3'000'000);
  made.kind = media::PacketKind::text;
  made.stage = 2;
  made.final = final;
  made.lineage.turn = {1};
  made.body = rt::Payload::copy_of(std::as_bytes(std::span<const char>(text)));
  return made;
}

StageFigures figures_of(const char* node) {
  StageFigures figures;
  figures.node = node;
  return figures;
}

TEST(SessionSummary, GainIsTheAudioBetweenTheTriggerAndTheConfirm) {
  SessionSummary summary("s1");

  summary.add(started(1, 1'060'000, 1'260'000), plan());
  summary.add(event(EventType::speculation_confirmed, 1, 1'480'000), plan());

  ASSERT_EQ(summary.utterances().size(), 1U);
  EXPECT_EQ(summary.confirmed(), 1U);
  const auto& utterance = summary.utterances().front();
  EXPECT_EQ(*utterance.decided - utterance.started, MediaTime{220'000});
  EXPECT_NE(summary_text({summary}, {}, {}).find("220 ms"), std::string::npos);
}

TEST(SessionSummary, AnUtteranceEndsWhereItsSpeechEndedOrWasCancelled) {
  SessionSummary summary("s1");
  Event ended = event(EventType::speech_ended, 0, 2'600'000);
  ended.at = MediaTime{2'500'000};
  Event cancelled = event(EventType::speculation_cancelled, 2, 6'700'000);
  cancelled.to = MediaTime{6'688'000};

  summary.add(started(1, 1'000'000, 1'200'000), plan());
  summary.add(event(EventType::speculation_confirmed, 1, 1'480'000), plan());
  summary.add(ended, plan());
  summary.add(started(2, 6'282'000, 6'400'000), plan());
  summary.add(cancelled, plan());

  EXPECT_EQ(summary.utterances()[0].to, MediaTime{2'500'000});
  EXPECT_EQ(summary.utterances()[1].to, MediaTime{6'688'000});
  EXPECT_EQ(summary.cancelled(), 1U);
}

TEST(SessionSummary, WordsAreWhatIsFinal) {
  SessionSummary summary("s1");

  summary.add(said("thank", false), plan());
  summary.add(said("Thank you.", true), plan());

  ASSERT_EQ(summary.words().size(), 1U);
  EXPECT_EQ(summary.words().front().text, "Thank you.");
  EXPECT_EQ(summary.words().front().node, "out");
}

TEST(SessionSummary, WhatWasHeardBelongsToTheTurnThatWasInterrupted) {
  SessionSummary summary("s1");
  Event heard = said("Thank", true);
  heard.lineage.turn = {};
  heard.about_turn = {4};

  summary.add(said("Thank you.", true), plan());
  summary.add(heard, plan());

  ASSERT_EQ(summary.words().size(), 2U);
  EXPECT_EQ(summary.words()[0].turn, 1U);
  EXPECT_EQ(summary.words()[1].turn, 4U);
}

TEST(SessionSummary, AReplyIsShownWithItsPartsAndWhatIsLeftOver) {
  SessionSummary summary("s1");
  Event turn = event(EventType::turn, 0, 0);
  turn.lineage.turn = {1};
  turn.total = std::chrono::milliseconds(900);
  const std::array<metrics::PartTime, 2> parts{
      {{{metrics::TurnPart::endpoint_wait, 0}, std::chrono::milliseconds(600)},
       {metrics::compute_of(1), std::chrono::milliseconds(250)}}};
  turn.body = rt::Payload::copy_of(std::as_bytes(std::span(parts)));

  summary.add(turn, plan());

  const std::string text = summary_text({summary}, {}, {});
  EXPECT_NE(text.find("900.0 ms = endpoint wait 600.0 + gate 250.0 + unattributed 50.0"),
            std::string::npos)
      << text;
}

TEST(SummaryText, OfManySessionsShowsTheTotalsOnly) {
  std::vector<SessionSummary> sessions;
  for (int i = 1; i <= 5; ++i) {
    sessions.emplace_back("s" + std::to_string(i));
    sessions.back().add(started(1, 0, 100'000), plan());
    sessions.back().add(event(EventType::speculation_confirmed, 1, 300'000), plan());
  }

  const std::string text = summary_text(sessions, {}, {});

  EXPECT_EQ(text.find("session s1"), std::string::npos);
  EXPECT_NE(text.find("5 segments confirmed, 0 cancelled; median gain 200 ms"), std::string::npos);
}

TEST(SummaryText, CountsLinesWhereTheInputIsText) {
  RunFigures run;
  run.sessions = 1;
  run.audio_seconds = 2.0;
  run.wall_seconds = 1.0;
  EXPECT_NE(summary_text({}, {}, run).find("1 session, 2.0 s of audio in 1.0 s"),
            std::string::npos);
  run.text_lines = 7;

  const std::string text = summary_text({}, {}, run);

  EXPECT_NE(text.find("1 session, 7 lines of text in 1.0 s"), std::string::npos);
  EXPECT_EQ(text.find("session-hour"), std::string::npos);
}

TEST(SummaryText, ShowsControlCharactersInWordsInsteadOfObeyingThem) {
  std::vector<SessionSummary> sessions;
  sessions.emplace_back("s1").add(said("\x1b[2Jgone", true), plan());

  const std::string text = summary_text(sessions, {}, {});

  EXPECT_NE(text.find("out: \\x1b[2Jgone"), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(SummaryText, NamesDropsByReasonAndSaysWhenTimeIsVirtual) {
  StageFigures stage = figures_of("gate");
  stage.in = 10;
  stage.queue_max = 4;
  stage.dropped = {{"overflow", 2}, {"max_age", 1}};
  RunFigures run;
  run.virtual_time = true;

  const std::string text = summary_text({}, {stage}, run);

  EXPECT_NE(text.find("overflow 2, max_age 1"), std::string::npos);
  EXPECT_NE(text.find("virtual time"), std::string::npos);
}

TEST(SummaryText, SaysWhatDeadlinesCostWhereTheyDid) {
  StageFigures stage{.node = "tts", .in = 10, .dropped = {}};
  EXPECT_EQ(summary_text({}, {stage}, {}).find("would be late"), std::string::npos);

  stage.deadline_warnings = 3;
  EXPECT_NE(summary_text({}, {stage}, {}).find("tts: 3 inputs would be late; given up: nothing"),
            std::string::npos);
  stage.given_up = {{"flush_batch", 2}, {"drop", 1}};
  EXPECT_NE(summary_text({}, {stage}, {}).find("given up: flush_batch 2, drop 1"),
            std::string::npos);
}

TEST(SummaryText, SaysWhatWasJoinedInQueuesAndWhatCouldNotBe) {
  StageFigures stage{.node = "tts", .in = 10, .dropped = {}};
  EXPECT_EQ(summary_text({}, {stage}, {}).find("kept separate"), std::string::npos);

  stage.merged = 3;
  stage.kept_separate = 2;
  stage.merges_failed = 1;
  EXPECT_NE(summary_text({}, {stage}, {})
                .find("tts: joined in a full queue 3, kept separate 2, merges failed 1"),
            std::string::npos);
}

TEST(SummaryText, ShowsWhatEachNodeCostAndWhatItsBatchesTaughtIt) {
  StageFigures plain = figures_of("vad");
  plain.calls = 400;
  plain.avg_us = 152.25;
  StageFigures wrapped = figures_of("tts");
  wrapped.calls = 4;
  wrapped.avg_us = 45'000.0;
  wrapped.strategy = "concatenate_text";
  wrapped.batches = 4;
  wrapped.batched = 10;
  wrapped.batch_max = 6;
  wrapped.cost = {.runs = 4, .identified = true, .fixed_us = 40'000.0, .per_input_us = 3'000.0};
  const StageFigures silent = figures_of("mic");

  const std::string text = summary_text({}, {silent, plain, wrapped}, {});

  const std::string costs = text.substr(text.find("\ncost "));
  EXPECT_NE(costs.find("vad                     400      152.2        -"), std::string::npos)
      << text;
  EXPECT_NE(costs.find("tts                       4    45000.0        4   2.50    6     40000      "
                       "3000      4  concatenate_text"),
            std::string::npos)
      << text;
  EXPECT_EQ(costs.find("mic"), std::string::npos);
}

TEST(SummaryText, ShowsNoCurveWhileItsPartsCannotBeToldApart) {
  StageFigures wrapped = figures_of("tts");
  wrapped.calls = wrapped.batches = wrapped.batched = wrapped.batch_max = 1;
  wrapped.strategy = "keep_separate";
  wrapped.cost = {.runs = 1, .identified = false, .fixed_us = 7.0, .per_input_us = 7.0};

  const std::string text = summary_text({}, {wrapped}, {});

  EXPECT_NE(text.find("1   1.00    1         -         -      1  keep_separate"), std::string::npos)
      << text;
}

TEST(SummaryText, TellsRefusedSessionsOnlyWhenThereAreSome) {
  RunFigures run;
  EXPECT_EQ(summary_text({}, {}, run).find("sessions refused"), std::string::npos);
  run.sessions_unadmitted = 3;

  EXPECT_NE(summary_text({}, {}, run).find("sessions refused 0 (all places taken), 3 (overload)"),
            std::string::npos);
}

TEST(SummaryText, TellsAllocationsOnlyWhereTheyAreWatched) {
  RunFigures unseen;
  RunFigures seen;
  seen.allocations = 0;

  EXPECT_EQ(summary_text({}, {}, unseen).find("allocations"), std::string::npos);
  EXPECT_NE(summary_text({}, {}, seen).find("allocations on the audio path 0"), std::string::npos);
}

}  // namespace
}  // namespace millrace::app
