#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "millrace/engine/engine.hpp"
#include "millrace/engine/virtual_runner.hpp"
#include "millrace/inference/speech_for_test.hpp"
#include "millrace/manifest/load.hpp"
#include "millrace/media/resampler.hpp"
#include "millrace/rt/guard.hpp"
#include "nodes/audio_input/audio_input.hpp"
#include "nodes/audio_output/audio_output.hpp"
#include "nodes/audio_resample/audio_resample.hpp"
#include "nodes/silero_vad/silero_vad.hpp"
#include "nodes/speculative_vad_gate/speculative_vad_gate.hpp"

// The graph that is sold as real time, with the real nodes, the real model and recorded speech:
// nothing on the audio path allocates or locks once it is warm, and sessions share model calls.
namespace millrace {
namespace {

using base::Instant;
using base::MediaTime;

constexpr const char* kGraph = R"(version: v1
nodes:
  - {id: mic, type: audio_input, params: {rate_hz: 48000}}
  - {id: resample, type: audio_resample, params: {rate_hz: 16000, quality: low}}
  - {id: vad, type: silero_vad}
  - {id: gate, type: speculative_vad_gate}
  - {id: speaker, type: audio_output}
edges:
  - {from: mic, to: resample}
  - {from: resample, to: vad}
  - {from: resample, to: gate.audio}
  - {from: vad, to: gate.vad}
  - {from: gate.speculative_audio, to: speaker}
)";
constexpr std::int32_t kRateHz = 48'000;
constexpr std::uint32_t kFrames = 960;
constexpr MediaTime kFrame{20'000};

/// The VAD stage made last: what asks how often its model was called.
const node::StageNode* last_vad = nullptr;

base::Result<std::unique_ptr<node::StageNode>> create_vad(const node::StageConfig& config) {
  auto stage = nodes::silero_vad_type().create(config);
  if (stage) last_vad = stage->get();
  return stage;
}

const node::Registry& registry() {
  static const node::NodeType kVad{.contract = nodes::silero_vad_type().contract,
                                   .create = create_vad};
  static const node::Registry all = [] {
    node::Registry made;
    made.add(nodes::audio_input_type());
    made.add(nodes::audio_resample_type());
    made.add(kVad);
    made.add(nodes::speculative_vad_gate_type());
    made.add(nodes::audio_output_type());
    return made;
  }();
  return all;
}

std::shared_ptr<const graph::Plan> real_plan() {
  const auto spec = manifest::load_text(kGraph, "graph", manifest::process_environment());
  if (!spec) {
    ADD_FAILURE() << spec.error().front().text();
    return nullptr;
  }
  auto plan = graph::build_plan(*spec, registry());
  if (!plan) {
    ADD_FAILURE() << plan.error().front().text();
    return nullptr;
  }
  return std::move(*plan);
}

/// A phrase and a pause, at 48 kHz, to be played again and again.
const std::vector<float>& speech() {
  static const std::vector<float> samples = [] {
    const std::vector<float> heard = inference::speech_for_test::prompt("vm-intro");
    auto resampler = media::Resampler::create(16'000, kRateHz, media::ResampleQuality::high);
    std::vector<float> made(resampler->max_output(heard.size()));
    made.resize(resampler->process(heard, made).produced);
    made.resize(made.size() + kRateHz, 0.0F);
    return made;
  }();
  return samples;
}

/// Block `k` of a session that begins `offset` frames into the speech.
media::Packet block(std::int64_t k, std::size_t offset, rt::PayloadPool& pool) {
  media::Packet packet;
  packet.rate_hz = kRateHz;
  packet.frames = kFrames;
  packet.from = kFrame * k;
  packet.to = kFrame * (k + 1);
  packet.payload = pool.acquire(kFrames * sizeof(float));
  std::size_t at = offset + static_cast<std::size_t>(k) * kFrames;
  for (float& sample : packet.payload.writable_as<float>())
    sample = speech()[at++ % speech().size()];
  return packet;
}

/// A session on the virtual clock; all sessions' blocks are due together.
class SpeechFeed final : public engine::InputFeed {
 public:
  SpeechFeed(std::size_t offset, std::int64_t blocks, rt::PayloadPool& pool)
      : offset_(offset), blocks_(blocks), pool_(pool) {}

  [[nodiscard]] Instant due() const noexcept override {
    return at_ > blocks_ ? Instant{base::Duration::max()}
                         : Instant{kFrame * std::min(at_ + 1, blocks_)};
  }
  [[nodiscard]] engine::InputPacket take() noexcept override {
    const std::int64_t k = at_++;
    if (k < blocks_) return {0, block(k, offset_, pool_)};
    media::Packet end;
    end.kind = media::PacketKind::control;
    end.control_type = media::ControlType::end_of_input;
    return {0, std::move(end)};
  }

 private:
  std::size_t offset_;
  std::int64_t blocks_;
  rt::PayloadPool& pool_;
  std::int64_t at_ = 0;
};

class CountingTap final : public engine::OutputTap {
 public:
  void output(const engine::OutputPacket&) override { ++outputs; }
  void event(const engine::Event& event) override {
    if (event.type == engine::EventType::speculation_confirmed) ++confirmed;
    if (event.type == engine::EventType::failed) ++failed;
  }

  std::uint64_t outputs = 0;
  std::uint64_t confirmed = 0;
  std::uint64_t failed = 0;
};

/// `sessions` sessions of `seconds` of speech on the virtual clock, not yet run.
class SpeechWorld {
 public:
  SpeechWorld(std::size_t sessions, std::int64_t seconds) {
    auto made = engine::VirtualRunner::create(real_plan(), sessions);
    EXPECT_TRUE(made.has_value()) << made.error().text();
    runner = std::move(*made);
    for (std::size_t i = 0; i < sessions; ++i) {
      const std::size_t offset = speech().size() * i / sessions;
      feeds_.push_back(std::make_unique<SpeechFeed>(offset, seconds * 50, runner->payloads()));
      EXPECT_TRUE(runner->open("s" + std::to_string(i), *feeds_.back(), tap).has_value());
    }
  }

  void run_until(std::int64_t seconds) {
    const Instant until{std::chrono::seconds(seconds)};
    runner->run([&] { return runner->clock().now() >= until; });
  }

  CountingTap tap;
  std::unique_ptr<engine::VirtualRunner> runner;

 private:
  std::vector<std::unique_ptr<SpeechFeed>> feeds_;
};

TEST(AudioPath, AllocatesAndLocksNothingForTwentySessionsOnceWarm) {
  SpeechWorld world(20, 12);
  world.run_until(4);
  const std::uint64_t allocations = rt::rt_allocations();
  const std::uint64_t locks = rt::rt_locks();
  const std::uint64_t confirmed = world.tap.confirmed;

  world.run_until(12);

  EXPECT_EQ(rt::rt_allocations() - allocations, 0U);
  EXPECT_EQ(rt::rt_locks() - locks, 0U);
  // It was not quiet meanwhile.
  EXPECT_GT(world.tap.confirmed, confirmed);
  EXPECT_EQ(world.tap.failed, 0U);
}

TEST(AudioPath, AllocationsAreWatchedSoThatNoneMeansNone) {
#if !defined(MILLRACE_SANITIZED)
  EXPECT_TRUE(rt::allocations_watched());
  EXPECT_TRUE(rt::locks_watched());
#endif
  // A session that opens does allocate: the counter counts.
  const std::uint64_t before = rt::all_allocations();
  SpeechWorld world(1, 1);
  if (rt::allocations_watched()) {
    EXPECT_GT(rt::all_allocations(), before);
  }
}

/// The engine with its threads, fed in step: the next block is pushed when every window that the
/// blocks so far complete is decided, so that no speed of any machine makes a difference.
class RealSpeech {
 public:
  explicit RealSpeech(std::size_t sessions) {
    auto started = engine::Engine::start(real_plan());
    EXPECT_TRUE(started.has_value());
    engine_ = std::move(*started);
    for (std::size_t i = 0; i < sessions; ++i)
      sessions_.push_back(*engine_->open("s" + std::to_string(i)));
  }

  void play(std::int64_t blocks) {
    for (const std::int64_t end = at_ + blocks; at_ < end; ++at_) {
      for (std::size_t i = 0; i < sessions_.size(); ++i) {
        engine::SessionHandle& session = *sessions_[i];
        const std::size_t offset = speech().size() * i / sessions_.size();
        EXPECT_TRUE(session.push(0, block(at_, offset, session.payloads())));
      }
      wait_for(sessions_.size() * windows_after(at_ + 1));
    }
  }

  std::uint64_t confirmed = 0;

 private:
  /// The filter between 48 and 16 kHz looks 1 ms ahead, so a window is whole one block after it
  /// would be where their edges meet.
  static std::uint64_t windows_after(std::int64_t blocks) {
    return static_cast<std::uint64_t>((kFrame.count() * blocks - 1'000) / 32'000);
  }
  void wait_for(std::uint64_t decisions) {
    while (engine_->totals().shards.decisions < decisions) {
      drain();
      std::this_thread::yield();
    }
    drain();
  }
  void drain() {
    engine::Event event;
    engine::OutputPacket output;
    for (auto& session : sessions_) {
      while (session->next_event(event))
        if (event.type == engine::EventType::speculation_confirmed) ++confirmed;
      while (session->next_output(output)) {
      }
    }
  }

  std::unique_ptr<engine::Engine> engine_;
  std::vector<std::unique_ptr<engine::SessionHandle>> sessions_;
  std::int64_t at_ = 0;
};

TEST(AudioPath, AllocatesAndLocksNothingOnRealThreadsOnceWarm) {
  RealSpeech world(4);
  world.play(200);
  const std::uint64_t allocations = rt::rt_allocations();
  const std::uint64_t locks = rt::rt_locks();
  const std::uint64_t confirmed = world.confirmed;

  world.play(300);

  EXPECT_EQ(rt::rt_allocations() - allocations, 0U);
  EXPECT_EQ(rt::rt_locks() - locks, 0U);
  EXPECT_GT(world.confirmed, confirmed);
}

TEST(AudioPath, CallsTheModelAtMostOnceForSixteenWindowsThatFallDueTogether) {
  SpeechWorld world(100, 3);
  const node::StageNode* vad = last_vad;
  const std::uint64_t before = nodes::silero_model_calls(*vad);

  world.run_until(3);

  const std::uint64_t windows = world.runner->shard().counters().decisions;
  const std::uint64_t calls = nodes::silero_model_calls(*vad) - before;
  EXPECT_GE(windows, 100U * 90U);
  EXPECT_GT(calls, 0U);
  EXPECT_LE(calls * 16, windows) << calls << " calls for " << windows << " windows";
}

}  // namespace
}  // namespace millrace
