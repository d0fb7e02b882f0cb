#include "millrace/policy/onset_gate.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include "millrace/base/rng.hpp"

namespace millrace::policy {
namespace {

using base::MediaTime;
using std::chrono::milliseconds;
using Kind = OnsetActionKind;

constexpr MediaTime kWindow = milliseconds{32};

// A gate that is fed audio and windows together, as in the normal graph: windows first, then the
// audio of the same 32 ms.
struct Bench {
  explicit Bench(OnsetMode mode = OnsetMode::speculative, OnsetParams with = {})
      : params(with), gate(with, mode, 16'000, kWindow) {}

  void take(const OnsetActions& actions) {
    for (const OnsetAction& action : actions) all.push_back(action);
  }
  void window(float p) {
    take(gate.window(now, now + kWindow, p));
    now += kWindow;
    take(gate.audio(now));
  }
  void windows(int count, float p) {
    for (int i = 0; i < count; ++i) window(p);
  }
  std::vector<OnsetAction> of(Kind kind) const {
    std::vector<OnsetAction> some;
    for (const OnsetAction& action : all)
      if (action.kind == kind) some.push_back(action);
    return some;
  }
  std::vector<Kind> kinds() const {
    std::vector<Kind> some;
    for (const OnsetAction& action : all) some.push_back(action.kind);
    return some;
  }

  OnsetParams params;
  OnsetGate gate;
  MediaTime now{0};
  std::vector<OnsetAction> all;
};

TEST(OnsetGate, KeepsShutUnderTheThreshold) {
  Bench bench;

  bench.windows(100, 0.49F);

  EXPECT_TRUE(bench.all.empty());
  EXPECT_FALSE(bench.gate.sending());
  EXPECT_EQ(bench.gate.voice().state, VoiceState::none);
}

TEST(OnsetGate, OpensAtTheThresholdALookbackBeforeTheTriggerWindow) {
  Bench bench;
  bench.windows(10, 0.0F);

  bench.window(0.5F);

  ASSERT_EQ(bench.kinds(), std::vector{Kind::open});
  EXPECT_EQ(bench.all[0].from, milliseconds{320 - 150});
  EXPECT_TRUE(bench.gate.sending());
  EXPECT_EQ(bench.gate.voice().state, VoiceState::unconfirmed);
  EXPECT_EQ(bench.gate.voice().began, milliseconds{320});
}

TEST(OnsetGate, NeverReachesBackBeforeTheFirstFrame) {
  Bench bench;
  bench.window(0.0F);

  bench.window(0.9F);

  EXPECT_EQ(bench.all[0].from, MediaTime{0});
}

TEST(OnsetGate, NeverSendsAFrameTwice) {
  Bench bench;
  bench.windows(4, 0.9F);
  bench.windows(4, 0.0F);
  ASSERT_EQ(bench.of(Kind::cancel).size(), 1U);
  const MediaTime sent = bench.of(Kind::cancel)[0].to;

  bench.window(0.9F);

  ASSERT_EQ(bench.of(Kind::open).size(), 2U);
  EXPECT_EQ(bench.of(Kind::open)[1].from, sent);
}

TEST(OnsetGate, StartsOnAWholeFrameOfTheRate) {
  OnsetParams params;
  params.lookback = MediaTime{100'001};
  OnsetGate gate(params, OnsetMode::speculative, 16'000, kWindow);
  (void)gate.audio(milliseconds{320});

  const OnsetActions actions = gate.window(milliseconds{320}, milliseconds{352}, 0.9F);

  ASSERT_EQ(actions.size(), 1U);
  EXPECT_EQ(actions[0].from, milliseconds{220});  // 219.999 ms lies between two frames of 62.5 us
}

TEST(OnsetGate, ConfirmsWithTheFirstWindowThatEndsMinSpeechAfterTheTrigger) {
  Bench bench;
  bench.windows(10, 0.0F);

  bench.windows(7, 0.9F);  // ends 224 ms after the trigger began
  EXPECT_TRUE(bench.of(Kind::confirm).empty());
  bench.window(0.35F);

  ASSERT_EQ(bench.kinds(), (std::vector{Kind::open, Kind::confirm, Kind::speech_started}));
  EXPECT_EQ(bench.all[1].from, milliseconds{170});
  EXPECT_EQ(bench.all[2].at, milliseconds{170});
  EXPECT_EQ(bench.gate.voice().state, VoiceState::speaking);
}

TEST(OnsetGate, ConfirmsAtExactlyMinSpeech) {
  OnsetParams params;
  params.min_speech = 8 * kWindow;
  Bench bench(OnsetMode::speculative, params);

  bench.windows(8, 0.9F);

  EXPECT_EQ(bench.of(Kind::confirm).size(), 1U);
}

TEST(OnsetGate, AWindowUnderTheNegativeThresholdDoesNotConfirm) {
  Bench bench;
  bench.windows(7, 0.9F);

  bench.windows(2, 0.34F);

  EXPECT_EQ(bench.kinds(), std::vector{Kind::open});
  bench.window(0.36F);
  EXPECT_EQ(bench.of(Kind::confirm).size(), 1U);
}

TEST(OnsetGate, CancelsAfterMinSilenceWithExactlyWhatWasSent) {
  Bench bench;
  bench.windows(10, 0.0F);
  bench.windows(2, 0.9F);

  bench.windows(3, 0.1F);  // 96 ms of silence
  EXPECT_TRUE(bench.of(Kind::cancel).empty());
  bench.window(0.1F);

  ASSERT_EQ(bench.of(Kind::cancel).size(), 1U);
  EXPECT_EQ(bench.all[1].from, milliseconds{170});
  // The window that cancels comes before the audio of its own tick, which is then not sent.
  EXPECT_EQ(bench.all[1].to, milliseconds{15 * 32});
  EXPECT_FALSE(bench.gate.sending());
  EXPECT_TRUE(bench.of(Kind::speech_started).empty());
}

TEST(OnsetGate, CancelsAtExactlyMinSilence) {
  OnsetParams params;
  params.min_silence = 3 * kWindow;
  Bench bench(OnsetMode::speculative, params);
  bench.window(0.9F);

  bench.windows(3, 0.1F);

  EXPECT_EQ(bench.of(Kind::cancel).size(), 1U);
}

TEST(OnsetGate, ASoundInBetweenStartsTheSilenceAnew) {
  Bench bench;
  bench.window(0.9F);
  bench.windows(3, 0.1F);
  bench.window(0.4F);
  bench.windows(3, 0.1F);

  EXPECT_TRUE(bench.of(Kind::cancel).empty());
  bench.window(0.1F);
  EXPECT_EQ(bench.of(Kind::cancel).size(), 1U);
}

TEST(OnsetGate, EndsSpeechOnceAtTheStartOfTheSilenceAndThePad) {
  Bench bench;
  bench.windows(10, 0.9F);

  bench.windows(20, 0.1F);

  ASSERT_EQ(bench.of(Kind::speech_ended).size(), 1U);
  const OnsetAction ended = bench.of(Kind::speech_ended)[0];
  EXPECT_EQ(ended.at, milliseconds{320 + 30});
  EXPECT_EQ(ended.to, milliseconds{13 * 32});
  EXPECT_EQ(bench.gate.voice().state, VoiceState::none);
}

TEST(OnsetGate, TellsAPauseFromSpeechAndFromSilence) {
  Bench bench;
  bench.windows(10, 0.9F);
  EXPECT_EQ(bench.gate.voice().state, VoiceState::speaking);

  bench.window(0.1F);

  EXPECT_EQ(bench.gate.voice().state, VoiceState::pausing);
  EXPECT_EQ(bench.gate.voice().last_heard, milliseconds{320});
  bench.window(0.4F);
  EXPECT_EQ(bench.gate.voice().state, VoiceState::speaking);
}

TEST(OnsetGate, EveryStartOfSpeechHasOneEndAlsoAtTheEndOfTheInput) {
  Bench bench;
  bench.windows(10, 0.9F);

  bench.take(bench.gate.finish());
  bench.take(bench.gate.finish());

  EXPECT_EQ(bench.of(Kind::speech_started).size(), 1U);
  ASSERT_EQ(bench.of(Kind::speech_ended).size(), 1U);
  EXPECT_EQ(bench.of(Kind::speech_ended)[0].at, milliseconds{320});
}

TEST(OnsetGate, TheEndOfTheInputEndsAPauseWhereTheSilenceBegan) {
  Bench bench;
  bench.windows(10, 0.9F);
  bench.windows(2, 0.0F);

  bench.take(bench.gate.finish());

  EXPECT_EQ(bench.of(Kind::speech_ended)[0].at, milliseconds{350});
}

TEST(OnsetGate, TheEndOfTheInputCancelsWhatIsUnconfirmed) {
  Bench bench;
  bench.windows(3, 0.9F);

  bench.take(bench.gate.finish());

  ASSERT_EQ(bench.kinds(), (std::vector{Kind::open, Kind::cancel}));
  EXPECT_EQ(bench.all[1].to, milliseconds{96});
}

TEST(OnsetGate, OneLongWindowCanOpenAndConfirm) {
  OnsetGate gate({}, OnsetMode::speculative, 16'000, milliseconds{300});
  (void)gate.audio(milliseconds{300});

  const OnsetActions actions = gate.window(MediaTime{0}, milliseconds{300}, 0.9F);

  ASSERT_EQ(actions.size(), 3U);
  EXPECT_EQ(actions[0].kind, Kind::open);
  EXPECT_EQ(actions[1].kind, Kind::confirm);
  EXPECT_EQ(actions[2].kind, Kind::speech_started);
}

TEST(OnsetGate, AppliesADecisionThatIsLateByLookaheadAndNotALaterOne) {
  OnsetGate just({}, OnsetMode::speculative, 16'000, kWindow);
  OnsetGate late({}, OnsetMode::speculative, 16'000, kWindow);
  (void)just.audio(milliseconds{32 + 50});
  (void)late.audio(milliseconds{32 + 50} + MediaTime{1});

  const OnsetActions applied = just.window(MediaTime{0}, kWindow, 0.9F);
  const OnsetActions ignored = late.window(MediaTime{0}, kWindow, 0.9F);

  ASSERT_EQ(applied.size(), 1U);
  EXPECT_EQ(just.sent_until(), milliseconds{82});  // what had arrived leaves at once
  EXPECT_TRUE(ignored.empty());
  EXPECT_EQ(late.counters().late_windows, 1U);
}

TEST(OnsetGate, CountsWindowsThatAreEmptyRepeatedOrOutOfOrder) {
  OnsetGate gate({}, OnsetMode::speculative, 16'000, kWindow);
  (void)gate.window(milliseconds{32}, milliseconds{64}, 0.0F);

  (void)gate.window(milliseconds{32}, milliseconds{64}, 0.9F);
  (void)gate.window(milliseconds{0}, milliseconds{32}, 0.9F);
  (void)gate.window(milliseconds{96}, milliseconds{96}, 0.9F);
  (void)gate.window(milliseconds{-32}, milliseconds{128}, 0.9F);

  EXPECT_EQ(gate.counters().wrong_windows, 4U);
  EXPECT_EQ(gate.counters().opened, 0U);
}

TEST(OnsetGate, TakesNaNForSilence) {
  Bench bench;
  bench.window(std::numeric_limits<float>::quiet_NaN());
  EXPECT_TRUE(bench.all.empty());

  bench.window(0.9F);
  bench.windows(4, std::nanf(""));

  EXPECT_EQ(bench.of(Kind::cancel).size(), 1U);
}

TEST(OnsetGate, WindowsThatNeverCameDecideNothing) {
  Bench bench;
  bench.windows(10, 0.9F);
  bench.now += milliseconds{500};
  bench.take(bench.gate.audio(bench.now));

  bench.window(0.9F);

  EXPECT_TRUE(bench.of(Kind::speech_ended).empty());
}

TEST(OnsetGate, SplitsUnconfirmedAudioThatOutgrowsTheRing) {
  Bench bench;
  bench.window(0.9F);
  const MediaTime capacity = ring_capacity(bench.params, kWindow);
  EXPECT_EQ(capacity, milliseconds{150 + 50 + 250 + 100 + 32});

  bench.take(bench.gate.audio(capacity));
  EXPECT_TRUE(bench.of(Kind::split).empty());
  bench.take(bench.gate.audio(capacity + milliseconds{20}));

  ASSERT_EQ(bench.of(Kind::split).size(), 1U);
  EXPECT_EQ(bench.of(Kind::split)[0].from, MediaTime{0});
  EXPECT_EQ(bench.of(Kind::split)[0].to, capacity + milliseconds{20});
  EXPECT_EQ(bench.gate.counters().splits, 1U);
}

TEST(OnsetGate, ASplitUtteranceStartsWhereItsFirstPartBegan) {
  Bench bench;
  bench.window(0.9F);
  bench.now = milliseconds{620};
  bench.take(bench.gate.audio(bench.now));

  bench.window(0.9F);
  bench.windows(5, 0.0F);

  ASSERT_EQ(bench.kinds(), (std::vector{Kind::open, Kind::split, Kind::confirm,
                                        Kind::speech_started, Kind::speech_ended}));
  EXPECT_EQ(bench.all[2].from, milliseconds{620});
  EXPECT_EQ(bench.all[3].at, MediaTime{0});
}

TEST(OnsetGate, TheRestOfASplitCanStillBeCancelled) {
  Bench bench;
  bench.window(0.9F);
  bench.now = milliseconds{620};
  bench.take(bench.gate.audio(bench.now));

  bench.window(0.0F);

  ASSERT_EQ(bench.kinds(), (std::vector{Kind::open, Kind::split, Kind::cancel}));
  EXPECT_EQ(bench.all[2].from, milliseconds{620});
}

TEST(OnsetGate, NothingBeforeAGapIsSent) {
  Bench bench;
  bench.windows(10, 0.0F);
  bench.gate.gap(milliseconds{300});

  bench.window(0.9F);

  EXPECT_EQ(bench.all[0].from, milliseconds{300});
}

TEST(WaitingGate, SendsOnlyFromTheConfirmButFromTheOnset) {
  Bench bench(OnsetMode::waiting);
  bench.windows(10, 0.0F);

  bench.windows(7, 0.9F);
  EXPECT_TRUE(bench.all.empty());
  EXPECT_EQ(bench.gate.voice().state, VoiceState::unconfirmed);
  bench.window(0.9F);

  ASSERT_EQ(bench.kinds(), (std::vector{Kind::release, Kind::speech_started}));
  EXPECT_EQ(bench.all[0].from, milliseconds{170});
  EXPECT_EQ(bench.all[1].at, milliseconds{170});
}

TEST(WaitingGate, SaysNothingOfABlip) {
  Bench bench(OnsetMode::waiting);

  bench.windows(3, 0.9F);
  bench.windows(10, 0.0F);

  EXPECT_TRUE(bench.all.empty());
  EXPECT_EQ(bench.gate.counters().cancelled, 1U);
}

TEST(WaitingGate, ReleasesNoMoreThanTheRingHolds) {
  Bench bench(OnsetMode::waiting);
  bench.window(0.9F);
  bench.now = milliseconds{1000};
  bench.take(bench.gate.audio(bench.now));

  bench.window(0.9F);

  ASSERT_EQ(bench.of(Kind::release).size(), 1U);
  EXPECT_EQ(bench.all[0].from, milliseconds{1000 - 582});
  EXPECT_EQ(bench.gate.counters().clipped, 1U);
}

TEST(OnsetGate, WithoutBudgetItWaitsForTheConfirmAndSendsAllOfIt) {
  Bench bench;
  bench.windows(10, 0.0F);
  bench.window(0.9F);
  ASSERT_EQ(bench.kinds(), std::vector{Kind::open});

  Bench refused;
  refused.windows(10, 0.0F);
  refused.take(refused.gate.window(refused.now, refused.now + kWindow, 0.9F));
  refused.gate.refuse();
  EXPECT_FALSE(refused.gate.sending());
  refused.now += kWindow;
  refused.take(refused.gate.audio(refused.now));
  refused.windows(7, 0.9F);

  ASSERT_EQ(refused.kinds(), (std::vector{Kind::open, Kind::release, Kind::speech_started}));
  EXPECT_EQ(refused.all[1].from, milliseconds{170});
}

TEST(OnsetGate, ABlipRefusedForBudgetLeavesNoTrace) {
  Bench bench;
  bench.windows(10, 0.0F);
  bench.take(bench.gate.window(bench.now, bench.now + kWindow, 0.9F));
  bench.gate.refuse();
  bench.now += kWindow;
  bench.windows(6, 0.0F);

  EXPECT_EQ(bench.kinds(), std::vector{Kind::open});
  EXPECT_EQ(bench.gate.sent_until(), MediaTime{0});
}

// The rules of the specification, told over the whole list of windows at once instead of one by
// one.
struct Outcome {
  Kind kind;
  std::size_t window;  // the one that decides
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::vector<Outcome> by_the_rules(const std::vector<float>& p, const OnsetParams& params) {
  std::vector<Outcome> out;
  const auto end = [](std::size_t i) { return kWindow * static_cast<std::int64_t>(i + 1); };
  std::size_t i = 0;
  while (i < p.size()) {
    if (p[i] < params.threshold) {
      ++i;
      continue;
    }
    const std::size_t trigger = i;
    out.push_back({Kind::open, trigger});
    std::size_t heard = trigger;
    bool confirmed = false;
    for (;; ++i) {
      if (i == p.size()) return out;
      if (p[i] >= params.negative_threshold) {
        heard = i;
        if (!confirmed && end(i) - (end(trigger) - kWindow) >= params.min_speech) {
          out.push_back({Kind::confirm, i});
          confirmed = true;
        }
      } else if (end(i) - end(heard) >= params.min_silence) {
        out.push_back({confirmed ? Kind::speech_ended : Kind::cancel, i});
        ++i;
        break;
      }
    }
  }
  return out;
}

TEST(OnsetGateProperty, AgreesWithTheRulesOnRandomProbabilities) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    OnsetParams params;
    params.min_speech = milliseconds{32 + rng.below(300)};
    params.min_silence = milliseconds{20 + rng.below(200)};
    std::vector<float> probabilities;
    bool speech = false;
    for (int i = 0; i < 400; ++i) {
      if (rng.below(8) == 0) speech = !speech;
      probabilities.push_back(static_cast<float>(rng.unit() * 0.6 + (speech ? 0.4 : 0.0)));
    }

    Bench bench(OnsetMode::speculative, params);
    std::vector<Outcome> seen;
    for (std::size_t i = 0; i < probabilities.size(); ++i) {
      const std::size_t before = bench.all.size();
      bench.window(probabilities[i]);
      for (std::size_t k = before; k < bench.all.size(); ++k)
        if (bench.all[k].kind != Kind::speech_started) seen.push_back({bench.all[k].kind, i});
    }

    ASSERT_EQ(seen, by_the_rules(probabilities, params));
    std::optional<MediaTime> last_end;
    for (const OnsetAction& action : bench.all) {
      if (action.kind == Kind::open && last_end) {
        ASSERT_GE(action.from, *last_end);
      }
      if (action.kind == Kind::cancel || action.kind == Kind::speech_ended) {
        ASSERT_LT(action.from, action.to);
        last_end = action.to;
      }
    }
  }
}

}  // namespace
}  // namespace millrace::policy
