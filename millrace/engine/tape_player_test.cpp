#include "millrace/engine/tape_player.hpp"

#include <gtest/gtest.h>

#include <utility>

namespace millrace::engine {
namespace {

using What = TapeEntry::What;

TapeEntry step(std::int64_t ms) {
  return {.what = What::sweep, .value = ms * 1'000'000};
}
TapeEntry entry(What what, std::uint16_t stage = 0, std::int64_t value = 0) {
  return {.what = what, .stage = stage, .session = 1, .value = value};
}
base::Instant at(std::int64_t ms) {
  return base::Instant{std::chrono::milliseconds(ms)};
}

TapePlayer player_of(std::vector<TapeEntry> entries, std::deque<ForeignControl> foreign = {}) {
  return {std::move(entries), std::move(foreign), [](SessionState&) {}};
}

TEST(TapePlayer, GivesStepsAtTheirInstantsWithTheSessionsThatComeAndGo) {
  TapePlayer player = player_of({step(10), entry(What::adopt), step(20), entry(What::release)});

  const auto first = player.next_step();
  const auto second = player.next_step();

  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->at, at(10));
  ASSERT_EQ(first->commands.size(), 1U);
  EXPECT_EQ(first->commands[0].what, What::adopt);
  EXPECT_EQ(second->commands[0].what, What::release);
  EXPECT_FALSE(player.next_step());
  EXPECT_FALSE(player.parted());
}

TEST(TapePlayer, GivesAnInputInTheStepThatTookItAndNotBefore) {
  TapePlayer player = player_of({step(10), step(20), entry(What::input, 3)});
  player.add_input(1, {.stage = 3, .packet = {}});
  InputPacket input;

  (void)player.next_step();
  EXPECT_FALSE(player.input(1, 3, input));
  (void)player.next_step();
  EXPECT_FALSE(player.input(1, 2, input));
  EXPECT_FALSE(player.input(2, 3, input));
  EXPECT_TRUE(player.input(1, 3, input));

  EXPECT_FALSE(player.input(1, 3, input));
  EXPECT_EQ(input.stage, 3U);
}

TEST(TapePlayer, GivesAMessageBeforeTheStageThatItCameBefore) {
  ForeignControl sent;
  sent.control.id = 42;
  TapePlayer player = player_of({step(10), entry(What::foreign, 2)}, {sent});
  ForeignControl foreign;

  (void)player.next_step();
  EXPECT_FALSE(player.foreign_waits(0));
  EXPECT_FALSE(player.foreign(1, foreign));
  EXPECT_TRUE(player.foreign_waits(2));
  EXPECT_TRUE(player.foreign(2, foreign));

  EXPECT_EQ(foreign.control.id, 42U);
}

TEST(TapePlayer, PostsAJobOnlyWhereTheTapeDoes) {
  TapePlayer player = player_of({step(10), entry(What::post, 4)});

  (void)player.next_step();
  EXPECT_FALSE(player.post(1, 3, true));
  EXPECT_TRUE(player.post(1, 4, false));
  EXPECT_FALSE(player.post(1, 4, true));
}

TEST(TapePlayer, SaysWhatAWithdrawnGuessHadCost) {
  TapePlayer player = player_of({step(10), entry(What::compute, 0, 777)});

  (void)player.next_step();
  EXPECT_EQ(player.compute(1, base::Duration{1}), base::Duration{777});
  EXPECT_EQ(player.compute(1, base::Duration{1}), base::Duration{1});
}

TEST(TapePlayer, PartsWhenAStepAsksForLessThanItTook) {
  TapePlayer player = player_of({step(10), entry(What::input, 3), step(20), step(30)});
  player.add_input(1, {.stage = 3, .packet = {}});
  InputPacket input;

  (void)player.next_step();
  (void)player.next_step();

  EXPECT_EQ(player.parted(), at(10));
  EXPECT_TRUE(player.input(1, 3, input)) << "what came then may be taken from now on";
  EXPECT_FALSE(player.input(1, 3, input));
  EXPECT_TRUE(player.post(1, 9, true)) << "and everything else goes as it would";
}

TEST(ShardTape, NotesNothingBehindAGap) {
  ShardTape tape;
  std::size_t noted = 0;
  while (tape.complete()) {
    tape.note(step(static_cast<std::int64_t>(noted)));
    if (tape.complete()) ++noted;
  }
  TapeEntry taken;
  ASSERT_TRUE(tape.next(taken));
  tape.note(step(1'000'000));

  std::size_t rest = 0;
  while (tape.next(taken)) ++rest;
  EXPECT_EQ(rest + 1, noted);
  EXPECT_EQ(taken, step(static_cast<std::int64_t>(noted) - 1));
}

TEST(ShardTape, KeepsAMessageWithItsPlace) {
  ShardTape tape;
  ForeignControl sent;
  sent.session = 5;
  sent.control.id = 9;

  tape.note_foreign(sent, 7);

  TapeEntry entry;
  ForeignControl foreign;
  ASSERT_TRUE(tape.next(entry));
  ASSERT_TRUE(tape.next_foreign(foreign));
  EXPECT_EQ(entry, (TapeEntry{.what = What::foreign, .stage = 7, .session = 5}));
  EXPECT_EQ(foreign.control.id, 9U);
}

}  // namespace
}  // namespace millrace::engine
