#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "millrace/engine/engine.hpp"
#include "millrace/testing/test_nodes.hpp"

// The engine with its threads. Nothing here depends on how fast the machine is: every wait is for
// something that must come, however late.
namespace millrace::testing {
namespace {

media::Packet block(engine::SessionHandle& session, int i) {
  media::Packet packet;
  packet.rate_hz = 16'000;
  packet.frames = 320;
  packet.from = base::MediaTime{20'000 * i};
  packet.to = base::MediaTime{20'000 * (i + 1)};
  packet.payload = session.payloads().acquire(320 * sizeof(float));
  for (float& sample : packet.payload.writable_as<float>()) sample = 0.0F;
  packet.payload.writable_as<float>()[0] = static_cast<float>(i);
  return packet;
}

void push_all(engine::SessionHandle& session, std::uint32_t stage, int blocks) {
  for (int i = 0; i < blocks; ++i)
    while (!session.push(stage, block(session, i)))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  while (!session.end_input(stage)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

std::vector<float> drain(engine::SessionHandle& session) {
  std::vector<float> seen;
  engine::OutputPacket output;
  engine::Event event;
  for (;;) {
    const bool ended = session.ended();
    bool any = false;
    while (session.next_event(event)) any = true;
    while (session.next_output(output)) {
      any = true;
      seen.push_back(output.packet.samples()[0]);
    }
    if (ended && !any) return seen;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

constexpr const char* kMixed = R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: a, type: pass, queue: {policy: block}}
  - {id: b, type: pool_pass, queue: {policy: block}}
  - {id: out, type: sink, queue: {policy: block}}
edges:
  - {from: mic, to: a}
  - {from: a, to: b}
  - {from: b, to: out}
executor: {max_sessions: 4, pool_threads: 2, admission: {enabled: false}}
)";

TEST(Engine, TakesEveryBlockThroughThePoolInOrder) {
  auto engine = engine::Engine::start(test_plan(kMixed));
  ASSERT_TRUE(engine.has_value());
  {
    auto session = (*engine)->open("one");
    ASSERT_TRUE(session.has_value());
    std::thread feeder([&] { push_all(**session, 0, 300); });

    const std::vector<float> seen = drain(**session);

    feeder.join();
    ASSERT_EQ(seen.size(), 300U);
    for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], static_cast<float>(i));
    (*session)->close();
    for (std::size_t e = 0; e < 3; ++e) EXPECT_EQ((*session)->queue(e).residual(), 0);
  }
}

TEST(Engine, ServesSessionsThatComeAndGo) {
  auto engine = engine::Engine::start(test_plan(kMixed));
  ASSERT_TRUE(engine.has_value());

  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<engine::SessionHandle>> sessions;
    for (int s = 0; s < 4; ++s) {
      auto session = (*engine)->open("s" + std::to_string(s));
      ASSERT_TRUE(session.has_value());
      sessions.push_back(std::move(*session));
    }
    const auto refused = (*engine)->open("one too many");
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, base::Code::overloaded);
    std::vector<std::thread> feeders;
    for (auto& session : sessions) feeders.emplace_back([&] { push_all(*session, 0, 30); });
    for (std::size_t s = 0; s + 1 < sessions.size(); ++s)
      EXPECT_EQ(drain(*sessions[s]).size(), 30U);
    for (std::thread& feeder : feeders) feeder.join();
    // The last session is closed with its work still on the way.
  }

  EXPECT_EQ((*engine)->open_sessions(), 0U);
}

TEST(Engine, OpensFarMoreSessionsOverItsLifeThanAtOnce) {
  auto engine = engine::Engine::start(test_plan(kMixed));
  ASSERT_TRUE(engine.has_value());

  // A payload pool can be grown 255 times; sessions come and go more often than that.
  for (int i = 0; i < 600; ++i) {
    auto session = (*engine)->open("s");
    ASSERT_TRUE(session.has_value()) << session.error().text();
  }
}

TEST(Engine, OpensHundredsOfSessionsAtOnce) {
  auto engine = engine::Engine::start(test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: out, type: sink}
edges:
  - {from: mic, to: out}
executor: {max_sessions: 400}
)"));
  ASSERT_TRUE(engine.has_value());

  std::vector<std::unique_ptr<engine::SessionHandle>> sessions;
  for (int i = 0; i < 400; ++i) {
    auto session = (*engine)->open("s" + std::to_string(i));
    ASSERT_TRUE(session.has_value()) << session.error().text();
    sessions.push_back(std::move(*session));
  }

  EXPECT_EQ((*engine)->open_sessions(), 400U);
}

TEST(Engine, ClosesASessionWhosePoolNodeHangs) {
  hold_hung_nodes();
  auto engine = engine::Engine::start(test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: stuck, type: hang}
  - {id: out, type: sink}
edges:
  - {from: mic, to: stuck}
  - {from: stuck, to: out}
executor: {max_sessions: 2, pool_threads: 1}
)"));
  ASSERT_TRUE(engine.has_value());
  {
    auto session = (*engine)->open("stuck");
    ASSERT_TRUE(session.has_value());
    ASSERT_TRUE((*session)->push(0, block(**session, 0)));
    while (hung_calls() == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));

    (*session)->close();

    EXPECT_EQ((*engine)->totals().shards.abandoned_lanes, 1U);
  }
  engine->reset();
  // The abandoned worker still runs with everything it uses; let it end before the test does.
  release_hung_nodes();
  while (hung_calls() != 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

TEST(Engine, ActsOnControlWhileNoAudioComes) {
  auto engine = engine::Engine::start(test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: out, type: sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: out}
)"));
  ASSERT_TRUE(engine.has_value());
  auto session = (*engine)->open("one");
  ASSERT_TRUE(session.has_value());
  ASSERT_TRUE((*session)->push(0, block(**session, static_cast<int>(GateCommand::open))));
  engine::Event event;
  while (!(*session)->next_event(event)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  ASSERT_EQ(event.type, engine::EventType::speculation_started);

  media::Control cancel;
  cancel.type = media::ControlType::cancel_speculation;
  cancel.segment = event.segment;
  ASSERT_TRUE((*session)->control(cancel));

  std::vector<engine::EventType> seen;
  while (seen.empty() || seen.back() != engine::EventType::control) {
    if ((*session)->next_event(event)) {
      seen.push_back(event.type);
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  EXPECT_EQ(event.status, engine::ControlStatus::applied);
  EXPECT_EQ(seen.front(), engine::EventType::speculation_cancelled);
  engine::OutputPacket output;
  EXPECT_FALSE((*session)->next_output(output));
  (*session)->close();
}

}  // namespace
}  // namespace millrace::testing
