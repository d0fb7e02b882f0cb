#include "nodes/text_output/text_output.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>

#include "millrace/base/limits.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/testing/node_harness.hpp"

namespace millrace::nodes {
namespace {

using media::TextRole;
using ::testing::ElementsAre;
using testing::GivenParam;
using testing::hanging_on;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::NodeHarness;
using ::testing::SizeIs;

std::unique_ptr<NodeHarness> open(std::vector<GivenParam> params = {}, bool in_rt = false) {
  auto harness =
      NodeHarness::create(text_output_type(), {.params = std::move(params), .in_rt = in_rt});
  EXPECT_TRUE(harness.has_value()) << harness.error().text();
  return std::move(*harness);
}

TEST(TextOutput, IsASinkWithOneWayOut) {
  EXPECT_EQ(text_output_type().contract->role, node::Role::sink);
  EXPECT_THAT(text_output_type().contract->outputs, SizeIs(1));
}

TEST(TextOutput, LetsTextOutAsItCame) {
  const auto harness = open();
  const base::SegmentId segment = harness->ledger().open(policy::SegmentKind::onset);
  media::Packet text;
  text.kind = media::PacketKind::text;
  text.role = TextRole::sentence;
  text.last = true;
  text.discontinuity = true;
  text.to = base::MediaTime{20};
  text.lineage = hanging_on(segment);
  text.payload = harness->pool().copy_of(std::as_bytes(std::span{"Grüße", 7}));

  harness->push(text);

  ASSERT_THAT(harness->out(), SizeIs(1));
  const media::Packet& out = harness->out()[0];
  EXPECT_EQ(out.text(), "Grüße");
  EXPECT_EQ(out.role, TextRole::sentence);
  EXPECT_TRUE(out.last && out.discontinuity);
  EXPECT_EQ(out.to, base::MediaTime{20});
  EXPECT_EQ(out.lineage, text.lineage);
  EXPECT_EQ(out.payload.bytes().data(), text.payload.bytes().data()) << "nothing is copied";
}

TEST(TextOutput, KeepsPartialsInUnlessAskedForThem) {
  const auto quiet = open();
  quiet->push_text(0, "hel", TextRole::partial);
  quiet->push_text(0, "hello");
  EXPECT_THAT(quiet->texts(), ElementsAre("hello"));

  const auto open_to_all = open({{"partials", true}});
  open_to_all->push_text(0, "hel", TextRole::partial);
  open_to_all->push_text(0, "hello");
  EXPECT_THAT(open_to_all->texts(), ElementsAre("hel", "hello"));
}

TEST(TextOutput, MendsTextThatIsNotUtf8AndSaysSo) {
  const auto harness = open();

  harness->push_text(0, "a\xFF\xC3(\xE3\x80z");

  EXPECT_THAT(harness->texts(), ElementsAre("a?"
                                            "?(?"
                                            "?z"));
  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("not UTF-8")));
}

TEST(TextOutput, DoesNotMendTheTextOfAnotherBranch) {
  const auto harness = open();
  media::Packet text;
  text.kind = media::PacketKind::text;
  text.payload = harness->pool().copy_of(std::as_bytes(std::span{"\xFF", 1}));

  harness->push(text);

  EXPECT_THAT(harness->texts(), ElementsAre("?"));
  EXPECT_EQ(text.text(), "\xFF");
}

TEST(TextOutput, RefusesWhatIsNoTextOrTooLong) {
  const auto harness = open();

  harness->push_audio(0, std::array{0.0F}, base::MediaTime{0}, 16000);
  harness->push_text(0, std::string(base::limits::kTextPacketBytes + 1, 'a'));
  EXPECT_THAT(harness->failures(), ElementsAre(HasSubstr("no text"), HasSubstr("64 KiB")));
  EXPECT_THAT(harness->out(), IsEmpty());

  harness->push_text(0, std::string(base::limits::kTextPacketBytes, 'a'));
  EXPECT_THAT(harness->out(), SizeIs(1));
}

TEST(TextOutput, HoldsNothingBackAtACancelOrTheEnd) {
  const auto harness = open();
  const base::SegmentId segment = harness->ledger().open(policy::SegmentKind::onset);
  harness->push_text(0, "gone", TextRole::complete, hanging_on(segment));

  harness->cancel(segment);
  harness->end();
  harness->push_text(0, "after");

  EXPECT_THAT(harness->texts(), ElementsAre("gone", "after"));
}

TEST(TextOutput, DoesNotAllocateInTheSweep) {
  if (!rt::allocations_watched()) GTEST_SKIP() << "linked without the interposer";
  const auto harness = open({}, true);

  harness->push_text(0, "hello");
  harness->push_text(0, "\xFF");

  EXPECT_EQ(harness->allocations(), 0U);
}

}  // namespace
}  // namespace millrace::nodes
