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

MergeType merge_named(std::string name) {
  return {.name = std::move(name),
          .kind = media::PacketKind::text,
          .summary = "keeps the first",
          .join = [](std::span<const media::Packet> inputs,
                     PayloadSource&) -> base::Result<media::Packet> { return inputs[0]; }};
}

TEST(Registry, FindsAMergeByItsNameAlone) {
  Registry registry;
  registry.add_merge(merge_named("first"));
  registry.add_merge(merge_named("other"));

  ASSERT_NE(registry.find_merge("other"), nullptr);
  EXPECT_EQ(registry.find_merge("other")->name, "other");
  EXPECT_EQ(registry.find_merge("Other"), nullptr);
  EXPECT_EQ(registry.find_merge(""), nullptr);
  EXPECT_EQ(registry.merges().size(), 2U);
}

TEST(RegistryDeathTest, RefusesAMergeThatIsThereAlreadyOrCannotJoin) {
  Registry registry;
  registry.add_merge(merge_named("first"));

  EXPECT_DEATH(registry.add_merge(merge_named("first")), "a merge is listed once");
  EXPECT_DEATH(registry.add_merge(merge_named("")), "a merge has a name and a way to join");
  MergeType joins_nothing = merge_named("none");
  joins_nothing.join = nullptr;
  EXPECT_DEATH(registry.add_merge(joins_nothing), "a merge has a name and a way to join");
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
