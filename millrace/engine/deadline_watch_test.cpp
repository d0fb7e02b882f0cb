#include "millrace/engine/deadline_watch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "millrace/base/rng.hpp"

namespace millrace::engine {
namespace {

using base::Duration;
using base::Instant;
using policy::GiveUp;
using std::chrono::milliseconds;

constexpr std::array kAll{GiveUp::flush_batch, GiveUp::smaller_first_chunk, GiveUp::lower_quality,
                          GiveUp::skip_optional, GiveUp::drop};

Instant at(int ms) {
  return Instant{milliseconds(ms)};
}

/// An input due at `deadline_ms` whose call is to start at `starts_ms` and takes 100 ms, while the
/// node is free at `free_ms`.
DeadlineWatch::Waiting waiting(int deadline_ms, int free_ms, int starts_ms, bool optional = false) {
  return {.late = {.id = 1,
                   .deadline = at(deadline_ms),
                   .expected = at(starts_ms + 100),
                   .cost = milliseconds(100)},
          .optional = optional,
          .free_at = at(free_ms),
          .starts_at = at(starts_ms),
          .alone = milliseconds(60)};
}

TEST(DeadlineWatch, FlushesOnlyWhatItsGatheringMakesLate) {
  const DeadlineWatch watch(std::array{GiveUp::flush_batch});

  EXPECT_EQ(watch.judge(waiting(150, 0, 80), at(0)), GiveUp::flush_batch);
  EXPECT_EQ(watch.judge(waiting(150, 80, 80), at(0)), std::nullopt) << "nothing is gathered";
  EXPECT_EQ(watch.judge(waiting(200, 0, 80), at(0)), std::nullopt) << "in time";
}

TEST(DeadlineWatch, SkipsAnOptionalInputWhereTheWordsBeforeAreNotEnough) {
  const DeadlineWatch watch(kAll);

  EXPECT_EQ(watch.judge(waiting(150, 60, 60, true), at(0)), std::nullopt)
      << "lower quality is enough";
  EXPECT_EQ(watch.judge(waiting(70, 60, 60, true), at(0)), GiveUp::skip_optional);
  EXPECT_EQ(watch.judge(waiting(70, 60, 60, false), at(0)), GiveUp::drop);
}

TEST(DeadlineWatch, DropsNoOptionalInputWhereOnlySkippingIsAllowedForOthers) {
  const DeadlineWatch watch(std::array{GiveUp::skip_optional});

  EXPECT_EQ(watch.judge(waiting(10, 60, 60, false), at(0)), std::nullopt);
  EXPECT_EQ(watch.judge(waiting(10, 60, 60, true), at(0)), GiveUp::skip_optional);
}

TEST(DeadlineWatch, DropsWhatIsLateEvenAlone) {
  const DeadlineWatch watch(std::array{GiveUp::drop});

  EXPECT_EQ(watch.judge(waiting(130, 60, 60), at(0)), std::nullopt) << "alone it is done at 120";
  EXPECT_EQ(watch.judge(waiting(119, 60, 60), at(0)), GiveUp::drop);
}

TEST(DeadlineWatch, FlushesRatherThanDrops) {
  const DeadlineWatch watch(std::array{GiveUp::drop, GiveUp::flush_batch});

  EXPECT_EQ(watch.judge(waiting(90, 0, 50), at(0)), GiveUp::flush_batch)
      << "too late among others, in time alone";
}

TEST(DeadlineWatch, GivesUpNothingWhereNothingIsListed) {
  const DeadlineWatch watch({});

  EXPECT_EQ(watch.judge(waiting(1, 60, 200, true), at(0)), std::nullopt);
  EXPECT_FALSE(watch.judge_call(at(0), at(1), milliseconds(100)).any());
}

TEST(DeadlineWatch, AsksTheNodeInTheOrderOfTheManifest) {
  const DeadlineWatch watch(kAll);

  EXPECT_FALSE(watch.judge_call(at(0), at(100), milliseconds(100)).any());
  EXPECT_EQ(watch.judge_call(at(0), at(60), milliseconds(100)),
            (media::GiveUp{.smaller_first_chunk = true}));
  EXPECT_EQ(watch.judge_call(at(0), at(30), milliseconds(100)),
            (media::GiveUp{.smaller_first_chunk = true, .lower_quality = true}));
  EXPECT_FALSE(watch.judge_call(at(0), media::kNoDeadline, milliseconds(100)).any());
}

TEST(DeadlineWatch, LearnsWhatASmallerFirstChunkSavesFromTheFirstOutput) {
  DeadlineWatch watch(kAll);
  watch.begin(at(0), milliseconds(100), {.smaller_first_chunk = true});
  watch.output(milliseconds(20));
  watch.output(milliseconds(90));

  EXPECT_FALSE(watch.end(milliseconds(110))) << "no call like the others";
  EXPECT_DOUBLE_EQ(watch.remains(GiveUp::smaller_first_chunk), 0.2);
}

TEST(DeadlineWatch, LearnsWhatLowerQualitySavesFromTheWholeCall) {
  DeadlineWatch watch(kAll);
  watch.begin(at(0), milliseconds(100), {.lower_quality = true});
  EXPECT_EQ(watch.expected_end(at(1)), at(50)) << "half is saved, as is thought at first";
  watch.output(milliseconds(20));

  EXPECT_FALSE(watch.end(milliseconds(80)));
  EXPECT_DOUBLE_EQ(watch.remains(GiveUp::lower_quality), 0.8);
  watch.begin(at(100), milliseconds(100), {.lower_quality = true});
  EXPECT_EQ(watch.expected_end(at(101)), at(180));
  EXPECT_EQ(watch.expected_end(at(200)), at(200)) << "it overruns";
}

TEST(DeadlineWatch, LearnsNothingFromACallThatGaveUpBoth) {
  DeadlineWatch watch(kAll);
  watch.begin(at(0), milliseconds(100), {.smaller_first_chunk = true, .lower_quality = true});
  watch.output(milliseconds(20));

  EXPECT_FALSE(watch.end(milliseconds(30)));
  EXPECT_DOUBLE_EQ(watch.remains(GiveUp::smaller_first_chunk), 0.5);
  EXPECT_DOUBLE_EQ(watch.remains(GiveUp::lower_quality), 0.5);
}

TEST(DeadlineWatch, TakesACallThatGaveUpNothingForWhatItIs) {
  DeadlineWatch watch(kAll);
  watch.begin(at(0), milliseconds(100), {});

  EXPECT_TRUE(watch.end(milliseconds(90)));
}

/// Whatever is listed and whatever the figures are: nothing is done that is not listed, and nothing
/// is done to an input that is in time.
TEST(DeadlineWatch, NeverDoesMoreThanIsListed) {
  base::Rng rng(5);
  const auto below = [&](std::uint64_t most) { return static_cast<int>(rng.next() % most); };
  for (int round = 0; round < 20'000; ++round) {
    std::vector<GiveUp> list;
    for (const GiveUp action : kAll)
      if (below(2) == 0) list.push_back(action);
    const DeadlineWatch watch(list);
    const int free_ms = below(200);
    const auto input = waiting(1 + below(400), free_ms, free_ms + below(100), below(2) == 0);
    const auto action = watch.judge(input, at(0));
    if (!action) continue;
    EXPECT_NE(std::find(list.begin(), list.end(), *action), list.end());
    EXPECT_GT(input.late.expected, input.late.deadline);
    EXPECT_TRUE(*action != GiveUp::skip_optional || input.optional);
  }
}

}  // namespace
}  // namespace millrace::engine
