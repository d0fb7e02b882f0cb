#include "millrace/media/packet.hpp"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace millrace::media {
namespace {

TEST(Packet, KindsHaveTheNumbersOfTheWireFormAndNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const auto kind : {PacketKind::audio, PacketKind::video, PacketKind::text,
                          PacketKind::tensor, PacketKind::control})
    names.insert(name(kind));

  EXPECT_EQ(names.size(), 5U);
  EXPECT_EQ(static_cast<int>(PacketKind::audio), 1);
  EXPECT_EQ(static_cast<int>(PacketKind::control), 5);
  EXPECT_EQ(name(static_cast<PacketKind>(9)), "unknown");
}

TEST(Packet, StartsAsSpeculativeAudioWithoutDeadlineOrPayload) {
  const Packet packet;

  EXPECT_EQ(packet.kind, PacketKind::audio);
  EXPECT_EQ(packet.state, PacketState::speculative);
  EXPECT_EQ(packet.deadline, kNoDeadline);
  EXPECT_TRUE(packet.lineage.empty());
  EXPECT_TRUE(packet.samples().empty());
  EXPECT_TRUE(packet.text().empty());
}

TEST(Packet, OnlyControlIsAMarkerAmongTheData) {
  Packet packet;
  EXPECT_FALSE(packet.is_marker());

  packet.kind = PacketKind::control;

  EXPECT_TRUE(packet.is_marker());
}

TEST(Packet, NoDeadlineIsLaterThanEveryInstant) {
  EXPECT_LT(base::Instant{std::chrono::hours(24 * 365)}, kNoDeadline);
}

}  // namespace
}  // namespace millrace::media
