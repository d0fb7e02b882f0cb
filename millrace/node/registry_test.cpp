#include "millrace/node/registry.hpp"

#include <gtest/gtest.h>

namespace millrace::node {
namespace {

constexpr Contract kEcho{.type = "echo", .summary = "gives back what it gets"};
constexpr Contract kFlite{.type = "flite_tts", .summary = "speaks", .alias = "tts"};
constexpr Contract kNamedLikeAnAlias{.type = "tts", .summary = "speaks"};

base::Result<std::unique_ptr<StageNode>> nothing(const StageConfig&) {
  return base::fail(base::Code::internal, "listed only");
}

TEST(Registry, FindsATypeByItsName) {
  Registry registry;
  registry.add({&kEcho, nothing});

  const NodeType* found = registry.find("echo");

  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->contract, &kEcho);
}

TEST(Registry, FindsATypeByItsAlias) {
  Registry registry;
  registry.add({&kEcho, nothing});
  registry.add({&kFlite, nothing});

  ASSERT_NE(registry.find("tts"), nullptr);
  EXPECT_EQ(registry.find("tts"), registry.find("flite_tts"));
}

TEST(Registry, FindsNothingUnderAnUnknownOrEmptyName) {
  Registry registry;
  registry.add({&kEcho, nothing});

  EXPECT_EQ(registry.find("ech"), nullptr);
  EXPECT_EQ(registry.find("Echo"), nullptr);
  EXPECT_EQ(registry.find(""), nullptr);
}

TEST(Registry, ListsTypesAsTheyWereAdded) {
  Registry registry;
  EXPECT_TRUE(registry.types().empty());
  registry.add({&kFlite, nothing});
  registry.add({&kEcho, nothing});

  ASSERT_EQ(registry.types().size(), 2U);
  EXPECT_EQ(registry.types()[0].contract, &kFlite);
  EXPECT_EQ(registry.types()[1].contract, &kEcho);
}

TEST(RegistryDeathTest, RefusesATypeThatIsThereAlready) {
  Registry registry;
  registry.add({&kEcho, nothing});

  EXPECT_DEATH(registry.add({&kEcho, nothing}), "a node type is listed once");
}

TEST(RegistryDeathTest, RefusesATypeNamedLikeAnAlias) {
  Registry registry;
  registry.add({&kFlite, nothing});

  EXPECT_DEATH(registry.add({&kNamedLikeAnAlias, nothing}), "a node type is listed once");
}

TEST(RegistryDeathTest, RefusesATypeThatCannotBeMade) {
  Registry registry;

  EXPECT_DEATH(registry.add({&kEcho, nullptr}), "a node type has a contract and a way to make it");
  EXPECT_DEATH(registry.add({nullptr, nothing}), "a node type has a contract and a way to make it");
}

}  // namespace
}  // namespace millrace::node
