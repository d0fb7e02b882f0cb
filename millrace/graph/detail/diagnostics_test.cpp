#include "millrace/graph/detail/diagnostics.hpp"

#include <gtest/gtest.h>

namespace millrace::graph::detail {
namespace {

TEST(GraphDiagnostics, SortsByLineThenColumn) {
  Diagnostics mistakes;
  mistakes.add({"a.yaml", 9, 1}, "third");
  mistakes.add({"a.yaml", 2, 7}, "second");
  mistakes.add({"a.yaml", 2, 3}, "first");

  const auto errors = mistakes.take();

  ASSERT_EQ(errors.size(), 3U);
  EXPECT_EQ(errors[0].text(), "a.yaml:2:3: first");
  EXPECT_EQ(errors[1].text(), "a.yaml:2:7: second");
  EXPECT_EQ(errors[2].text(), "a.yaml:9:1: third");
}

TEST(GraphDiagnostics, PutsWhatHasNoPlaceFirst) {
  Diagnostics mistakes;
  mistakes.add({"a.yaml", 1, 1}, "somewhere");
  mistakes.add({"a.yaml", 0, 0}, "everywhere");

  EXPECT_EQ(mistakes.take().front().text(), "a.yaml: everywhere");
}

TEST(GraphDiagnostics, SaysTheSameOnlyOnce) {
  Diagnostics mistakes;
  mistakes.add({"a.yaml", 1, 1}, "wrong");
  mistakes.add({"a.yaml", 1, 1}, "wrong");

  EXPECT_EQ(mistakes.take().size(), 1U);
}

TEST(GraphDiagnostics, KeepsTheCode) {
  Diagnostics mistakes;
  mistakes.add({"a.yaml", 1, 1}, "no model", base::Code::unavailable);
  mistakes.add({"a.yaml", 2, 1}, "wrong");

  const auto errors = mistakes.take();

  EXPECT_EQ(errors[0].code, base::Code::unavailable);
  EXPECT_EQ(errors[1].code, base::Code::bad_manifest);
}

TEST(GraphDiagnostics, IsEmptyOnceTaken) {
  Diagnostics mistakes;
  EXPECT_TRUE(mistakes.empty());
  mistakes.add({"a.yaml", 1, 1}, "wrong");
  EXPECT_EQ(mistakes.size(), 1U);

  (void)mistakes.take();

  EXPECT_TRUE(mistakes.empty());
}

TEST(GraphDiagnostics, JoinsWordsWithCommas) {
  EXPECT_EQ(joined({}), "");
  EXPECT_EQ(joined({"a"}), "a");
  EXPECT_EQ(joined({"a", "b"}), "a, b");
}

}  // namespace
}  // namespace millrace::graph::detail
