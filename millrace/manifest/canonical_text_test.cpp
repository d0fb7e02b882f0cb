#include <gtest/gtest.h>

#include "millrace/manifest/detail/example_manifest.hpp"
#include "millrace/manifest/graph_spec.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::manifest {
namespace {

using detail::kExampleManifest;
using detail::one_node;

std::string canonical(std::string_view text, const std::map<std::string, std::string>& words = {}) {
  const auto result = load_text(text, "any.yaml", detail::environment_of(words));
  EXPECT_TRUE(result) << text;
  return result ? canonical_text(*result) : "";
}

TEST(CanonicalText, DoesNotDependOnLayoutSpellingOrKeyOrder) {
  const std::string plain = canonical(R"(version: v1
nodes:
- {id: a, type: silero_vad, params: {x: 1, y: 2.5}, placement: process}
- {id: b, type: reply}
edges: [{from: a, to: b.text}]
)");
  const std::string other = canonical(R"(# a comment
connections:
  - to: b.text
    from: "a"
nodes:
  - executor: multiprocess
    config: {"y": 2.50, x: 0x1}
    node_type: SileroVADNode
    id: a
  - {type: Reply, id: b}
version: "v1"
)");

  EXPECT_EQ(plain, other);
}

TEST(CanonicalText, ShowsEveryDifferenceInMeaning) {
  const std::string base = canonical(one_node(""));
  for (const char* lines :
       {"  params: {x: 1}", "  placement: pool", "  queue: {capacity: 1}", "  queue: {}",
        "  capabilities: {batch_aware: true}", "  capabilities: {virtual_cost: {first_us: 1}}",
        "  buffering: {mode: fixed}", "  buffering: {merge_strategy: keep_separate}",
        "  buffering: {merge_strategy: {custom: {name: n}}}", "  deadline: {budget_ms: 1}",
        "  deadline: {give_up: [drop]}", "  release: committed", "  commit: false"})
    EXPECT_NE(canonical(one_node(lines)), base) << lines;
  EXPECT_NE(canonical(one_node("") + "executor: {seed: 2}\n"), base);
  EXPECT_NE(canonical(one_node("") + "speculation: {max_wasted_ms_per_minute: 1}\n"), base);
  EXPECT_NE(canonical(one_node("") + "executor: {admission: {enabled: false}}\n"), base);
  EXPECT_NE(canonical(one_node("") + "executor: {admission: {max_load_percent: 50}}\n"), base);
  EXPECT_EQ(canonical(one_node("") + "executor: {seed: 1, admission: {}}\n"), base);
}

TEST(CanonicalText, HoldsWhatTheEnvironmentSaid) {
  const std::string text = one_node("  params: {x: '${X}'}");

  EXPECT_EQ(canonical(text, {{"X", "5"}}), canonical(one_node("  params: {x: 5}")));
  EXPECT_NE(canonical(text, {{"X", "5"}}), canonical(text, {{"X", "6"}}));
}

TEST(CanonicalText, SurvivesAnEnvironmentThatIsNoUtf8) {
  EXPECT_NE(canonical(one_node("  params: {x: '${X}'}"), {{"X", "\xFF"}}).find("\"x\""),
            std::string::npos);
}

TEST(CanonicalText, IsAManifestThatMeansTheSame) {
  std::string text = canonical(kExampleManifest);
  // The name is the only key that stands elsewhere in a manifest.
  const std::string name = "\"name\": \"voice-reply\"";
  ASSERT_NE(text.find(name), std::string::npos);
  text.replace(text.find(name), name.size(), "\"metadata\": {" + name + "}");

  EXPECT_EQ(canonical(text), canonical(kExampleManifest));
}

}  // namespace
}  // namespace millrace::manifest
