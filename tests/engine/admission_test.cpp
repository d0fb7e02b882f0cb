#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "millrace/engine/engine.hpp"
#include "millrace/testing/test_nodes.hpp"

// A whole engine that refuses and admits by a load that the test makes up: no clock decides.
namespace millrace::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kPlain = R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: b, type: pool_pass}
  - {id: out, type: sink}
edges:
  - {from: mic, to: b}
  - {from: b, to: out}
executor: {max_sessions: 20)";

class Admission : public ::testing::Test {
 protected:
  void start(const std::string& executor) {
    auto started = engine::Engine::start(test_plan(kPlain + executor + "}\n"), nullptr, [this] {
      // Time goes on whatever the machine does: the engine's clock is behind or ahead of it.
      reading_.at = engine_->clock().now() + ahead_;
      return reading_;
    });
    ASSERT_TRUE(started.has_value());
    engine_ = std::move(*started);
  }
  void open(int n) {
    for (int i = 0; i < n; ++i) {
      auto session = engine_->open("s" + std::to_string(i));
      ASSERT_TRUE(session.has_value()) << session.error().text();
      sessions_.push_back(std::move(*session));
    }
  }
  /// A long time passes in which the shards work all of it, or none.
  void pass(bool busy) {
    if (reading_.inputs == 0) {  // from the first input on
      engine_->observe_load();
      reading_.inputs = 1;
    }
    const base::Instant before = reading_.at;
    ahead_ += seconds(100);
    const base::Duration span = engine_->clock().now() + ahead_ - before;
    if (busy) reading_.shard_cpu += span;
    ++reading_.inputs;
    engine_->observe_load();
  }
  void TearDown() override { sessions_.clear(); }

  engine::LoadReading reading_;
  base::Duration ahead_{0};
  std::unique_ptr<engine::Engine> engine_;
  std::vector<std::unique_ptr<engine::SessionHandle>> sessions_;
};

TEST_F(Admission, RefusesUnderLoadAndAdmitsWhenItIsOver) {
  start("");
  open(3);
  pass(true);

  const auto refused = engine_->open("one more");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, base::Code::overloaded);
  EXPECT_EQ(refused.error().where, "one more");
  EXPECT_GE(refused.error().retry_after_ms, 1000);
  EXPECT_EQ(engine_->open_sessions(), 3U);
  EXPECT_EQ(engine_->totals().sessions_unadmitted, 1U);
  EXPECT_EQ(engine_->totals().sessions_refused, 0U);
  EXPECT_TRUE(engine_->load().refusing);

  // The cost is a moving average: it takes a while until a session is believed to cost nothing.
  for (int i = 0; i < 20; ++i) pass(false);
  open(1);
  EXPECT_FALSE(engine_->load().refusing);
}

TEST_F(Admission, AdmitsTheFirstSessionOfAnEngineThatWasOverloaded) {
  start("");
  open(3);
  pass(true);
  ASSERT_FALSE(engine_->open("one more").has_value());

  sessions_.clear();

  open(1);
}

TEST_F(Admission, CanBeSwitchedOffInTheManifest) {
  start(", admission: {enabled: false}");
  open(3);
  pass(true);

  open(3);
  EXPECT_EQ(engine_->totals().sessions_unadmitted, 0U);
}

TEST_F(Admission, TakesItsBoundFromTheManifest) {
  start(", admission: {max_load_percent: 1000}");
  open(3);
  pass(true);

  open(3);
}

TEST_F(Admission, CountsThoseBeyondMaxSessionsApart) {
  start("");
  open(20);

  const auto refused = engine_->open("one too many");

  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().retry_after_ms, 0);
  EXPECT_EQ(engine_->totals().sessions_refused, 1U);
  EXPECT_EQ(engine_->totals().sessions_unadmitted, 0U);
}

TEST(AdmissionThreads, SampleTheEngineByThemselves) {
  auto engine = engine::Engine::start(test_plan(std::string(kPlain) + "}\n"));
  ASSERT_TRUE(engine.has_value());
  auto session = (*engine)->open("one");
  ASSERT_TRUE(session.has_value());

  media::Packet packet;
  packet.rate_hz = 16'000;
  packet.frames = 320;
  packet.payload = (*session)->payloads().acquire(320 * sizeof(float));
  ASSERT_TRUE((*session)->push(0, std::move(packet)));

  // A session that does next to nothing is measured, however late.
  rt::Doorbell pause;
  while ((*engine)->load().session_cost == 0.0) pause.wait_for(milliseconds(5));

  EXPECT_TRUE((*engine)->open("two").has_value());
}

}  // namespace
}  // namespace millrace::testing
