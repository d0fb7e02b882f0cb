#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "millrace/base/limits.hpp"
#include "millrace/manifest/detail/example_manifest.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::manifest {
namespace {

namespace limits = base::limits;
using detail::mistakes;
using detail::one_node;
using testing::ElementsAre;
using testing::IsEmpty;

std::string repeated(std::size_t count, std::string_view word) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += word;
  return out;
}

std::string padded_to(std::size_t bytes) {
  std::string text = one_node("") + "# ";
  return text + std::string(bytes - text.size(), 'x');
}

TEST(ManifestLimits, BoundTheBytes) {
  EXPECT_THAT(mistakes(padded_to(limits::kManifestBytes)), IsEmpty());
  EXPECT_THAT(mistakes(padded_to(limits::kManifestBytes + 1)),
              ElementsAre("m.yaml:1:1: the manifest has 1048577 bytes: expected at most 1048576"));
}

/// Lists within lists under `params`, so that the innermost is number `depth` from the top.
std::string nested_to(std::size_t depth) {
  const std::size_t lists = depth - 4;  // the manifest, nodes, the node and params
  return one_node("  params: {x: " + repeated(lists, "[") + repeated(lists, "]") + "}");
}

TEST(ManifestLimits, BoundTheDepth) {
  EXPECT_THAT(mistakes(nested_to(limits::kManifestDepth)), IsEmpty());
  EXPECT_THAT(mistakes(nested_to(limits::kManifestDepth + 1)),
              ElementsAre("m.yaml:5:43: nested too deep: expected at most 32 lists and maps"));
  EXPECT_EQ(mistakes(repeated(20'000, "[")).size(), 1U);
  EXPECT_EQ(mistakes(repeated(20'000, "- ")).size(), 1U);
  EXPECT_EQ(mistakes(repeated(20'000, "{a: ")).size(), 1U);
}

/// An alias of a list of depth 10, used where it reaches `depth`.
std::string aliased_to(std::size_t depth) {
  const std::size_t lists = depth - 4 - 10;
  return one_node("  params: {x: &x " + repeated(10, "[") + repeated(10, "]") +
                  ", y: " + repeated(lists, "[") + " *x " + repeated(lists, "]") + "}");
}

TEST(ManifestLimits, BoundTheDepthThroughAliases) {
  EXPECT_THAT(mistakes(aliased_to(limits::kManifestDepth)), IsEmpty());
  EXPECT_THAT(mistakes(aliased_to(limits::kManifestDepth + 1)),
              ElementsAre(testing::HasSubstr("nested too deep")));
}

std::string with_aliases(std::size_t count) {
  return one_node("  params: {x: &x 1, y: [" + repeated(count, "*x , ") + "]}");
}

TEST(ManifestLimits, BoundTheAliases) {
  EXPECT_THAT(mistakes(with_aliases(limits::kManifestAliases)), IsEmpty());
  EXPECT_THAT(mistakes(with_aliases(limits::kManifestAliases + 1)),
              ElementsAre("m.yaml:5:345: too many YAML aliases: expected at most 64"));
}

std::string with_nodes(std::size_t count) {
  std::string text = "version: v1\nnodes:\n";
  for (std::size_t i = 0; i < count; ++i) text += "- {id: n" + std::to_string(i) + ", type: x}\n";
  return text;
}

TEST(ManifestLimits, BoundTheNodes) {
  EXPECT_THAT(mistakes(with_nodes(limits::kManifestNodes)), IsEmpty());
  EXPECT_THAT(mistakes(with_nodes(limits::kManifestNodes + 1)),
              ElementsAre("m.yaml:259:3: manifest.nodes: found 257, expected at most 256"));
}

std::string with_edges(std::size_t count) {
  std::string text = "version: v1\nnodes: [{id: a, type: x}, {id: b, type: x}]\nedges:\n";
  for (std::size_t i = 0; i < count; ++i) text += "- {from: a.p" + std::to_string(i) + ", to: b}\n";
  return text;
}

TEST(ManifestLimits, BoundTheEdges) {
  EXPECT_THAT(mistakes(with_edges(limits::kManifestEdges)), IsEmpty());
  EXPECT_THAT(mistakes(with_edges(limits::kManifestEdges + 1)),
              ElementsAre("m.yaml:1028:3: manifest.edges: found 1025, expected at most 1024"));
}

/// one_node() holds 10 values; `params` and `x` with their map and list are 4 more.
std::string with_values(std::size_t count) {
  return one_node("  params: {x: [" + repeated(count - 14, "1,") + "]}");
}

TEST(ManifestLimits, BoundTheValues) {
  EXPECT_THAT(mistakes(with_values(limits::kManifestScalars)), IsEmpty());
  EXPECT_THAT(mistakes(with_values(limits::kManifestScalars + 1)),
              ElementsAre(testing::HasSubstr("too many values, aliases counted at each use: "
                                             "expected at most 100000")));
}

TEST(ManifestLimits, StopALaughThatGrowsByAliases) {
  std::string lines = "  params:\n    l0: &l0 [lol, lol, lol, lol, lol, lol, lol]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string below = "*l" + std::to_string(i - 1) + " ";
    lines += "    l" + std::to_string(i) + ": &l" + std::to_string(i) + " [" +
             repeated(7, below + ", ") + "]\n";
  }

  const auto said = mistakes(one_node(lines));

  EXPECT_THAT(said, ElementsAre(testing::HasSubstr("too many values")));
}

TEST(ManifestLimits, StopTextThatGrowsByAliasesOrEnvironment) {
  const std::string word(100'000, 'w');

  EXPECT_THAT(
      mistakes(one_node("  params: {x: &x " + word + ", y: [" + repeated(11, "*x , ") + "]}")),
      ElementsAre(testing::HasSubstr("too much text once aliases")));
  EXPECT_THAT(mistakes(one_node("  params: {x: '" + repeated(20, "${W}") + "'}"), {{"W", word}}),
              ElementsAre(testing::HasSubstr("too much text once aliases")));
}

TEST(ManifestLimits, StopAnchorsWithinAnchorsFromHoldingTheTreeOften) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "&a" + std::to_string(i) + " [";
  text += repeated(20'000, "1,") + repeated(20, "]");

  EXPECT_THAT(mistakes(one_node("  params: {x: " + text + "}")),
              ElementsAre(testing::HasSubstr("too many values")));
}

}  // namespace
}  // namespace millrace::manifest
