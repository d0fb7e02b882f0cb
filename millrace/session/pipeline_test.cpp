#include "millrace/session/pipeline.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "millrace/testing/test_nodes.hpp"

namespace millrace::session {
namespace {

const node::Registry& registry() {
  static const node::Registry all = [] {
    node::Registry made;
    testing::add_test_nodes(made);
    return made;
  }();
  return all;
}

constexpr const char* kPass = R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: a, type: pass}
  - {id: out, type: sink}
edges:
  - {from: mic, to: a}
  - {from: a, to: out}
executor: {max_sessions: 1}
)";

TEST(Pipeline, TakesAudioInAndGivesItOutWithItsTimes) {
  auto pipeline = Pipeline::load_text(kPass, "pass.yaml", registry());
  ASSERT_TRUE(pipeline.has_value());
  auto session = (*pipeline)->open_session("caller");
  ASSERT_TRUE(session.has_value());
  const std::vector<float> block(320, 0.5F);

  ASSERT_TRUE((*session)->push(block, 16'000).has_value());
  ASSERT_TRUE((*session)->push(block, 16'000).has_value());
  ASSERT_TRUE((*session)->end().has_value());
  while (!(*session)->ended()) std::this_thread::sleep_for(std::chrono::milliseconds(1));

  const auto first = (*session)->next_output();
  const auto second = (*session)->next_output();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->node, "out");
  EXPECT_EQ(second->packet.from, base::MediaTime{20'000});
  EXPECT_EQ(second->packet.to, base::MediaTime{40'000});
  EXPECT_FALSE((*session)->next_output());
  const auto event = (*session)->next_event();
  ASSERT_TRUE(event);
  const auto line = nlohmann::json::parse(*event);
  EXPECT_EQ(line["event"], "output");
  EXPECT_EQ(line["session"], "caller");
  EXPECT_EQ(line["duration_us"], 20'000);
}

TEST(Pipeline, RefusesASessionOverTheLimitAndGoesOn) {
  auto pipeline = Pipeline::load_text(kPass, "pass.yaml", registry());
  ASSERT_TRUE(pipeline.has_value());
  auto first = (*pipeline)->open_session("one");
  ASSERT_TRUE(first.has_value());

  const auto second = (*pipeline)->open_session("two");

  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, base::Code::overloaded);
  first->reset();
  EXPECT_TRUE((*pipeline)->open_session("three").has_value());
}

TEST(Pipeline, RefusesABlockThatIsNoWholeFrames) {
  auto pipeline = Pipeline::load_text(kPass, "pass.yaml", registry());
  ASSERT_TRUE(pipeline.has_value());
  auto session = (*pipeline)->open_session("one");
  ASSERT_TRUE(session.has_value());
  const std::vector<float> block(321, 0.0F);

  const auto pushed = (*session)->push(block, 48'000, 2);

  ASSERT_FALSE(pushed.has_value());
  EXPECT_EQ(pushed.error().code, base::Code::bad_argument);
}

TEST(Pipeline, CountsMediaTimeOnWhenTheRateChanges) {
  auto pipeline = Pipeline::load_text(kPass, "pass.yaml", registry());
  ASSERT_TRUE(pipeline.has_value());
  auto session = (*pipeline)->open_session("one");
  ASSERT_TRUE(session.has_value());

  ASSERT_TRUE((*session)->push(std::vector<float>(160, 0.0F), 16'000).has_value());
  ASSERT_TRUE((*session)->push(std::vector<float>(480, 0.0F), 48'000).has_value());
  ASSERT_TRUE((*session)->push(std::vector<float>(480, 0.0F), 48'000).has_value());

  EXPECT_EQ((*session)->stats().pushed, base::MediaTime{30'000});
}

TEST(Pipeline, TakesNothingMoreOnceItIsClosed) {
  auto pipeline = Pipeline::load_text(kPass, "pass.yaml", registry());
  ASSERT_TRUE(pipeline.has_value());
  auto session = (*pipeline)->open_session("one");
  ASSERT_TRUE(session.has_value());
  const std::vector<float> block(160, 0.0F);
  ASSERT_TRUE((*session)->push(block, 16'000).has_value());

  (*session)->close();

  EXPECT_FALSE((*session)->push(block, 16'000).has_value());
  EXPECT_FALSE((*session)->end().has_value());
  EXPECT_FALSE((*session)->control({}).has_value());
  EXPECT_EQ((*session)->stats().pushed, base::MediaTime{10'000});
  EXPECT_EQ((*session)->stats().events_lost, 0U);
  EXPECT_TRUE((*pipeline)->open_session("two").has_value());  // max_sessions is 1
}

TEST(Pipeline, TellsEveryMistakeOfAManifest) {
  const auto pipeline =
      Pipeline::load_text("version: v1\nnodes: [{id: a, type: nothing}]\n", "bad.yaml", registry());

  ASSERT_FALSE(pipeline.has_value());
  EXPECT_EQ(pipeline.error().front().code, base::Code::bad_manifest);
  EXPECT_NE(pipeline.error().front().text().find("bad.yaml:2:"), std::string::npos);
}

}  // namespace
}  // namespace millrace::session
