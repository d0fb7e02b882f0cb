#include "millrace/policy/turn_clock.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "millrace/base/rng.hpp"

namespace millrace::policy {
namespace {

using base::MediaTime;
using std::chrono::milliseconds;

constexpr MediaTime kWindow = milliseconds{10};

// The clock behind a real onset gate with windows of 10 ms, which make the arithmetic plain. Events
// are written down as "eager@120", "resumed 1", "end 1@120".
class Turn {
 public:
  explicit Turn(TurnParams params = TurnParams::fixed(milliseconds{200}, milliseconds{600}),
                OnsetParams onset = {})
      : gate_(onset, OnsetMode::speculative, 16'000, kWindow), clock_(params) {}

  void run(int total_ms, float p) {
    for (int ms = 0; ms < total_ms; ms += 10) {
      (void)gate_.window(now_, now_ + kWindow, p);
      now_ += kWindow;
      (void)gate_.audio(now_);
      clock_.step(now_, gate_.voice());
      drain();
    }
  }
  void speak(int ms) { run(ms, 0.9F); }
  void silence(int ms) { run(ms, 0.0F); }
  void drain() {
    while (const auto event = clock_.next()) {
      const std::string at = "@" + std::to_string(event->at.count() / 1000);
      const std::string revision = std::to_string(event->revision);
      switch (event->kind) {
        case TurnEventKind::eager_end_of_turn:
          log_.push_back("eager" + at);
          when_.push_back(now_);
          clock_.guessed(refuse_ ? 0 : ++last_);
          break;
        case TurnEventKind::turn_resumed: log_.push_back("resumed " + revision); break;
        case TurnEventKind::end_of_turn:
          log_.push_back("end " + revision + at);
          when_.push_back(now_);
          last_ = 0;
          break;
      }
    }
  }

  OnsetGate gate_;
  TurnClock clock_;
  MediaTime now_{0};
  base::Revision last_ = 0;
  bool refuse_ = false;
  std::vector<std::string> log_;
  std::vector<MediaTime> when_;
};

using Log = std::vector<std::string>;

TEST(TurnClock, GuessesAfterTheEagerSilenceAndEndsAfterTheLongOne) {
  Turn turn;
  turn.speak(400);

  turn.silence(190);
  EXPECT_EQ(turn.log_, Log{});
  turn.silence(410);

  EXPECT_EQ(turn.log_, (Log{"eager@430", "end 1@430"}));
  EXPECT_EQ(turn.when_, (std::vector<MediaTime>{milliseconds{600}, milliseconds{1000}}));
  EXPECT_FALSE(turn.clock_.open());
}

TEST(TurnClock, EndsEachTurnOnce) {
  Turn turn;
  turn.speak(400);

  turn.silence(5000);

  EXPECT_EQ(turn.log_.size(), 2U);
}

TEST(TurnClock, HasThreePresets) {
  EXPECT_EQ(TurnParams::preset("fast")->eager_silence, milliseconds{100});
  EXPECT_EQ(TurnParams::preset("fast")->end_of_turn, milliseconds{300});
  EXPECT_EQ(TurnParams::preset("balanced")->eager_silence, milliseconds{200});
  EXPECT_EQ(TurnParams::preset("balanced")->end_of_turn, milliseconds{600});
  EXPECT_EQ(TurnParams::preset("careful")->eager_silence, milliseconds{400});
  EXPECT_EQ(TurnParams::preset("careful")->end_of_turn, milliseconds{1000});
  EXPECT_FALSE(TurnParams::preset("hasty").has_value());
  EXPECT_EQ(TurnParams{}.end_of_turn, TurnParams::preset("balanced")->end_of_turn);
}

TEST(TurnClock, SaysNothingWithoutConfirmedSpeech) {
  Turn turn;

  turn.silence(2000);
  turn.speak(100);
  turn.silence(2000);

  EXPECT_EQ(turn.log_, Log{});
}

TEST(TurnClock, ResumesWhenConfirmedSpeechComesAgain) {
  Turn turn;
  turn.speak(400);
  turn.silence(300);
  EXPECT_EQ(turn.log_, Log{"eager@430"});

  turn.speak(240);
  EXPECT_EQ(turn.log_, Log{"eager@430"});
  turn.speak(10);
  EXPECT_EQ(turn.log_, (Log{"eager@430", "resumed 1"}));
  turn.silence(700);

  EXPECT_EQ(turn.log_, (Log{"eager@430", "resumed 1", "eager@980", "end 2@980"}));
}

TEST(TurnClock, APauseBeforeTheEagerSilenceLeavesNoTrace) {
  Turn turn;
  turn.speak(400);
  turn.silence(190);
  turn.speak(400);
  turn.silence(600);

  EXPECT_EQ(turn.log_, (Log{"eager@1020", "end 1@1020"}));
}

TEST(TurnClock, ABlipPausesTheClockAndKeepsTheEndAway) {
  Turn turn;
  turn.speak(400);
  turn.silence(500);  // until 900 ms

  turn.speak(100);  // never confirmed; cancelled after 100 ms of silence
  turn.silence(100);
  EXPECT_EQ(turn.clock_.silence(), milliseconds{500});
  turn.silence(90);
  EXPECT_EQ(turn.log_, Log{"eager@430"});
  turn.silence(10);

  EXPECT_EQ(turn.log_, (Log{"eager@430", "end 1@430"}));
}

TEST(TurnClock, ABlipAlsoHoldsUpTheEagerGuess) {
  Turn turn;
  turn.speak(400);
  turn.silence(190);
  turn.speak(100);
  turn.silence(100);
  EXPECT_EQ(turn.log_, Log{});

  turn.silence(10);

  EXPECT_EQ(turn.log_, Log{"eager@430"});
}

TEST(TurnClock, GuessesBeforeTheGateEndsTheSpeechWhenEagerIsShorter) {
  OnsetParams onset;
  onset.min_silence = milliseconds{300};
  Turn turn(TurnParams::fixed(milliseconds{100}, milliseconds{600}), onset);
  turn.speak(400);

  turn.silence(100);
  EXPECT_EQ(turn.log_, Log{"eager@430"});
  turn.speak(10);  // still the same speech: it needs no new confirm

  EXPECT_EQ(turn.log_, (Log{"eager@430", "resumed 1"}));
}

TEST(TurnClock, WithEagerOffATurnEndsWithANewRevision) {
  TurnParams params = TurnParams::fixed(milliseconds{200}, milliseconds{600});
  params.eager = false;
  Turn turn(params);

  turn.speak(400);
  turn.silence(1000);

  EXPECT_EQ(turn.log_, Log{"end 0@430"});
}

TEST(TurnClock, AGuessThatWasRefusedIsNotResumedAndNotConfirmed) {
  Turn turn;
  turn.refuse_ = true;
  turn.speak(400);
  turn.silence(300);
  turn.speak(400);
  turn.silence(600);

  EXPECT_EQ(turn.log_, (Log{"eager@430", "eager@1130", "end 0@1130"}));
}

TEST(TurnClock, BothSpansEqualGivesTheGuessAndTheEndInThatOrder) {
  Turn turn(TurnParams::fixed(milliseconds{300}, milliseconds{300}));
  turn.speak(400);

  turn.silence(300);

  EXPECT_EQ(turn.log_, (Log{"eager@430", "end 1@430"}));
}

TEST(TurnClock, KeepsTheLastRevisionForTheEnd) {
  Turn turn;
  turn.speak(400);
  turn.silence(200);
  turn.clock_.guessed(SpeculationLedger::kMaxRevision - 1);
  turn.speak(400);

  turn.silence(600);

  EXPECT_EQ(turn.log_, (Log{"eager@430", "resumed 1022", "end 0@1030"}));
}

TEST(TurnClock, TheEndOfTheInputEndsTheTurnWithTheGuessThatStands) {
  Turn turn;
  turn.speak(400);
  turn.silence(300);

  turn.clock_.finish(turn.now_);
  turn.drain();

  EXPECT_EQ(turn.log_, (Log{"eager@430", "end 1@430"}));
}

TEST(TurnClock, TheEndOfTheInputEndsATurnInMidSpeech) {
  Turn turn;
  turn.speak(400);

  turn.clock_.finish(turn.now_);
  turn.drain();
  turn.clock_.finish(turn.now_);
  turn.drain();

  EXPECT_EQ(turn.log_, Log{"end 0@400"});
}

TEST(TurnClock, TheEndOfTheInputWithoutATurnIsNothing) {
  Turn turn;
  turn.silence(400);

  turn.clock_.finish(turn.now_);
  turn.drain();

  EXPECT_EQ(turn.log_, Log{});
}

TEST(TurnClock, AnAbandonedTurnGivesNothingMore) {
  Turn turn;
  turn.speak(400);
  turn.silence(300);

  turn.clock_.abandon();
  turn.silence(1000);

  EXPECT_EQ(turn.log_, Log{"eager@430"});
  EXPECT_EQ(turn.clock_.standing(), 0U);
}

TurnParams with_bounds() {
  TurnParams params = TurnParams::fixed(milliseconds{200}, milliseconds{600});
  params.eager_min = milliseconds{100};
  params.eager_max = milliseconds{500};
  params.end_min = milliseconds{300};
  params.end_max = milliseconds{1100};
  return params;
}

TEST(TurnModel, MovesBothSpansBetweenTheirBounds) {
  Turn turn(with_bounds());
  turn.speak(400);
  turn.silence(10);
  const MediaTime since = turn.clock_.silence_since();
  EXPECT_EQ(since, milliseconds{400});

  turn.clock_.verdict(since, 1.0F);
  EXPECT_EQ(turn.clock_.eager_silence(), milliseconds{100});
  EXPECT_EQ(turn.clock_.end_of_turn(), milliseconds{300});
  turn.clock_.verdict(since, 0.0F);
  EXPECT_EQ(turn.clock_.eager_silence(), milliseconds{500});
  EXPECT_EQ(turn.clock_.end_of_turn(), milliseconds{1100});
  turn.clock_.verdict(since, 0.5F);
  EXPECT_EQ(turn.clock_.eager_silence(), milliseconds{300});
  EXPECT_EQ(turn.clock_.end_of_turn(), milliseconds{700});
  turn.clock_.verdict(since, 7.0F);
  EXPECT_EQ(turn.clock_.eager_silence(), milliseconds{100});
}

TEST(TurnModel, ASureVerdictLetsTheGuessOutAtOnce) {
  Turn turn(with_bounds());
  turn.speak(400);
  turn.silence(150);

  turn.clock_.verdict(milliseconds{400}, 1.0F);
  turn.drain();

  EXPECT_EQ(turn.log_, Log{"eager@430"});
}

TEST(TurnModel, AGuessAlreadyMadeStands) {
  Turn turn(with_bounds());
  turn.speak(400);
  turn.silence(200);

  turn.clock_.verdict(milliseconds{400}, 0.0F);
  turn.silence(890);
  EXPECT_EQ(turn.log_, Log{"eager@430"});
  turn.silence(10);

  EXPECT_EQ(turn.log_, (Log{"eager@430", "end 1@430"}));
}

TEST(TurnModel, IsForgottenWithItsSilence) {
  Turn turn(with_bounds());
  turn.speak(400);
  turn.silence(50);
  turn.clock_.verdict(milliseconds{400}, 0.0F);

  turn.speak(50);

  EXPECT_EQ(turn.clock_.eager_silence(), milliseconds{200});
  turn.clock_.verdict(milliseconds{400}, 1.0F);
  EXPECT_EQ(turn.clock_.eager_silence(), milliseconds{200});
}

TEST(TurnModel, AVerdictAboutAnotherSilenceOrNoNumberIsIgnored) {
  Turn turn(with_bounds());
  turn.speak(400);
  turn.silence(50);

  turn.clock_.verdict(milliseconds{390}, 1.0F);
  turn.clock_.verdict(milliseconds{400}, std::nanf(""));

  EXPECT_EQ(turn.clock_.eager_silence(), milliseconds{200});
}

TEST(TurnClockProperty, EventsOfATurnFollowEachOtherByTheRules) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    base::Rng rng(seed);
    Turn turn(TurnParams::fixed(milliseconds{10 * (1 + rng.below(40))},
                                milliseconds{400 + 10 * rng.below(40)}));
    for (int i = 0; i < 40; ++i) {
      turn.speak(static_cast<int>(10 * rng.below(40)));
      turn.silence(static_cast<int>(10 * rng.below(80)));
    }
    turn.clock_.finish(turn.now_);
    turn.drain();

    base::Revision standing = 0;
    base::Revision given = 0;
    for (const std::string& event : turn.log_) {
      if (event.starts_with("eager")) {
        ASSERT_EQ(standing, 0U) << "a guess while one stands";
        standing = ++given;
      } else if (event.starts_with("resumed")) {
        ASSERT_EQ(event, "resumed " + std::to_string(standing));
        ASSERT_NE(standing, 0U);
        standing = 0;
      } else {
        ASSERT_TRUE(event.starts_with("end " + std::to_string(standing) + "@")) << event;
        standing = given = 0;
      }
    }
    ASSERT_FALSE(turn.clock_.open());
  }
}

}  // namespace
}  // namespace millrace::policy
