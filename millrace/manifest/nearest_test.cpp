#include "millrace/manifest/nearest.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace millrace::manifest {
namespace {

constexpr std::array<std::string_view, 5> kKeys{"id", "queue", "buffering", "capabilities",
                                                "deadline"};

TEST(EditDistance, CountsEachKindOfEditOnce) {
  EXPECT_EQ(edit_distance("queue", "queue"), 0U);
  EXPECT_EQ(edit_distance("queu", "queue"), 1U);
  EXPECT_EQ(edit_distance("queuee", "queue"), 1U);
  EXPECT_EQ(edit_distance("quexe", "queue"), 1U);
  EXPECT_EQ(edit_distance("qeuue", "queue"), 1U);
  EXPECT_EQ(edit_distance("", "queue"), 5U);
  EXPECT_EQ(edit_distance("queue", ""), 5U);
}

TEST(EditDistance, IsTheSameBothWays) {
  EXPECT_EQ(edit_distance("buffring", "buffering"), edit_distance("buffering", "buffring"));
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("sitting", "kitten"), 3U);
}

TEST(EditDistance, TakesDashAndUnderscoreForTheSame) {
  EXPECT_EQ(edit_distance("drop-oldest", "drop_oldest"), 0U);
}

TEST(Nearest, FindsTheWordThatWasMeant) {
  EXPECT_EQ(nearest("qeueu", kKeys), "queue");
  EXPECT_EQ(nearest("buferring", kKeys), "buffering");
  EXPECT_EQ(nearest("deadlines", kKeys), "deadline");
  EXPECT_EQ(nearest("ids", kKeys), "id");
}

TEST(Nearest, AllowsAThirdOfALongWord) {
  EXPECT_EQ(nearest("capabillitys", kKeys), "capabilities");
  EXPECT_EQ(nearest("kapabilitees", kKeys), "capabilities");
}

TEST(Nearest, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest("threshold", kKeys), "");
  EXPECT_EQ(nearest("xy", kKeys), "");
  EXPECT_EQ(nearest("", kKeys), "");
  EXPECT_EQ(nearest(std::string(5000, 'q'), kKeys), "");
}

TEST(DidYouMean, EndsAMessage) {
  EXPECT_EQ(did_you_mean("qeue", kKeys), " (did you mean 'queue'?)");
  EXPECT_EQ(did_you_mean("zzzzzz", kKeys), "");
}

}  // namespace
}  // namespace millrace::manifest
