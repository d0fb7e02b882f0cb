#include "apps/millrace/decisions.hpp"

#include <gtest/gtest.h>

namespace millrace::app {
namespace {

std::string started(int segment, int from_us, int wall_us = 0) {
  return R"({"event":"speculation_started","session":"s1","node":"gate","segment":)" +
         std::to_string(segment) + R"(,"from_us":)" + std::to_string(from_us) +
         R"(,"t_us":9,"wall_us":)" + std::to_string(wall_us) + "}";
}
std::string ended(int at_us, int t_us) {
  return R"({"event":"end_of_turn","session":"s1","node":"gate","turn":1,"at_us":)" +
         std::to_string(at_us) + R"(,"t_us":)" + std::to_string(t_us) + "}";
}
const std::string kTurn = R"({"event":"turn","session":"s1","total_us":5})";

TEST(CompareExactly, LeavesTheWallClockAndTheTimesOfComputingOut) {
  const auto compared =
      compare_exactly("s1", {started(1, 5, 100), kTurn}, {started(1, 5, 200)}, false);

  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->same, 1U);
  EXPECT_TRUE(compared->differences.empty());
}

TEST(CompareExactly, ShowsADecisionThatIsAnotherOne) {
  const auto compared = compare_exactly("s1", {started(1, 5)}, {started(1, 6)}, false);

  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->changed, 1U);
  ASSERT_EQ(compared->differences.size(), 1U);
  EXPECT_EQ(compared->differences[0].what, "speculation_started");
  EXPECT_NE(compared->differences[0].recorded, compared->differences[0].replayed);
}

TEST(CompareExactly, CountsADecisionThatIsMissing) {
  const auto compared = compare_exactly("s1", {started(1, 5), ended(7, 8)}, {started(1, 5)}, false);

  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->only_recorded, 1U);
}

TEST(CompareExactly, ComparesOnlyWhatBothHaveWhenTheRecordIsCutOff) {
  const auto compared = compare_exactly("s1", {started(1, 5)}, {started(1, 5), ended(7, 8)}, true);

  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->same, 1U);
  EXPECT_TRUE(compared->differences.empty());
}

TEST(CompareExactly, RefusesALineThatIsNoEvent) {
  for (const char* line : {"", "{", "7", "[]", "{}", R"({"event":7})"}) {
    const auto compared = compare_exactly("s1", {line}, {}, false);
    ASSERT_FALSE(compared) << line;
    EXPECT_EQ(compared.error().code, base::Code::bad_peer_data);
  }
}

TEST(CompareExactly, RefusesALineThatNestsWithoutEnd) {
  // What compares and writes values calls itself for each level: this many would end the stack.
  const std::string line =
      R"({"event":"control","x":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}";

  const auto compared = compare_exactly("s1", {line}, {started(1, 5)}, false);

  ASSERT_FALSE(compared);
  EXPECT_EQ(compared.error().code, base::Code::bad_peer_data);
}

TEST(ComparePipelines, TakesAFieldOfAnotherKindForOneThatIsNotThere) {
  const std::string line = R"({"event":"output","text":"x","final":"no"})";

  const auto compared = compare_pipelines("s1", {line}, {line});

  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->same, 1U);
}

TEST(ComparePipelines, PairsDecisionsAboutTheSamePlaceWhateverTheirNumbers) {
  const auto compared = compare_pipelines("s1", {started(1, 5'000'000)},
                                          {started(1, 1'000'000), started(2, 5'000'000)});

  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->same, 1U);
  EXPECT_EQ(compared->only_replayed, 1U);
  EXPECT_EQ(compared->only_recorded, 0U);
}

TEST(ComparePipelines, CallsADecisionChangedThatWasMadeLater) {
  const auto compared =
      compare_pipelines("s1", {ended(5'000'000, 5'600'000)}, {ended(5'000'000, 5'900'000)});

  ASSERT_TRUE(compared);
  EXPECT_EQ(compared->changed, 1U);
  const std::string table = difference_table(compared->differences, 10);
  EXPECT_NE(table.find("t 5.600 s"), std::string::npos) << table;
  EXPECT_NE(table.find("t 5.900 s"), std::string::npos) << table;
}

TEST(ComparePipelines, LeavesBlocksOfAudioOut) {
  const std::string block = R"({"event":"output","node":"speaker","type":"audio","from_us":1})";

  const auto compared = compare_pipelines("s1", {block}, {});

  ASSERT_TRUE(compared);
  EXPECT_TRUE(compared->differences.empty());
}

TEST(DifferenceTable, SaysHowManyRowsItLeavesOut) {
  const std::vector<Difference> differences(5, {"s1", 0, "interrupt", "turn 1", {}});

  const std::string table = difference_table(differences, 2);

  EXPECT_NE(table.find("3 more"), std::string::npos);
  EXPECT_NE(table.find("replay  -"), std::string::npos);
}

}  // namespace
}  // namespace millrace::app
