#include "millrace/base/drop_reason.hpp"

#include <gtest/gtest.h>

#include <set>

namespace millrace::base {
namespace {

TEST(DropReason, HasANameOfItsOwnForEveryValue) {
  std::set<std::string_view> names;

  for (std::size_t i = 0; i < kDropReasons; ++i) names.insert(name(static_cast<DropReason>(i)));

  EXPECT_EQ(names, (std::set<std::string_view>{"overflow", "max_age", "cancelled", "deadline",
                                               "closed", "failed"}));
}

}  // namespace
}  // namespace millrace::base
