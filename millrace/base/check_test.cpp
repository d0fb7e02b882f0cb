#include "millrace/base/check.hpp"

#include <gtest/gtest.h>

namespace millrace::base {
namespace {

TEST(Check, DoesNothingWhileTheBeliefHolds) {
  int asked = 0;

  MR_CHECK(++asked == 1, "the condition is asked once");

  EXPECT_EQ(asked, 1);
}

TEST(CheckDeathTest, NamesTheBeliefTheConditionAndThePlace) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";

  EXPECT_DEATH(MR_CHECK(1 + 1 == 3, "numbers add up"),
               "invariant broken at .*check_test.cpp:[0-9]+: numbers add up .1 . 1 == 3.");
}

}  // namespace
}  // namespace millrace::base
