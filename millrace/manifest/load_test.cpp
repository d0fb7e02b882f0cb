#include "millrace/manifest/load.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "millrace/manifest/detail/example_manifest.hpp"

namespace millrace::manifest {
namespace {

using detail::environment_of;
using detail::kExampleManifest;
using detail::one_node;

GraphSpec loaded(std::string_view text, const std::map<std::string, std::string>& words = {}) {
  auto result = load_text(text, "m.yaml", environment_of(words));
  if (!result) {
    for (const base::Error& error : result.error()) ADD_FAILURE() << error.text();
    return {};
  }
  return *std::move(result);
}

/// The only node of `one_node(lines)`.
NodeSpec node_with(std::string_view lines, const std::map<std::string, std::string>& words = {}) {
  GraphSpec graph = loaded(one_node(lines), words);
  return graph.nodes.empty() ? NodeSpec{} : graph.nodes.front();
}

TEST(Load, ReadsTheNodesOfTheExample) {
  const GraphSpec graph = loaded(kExampleManifest);

  EXPECT_EQ(graph.version, "v1");
  EXPECT_EQ(graph.name, "voice-reply");
  EXPECT_EQ(graph.file, "m.yaml");
  ASSERT_EQ(graph.nodes.size(), 8U);
  const NodeSpec& gate = graph.nodes[3];
  EXPECT_EQ(gate.id, "gate");
  EXPECT_EQ(gate.type, "speculative_vad_gate");
  EXPECT_EQ(gate.params.find("threshold")->as_double(), 0.5);
  EXPECT_EQ(gate.params.find("lookback_ms")->as_int(), 150);
  EXPECT_EQ(gate.params.find("turn")->as_string(), "balanced");
  EXPECT_FALSE(gate.placement);
  ASSERT_TRUE(gate.queue);
  EXPECT_EQ(gate.queue->capacity->value, 100);
  EXPECT_EQ(gate.queue->max_bytes->value, 1048576);
  EXPECT_EQ(gate.queue->policy->value, QueuePolicy::drop_oldest);
  EXPECT_EQ(gate.queue->max_age_ms->value, 200);
  EXPECT_EQ(graph.find_node("asr")->placement->value, Placement::pool);
  EXPECT_EQ(graph.find_node("speaker")->release->value, Release::committed);
  EXPECT_EQ(graph.find_node("nobody"), nullptr);
  const Value& rule = graph.find_node("reply")->params.find("rules")->items().at(0);
  EXPECT_EQ(rule.find("when")->as_string(), "hours");
}

TEST(Load, ReadsTheSpeakingNodeOfTheExample) {
  const GraphSpec graph = loaded(kExampleManifest);
  const NodeSpec* tts = graph.find_node("tts");

  ASSERT_NE(tts, nullptr);
  EXPECT_EQ(tts->capabilities->parallelizable->value, false);
  EXPECT_EQ(tts->capabilities->batch_aware->value, true);
  EXPECT_FALSE(tts->capabilities->avg_processing_us);
  EXPECT_EQ(tts->buffering->mode->value, BufferingMode::greedy);
  EXPECT_EQ(tts->buffering->min_batch_size->value, 3);
  EXPECT_EQ(tts->buffering->max_wait_ms->value, 100);
  EXPECT_EQ(tts->buffering->max_buffer_size->value, 50);
  EXPECT_EQ(tts->buffering->merge_strategy->kind, MergeKind::concatenate_text);
  EXPECT_EQ(tts->buffering->merge_strategy->separator, " ");
  EXPECT_EQ(tts->deadline->budget_ms->value, 150);
  ASSERT_EQ(tts->deadline->give_up.size(), 5U);
  EXPECT_EQ(tts->deadline->give_up[1].value, GiveUp::smaller_first_chunk);
}

TEST(Load, ReadsEdgesBudgetAndExecutorOfTheExample) {
  const GraphSpec graph = loaded(kExampleManifest);

  ASSERT_EQ(graph.edges.size(), 8U);
  EXPECT_EQ(graph.edges[2].from_node, "resample");
  EXPECT_EQ(graph.edges[2].from_port, "");
  EXPECT_EQ(graph.edges[2].to_node, "gate");
  EXPECT_EQ(graph.edges[2].to_port, "audio");
  EXPECT_EQ(graph.edges[4].from_port, "speculative_audio");
  EXPECT_EQ(graph.speculation.max_speculative_turns_per_minute, 30);
  EXPECT_EQ(graph.speculation.max_wasted_ms_per_minute, 5000);
  EXPECT_EQ(graph.executor.max_sessions, 1000);
  EXPECT_EQ(graph.executor.metrics_port, 9090);
  EXPECT_TRUE(graph.executor.metrics);
}

TEST(Load, RemembersWhereEverythingStands) {
  const GraphSpec graph = loaded(kExampleManifest);

  EXPECT_EQ(graph.nodes[3].place.text(), "m.yaml:7:5");
  EXPECT_EQ(graph.nodes[3].id_place.text(), "m.yaml:7:9");
  EXPECT_EQ(graph.nodes[3].type_place.text(), "m.yaml:8:11");
  EXPECT_EQ(graph.nodes[3].params.find("lookahead_ms")->place().text(), "m.yaml:9:46");
  EXPECT_EQ(graph.nodes[3].queue->policy->place.text(), "m.yaml:10:56");
  EXPECT_EQ(graph.edges[2].place.text(), "m.yaml:23:5");
  EXPECT_EQ(graph.edges[2].to_place.text(), "m.yaml:23:26");
  EXPECT_EQ(graph.executor.place.text(), "m.yaml:30:11");
}

TEST(Load, LeavesWhatIsNotSaidToTheDefaults) {
  const GraphSpec graph = loaded(one_node(""));

  EXPECT_EQ(graph.name, "");
  EXPECT_TRUE(graph.edges.empty());
  EXPECT_EQ(graph.executor.tick_us, 1000);
  EXPECT_EQ(graph.executor.place.line, 0);
  EXPECT_EQ(graph.executor.place.text(), "m.yaml");
  const NodeSpec& node = graph.nodes.at(0);
  EXPECT_EQ(node.params.kind(), Value::Kind::map);
  EXPECT_EQ(node.params.place().text(), "m.yaml:3:3");
  EXPECT_FALSE(node.queue || node.capabilities || node.buffering || node.deadline);
  EXPECT_FALSE(node.release || node.commit || node.placement);
}

TEST(Load, TakesTheSpellingsOfTheOlderFormat) {
  const GraphSpec graph = loaded(R"(version: v1
nodes:
- id: vad
  node_type: SileroVADNode
  config: {threshold: 0.4}
  executor: multiprocess
- {id: gate, node_type: SpeculativeVADGate}
connections:
- {from: vad, to: gate}
)");

  ASSERT_EQ(graph.nodes.size(), 2U);
  EXPECT_EQ(graph.nodes[0].type, "silero_vad");
  EXPECT_EQ(graph.nodes[0].type_written, "SileroVADNode");
  EXPECT_EQ(graph.nodes[0].params.find("threshold")->as_double(), 0.4);
  EXPECT_EQ(graph.nodes[0].placement->value, Placement::process);
  EXPECT_EQ(graph.nodes[1].type, "speculative_vad_gate");
  EXPECT_EQ(graph.edges.size(), 1U);
}

TEST(Load, TakesJson) {
  const GraphSpec graph = loaded(
      "{\"version\":\"v1\",\n\t\"nodes\":[{\"id\":\"a\",\"type\":\"reply\",\"params\":"
      "{\"x\":[1,2.5,null,true,\"\\u00e4\\/\"]}},\n\t{\"id\":\"b\",\"type\":\"reply\"}],"
      "\"edges\":[{\"from\":\"a\",\"to\":\"b\"}],"
      "\"executor\":{\"metrics_port\":\"${PORT|8080}\"}}");

  EXPECT_EQ(graph.nodes.at(0).params.to_json(), "{\"x\":[1,2.5,null,true,\"\xC3\xA4/\"]}");
  EXPECT_EQ(graph.executor.metrics_port, 8080);
}

TEST(Load, ReadsWhenSessionsAreRefused) {
  const GraphSpec plain = loaded(one_node(""));
  const GraphSpec written =
      loaded(one_node("") + "executor: {admission: {enabled: false, max_load_percent: 60}}\n");

  EXPECT_TRUE(plain.executor.admission.enabled);
  EXPECT_EQ(plain.executor.admission.max_load_percent, 85);
  EXPECT_FALSE(written.executor.admission.enabled);
  EXPECT_EQ(written.executor.admission.max_load_percent, 60);
}

TEST(Load, FillsInTheEnvironment) {
  const std::string text = R"(version: v1
metadata: {name: "${NAME|x}"}
nodes: [{id: a, type: reply, params: {key: "${KEY}"}}]
executor:
  metrics_port: ${PORT}
)";

  const GraphSpec graph = loaded(text, {{"PORT", "1234"}, {"KEY", "99"}});

  EXPECT_EQ(graph.executor.metrics_port, 1234);
  EXPECT_EQ(graph.name, "x");
  EXPECT_EQ(graph.nodes.at(0).params.find("key")->as_string(), "99");
}

TEST(Load, ExpandsAliases) {
  const GraphSpec graph = loaded(R"(version: v1
nodes:
- {id: a, type: reply, queue: &q {capacity: 5}}
- {id: b, type: reply, queue: *q}
)");

  EXPECT_EQ(graph.nodes.at(1).queue->capacity->value, 5);
  EXPECT_EQ(graph.nodes.at(1).queue->place.text(), "m.yaml:4:31");
  EXPECT_EQ(graph.nodes.at(1).queue->capacity->place.text(), "m.yaml:3:45");
}

TEST(Load, TakesEveryFormOfMergeStrategy) {
  const auto strategy = [](const std::string& written) {
    return *node_with("  buffering: {merge_strategy: " + written + "}").buffering->merge_strategy;
  };

  EXPECT_EQ(strategy("keep_separate").kind, MergeKind::keep_separate);
  EXPECT_EQ(strategy("{keep_separate: }").kind, MergeKind::keep_separate);
  EXPECT_EQ(strategy("concatenate_text").separator, " ");
  EXPECT_EQ(strategy("{concatenate_text: {separator: ', '}}").separator, ", ");
  EXPECT_EQ(strategy("{concatenate_audio: {max_gap_ms: 40}}").max_gap_ms, 40);
  EXPECT_EQ(strategy("{concatenate_audio: {}}").max_gap_ms, 100);
  EXPECT_EQ(strategy("{custom: {name: mine}}").custom_name, "mine");
}

TEST(Load, TakesTheRarerSettings) {
  const NodeSpec node = node_with(
      "  params:\n"
      "  commit: true\n"
      "  release: speculative\n"
      "  queue: {policy: latest_only}\n"
      "  capabilities: {avg_processing_us: 70, virtual_cost: {first_us: 5, per_unit_us: 2}}");

  EXPECT_EQ(node.commit->value, true);
  EXPECT_EQ(node.release->value, Release::speculative);
  EXPECT_EQ(node.queue->policy->value, QueuePolicy::latest_only);
  EXPECT_FALSE(node.queue->capacity);
  EXPECT_EQ(node.capabilities->avg_processing_us->value, 70);
  EXPECT_EQ(node.capabilities->virtual_cost->first_us, 5);
  EXPECT_EQ(node.capabilities->virtual_cost->per_unit_us, 2);
  EXPECT_TRUE(node.params.entries().empty());
}

TEST(LoadFile, ReadsAFileAndNamesItInPlaces) {
  const auto path = std::filesystem::path(testing::TempDir()) / "millrace_load_test.yaml";
  std::ofstream(path) << kExampleManifest;

  const auto result = load_file(path, environment_of({}));

  ASSERT_TRUE(result);
  EXPECT_EQ(result->nodes[0].place.text(), path.string() + ":4:5");
  std::filesystem::remove(path);
}

TEST(LoadFile, SaysWhatToDoAboutAFileThatIsNotThere) {
  const auto result = load_file("/nonexistent/a.yaml", environment_of({}));

  ASSERT_FALSE(result);
  ASSERT_EQ(result.error().size(), 1U);
  EXPECT_EQ(result.error()[0].code, base::Code::unavailable);
  EXPECT_EQ(result.error()[0].text(),
            "/nonexistent/a.yaml: there is no such manifest: check the path");
}

TEST(LoadFile, RefusesAFolder) {
  const auto result = load_file(testing::TempDir(), environment_of({}));

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error()[0].code, base::Code::bad_argument);
}

TEST(ProcessEnvironment, AnswersOnlyForWhatIsSet) {
  const Environment environment = process_environment();

  EXPECT_TRUE(environment("PATH"));
  EXPECT_FALSE(environment("MILLRACE_SURELY_NOT_SET"));
}

}  // namespace
}  // namespace millrace::manifest
