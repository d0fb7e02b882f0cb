#include "nodes/silero_vad/silero_vad.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millrace/inference/speech_for_test.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/testing/node_harness.hpp"
#include "nodes/silero_vad/silero_model.hpp"

namespace millrace::nodes {
namespace {

namespace speech = inference::speech_for_test;
using base::media_time;
using base::MediaTime;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NodeHarness;
using ::testing::SizeIs;

constexpr std::int32_t kRate = SileroModel::kRateHz;
constexpr std::size_t kWindow = SileroModel::kWindowFrames;

std::unique_ptr<NodeHarness> open(bool in_rt = false) {
  auto harness = NodeHarness::create(silero_vad_type(), {.in_rt = in_rt});
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

/// Pushes `samples` in blocks of `block` frames, from frame `at` of the session on.
void push(NodeHarness& harness, std::span<const float> samples, std::size_t block,
          std::size_t at = 0) {
  for (std::size_t i = 0; i < samples.size(); i += block)
    harness.push_audio(0, samples.subspan(i, std::min(block, samples.size() - i)),
                       media_time(static_cast<std::int64_t>(at + i), kRate), kRate);
}

std::vector<float> values(const NodeHarness& harness) {
  std::vector<float> found;
  for (const media::Packet& packet : harness.data()) found.push_back(packet.value);
  return found;
}

/// What the model says of all whole windows of `samples`.
std::vector<float> expected(std::span<const float> samples) {
  auto model = SileroModel::create(inference::ModelStore::locate());
  SileroState state;
  std::vector<float> found;
  for (std::size_t i = 0; model && i + kWindow <= samples.size(); i += kWindow) {
    SileroWindow window{samples.data() + i, &state};
    EXPECT_TRUE(model->run({&window, 1}));
    found.push_back(window.probability);
  }
  return found;
}

media::Packet block(NodeHarness& harness, std::span<const float> samples, std::size_t at) {
  media::Packet packet;
  packet.rate_hz = kRate;
  packet.frames = static_cast<std::uint32_t>(samples.size());
  packet.from = media_time(static_cast<std::int64_t>(at), kRate);
  packet.to = media_time(static_cast<std::int64_t>(at + samples.size()), kRate);
  packet.payload = harness.pool().copy_of(std::as_bytes(samples));
  return packet;
}

TEST(SileroVad, HearsRealSpeechAndTheSilenceBehindIt) {
  std::vector<float> samples = speech::prompt("agent-pass");
  const std::size_t spoken = samples.size() / kWindow;
  samples.resize(samples.size() + 2 * kRate, 0.0F);
  const auto harness = open();
  push(*harness, samples, 320);

  const std::vector<float> found = values(*harness);
  const auto speaking = [](float p) { return p > 0.5F; };
  const auto silence = found.begin() + static_cast<std::ptrdiff_t>(spoken);
  EXPECT_GT(std::count_if(found.begin(), silence, speaking),
            static_cast<std::ptrdiff_t>(spoken * 6 / 10));
  EXPECT_EQ(std::count_if(silence + 10, found.end(), speaking), 0);
}

TEST(SileroVad, GivesTheSameBitsAndExactWindowsForEveryCut) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const std::vector<float> whole = expected(samples);
  ASSERT_GT(whole.size(), 40U);
  for (const std::size_t block : {std::size_t{160}, std::size_t{320}, std::size_t{496},
                                  std::size_t{512}, std::size_t{7}, std::size_t{16'000}}) {
    const auto harness = open();
    push(*harness, samples, block);

    EXPECT_EQ(values(*harness), whole) << block;
    for (std::size_t k = 0; k < harness->data().size(); ++k) {
      const media::Packet& packet = harness->out()[k];
      EXPECT_EQ(packet.from, MediaTime{static_cast<std::int64_t>(k) * 32'000});
      EXPECT_EQ(packet.to, packet.from + MediaTime{32'000});
      EXPECT_FALSE(packet.discontinuity);
    }
  }
}

TEST(SileroVad, DecidesTheWindowsOfManySessionsInOneCall) {
  constexpr std::size_t kSessions = 20;
  const std::vector<float> samples = speech::prompt("agent-pass");
  std::vector<std::unique_ptr<NodeHarness>> sessions;
  sessions.push_back(open());
  while (sessions.size() < kSessions)
    sessions.push_back(*sessions[0]->open_another("s" + std::to_string(sessions.size() + 1)));
  // Session s begins s windows into the prompt, so that no two hear the same.
  constexpr std::size_t kWindows = 20;
  for (std::size_t w = 0; w < kWindows; ++w) {
    std::vector<NodeHarness::Batched> batch;
    for (std::size_t s = 0; s < kSessions; ++s)
      batch.push_back({sessions[s].get(),
                       block(*sessions[s], std::span(samples).subspan((s + w) * kWindow, kWindow),
                             w * kWindow)});
    NodeHarness::push_together(batch);
  }

  EXPECT_EQ(silero_model_calls(sessions[0]->stage()), kWindows);
  for (std::size_t s = 0; s < kSessions; ++s)
    EXPECT_EQ(values(*sessions[s]),
              expected(std::span(samples).subspan(s * kWindow, kWindows * kWindow)))
        << s;
}

TEST(SileroVad, CallsTheModelOncePerSixtyFourWindowsAndRound) {
  constexpr std::size_t kSessions = 70;
  std::vector<std::unique_ptr<NodeHarness>> sessions;
  sessions.push_back(open());
  while (sessions.size() < kSessions) sessions.push_back(*sessions[0]->open_another("other"));
  // Two windows for each of the first ten sessions, one for the others.
  const std::vector<float> silence(2 * kWindow, 0.0F);
  std::vector<NodeHarness::Batched> batch;
  for (std::size_t s = 0; s < kSessions; ++s)
    batch.push_back(
        {sessions[s].get(),
         block(*sessions[s], std::span(silence).first(s < 10 ? 2 * kWindow : kWindow), 0)});
  NodeHarness::push_together(batch);

  EXPECT_EQ(silero_model_calls(sessions[0]->stage()), 3U);
  EXPECT_THAT(sessions[0]->data(), SizeIs(2));
  EXPECT_THAT(sessions[69]->data(), SizeIs(1));
}

TEST(SileroVad, HangsAWindowOnEveryBlockItWasMadeOf) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const auto harness = open();
  const base::SegmentId first = harness->ledger().open(policy::SegmentKind::onset);
  const base::SegmentId second = harness->ledger().open(policy::SegmentKind::onset);
  // 400 + 400 frames: the window is completed by the second, and hangs on both.
  harness->push_audio(0, std::span(samples).first(400), MediaTime{0}, kRate,
                      testing::hanging_on(first));
  harness->push_audio(0, std::span(samples).subspan(400, 400), media_time(400, kRate), kRate,
                      testing::hanging_on(second));
  harness->push_audio(0, std::span(samples).subspan(800, 400), media_time(800, kRate), kRate);

  ASSERT_THAT(harness->out(), SizeIs(2));
  EXPECT_TRUE(harness->out()[0].lineage.hangs_on(first));
  EXPECT_TRUE(harness->out()[0].lineage.hangs_on(second));
  EXPECT_FALSE(harness->out()[1].lineage.hangs_on(first));
  EXPECT_TRUE(harness->out()[1].lineage.hangs_on(second));
}

/// Keeps what one session emits, with the packet it was emitted for.
class RecordingContext final : public node::Context {
 public:
  const node::Work* work = nullptr;
  std::vector<std::pair<std::size_t, float>> emitted;

  [[nodiscard]] base::Instant now() const noexcept override { return {}; }
  void emit(std::size_t, media::Packet&& packet) noexcept override {
    emitted.emplace_back(work->packet_index, packet.value);
  }
  [[nodiscard]] rt::Payload acquire(std::size_t bytes) noexcept override {
    return rt::Payload::heap(bytes);
  }
  [[nodiscard]] bool live(const media::Lineage&) const noexcept override { return true; }
  [[nodiscard]] bool stop_requested() const noexcept override { return false; }
  void make_room(media::Lineage&) const noexcept override {}
  void set_timer(base::Instant) noexcept override {}
  void send(media::Control&&) noexcept override {}
  [[nodiscard]] node::Speculation* speculation() noexcept override { return nullptr; }
  void failed(std::string_view) noexcept override {}
};

TEST(SileroVad, TakesSeveralBlocksOfSeveralSessionsInOneCallAndNamesTheBlockOfEachDecision) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const auto blocks = open();  // for their memory
  auto params = testing::params_for(*silero_vad_type().contract, {}, "vad");
  ASSERT_TRUE(params);
  auto stage = silero_vad_type().create({.id = "vad", .params = *params, .inputs = {}});
  ASSERT_TRUE(stage);
  std::array<RecordingContext, 2> contexts;
  std::array<std::vector<media::Packet>, 2> packets;
  std::array<std::unique_ptr<node::SessionNode>, 2> sessions;
  std::vector<node::Work> works;
  // The first session has 20 ms blocks, the second larger ones further on.
  constexpr std::array<std::size_t, 2> kBlock{320, 1'200};
  constexpr std::array<std::size_t, 2> kBegin{0, 5'000};
  for (std::size_t s = 0; s < 2; ++s) {
    sessions[s] = *(*stage)->open_session({});
    for (std::size_t i = 0; i < 4; ++i)
      packets[s].push_back(block(*blocks,
                                 std::span(samples).subspan(kBegin[s] + i * kBlock[s], kBlock[s]),
                                 i * kBlock[s]));
    works.push_back({.node = sessions[s].get(), .packets = packets[s], .context = &contexts[s]});
  }
  for (std::size_t s = 0; s < 2; ++s) contexts[s].work = &works[s];

  (*stage)->process_batch(works);

  // Windows end at frames 512, 1024, …: in the blocks that hold frames 511, 1023, ….
  for (std::size_t s = 0; s < 2; ++s) {
    const auto p = expected(std::span(samples).subspan(kBegin[s], 4 * kBlock[s]));
    std::vector<std::pair<std::size_t, float>> wanted;
    for (std::size_t k = 0; k < p.size(); ++k)
      wanted.emplace_back(((k + 1) * kWindow - 1) / kBlock[s], p[k]);
    EXPECT_EQ(contexts[s].emitted, wanted) << s;
  }
  EXPECT_EQ(silero_model_calls(**stage), 9U) << "as many rounds as the session with most windows";
}

TEST(SileroVad, ListensAnewBehindAGapFromTheTimeOfTheBlock) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const std::span<const float> later = std::span(samples).subspan(20 * kWindow, 5 * kWindow);
  const auto harness = open();
  push(*harness, std::span(samples).first(10 * kWindow + 100), 320);
  harness->clear();
  push(*harness, later, 320, 20 * kWindow + 9);

  EXPECT_EQ(values(*harness), expected(later));
  const auto& out = harness->out();
  ASSERT_THAT(out, SizeIs(5));
  EXPECT_EQ(out[0].from, media_time(20 * kWindow + 9, kRate));
  EXPECT_TRUE(out[0].discontinuity);
  EXPECT_FALSE(out[1].discontinuity);
}

TEST(SileroVad, ListensAnewBehindAMarkedBreak) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const std::span<const float> later = std::span(samples).subspan(10 * kWindow, kWindow);
  const auto harness = open();
  push(*harness, std::span(samples).first(10 * kWindow), 320);
  harness->clear();
  media::Packet broken = block(*harness, later, 10 * kWindow);
  broken.discontinuity = true;
  harness->push(std::move(broken));

  EXPECT_EQ(values(*harness), expected(later));
}

TEST(SileroVad, DecidesTheRestAtTheEndWithItsTrueLength) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  std::vector<float> padded(samples.begin(), samples.begin() + 10 * kWindow + 200);
  padded.resize(11 * kWindow, 0.0F);
  const auto harness = open();
  push(*harness, std::span(samples).first(10 * kWindow + 200), 320);
  ASSERT_THAT(harness->out(), SizeIs(10));
  harness->end();

  EXPECT_EQ(values(*harness), expected(padded));
  EXPECT_EQ(harness->out().back().to, media_time(10 * kWindow + 200, kRate));
}

TEST(SileroVad, DecidesTheRestsOfSessionsThatEndTogetherInOneCall) {
  const std::vector<float> samples = speech::prompt("agent-pass");
  const auto blocks = open();  // for their memory
  auto params = testing::params_for(*silero_vad_type().contract, {}, "vad");
  ASSERT_TRUE(params);
  auto stage = silero_vad_type().create({.id = "vad", .params = *params, .inputs = {}});
  ASSERT_TRUE(stage);
  // The third ends with a whole window: nothing is left to decide.
  constexpr std::array<std::size_t, 3> kRest{100, 400, 0};
  std::array<RecordingContext, 3> contexts;
  std::array<media::Packet, 3> packets;
  std::array<std::unique_ptr<node::SessionNode>, 3> sessions;
  std::vector<node::Work> works;
  for (std::size_t s = 0; s < 3; ++s) {
    sessions[s] = *(*stage)->open_session({});
    packets[s] = block(*blocks, std::span(samples).subspan(s * 2'000, kWindow + kRest[s]), 0);
    works.push_back(
        {.node = sessions[s].get(), .packets = {&packets[s], 1}, .context = &contexts[s]});
  }
  for (std::size_t s = 0; s < 3; ++s) contexts[s].work = &works[s];
  (*stage)->process_batch(works);
  const std::uint64_t calls = silero_model_calls(**stage);
  for (node::Work& work : works) work.packets = {};

  (*stage)->end_batch(works);

  EXPECT_EQ(silero_model_calls(**stage), calls + 1);
  for (std::size_t s = 0; s < 3; ++s) {
    std::vector<float> padded(
        samples.begin() + static_cast<std::ptrdiff_t>(s * 2'000),
        samples.begin() + static_cast<std::ptrdiff_t>(s * 2'000 + kWindow + kRest[s]));
    padded.resize((kRest[s] == 0 ? 1 : 2) * kWindow, 0.0F);
    std::vector<float> found;
    for (const auto& [packet, probability] : contexts[s].emitted) found.push_back(probability);
    EXPECT_EQ(found, expected(padded)) << s;
  }
}

TEST(SileroVad, AddsNothingAtTheEndOfWholeWindowsOrOfNoAudio) {
  const auto silent = open();
  silent->end();
  EXPECT_THAT(silent->out(), IsEmpty());

  const auto harness = open();
  push(*harness, std::vector<float>(kWindow, 0.0F), 256);
  harness->end();
  EXPECT_THAT(harness->out(), SizeIs(1));
}

TEST(SileroVad, RefusesAFormatOnceAndGoesOnWhenTheRightOneComesBack) {
  const auto harness = open();
  const std::vector<float> silence(2 * kWindow, 0.0F);
  const std::vector<float> long_block(35 * kWindow, 0.0F);
  push(*harness, silence, kWindow);
  harness->push_audio(0, silence, MediaTime{64'000}, 48'000);
  harness->push_audio(0, silence, MediaTime{64'000}, kRate, {}, 2);
  harness->push_audio(0, long_block, MediaTime{64'000}, kRate);
  EXPECT_THAT(harness->failures(), SizeIs(1));
  push(*harness, silence, kWindow, 4 * kWindow);

  EXPECT_THAT(harness->failures(), SizeIs(1));
  ASSERT_THAT(harness->out(), SizeIs(4));
  EXPECT_EQ(harness->out()[2].from, MediaTime{128'000});
}

TEST(SileroVad, NeitherAllocatesNorLocksInTheSweepButForOnnxRuntime) {
  const auto harness = open(true);
  const std::vector<float> samples = speech::prompt("agent-pass");
  const auto exempt = rt::exempt_allocations();
  push(*harness, std::span(samples).first(kRate), 320);
  harness->end();

  ASSERT_TRUE(rt::allocations_watched());
  EXPECT_EQ(harness->allocations(), 0U);
  EXPECT_EQ(harness->locks(), 0U);
  EXPECT_GE(rt::exempt_allocations(), exempt);
  EXPECT_THAT(harness->out(), SizeIs(32));
}

TEST(SileroVad, SaysWhichNodeMissesItsModelAndWhatToDo) {
  const auto made = NodeHarness::create(
      silero_vad_type(), {.params = {{"model", std::string{"/nowhere"}}}, .id = "vad"});

  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, base::Code::unavailable);
  EXPECT_EQ(made.error().where, "vad");
  EXPECT_THAT(made.error().message, HasSubstr("./dev setup"));
}

TEST(SileroVad, DeclaresOneWindowOfLatency) {
  EXPECT_EQ(open()->stage().latency(), MediaTime{32'000});
}

}  // namespace
}  // namespace millrace::nodes
