#include "millrace/media/lineage.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

#include "millrace/base/rng.hpp"
#include "millrace/media/control.hpp"

namespace millrace::media {
namespace {

Lineage of(std::initializer_list<std::uint32_t> segments, std::uint32_t turn = 0,
           base::Revision revision = 0) {
  Lineage lineage;
  for (const std::uint32_t number : segments) EXPECT_TRUE(lineage.add({number}));
  lineage.turn = {turn};
  lineage.revision = revision;
  return lineage;
}

TEST(Lineage, KeepsItsSegmentsAscendingWithoutRepeats) {
  const Lineage lineage = of({7, 3, 9, 3, 7, 1});

  ASSERT_EQ(lineage.segments.size(), 4U);
  EXPECT_EQ(lineage, of({1, 3, 7, 9}));
  EXPECT_TRUE(lineage.hangs_on({9}));
  EXPECT_FALSE(lineage.hangs_on({2}));
}

TEST(Lineage, TakesNoSegmentForNoSegment) {
  Lineage lineage;

  EXPECT_TRUE(lineage.add({}));

  EXPECT_TRUE(lineage.empty());
}

TEST(Lineage, IsNotEmptyWithATurnAlone) {
  EXPECT_FALSE(of({}, 1).empty());
}

TEST(Lineage, RefusesANinthSegmentButKnowsTheEight) {
  Lineage lineage = of({1, 2, 3, 4, 5, 6, 7, 8});

  EXPECT_FALSE(lineage.add({9}));
  EXPECT_TRUE(lineage.add({8}));

  EXPECT_EQ(lineage, of({1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(Lineage, MergeIsTheUnionOfBoth) {
  Lineage lineage = of({1, 4}, 2, 1);

  EXPECT_TRUE(lineage.merge(of({2, 4, 6}, 2, 1)));

  EXPECT_EQ(lineage, of({1, 2, 4, 6}, 2, 1));
}

TEST(Lineage, MergeSaysWhenASegmentFoundNoRoom) {
  Lineage lineage = of({1, 2, 3, 4, 5, 6, 7});

  EXPECT_FALSE(lineage.merge(of({8, 9})));

  EXPECT_TRUE(lineage.hangs_on({8}));
  EXPECT_FALSE(lineage.hangs_on({9}));
}

TEST(Lineage, MergeTakesTheLaterTurnWithItsRevision) {
  Lineage earlier = of({}, 1, 5);
  Lineage later = of({}, 2, 1);

  EXPECT_TRUE(earlier.merge(later));
  EXPECT_TRUE(later.merge(of({}, 1, 9)));

  EXPECT_EQ(earlier, of({}, 2, 1));
  EXPECT_EQ(later, of({}, 2, 1));
}

TEST(Lineage, MergeTakesTheLaterRevisionOfOneTurn) {
  Lineage lineage = of({}, 3, 1);

  EXPECT_TRUE(lineage.merge(of({}, 3, 2)));
  EXPECT_TRUE(lineage.merge(of({}, 3, 0)));

  EXPECT_EQ(lineage.revision, 2U);
}

TEST(Lineage, AgreesWithASetUnderRandomAdditions) {
  base::Rng rng(11);
  for (int round = 0; round < 2000; ++round) {
    Lineage lineage;
    std::set<std::uint32_t> model;
    for (int i = 0; i < 20; ++i) {
      const auto number = static_cast<std::uint32_t>(rng.below(14));
      const bool fits = number == 0 || model.contains(number) || model.size() < 8;
      ASSERT_EQ(lineage.add({number}), fits);
      if (fits && number != 0) model.insert(number);
    }
    ASSERT_EQ(lineage.segments.size(), model.size());
    std::size_t i = 0;
    for (const std::uint32_t number : model) ASSERT_EQ(lineage.segments[i++].number, number);
  }
}

TEST(Control, OnlyTurnMessagesAndTheEndOfInputAreAligned) {
  for (const ControlType type :
       {ControlType::cancel_speculation, ControlType::confirm_speculation, ControlType::interrupt,
        ControlType::batch_hint, ControlType::deadline_warning, ControlType::custom})
    EXPECT_FALSE(is_aligned(type)) << name(type);
  for (const ControlType type : {ControlType::eager_end_of_turn, ControlType::turn_resumed,
                                 ControlType::end_of_turn, ControlType::end_of_input})
    EXPECT_TRUE(is_aligned(type)) << name(type);
}

TEST(Control, EveryTypeAndReasonHasANameOfItsOwn) {
  std::set<std::string_view> types;
  std::set<std::string_view> reasons;
  for (int i = 0; i <= static_cast<int>(ControlType::end_of_input); ++i)
    types.insert(name(static_cast<ControlType>(i)));
  for (int i = 0; i <= static_cast<int>(CancelReason::closed); ++i)
    reasons.insert(name(static_cast<CancelReason>(i)));

  EXPECT_EQ(types.size(), 10U);
  EXPECT_EQ(reasons.size(), 6U);
  EXPECT_TRUE(types.contains("eager_end_of_turn"));
  EXPECT_TRUE(reasons.contains("too_short"));
}

}  // namespace
}  // namespace millrace::media
