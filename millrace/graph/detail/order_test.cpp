#include "millrace/graph/detail/order.hpp"

#include <gmock/gmock.h>

namespace millrace::graph::detail {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr Link may_feed_back(std::uint32_t from, std::uint32_t to) {
  return {from, to, true, false};
}

std::vector<bool> feedback_of(std::uint32_t count, std::vector<Link> links) {
  mark_feedback(count, links);
  std::vector<bool> marks;
  for (const Link& link : links) marks.push_back(link.feedback);
  return marks;
}

TEST(TopologicalOrder, PutsEveryNodeBehindWhatFeedsIt) {
  const std::vector<Link> links{{3, 2}, {2, 1}, {1, 0}};

  EXPECT_THAT(topological_order(4, links), ElementsAre(3, 2, 1, 0));
}

TEST(TopologicalOrder, BreaksTiesByNumber) {
  const std::vector<Link> links{{2, 0}, {2, 4}, {4, 1}};

  EXPECT_THAT(topological_order(5, links), ElementsAre(2, 0, 3, 4, 1));
}

TEST(TopologicalOrder, DoesNotDependOnTheOrderOfTheLinks) {
  const std::vector<Link> one{{0, 1}, {0, 2}, {1, 3}, {2, 3}};
  const std::vector<Link> other{{2, 3}, {1, 3}, {0, 2}, {0, 1}};

  EXPECT_EQ(topological_order(4, one), topological_order(4, other));
}

TEST(TopologicalOrder, CountsSeveralLinksBetweenTwoNodesEach) {
  const std::vector<Link> links{{1, 0}, {1, 0}};

  EXPECT_THAT(topological_order(2, links), ElementsAre(1, 0));
}

TEST(TopologicalOrder, IgnoresFeedback) {
  const std::vector<Link> links{{0, 1}, {1, 0, true, true}};

  EXPECT_THAT(topological_order(2, links), ElementsAre(0, 1));
}

TEST(MarkFeedback, MarksALinkThatClosesACycle) {
  EXPECT_THAT(feedback_of(2, {{0, 1}, may_feed_back(1, 0)}), ElementsAre(false, true));
}

TEST(MarkFeedback, MarksItWhereverItStands) {
  EXPECT_THAT(feedback_of(2, {may_feed_back(1, 0), {0, 1}}), ElementsAre(true, false));
}

TEST(MarkFeedback, LeavesALinkThatClosesNothing) {
  EXPECT_THAT(feedback_of(3, {{0, 1}, {0, 2}, may_feed_back(1, 2)}),
              ElementsAre(false, false, false));
}

TEST(MarkFeedback, CutsALoopOfSuchLinksOnceOnly) {
  EXPECT_THAT(feedback_of(3, {may_feed_back(0, 1), may_feed_back(1, 2), may_feed_back(2, 0)}),
              ElementsAre(false, false, true));
}

TEST(MarkFeedback, LeavesACycleOfOrdinaryLinks) {
  std::vector<Link> links{{0, 1}, {1, 0}};

  mark_feedback(2, links);

  EXPECT_THAT(find_cycle(2, links), ElementsAre(0, 1));
}

TEST(FindCycle, FindsNothingWhereThereIsNone) {
  EXPECT_THAT(find_cycle(3, std::vector<Link>{{0, 1}, {0, 2}, {1, 2}}), IsEmpty());
}

TEST(FindCycle, GivesTheShortestThroughTheFirstNode) {
  const std::vector<Link> links{{0, 1}, {1, 2}, {2, 3}, {3, 1}, {2, 1}};

  EXPECT_THAT(find_cycle(4, links), ElementsAre(1, 4));
}

TEST(FindCycle, SeesANodeThatFeedsItself) {
  EXPECT_THAT(find_cycle(1, std::vector<Link>{{0, 0}}), ElementsAre(0));
}

TEST(FindCycle, PassesOverFeedback) {
  EXPECT_THAT(find_cycle(2, std::vector<Link>{{0, 1}, {1, 0, true, true}}), IsEmpty());
}

TEST(Reachable, GivesWhatIsBehindANodeInAscendingOrder) {
  const std::vector<Link> links{{0, 3}, {3, 1}, {0, 2}, {4, 0}};

  EXPECT_THAT(reachable(5, links, 0), ElementsAre(1, 2, 3));
}

TEST(Reachable, StopsAtFeedback) {
  EXPECT_THAT(reachable(2, std::vector<Link>{{0, 1}, {1, 0, true, true}}, 1), IsEmpty());
}

}  // namespace
}  // namespace millrace::graph::detail
