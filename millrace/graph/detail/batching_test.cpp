#include "millrace/graph/detail/batching.hpp"

#include <gmock/gmock.h>

#include "millrace/graph/detail/small_nodes_test.hpp"

namespace millrace::graph::for_test {
namespace {

using manifest::BufferingMode;
using manifest::MergeKind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// text -> tts -> out, and mic -> asr -> out beside it; `tts` and `asr` are put into their nodes.
std::string speaking(const std::string& tts, const std::string& asr = "") {
  const auto more = [](const std::string& extra) { return extra.empty() ? "" : ", " + extra; };
  return "version: v1\nnodes:\n"
         "  - {id: mic, type: audio_input, params: {rate_hz: 16000}}\n"
         "  - {id: asr, type: moonshine_asr" +
         more(asr) +
         "}\n"
         "  - {id: tts, type: flite_tts" +
         more(tts) +
         "}\n"
         "  - {id: out, type: audio_output}\n"
         "edges:\n"
         "  - {from: mic, to: asr}\n"
         "  - {from: asr, to: tts}\n"
         "  - {from: tts, to: out}\n";
}

TEST(PlanBatching, WrapsWhatTakesOneCallAtATimeAndGainsFromJoinedInputs) {
  const auto plan = good(speaking("placement: pool"));

  const auto& batching = plan->find("tts")->batching;
  ASSERT_TRUE(batching);
  EXPECT_TRUE(batching->automatic);
  EXPECT_EQ(batching->mode, BufferingMode::greedy);
  EXPECT_EQ(batching->min_batch_size, 3U);
  EXPECT_EQ(batching->max_wait, std::chrono::milliseconds(100));
  EXPECT_EQ(batching->max_buffer_size, 50U);
  EXPECT_EQ(batching->merge.kind, MergeKind::concatenate_text);
  EXPECT_EQ(batching->merge.separator, " ");
  EXPECT_THAT(plan->notes,
              Contains("tts: behind a buffered_processor (greedy, concatenate_text, at most 50 "
                       "inputs waiting): it takes one call at a time and gains from joined "
                       "inputs"));
}

TEST(PlanBatching, LeavesAloneWhatGainsNothingOrRunsSideBySideOrInline) {
  EXPECT_FALSE(good(speaking("placement: pool"))->find("asr")->batching);
  EXPECT_FALSE(good(speaking("placement: pool, capabilities: {parallelizable: true}"))
                   ->find("tts")
                   ->batching);
  EXPECT_FALSE(good(speaking("placement: inline"))->find("tts")->batching);
}

TEST(PlanBatching, DoesWhatTheManifestSays) {
  const auto plan =
      good(speaking("placement: pool, buffering: {mode: fixed, min_batch_size: 4, max_wait_ms: 50, "
                    "max_buffer_size: 9, merge_strategy: {concatenate_text: {separator: '; '}}}"));

  const auto& batching = plan->find("tts")->batching;
  ASSERT_TRUE(batching);
  EXPECT_FALSE(batching->automatic);
  EXPECT_EQ(batching->mode, BufferingMode::fixed);
  EXPECT_EQ(batching->min_batch_size, 4U);
  EXPECT_EQ(batching->max_wait, std::chrono::milliseconds(50));
  EXPECT_EQ(batching->max_buffer_size, 9U);
  EXPECT_EQ(batching->merge.separator, "; ");
  EXPECT_THAT(plan->notes,
              Contains("tts: behind a buffered_processor (fixed, concatenate_text, at most 9 "
                       "inputs waiting, 4 inputs or 50 ms): the manifest says so"));
}

TEST(PlanBatching, OfAudioKeepsItSeparateByDefault) {
  const auto plan = good(speaking("placement: pool", "placement: pool, buffering: {mode: greedy}"));

  const auto& batching = plan->find("asr")->batching;
  ASSERT_TRUE(batching);
  EXPECT_EQ(batching->min_batch_size, 1U);
  EXPECT_EQ(batching->max_wait, std::chrono::milliseconds(10));
  EXPECT_EQ(batching->max_buffer_size, 10U);
  EXPECT_EQ(batching->merge.kind, MergeKind::keep_separate);
}

TEST(PlanBatching, NeverAsksForMoreInputsThanTheBufferHolds) {
  const auto plan = good(speaking("placement: pool, buffering: {max_buffer_size: 2}"));

  EXPECT_EQ(plan->find("tts")->batching->min_batch_size, 2U);
}

TEST(PlanBatching, SaysWhatCannotBe) {
  EXPECT_THAT(wrong(speaking("placement: inline, buffering: {mode: greedy}")),
              ElementsAre(HasSubstr("expected placement: pool beside it")));
  EXPECT_THAT(wrong(speaking("placement: pool, buffering: {merge_strategy: concatenate_audio}")),
              ElementsAre(HasSubstr("concatenate_audio joins audio, but the node takes text")));
  EXPECT_THAT(wrong(speaking("placement: pool, buffering: {merge_strategy: {custom: {name: n}}}")),
              ElementsAre(HasSubstr("no merge is registered under the name 'n'")));
}

TEST(PlanBatching, FindsACustomMergeByItsNameAndSaysSo) {
  const auto plan =
      good(speaking("placement: pool, buffering: {merge_strategy: {custom: {name: glue}}}"));

  ASSERT_NE(plan->find("tts")->batching->custom, nullptr);
  EXPECT_EQ(plan->find("tts")->batching->custom->name, "glue");
  EXPECT_THAT(plan->notes, Contains(HasSubstr("(greedy, custom glue, at most 50 inputs")));
}

TEST(PlanBatching, RefusesACustomMergeThatIsMistypedOrJoinsSomethingElse) {
  EXPECT_THAT(
      wrong(speaking("placement: pool, buffering: {merge_strategy: {custom: {name: gleu}}}")),
      ElementsAre(
          HasSubstr("no merge is registered under the name 'gleu' (did you mean 'glue'?)")));
  EXPECT_THAT(
      wrong(speaking("placement: pool, buffering: {merge_strategy: {custom: {name: zzzzzzz}}}")),
      ElementsAre(HasSubstr("under the name 'zzzzzzz': expected glue, mixdown")));
  EXPECT_THAT(
      wrong(speaking("placement: pool, buffering: {merge_strategy: {custom: {name: mixdown}}}")),
      ElementsAre(HasSubstr("mixdown joins audio, but the node takes text")));
}

TEST(PlanBatching, SaysNothingOfNodesThatAreNotWrapped) {
  EXPECT_THAT(good(speaking("placement: inline"))->notes, Not(Contains(HasSubstr("buffered"))));
}

TEST(PlanBatching, KeepsWhatMayBeGivenUpInItsOrderAndSaysWhatCannot) {
  const auto plan = good(speaking(
      "placement: pool, deadline: {budget_ms: 200, give_up: [drop, lower_quality, flush_batch, "
      "smaller_first_chunk, skip_optional]}"));
  const Stage& tts = *plan->find("tts");

  EXPECT_THAT(std::vector(tts.give_up.begin(), tts.give_up.end()),
              ElementsAre(policy::GiveUp::drop, policy::GiveUp::flush_batch,
                          policy::GiveUp::smaller_first_chunk, policy::GiveUp::skip_optional));
  EXPECT_THAT(plan->notes, Contains("tts: deadline: flite_tts cannot give up lower_quality"));
  EXPECT_EQ(tts.deadline_budget, std::chrono::milliseconds(200));
}

TEST(PlanBatching, DropsOnlyAfterWhatTheNodeGivesUp) {
  const auto drops = [](const std::string& list) {
    return good(speaking("placement: pool, deadline: {give_up: [" + list + "]}"))
        ->find("tts")
        ->drop_hopeless;
  };
  EXPECT_TRUE(drops("drop"));
  EXPECT_TRUE(drops("flush_batch, drop"));
  EXPECT_TRUE(drops("lower_quality, drop")) << "which it cannot";
  EXPECT_FALSE(drops("smaller_first_chunk, drop")) << "that is tried first, by another";
  EXPECT_FALSE(drops("flush_batch"));
}

TEST(PlanBatching, SaysWhereADeadlineDoesNotAct) {
  const auto plan = good(speaking("", "deadline: {give_up: [drop]}"));

  EXPECT_THAT(plan->notes,
              Contains("asr: deadline is not applied: it acts at a buffered_processor"));
}

}  // namespace
}  // namespace millrace::graph::for_test
