#include "nodes/moonshine_asr/tokenizer.hpp"

#include <gtest/gtest.h>

#include "millrace/inference/model_store.hpp"

namespace millrace::nodes {
namespace {

std::string list(const std::vector<std::string>& tokens) {
  std::string bytes;
  for (const auto& token : tokens) {
    const std::size_t n = token.size();
    if (n < 128) {
      bytes += static_cast<char>(n);
    } else {
      bytes += static_cast<char>(128 + n % 128);
      bytes += static_cast<char>(n / 128);
    }
    bytes += token;
  }
  return bytes;
}

const std::vector<std::string> kTokens{
    "<unk>", "<s>",  "</s>", "\xe2\x96\x81hello", "\xe2\x96\x81world",
    "!",     "\xc3", "\xa9", "<<ST_1>>"};

std::string text(const std::vector<std::int32_t>& ids) {
  const auto tokenizer = MoonshineTokenizer::parse(list(kTokens));
  if (!tokenizer) ADD_FAILURE() << tokenizer.error().text();
  return tokenizer->text(ids);
}

TEST(MoonshineTokenizer, JoinsTokensAndMakesSpacesOfTheirMarks) {
  EXPECT_EQ(text({3, 4, 5}), "hello world!");
}

TEST(MoonshineTokenizer, LeavesOutSpecialAndUnknownTokens) {
  EXPECT_EQ(text({1, 3, 8, 0, 5, 2, 99, -1}), "hello!");
}

TEST(MoonshineTokenizer, MakesCharactersOfByteTokensAndDropsWhatIsNone) {
  EXPECT_EQ(text({3, 6, 7}), "hello\xc3\xa9");
  EXPECT_EQ(text({3, 6}), "hello");
  EXPECT_EQ(text({7, 3, 6, 4}), "hello world");
}

TEST(MoonshineTokenizer, GivesNoTextForNoTokens) {
  EXPECT_EQ(text({}), "");
}

TEST(MoonshineTokenizer, ReadsTokensOfMoreThan127Bytes) {
  const std::string longer(300, 'x');
  auto tokens = kTokens;
  tokens.push_back(longer);

  const auto tokenizer = MoonshineTokenizer::parse(list(tokens));

  ASSERT_TRUE(tokenizer) << tokenizer.error().text();
  const std::vector<std::int32_t> ids{9};
  EXPECT_EQ(tokenizer->text(ids), longer);
}

TEST(MoonshineTokenizer, RefusesAListThatEndsInsideATokenAtEveryLength) {
  const std::string whole = list({"<unk>", "<s>", "</s>", std::string(200, 'y')});

  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto tokenizer = MoonshineTokenizer::parse(whole.substr(0, n));
    ASSERT_FALSE(tokenizer) << n << " bytes";
    EXPECT_EQ(tokenizer.error().code, base::Code::bad_peer_data);
    EXPECT_TRUE(tokenizer.error().where.starts_with("byte "));
  }
  EXPECT_TRUE(MoonshineTokenizer::parse(whole));
}

TEST(MoonshineTokenizer, ReadsTheTokensOfTheModel) {
  const auto path = inference::ModelStore::locate().find("moonshine_tokenizer");
  ASSERT_TRUE(path) << path.error().text();

  const auto tokenizer = MoonshineTokenizer::load(*path);

  ASSERT_TRUE(tokenizer) << tokenizer.error().text();
  EXPECT_EQ(tokenizer->size(), 32'768U);
}

TEST(MoonshineTokenizer, SaysThatTheFileIsMissing) {
  const auto tokenizer = MoonshineTokenizer::load("/nowhere/tokenizer.bin");

  ASSERT_FALSE(tokenizer);
  EXPECT_EQ(tokenizer.error().code, base::Code::unavailable);
}

}  // namespace
}  // namespace millrace::nodes
