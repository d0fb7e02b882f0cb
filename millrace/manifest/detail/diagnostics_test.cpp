#include "millrace/manifest/detail/diagnostics.hpp"

#include <gtest/gtest.h>

namespace millrace::manifest::detail {
namespace {

TEST(Diagnostics, SortByLineThenColumnAndKeepTheOrderAtOnePlace) {
  Diagnostics diagnostics;
  diagnostics.add({"m", 10, 1}, "d");
  diagnostics.add({"m", 2, 9}, "b");
  diagnostics.add({"m", 2, 9}, "c");
  diagnostics.add({"m", 2, 1}, "a");

  const auto errors = diagnostics.take();

  ASSERT_EQ(errors.size(), 4U);
  EXPECT_EQ(errors[0].text(), "m:2:1: a");
  EXPECT_EQ(errors[1].text(), "m:2:9: b");
  EXPECT_EQ(errors[2].text(), "m:2:9: c");
  EXPECT_EQ(errors[3].text(), "m:10:1: d");
}

TEST(Diagnostics, SayTheSameOnlyOnceAtOnePlace) {
  Diagnostics diagnostics;
  for (const int line : {1, 1, 2}) diagnostics.add({"m", line, 1}, "same");

  EXPECT_EQ(diagnostics.take().size(), 2U);
}

TEST(Diagnostics, ShowAHundredAndCountTheRest) {
  Diagnostics diagnostics;
  for (int line = 1; line <= 100; ++line) diagnostics.add({"m", line, 1}, "x");
  Diagnostics fuller = diagnostics;
  fuller.add({"m", 101, 1}, "x");

  EXPECT_EQ(diagnostics.take().size(), 100U);
  const auto errors = fuller.take();
  ASSERT_EQ(errors.size(), 101U);
  EXPECT_EQ(errors.back().message, "1 more mistakes are not shown: mend these first");
}

TEST(Diagnostics, AreEmptyOnceTaken) {
  Diagnostics diagnostics;
  diagnostics.add({"m", 1, 1}, "x");
  EXPECT_FALSE(diagnostics.empty());

  (void)diagnostics.take();

  EXPECT_TRUE(diagnostics.empty());
  EXPECT_TRUE(diagnostics.take().empty());
}

}  // namespace
}  // namespace millrace::manifest::detail
