#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/testing/virtual_world.hpp"

// What the engine learns of its nodes, against virtual costs that are known.
namespace millrace::testing {
namespace {

using base::Instant;
using std::chrono::milliseconds;
using ::testing::IsEmpty;

/// text -> slow -> out. A call of b inputs takes 90 + 10 b milliseconds.
std::string slow(const std::string& buffering, const std::string& more = "") {
  return "version: v1\n"
         "nodes:\n"
         "  - {id: mic, type: text_source}\n"
         "  - {id: slow, type: pool_text" +
         buffering +
         ", capabilities: {batch_aware: true, virtual_cost: {first_us: 100000, per_unit_us: "
         "10000}" +
         more +
         "}}\n"
         "  - {id: out, type: text_sink}\n"
         "edges:\n"
         "  - {from: mic, to: slow}\n"
         "  - {from: slow, to: out}\n";
}

const std::string kApart = ", buffering: {mode: greedy, merge_strategy: keep_separate}";

const metrics::NodeStats& say(VirtualWorld& world, int texts, milliseconds apart) {
  world.open();
  for (int i = 0; i < texts; ++i)
    world.feed().add_text(world.stage("mic"), std::to_string(i),
                          Instant{milliseconds(10) + apart * i});
  world.feed().end(world.stage("mic"));
  world.run();
  EXPECT_THAT(world.broken(), IsEmpty());
  return world.runner().shard().stats(world.stage("slow"));
}

TEST(LearnedCost, OfAWrappedNodeIsPublishedAfterEachCall) {
  VirtualWorld world(slow(kApart, ", parallelizable: false"));

  const metrics::NodeStats& stats = say(world, 4, milliseconds(5));  // one, then three at once

  EXPECT_EQ(stats.calls(), 2U);
  EXPECT_NEAR(stats.avg_processing_us(), 102'000.0, 1.0);
  const metrics::BatchCost cost = stats.cost();
  EXPECT_EQ(cost.runs, 2U);
  ASSERT_TRUE(cost.identified);
  EXPECT_NEAR(cost.fixed_us, 90'000.0, 10.0);
  EXPECT_NEAR(cost.per_input_us, 10'000.0, 10.0);
}

TEST(LearnedCost, HasNoPartsWhileAllBatchesAreOfOneSize) {
  VirtualWorld world(slow(kApart, ", parallelizable: false"));

  const metrics::NodeStats& stats = say(world, 3, milliseconds(500));

  EXPECT_EQ(stats.cost().runs, 3U);
  EXPECT_FALSE(stats.cost().identified);
  EXPECT_NEAR(stats.avg_processing_us(), 100'000.0, 1.0);
}

TEST(LearnedCost, OfAnUnwrappedPoolNodeIsTheTimeOfItsJobsByInput) {
  VirtualWorld world(slow("", ", parallelizable: true"));

  const metrics::NodeStats& stats = say(world, 3, milliseconds(500));

  EXPECT_EQ(stats.calls(), 3U);  // the end of the input is none
  EXPECT_NEAR(stats.avg_processing_us(), 100'000.0, 1.0);
  EXPECT_EQ(stats.cost().runs, 0U);
}

TEST(LearnedCost, BeginsWithWhatTheManifestDeclares) {
  VirtualWorld world(slow(kApart, ", parallelizable: false, avg_processing_us: 77000"));
  EXPECT_EQ(world.runner().shard().stats(world.stage("slow")).avg_processing_us(), 77'000.0);

  const metrics::NodeStats& stats = say(world, 1, milliseconds(0));

  EXPECT_NEAR(stats.avg_processing_us(), 100'000.0, 1.0);
}

}  // namespace
}  // namespace millrace::testing
