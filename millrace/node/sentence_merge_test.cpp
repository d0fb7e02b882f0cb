#include "millrace/node/sentence_merge.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace millrace::node {
namespace {

std::string joined(const std::vector<std::string_view>& pieces) {
  return join_sentences(pieces);
}

TEST(SentenceMerge, PutsAFullStopWhereAPieceHasNoEnd) {
  EXPECT_EQ(joined({"Your order", "it is ready"}), "Your order. it is ready");
}

TEST(SentenceMerge, LeavesAloneWhatEndsInPunctuation) {
  EXPECT_EQ(joined({"Yes!", "Well,", "who: ", "Me?", "so \u2026"}),
            "Yes! Well, who: Me? so \u2026");
}

TEST(SentenceMerge, LooksBehindClosingQuotesAndBrackets) {
  EXPECT_EQ(joined({"He said \"no.\"", "(really)", "so"}), "He said \"no.\" (really). so");
}

TEST(SentenceMerge, LeavesOutPiecesOfSpaceAndTheSpaceAroundOthers) {
  EXPECT_EQ(joined({"  one ", "", " \n", "two\n"}), "one. two");
  EXPECT_EQ(joined({"", " "}), "");
}

TEST(SentenceMerge, AddsNothingBehindTheLastPiece) {
  EXPECT_EQ(joined({"one"}), "one");
}

TEST(SentenceMerge, EndsIdeographsAndKanaInTheirOwnFullStop) {
  EXPECT_EQ(joined({"\u4F60\u597D", "\u518D\u89C1"}), "\u4F60\u597D\u3002\u518D\u89C1");
  EXPECT_EQ(joined({"\u3059", "\u3002"}), "\u3059\u3002\u3002");
}

TEST(SentenceMerge, JoinsThePayloadsOfPackets) {
  rt::PayloadPool pool;
  PayloadSource payloads(pool);
  std::vector<media::Packet> inputs(2);
  for (media::Packet& input : inputs) {
    input.kind = media::PacketKind::text;
    input.payload = pool.copy_of(std::as_bytes(std::span<const char>("tea", 3)));
  }

  const auto made = sentence_merge().join(inputs, payloads);

  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->kind, media::PacketKind::text);
  EXPECT_EQ(made->text(), "tea. tea");
  EXPECT_EQ(inputs[0].text(), "tea");
}

}  // namespace
}  // namespace millrace::node
