#include "millrace/node/params.hpp"

#include <gtest/gtest.h>

namespace millrace::node {
namespace {

TEST(Params, GiveBackWhatWasSet) {
  Params params;
  params.set("on", true);
  params.set("count", std::int64_t{7});
  params.set("gain", 0.5);
  params.set("label", std::string("plain"));

  EXPECT_TRUE(params.boolean("on"));
  EXPECT_EQ(params.integer("count"), 7);
  EXPECT_EQ(params.number("gain"), 0.5);
  EXPECT_EQ(params.text("label"), "plain");
}

TEST(Params, TakeAnIntegerForANumber) {
  Params params;
  params.set("gain", std::int64_t{3});

  EXPECT_EQ(params.number("gain"), 3.0);
}

TEST(Params, TurnMillisecondsIntoMediaTime) {
  Params params;
  params.set("whole", std::int64_t{150});
  params.set("half", 2.5);
  params.set("fine", 0.0004);
  params.set("back", -1.0);

  EXPECT_EQ(params.milliseconds("whole"), base::MediaTime{150'000});
  EXPECT_EQ(params.milliseconds("half"), base::MediaTime{2'500});
  EXPECT_EQ(params.milliseconds("fine"), base::MediaTime{0});
  EXPECT_EQ(params.milliseconds("back"), base::MediaTime{-1'000});
}

TEST(Params, KnowWhatTheManifestGave) {
  Params params;
  params.set("said", true);
  params.set("silent", true, false);

  EXPECT_TRUE(params.given("said"));
  EXPECT_FALSE(params.given("silent"));
}

TEST(Params, KeepTheLastValueOfAName) {
  Params params;
  params.set("count", std::int64_t{1}, false);
  params.set("count", std::int64_t{2});

  EXPECT_EQ(params.integer("count"), 2);
  EXPECT_TRUE(params.given("count"));
}

TEST(ParamsDeathTest, RefuseANameThatTheContractDoesNotDeclare) {
  Params params;

  EXPECT_DEATH((void)params.integer("absent"),
               "a node asks only for parameters that its contract declares");
}

TEST(ParamsDeathTest, RefuseAnotherKindThanDeclared) {
  Params params;
  params.set("label", std::string("plain"));

  EXPECT_DEATH((void)params.boolean("label"), "declared as a boolean");
  EXPECT_DEATH((void)params.integer("label"), "declared as an integer");
  EXPECT_DEATH((void)params.number("label"), "declared as a number");
  params.set("label", true);
  EXPECT_DEATH((void)params.text("label"), "declared as text");
}

}  // namespace
}  // namespace millrace::node
