#include "millrace/inference/sha256.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>

namespace millrace::inference {
namespace {

std::string digest(std::string_view text, std::size_t piece = 0) {
  Sha256 sum;
  const auto bytes = std::as_bytes(std::span(text));
  if (piece == 0) {
    sum.update(bytes);
  } else {
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      sum.update(bytes.subspan(at, std::min(piece, bytes.size() - at)));
  }
  return sum.finish();
}

// The examples of FIPS 180-4 (NIST, "SHA256.pdf") and of the CAVP short-message file.
TEST(Sha256, GivesTheDigestsOfTheNistVectors) {
  EXPECT_EQ(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                   "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
            "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1");
  EXPECT_EQ(digest("\xbd"), "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b");
}

TEST(Sha256, GivesTheDigestOfAMillionTimesTheLetterA) {
  EXPECT_EQ(digest(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowTheMessageIsCutIntoPieces) {
  for (const std::size_t size : {1U, 55U, 56U, 63U, 64U, 65U, 119U, 120U, 128U, 1000U}) {
    const std::string text(size, 'x');
    const std::string whole = digest(text);

    for (const std::size_t piece : {1U, 3U, 63U, 64U, 65U}) {
      EXPECT_EQ(digest(text, piece), whole) << size << " bytes in pieces of " << piece;
    }
  }
}

TEST(Sha256, ReadsAFileToItsEnd) {
  const auto path = std::filesystem::path(testing::TempDir()) / "sha256_test_file.bin";
  std::ofstream(path, std::ios::binary) << std::string(1'000'000, 'a');

  const auto sum = sha256_of_file(path);

  ASSERT_TRUE(sum) << sum.error().text();
  EXPECT_EQ(*sum, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, SaysWhichFileIsMissing) {
  const auto sum = sha256_of_file("/nowhere/model.onnx");

  ASSERT_FALSE(sum);
  EXPECT_EQ(sum.error().code, base::Code::unavailable);
  EXPECT_EQ(sum.error().where, "/nowhere/model.onnx");
}

}  // namespace
}  // namespace millrace::inference
