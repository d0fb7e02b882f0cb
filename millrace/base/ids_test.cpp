#include "millrace/base/ids.hpp"

#include <gtest/gtest.h>

namespace millrace::base {
namespace {

TEST(SegmentId, IsFalseOnlyWhenItIsNone) {
  EXPECT_FALSE(SegmentId{});
  EXPECT_TRUE(SegmentId{1});
}

TEST(SegmentId, IsOrderedByAge) {
  EXPECT_LT(SegmentId{1}, SegmentId{2});
  EXPECT_EQ(SegmentId{3}, SegmentId{3});
}

TEST(TurnId, IsFalseBeforeTheFirstTurnAndOrderedAfterwards) {
  EXPECT_FALSE(TurnId{});
  EXPECT_TRUE(TurnId{1});
  EXPECT_LT(TurnId{1}, TurnId{2});
}

}  // namespace
}  // namespace millrace::base
