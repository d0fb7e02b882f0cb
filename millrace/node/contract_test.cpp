#include "millrace/node/contract.hpp"

#include <gtest/gtest.h>

namespace millrace::node {
namespace {

TEST(Contract, NamesEveryPlacement) {
  EXPECT_EQ(name(Placement::inline_), "inline");
  EXPECT_EQ(name(Placement::pool), "pool");
  EXPECT_EQ(name(Placement::process), "process");
  EXPECT_EQ(name(Placement::remote), "remote");
}

TEST(Contract, NamesEveryOverflowPolicy) {
  EXPECT_EQ(name(OverflowPolicy::drop_oldest), "drop_oldest");
  EXPECT_EQ(name(OverflowPolicy::drop_newest), "drop_newest");
  EXPECT_EQ(name(OverflowPolicy::block), "block");
  EXPECT_EQ(name(OverflowPolicy::merge_on_overflow), "merge_on_overflow");
  EXPECT_EQ(name(OverflowPolicy::latest_only), "latest_only");
}

TEST(Contract, DefaultsToAParallelInlineTransform) {
  constexpr Contract kPlain{.type = "plain", .summary = "nothing said"};

  EXPECT_EQ(kPlain.role, Role::transform);
  EXPECT_EQ(kPlain.placement, Placement::inline_);
  EXPECT_FALSE(kPlain.inline_only);
  EXPECT_FALSE(kPlain.pool_only);
  EXPECT_FALSE(kPlain.speculates);
  EXPECT_EQ(kPlain.max_outputs, 4U);
  EXPECT_TRUE(kPlain.capabilities.parallelizable);
  EXPECT_FALSE(kPlain.capabilities.batch_aware);
  EXPECT_EQ(kPlain.capabilities.queue_capacity, 50U);
  EXPECT_EQ(kPlain.capabilities.overflow, OverflowPolicy::drop_oldest);
}

TEST(Contract, DefaultsToARequiredInputOfAnyRate) {
  constexpr PortDecl kPlain{.name = "audio", .summary = "sound"};

  EXPECT_EQ(kPlain.kind, media::PacketKind::audio);
  EXPECT_EQ(kPlain.rate_hz, 0);
  EXPECT_EQ(kPlain.channels, 0);
  EXPECT_TRUE(kPlain.required);
  EXPECT_FALSE(kPlain.feedback);
}

}  // namespace
}  // namespace millrace::node
