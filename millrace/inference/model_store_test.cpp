#include "millrace/inference/model_store.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace millrace::inference {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSumOfAbc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A folder of its own for each test, gone afterwards.
class ModelStoreFiles : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) /
            ("model_store_" +
             std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / name, std::ios::binary) << text;
  }

  fs::path root_;
};

constexpr ModelFile kAbc{"abc", "abc.bin", kSumOfAbc, "MIT", "here"};

TEST_F(ModelStoreFiles, GivesThePathOfAFileWithTheRightChecksum) {
  write("abc.bin", "abc");

  const auto path = ModelStore(root_).find(kAbc);

  ASSERT_TRUE(path) << path.error().text();
  EXPECT_EQ(*path, root_ / "abc.bin");
}

TEST_F(ModelStoreFiles, SaysWhereAMissingFileShouldBeAndTheRemedy) {
  const auto path = ModelStore(root_).find(kAbc);

  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, base::Code::unavailable);
  EXPECT_NE(path.error().message.find((root_ / "abc.bin").string()), std::string::npos);
  EXPECT_NE(path.error().message.find("./dev setup"), std::string::npos);
}

TEST_F(ModelStoreFiles, RefusesADifferentFileAndSaysBothSums) {
  write("abc.bin", "abd");

  const auto path = ModelStore(root_).find(kAbc);

  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, base::Code::bad_peer_data);
  EXPECT_NE(path.error().message.find(kSumOfAbc), std::string::npos);
  EXPECT_NE(
      path.error().message.find("a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"),
      std::string::npos)
      << path.error().message;
}

TEST_F(ModelStoreFiles, ReadsAFileOnlyOnceWhileItIsUnchanged) {
  write("abc.bin", "abc");
  const auto written = fs::last_write_time(root_ / "abc.bin");
  ASSERT_TRUE(ModelStore(root_).find(kAbc));
  write("abc.bin", "abd");
  fs::last_write_time(root_ / "abc.bin", written);

  EXPECT_TRUE(ModelStore(root_).find(kAbc)) << "the sum of the same size and time is remembered";
}

TEST_F(ModelStoreFiles, ChecksAFileAgainWhenItWasReplaced) {
  write("abc.bin", "abc");
  const auto written = fs::last_write_time(root_ / "abc.bin");
  ASSERT_TRUE(ModelStore(root_).find(kAbc));
  write("abc.bin", "abd");
  fs::last_write_time(root_ / "abc.bin", written + std::chrono::seconds(1));

  EXPECT_FALSE(ModelStore(root_).find(kAbc));
}

TEST(ModelStore, PrefersTheGivenFolderThenTheEnvironmentThenTheSourceTree) {
  ::setenv("MILLRACE_MODELS", "/from/environment", 1);
  EXPECT_EQ(ModelStore::locate("/given").root(), "/given");
  EXPECT_EQ(ModelStore::locate().root(), "/from/environment");

  ::unsetenv("MILLRACE_MODELS");
  EXPECT_EQ(ModelStore::locate().root(), fs::path(MILLRACE_DEPS_DIR) / "models");
}

TEST(ModelStore, ListsTheKnownNamesWhenAskedForAnother) {
  const auto path = ModelStore("/nowhere").find("whisper");

  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().code, base::Code::bad_argument);
  EXPECT_NE(path.error().message.find("silero_vad"), std::string::npos);
}

TEST(ModelStore, FindsEveryKnownModelWhereDevSetupPutsThem) {
  const auto store = ModelStore::locate();

  for (const ModelFile& model : known_models()) {
    const auto path = store.find(model.name);
    EXPECT_TRUE(path) << path.error().text();
  }
}

TEST(KnownModels, HaveNamesOfTheirOwnAndSayTheirLicence) {
  std::set<std::string_view> names;
  for (const ModelFile& model : known_models()) {
    EXPECT_TRUE(names.insert(model.name).second) << model.name;
    EXPECT_EQ(model.sha256.size(), 64U) << model.name;
    EXPECT_FALSE(model.licence.empty()) << model.name;
    EXPECT_FALSE(model.source.empty()) << model.name;
  }
}

TEST(KnownModels, AreThoseThatTheSetupFetches) {
  std::ifstream file(fs::path(MILLRACE_SOURCE_DIR) / "tools/models.json");
  const std::string listed((std::istreambuf_iterator<char>(file)), {});

  ASSERT_FALSE(listed.empty()) << "tools/models.json cannot be read";
  for (const ModelFile& model : known_models()) {
    EXPECT_NE(listed.find('"' + std::string(model.name) + '"'), std::string::npos) << model.name;
    EXPECT_NE(listed.find('"' + std::string(model.file) + '"'), std::string::npos) << model.name;
    EXPECT_NE(listed.find(model.sha256), std::string::npos) << model.name;
  }
}

}  // namespace
}  // namespace millrace::inference
