#include "millrace/graph/detail/budget.hpp"

#include <gmock/gmock.h>

#include "millrace/graph/detail/small_nodes_test.hpp"

namespace millrace::graph::for_test {
namespace {

using base::MediaTime;
using ::testing::ElementsAre;

/// mic -> slow (`slow_ms`) -> mix.b, mic -> quick (`quick_ms`) -> mix.a, mix -> out. The mix (line
/// 6, with `queue`) blocks when it is full.
std::string diamond(std::string_view slow_ms, std::string_view quick_ms,
                    std::string_view queue = "{}") {
  return "version: v1\nnodes:\n"
         "  - {id: mic, type: audio_input}\n"
         "  - {id: slow, type: delay, params: {ms: " +
         std::string(slow_ms) +
         "}}\n  - {id: quick, type: delay, params: {ms: " + std::string(quick_ms) +
         "}}\n  - {id: mix, type: mix, queue: " + std::string(queue) +
         "}\n"
         "  - {id: out, type: audio_output}\n"
         "edges:\n"
         "  - {from: mic, to: slow}\n"
         "  - {from: mic, to: quick}\n"
         "  - {from: quick, to: mix.a}\n"
         "  - {from: slow, to: mix.b}\n"
         "  - {from: mix, to: out}\n";
}

TEST(LatencyBudget, IsTheSumOverTheSlowestPath) {
  const auto plan = good(diamond("40", "10.5"));

  EXPECT_EQ(plan->find("slow")->latency, MediaTime{40'000});
  EXPECT_EQ(plan->find("quick")->path_latency, MediaTime{10'500});
  EXPECT_EQ(plan->find("mix")->latency, MediaTime{0});
  EXPECT_EQ(plan->find("mix")->path_latency, MediaTime{40'000});
  EXPECT_EQ(plan->path_latency, MediaTime{40'000});
  EXPECT_THAT(plan->slowest_path, ElementsAre("mic", "slow", "mix", "out"));
}

TEST(LatencyBudget, TakesTheEdgeWrittenFirstAmongEquals) {
  EXPECT_THAT(good(diamond("5", "5"))->slowest_path, ElementsAre("mic", "quick", "mix", "out"));
}

TEST(LatencyBudget, DoesNotCountFeedback) {
  const auto plan = good(
      "version: v1\n"
      "nodes:\n"
      "  - {id: mic, type: audio_input, params: {rate_hz: 16000}}\n"
      "  - {id: gate, type: speculative_vad_gate}\n"
      "  - {id: vad, type: silero_vad}\n"
      "  - {id: out, type: audio_output}\n"
      "edges:\n"
      "  - {from: mic, to: gate}\n"
      "  - {from: gate.for_confirmation, to: vad}\n"
      "  - {from: vad, to: gate}\n"
      "  - {from: gate, to: out}\n");

  EXPECT_EQ(plan->path_latency, MediaTime{0});
  EXPECT_EQ(plan->find("vad")->path_latency, MediaTime{32'000});
}

TEST(LatencyBudget, EndsAtASink) {
  const auto plan = good(
      "version: v1\n"
      "nodes:\n"
      "  - {id: mic, type: audio_input}\n"
      "  - {id: aside, type: delay, params: {ms: 900}}\n"
      "  - {id: out, type: audio_output}\n"
      "edges:\n"
      "  - {from: mic, to: aside}\n"
      "  - {from: mic, to: out}\n");

  EXPECT_EQ(plan->path_latency, MediaTime{0});
  EXPECT_THAT(plan->slowest_path, ElementsAre("mic", "out"));
  EXPECT_THAT(plan->notes, ElementsAre("aside: nothing takes its output audio"));
}

TEST(QueueSlack, CoversHowMuchTheFasterPathIsAhead) {
  // 460 ms are 46 packets of 10 ms, and 4 more may come of one call: exactly the default 50.
  EXPECT_EQ(good(diamond("460", "0"))->stages.size(), 5U);
  EXPECT_THAT(wrong(diamond("460.001", "0")),
              ElementsAre("t.yaml:6:33: 'mix' (mix): what 'quick' sends to its input 'a' is up to "
                          "461 ms ahead of the path over 'slow': with policy block found a queue "
                          "capacity of 50, expected 51 or more"));
}

TEST(QueueSlack, IsDemandedWhereTheCapacityIsWritten) {
  EXPECT_THAT(wrong(diamond("100", "50", "{capacity: 8}")),
              ElementsAre("t.yaml:6:44: 'mix' (mix): what 'quick' sends to its input 'a' is up to "
                          "50 ms ahead of the path over 'slow': with policy block found a queue "
                          "capacity of 8, expected 9 or more"));
  EXPECT_EQ(good(diamond("100", "50", "{capacity: 9}"))->stages.size(), 5U);
}

TEST(QueueSlack, IsNotDemandedOfAQueueThatDrops) {
  EXPECT_EQ(good(diamond("5000", "0", "{policy: drop_oldest}"))->stages.size(), 5U);
}

TEST(QueueSlack, IsNotDemandedOfPathsWithNothingInCommon) {
  const auto plan = good(
      "version: v1\n"
      "nodes:\n"
      "  - {id: one, type: audio_input}\n"
      "  - {id: two, type: audio_input}\n"
      "  - {id: slow, type: delay, params: {ms: 5000}}\n"
      "  - {id: mix, type: mix}\n"
      "  - {id: out, type: audio_output}\n"
      "edges:\n"
      "  - {from: one, to: slow}\n"
      "  - {from: slow, to: mix.a}\n"
      "  - {from: two, to: mix.b}\n"
      "  - {from: mix, to: out}\n");

  EXPECT_EQ(plan->sources.size(), 2U);
}

}  // namespace
}  // namespace millrace::graph::for_test
