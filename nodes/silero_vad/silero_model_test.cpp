#include "nodes/silero_vad/silero_model.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "millrace/inference/speech_for_test.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::nodes {
namespace {

namespace speech = inference::speech_for_test;
constexpr std::size_t kWindow = SileroModel::kWindowFrames;

SileroModel model() {
  auto made = SileroModel::create(inference::ModelStore::locate());
  if (!made) ADD_FAILURE() << made.error().text();
  return std::move(made.value());
}

/// Probabilities of all whole windows of `samples`, one call each.
std::vector<float> alone(SileroModel& silero, const std::vector<float>& samples) {
  SileroState state;
  std::vector<float> probabilities;
  for (std::size_t at = 0; at + kWindow <= samples.size(); at += kWindow) {
    SileroWindow window{samples.data() + at, &state};
    EXPECT_TRUE(silero.run({&window, 1}));
    probabilities.push_back(window.probability);
  }
  return probabilities;
}

const std::vector<std::string> kPrompts{"agent-pass", "agent-incorrect", "auth-thankyou",
                                        "conf-adminmenu-162", "cannot-complete-as-dialed"};

TEST(SileroModel, HearsSpeechInSpeechAndNoneInSilence) {
  auto silero = model();
  auto samples = speech::prompt("agent-pass");
  const std::size_t spoken = samples.size() / kWindow;
  samples.insert(samples.end(), 2 * SileroModel::kRateHz, 0.0F);

  const auto p = alone(silero, samples);

  const auto speaking = [](float x) { return x > 0.5F; };
  EXPECT_GT(std::count_if(p.begin(), p.begin() + spoken, speaking), spoken * 6 / 10);
  EXPECT_EQ(std::count_if(p.begin() + spoken + 10, p.end(), speaking), 0);
}

TEST(SileroModel, GivesInABatchExactlyWhatItGivesAlone) {
  auto silero = model();
  std::vector<std::vector<float>> streams;
  std::vector<std::vector<float>> expected;
  for (const auto& name : kPrompts) {
    streams.push_back(speech::prompt(name));
    expected.push_back(alone(silero, streams.back()));
    ASSERT_GT(expected.back().size(), 10U);
  }

  std::vector<SileroState> states(streams.size());
  float largest_difference = 0;
  for (std::size_t w = 0;; ++w) {
    std::vector<SileroWindow> windows;
    std::vector<std::size_t> who;
    for (std::size_t s = 0; s < streams.size(); ++s) {
      if (w >= expected[s].size()) continue;
      windows.push_back({streams[s].data() + w * kWindow, &states[s]});
      who.push_back(s);
    }
    if (windows.empty()) break;
    ASSERT_TRUE(silero.run(windows));
    for (std::size_t i = 0; i < who.size(); ++i)
      largest_difference =
          std::max(largest_difference, std::abs(windows[i].probability - expected[who[i]][w]));
  }

  EXPECT_EQ(largest_difference, 0.0F);
}

TEST(SileroModel, SplitsMoreThan64StreamsAndCountsTheCalls) {
  auto silero = model();
  const auto samples = speech::prompt("agent-pass");
  ASSERT_GT(samples.size(), 40 * kWindow);
  SileroState single;
  SileroWindow expected{samples.data() + 20 * kWindow, &single};
  ASSERT_TRUE(silero.run({&expected, 1}));
  const auto before = silero.calls();

  for (const auto& [streams, calls] : {std::pair{63U, 1U}, {64U, 1U}, {65U, 2U}, {130U, 3U}}) {
    std::vector<SileroState> states(streams);
    std::vector<SileroWindow> windows;
    for (auto& state : states) windows.push_back({samples.data() + 20 * kWindow, &state});
    const auto start = silero.calls();

    ASSERT_TRUE(silero.run(windows));

    EXPECT_EQ(silero.calls() - start, calls) << streams << " streams";
    for (const auto& window : windows) EXPECT_EQ(window.probability, expected.probability);
  }
  EXPECT_EQ(before, 1U);
}

TEST(SileroModel, DoesNothingForNoWindows) {
  auto silero = model();

  EXPECT_TRUE(silero.run({}));

  EXPECT_EQ(silero.calls(), 0U);
}

TEST(SileroModel, StartsAnewAfterAReset) {
  auto silero = model();
  const auto samples = speech::prompt("agent-pass");
  const auto first = alone(silero, samples);
  SileroState state;
  SileroWindow used{samples.data() + 20 * kWindow, &state};
  ASSERT_TRUE(silero.run({&used, 1}));

  state.reset();
  SileroWindow again{samples.data(), &state};
  ASSERT_TRUE(silero.run({&again, 1}));

  EXPECT_EQ(again.probability, first.front());
}

TEST(SileroModel, KeepsASessionWithBadSamplesAwayFromItsBatchMates) {
  auto silero = model();
  const auto samples = speech::prompt("agent-pass");
  ASSERT_GT(samples.size(), 40 * kWindow);
  std::vector<float> bad(kWindow, std::numeric_limits<float>::quiet_NaN());
  SileroState good_state, bad_state, alone_state;
  SileroWindow single{samples.data() + 20 * kWindow, &alone_state};
  ASSERT_TRUE(silero.run({&single, 1}));

  std::vector<SileroWindow> windows{{bad.data(), &bad_state},
                                    {samples.data() + 20 * kWindow, &good_state}};
  ASSERT_TRUE(silero.run(windows));

  EXPECT_EQ(windows[0].probability, 0.0F);
  EXPECT_EQ(bad_state.lstm, SileroState{}.lstm);
  EXPECT_EQ(bad_state.context, SileroState{}.context);
  EXPECT_EQ(windows[1].probability, single.probability);
  EXPECT_EQ(silero.resets(), 1U);
}

TEST(SileroModel, LocksNothingOfOursOnTheAudioPath) {
  auto silero = model();
  const std::vector<float> silence(kWindow, 0.0F);
  SileroState state;
  SileroWindow window{silence.data(), &state};
  const auto locks = rt::rt_locks();
  const auto allocations = rt::rt_allocations();
  {
    const rt::RtScope audio_path;
    EXPECT_TRUE(silero.run({&window, 1}));
  }
  EXPECT_EQ(rt::rt_locks(), locks);
  EXPECT_EQ(rt::rt_allocations(), allocations);
}

TEST(SileroModel, SaysWhereTheModelShouldBe) {
  const auto made = SileroModel::create(inference::ModelStore("/nowhere"));

  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, base::Code::unavailable);
  EXPECT_NE(made.error().message.find("/nowhere/silero_vad_16k_op15.onnx"), std::string::npos);
}

}  // namespace
}  // namespace millrace::nodes
