#include "millrace/base/inline_vector.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace millrace::base {
namespace {

TEST(InlineVector, RefusesWhatDoesNotFit) {
  InlineVector<int, 2> numbers;

  EXPECT_TRUE(numbers.push_back(1));
  EXPECT_FALSE(numbers.full());
  EXPECT_TRUE(numbers.push_back(2));
  EXPECT_TRUE(numbers.full());
  EXPECT_FALSE(numbers.push_back(3));

  EXPECT_EQ(numbers.size(), 2u);
  EXPECT_EQ(numbers.back(), 2);
}

TEST(InlineVector, KeepsTheOrderWhenOneIsErased) {
  InlineVector<int, 4> numbers;
  for (int i = 0; i < 4; ++i) numbers.push_back(i);

  numbers.erase(1);
  numbers.erase(2);

  ASSERT_EQ(numbers.size(), 2u);
  EXPECT_EQ(numbers[0], 0);
  EXPECT_EQ(numbers[1], 2);
}

TEST(InlineVector, IsEqualByWhatItHoldsNotByWhatItHeld) {
  InlineVector<int, 4> a;
  InlineVector<int, 4> b;
  a.push_back(1);
  a.push_back(2);
  a.erase(1);
  b.push_back(1);

  EXPECT_EQ(a, b);
  b.push_back(3);
  EXPECT_FALSE(a == b);
  a.push_back(4);
  EXPECT_FALSE(a == b);
}

TEST(InlineVector, IsARange) {
  InlineVector<int, 8> numbers;
  for (int i = 1; i <= 4; ++i) numbers.push_back(i);

  EXPECT_EQ(std::accumulate(numbers.begin(), numbers.end(), 0), 10);
  numbers.clear();
  EXPECT_TRUE(numbers.empty());
  EXPECT_EQ(numbers.begin(), numbers.end());
  EXPECT_EQ(numbers.capacity(), 8u);
}

TEST(InlineVectorDeathTest, StopsWhenAnElementThatIsNotThereIsErased) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  InlineVector<int, 2> numbers;
  numbers.push_back(1);

  EXPECT_DEATH(numbers.erase(1), "only an element that is there is erased");
}

}  // namespace
}  // namespace millrace::base
