#include "millrace/policy/fair_share.hpp"

#include <gtest/gtest.h>

#include "millrace/rt/guard.hpp"

namespace millrace::policy {
namespace {

TEST(FairShare, ASessionWithAFewInputsIsWithinItsShare) {
  FairShare share(50);
  double last = 0.0;
  for (int i = 0; i < 4; ++i) last = share.arrive(1).tag;

  EXPECT_FALSE(share.over_share(last));
}

TEST(FairShare, ASessionThatFloodsIsOverItAndItsNeighbourIsNot) {
  FairShare share(50);
  double flood = 0.0;
  for (int i = 0; i < 20; ++i) flood = share.arrive(1).tag;
  const double neighbour = share.arrive(2).tag;

  EXPECT_TRUE(share.over_share(flood));
  EXPECT_FALSE(share.over_share(neighbour));
  EXPECT_EQ(share.sessions_waiting(), 2U);
}

TEST(FairShare, VirtualTimeRunsAsFastAsTurnsAreTaken) {
  FairShare share(50);
  FairShare::Place flood{};
  for (int i = 0; i < 10; ++i) flood = share.arrive(1);
  const FairShare::Place other = share.arrive(2);
  share.serve(other.flow);
  share.serve(flood.flow);
  share.advance(2, 2);  // one of each: virtual time is 1

  EXPECT_TRUE(share.over_share(1.0 + FairShare::kBurst + 0.5));
  EXPECT_FALSE(share.over_share(1.0 + FairShare::kBurst));
  EXPECT_EQ(share.arrive(3).tag, 1.0);
}

TEST(FairShare, WhenNothingWaitsAllAreEven) {
  FairShare share(50);
  FairShare::Place place{};
  for (int i = 0; i < 20; ++i) place = share.arrive(1);
  for (int i = 0; i < 20; ++i) share.serve(place.flow);
  share.advance(20, 4);

  EXPECT_FALSE(share.over_share(share.arrive(1).tag));
  EXPECT_EQ(share.waiting(place.flow), 1U);
}

TEST(FairShare, WhatIsWithdrawnGivesItsTurnBack) {
  FairShare share(50);
  const FairShare::Place first = share.arrive(1);
  share.withdraw(first.flow);

  EXPECT_EQ(share.arrive(1).tag, first.tag);
  EXPECT_EQ(share.sessions_waiting(), 1U);
}

TEST(FairShare, ForgetsSessionsThatDoNotWaitWhenItsPlacesAreUsedUp) {
  FairShare share(4);
  for (std::uint32_t session = 1; session <= 1000; ++session) {
    const FairShare::Place place = share.arrive(session);
    EXPECT_TRUE(place.fresh);
    share.serve(place.flow);
    share.advance(1, 1);
  }

  EXPECT_EQ(share.flows(), share.max_flows());
  EXPECT_FALSE(share.arrive(1000).fresh);
}

TEST(FairShare, NeverAllocatesAfterConstruction) {
  FairShare share(10);

  const auto breaches = rt::breaches_in([&] {
    for (std::uint32_t i = 0; i < 500; ++i) {
      const FairShare::Place place = share.arrive(i % 200);
      i % 3 == 0 ? share.withdraw(place.flow) : share.serve(place.flow);
      share.advance(1, 1);
    }
  });

  EXPECT_EQ(breaches, 0U);
}

}  // namespace
}  // namespace millrace::policy
