#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "millrace/manifest/detail/example_manifest.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::manifest {
namespace {

using detail::mistakes;
using detail::one_node;
using testing::ElementsAre;
using testing::StartsWith;

/// A manifest text that is wrong, and everything that is said about it.
struct Mistake {
  const char* subject;
  std::string text;
  std::vector<std::string> said;
};

void PrintTo(const Mistake& mistake, std::ostream* out) {
  *out << mistake.subject;
}

class LoadMistakes : public testing::TestWithParam<Mistake> {};

TEST_P(LoadMistakes, AreNamedWithPlaceFoundAndExpected) {
  EXPECT_EQ(mistakes(GetParam().text), GetParam().said);
}

const std::string kTwoNodes =
    "version: v1\nnodes:\n- {id: a, type: x}\n- {id: b, type: x}\nedges:\n";

const Mistake kStructure[] = {
    {"empty", "", {"m.yaml:1:1: manifest: found nothing, expected a map of keys"}},
    {"list_at_top", "- a\n", {"m.yaml:1:1: manifest: found a list, expected a map of keys"}},
    {"nothing_said",
     "{}",
     {"m.yaml:1:1: manifest: the key 'version' is missing, expected v1",
      "m.yaml:1:1: manifest: the key 'nodes' is missing, expected a list"}},
};

const Mistake kKeys[] = {
    {"unknown_key",
     one_node("  qeue: {capacity: 3}"),
     {"m.yaml:5:3: node: unknown key 'qeue', expected one of id, type, node_type, params, config, "
      "placement, executor, queue, capabilities, buffering, deadline, release, commit (did you "
      "mean 'queue'?)"}},
    {"unknown_key_without_a_near_one",
     one_node("") + "edges: []\ncolour: red\n",
     {"m.yaml:7:1: manifest: unknown key 'colour', expected one of version, metadata, nodes, "
      "edges, connections, speculation, executor"}},
    {"key_twice",
     one_node("  params: {x: 1, y: 2, x: 3}"),
     {"m.yaml:5:24: the key 'x' stands here twice: first at m.yaml:5:12, expected once"}},
    {"both_spellings",
     one_node("  params: {}\n  config: {}"),
     {"m.yaml:6:11: node: 'config' and 'params' are two spellings of one key: found both, the "
      "other at m.yaml:5:11, expected one"}},
    {"placement_and_executor",
     one_node("  placement: pool\n  executor: multiprocess"),
     {"m.yaml:6:13: node: 'executor' is an older spelling of 'placement': found both, expected "
      "one"}},
    {"missing_type",
     "version: v1\nnodes:\n- id: a\n",
     {"m.yaml:3:3: node: the key 'type' is missing, expected a node type"}},
    {"merge_key",
     one_node("  <<: {commit: true}"),
     {"m.yaml:5:3: node: unknown key '<<', expected one of id, type, node_type, params, config, "
      "placement, executor, queue, capabilities, buffering, deadline, release, commit"}},
};

const Mistake kValues[] = {
    {"version",
     "version: v2\nnodes: [{id: a, type: x}]\n",
     {"m.yaml:1:10: manifest.version: found 'v2', expected v1"}},
    {"below_range",
     one_node("  queue: {capacity: 0}"),
     {"m.yaml:5:21: queue.capacity: found 0, expected a whole number from 1 to 65536"}},
    {"above_range",
     one_node("  queue: {capacity: 65537}"),
     {"m.yaml:5:21: queue.capacity: found 65537, expected a whole number from 1 to 65536"}},
    {"not_whole",
     one_node("  queue: {max_age_ms: 1.5}"),
     {"m.yaml:5:23: queue.max_age_ms: found 1.5, expected a whole number from 1 to 3600000"}},
    {"number_as_text",
     one_node("  queue: {capacity: 'ten'}"),
     {"m.yaml:5:21: queue.capacity: found 'ten', expected a whole number from 1 to 65536"}},
    {"choice",
     one_node("  queue: {policy: drop-oldest}"),
     {"m.yaml:5:19: queue.policy: found 'drop-oldest', expected one of drop_oldest, drop_newest, "
      "block, merge_on_overflow, latest_only (did you mean 'drop_oldest'?)"}},
    {"placement",
     one_node("  placement: pol"),
     {"m.yaml:5:14: node.placement: found 'pol', expected one of inline, pool, process, remote "
      "(did you mean 'pool'?)"}},
    {"old_boolean",
     one_node("  commit: yes"),
     {"m.yaml:5:11: node.commit: found 'yes', expected true or false (did you mean 'true'?)"}},
    {"section_is_null",
     one_node("  queue:"),
     {"m.yaml:5:3: queue: found nothing, expected a map of keys"}},
    {"params_is_list",
     one_node("  params: [1]"),
     {"m.yaml:5:11: node.params: found a list, expected a map of parameters"}},
    {"name_is_number",
     "version: v1\nmetadata: {name: 12}\nnodes: [{id: a, type: x}]\n",
     {"m.yaml:2:18: metadata.name: found 12, expected text (in quotes, if it looks like a "
      "number)"}},
    {"give_up_twice",
     one_node("  deadline: {give_up: [drop, drop]}"),
     {"m.yaml:5:30: deadline.give_up: found 'drop', expected each word once (first at "
      "m.yaml:5:24)"}},
    {"give_up_is_word",
     one_node("  deadline: {give_up: drop}"),
     {"m.yaml:5:23: deadline.give_up: found 'drop', expected a list of words, each one of "
      "flush_batch, smaller_first_chunk, lower_quality, skip_optional, drop"}},
    {"batch_over_buffer",
     one_node("  buffering: {min_batch_size: 9, max_buffer_size: 8}"),
     {"m.yaml:5:31: buffering.min_batch_size: found 9, expected at most max_buffer_size, 8"}},
    {"two_strategies",
     one_node("  buffering: {merge_strategy: {keep_separate: {}, custom: {name: x}}}"),
     {"m.yaml:5:31: buffering.merge_strategy: found 2 strategies, expected one"}},
    {"unknown_strategy",
     one_node("  buffering: {merge_strategy: {concat_text: {}}}"),
     {"m.yaml:5:32: buffering.merge_strategy: found 'concat_text', expected one of "
      "concatenate_text, concatenate_audio, keep_separate, custom"}},
    {"custom_without_name",
     one_node("  buffering: {merge_strategy: custom}"),
     {"m.yaml:5:31: custom: the key 'name' is missing, expected a value"}},
    {"strategy_option",
     one_node("  buffering: {merge_strategy: {keep_separate: {separator: x}}}"),
     {"m.yaml:5:48: keep_separate: unknown key 'separator', expected no keys"}},
    {"yaml_tag",
     one_node("  params: {x: !!binary aGk=}"),
     {"m.yaml:5:15: the YAML tag 'tag:yaml.org,2002:binary' means nothing here: expected none"}},
};

const Mistake kNames[] = {
    {"bad_id",
     "version: v1\nnodes: [{id: 1st, type: x}]\n",
     {"m.yaml:2:14: node.id: found '1st', expected a letter or '_', then letters, digits, '_' or "
      "'-'"}},
    {"bad_type",
     "version: v1\nnodes: [{id: a, type: 'x y'}]\n",
     {"m.yaml:2:23: node.type: found 'x y', expected a name of letters, digits and '_'"}},
    {"id_twice",
     "version: v1\nnodes:\n- {id: a, type: x}\n- {id: a, type: y}\n",
     {"m.yaml:4:8: node.id: found 'a' a second time, first at m.yaml:3:8, expected an id of its "
      "own"}},
    {"unknown_node",
     "version: v1\nnodes: [{id: speaker, type: x}, {id: b, type: x}]\nedges: [{from: b, to: "
     "speeker.in}]\n",
     {"m.yaml:3:23: edge.to: there is no node 'speeker', expected the id of a node (did you mean "
      "'speaker'?)"}},
    {"self_edge",
     kTwoNodes + "- {from: a.out, to: a.in}\n",
     {"m.yaml:6:21: edge: found an edge from 'a' to itself, expected two different nodes"}},
    {"edge_twice",
     kTwoNodes + "- {from: a, to: b}\n- {from: a, to: b}\n",
     {"m.yaml:7:3: edge: found this edge a second time, first at m.yaml:6:3, expected it once"}},
    {"bad_endpoint",
     kTwoNodes + "- {from: a.b.c, to: b.}\n",
     {"m.yaml:6:10: edge.from: found 'a.b.c', expected a node, or node.port",
      "m.yaml:6:21: edge.to: found 'b.', expected a node, or node.port"}},
    {"edge_is_pair",
     kTwoNodes + "- [a, b]\n",
     {"m.yaml:6:3: edge: found a list, expected a map of keys"}},
    {"nodes_is_map",
     "version: v1\nnodes: {a: {}}\n",
     {"m.yaml:2:8: manifest.nodes: found a map, expected a list"}},
    {"no_nodes",
     "version: v1\nnodes: []\n",
     {"m.yaml:2:8: manifest.nodes: found no nodes, expected at least one"}},
};

std::string subject_of(const testing::TestParamInfo<Mistake>& info) {
  return info.param.subject;
}

INSTANTIATE_TEST_SUITE_P(Structure, LoadMistakes, testing::ValuesIn(kStructure), subject_of);
INSTANTIATE_TEST_SUITE_P(Keys, LoadMistakes, testing::ValuesIn(kKeys), subject_of);
INSTANTIATE_TEST_SUITE_P(Values, LoadMistakes, testing::ValuesIn(kValues), subject_of);
INSTANTIATE_TEST_SUITE_P(Names, LoadMistakes, testing::ValuesIn(kNames), subject_of);

TEST(LoadMistakes, AreReportedTogetherInTheOrderOfTheFile) {
  EXPECT_THAT(
      mistakes(R"(version: v1
nodes:
- {id: a, type: x, placement: pools}
- {id: a, type: x, queue: {capacity: -1, polcy: block}}
edges:
- {from: a, to: c}
executor: {tick_us: fast}
)"),
      ElementsAre(StartsWith("m.yaml:3:31: node.placement"), StartsWith("m.yaml:4:8: node.id"),
                  StartsWith("m.yaml:4:38: queue.capacity"),
                  StartsWith("m.yaml:4:42: queue: unknown key 'polcy'"),
                  StartsWith("m.yaml:6:17: edge.to"), StartsWith("m.yaml:7:21: executor.tick_us")));
}

TEST(LoadMistakes, InTheTextItselfComeWithTheirPlace) {
  EXPECT_THAT(mistakes("version: v1\nnodes: [}\n"),
              ElementsAre(StartsWith("m.yaml:2:9: no valid YAML: ")));
  EXPECT_THAT(mistakes("a: *b\n"), ElementsAre(StartsWith("m.yaml:1:4: no valid YAML: ")));
  EXPECT_THAT(mistakes("a: 1\n---\nb: 2\n"),
              ElementsAre("m.yaml:2:1: a second YAML document begins here: expected one document a "
                          "file"));
  EXPECT_THAT(mistakes("a: &x [*x]\n"),
              ElementsAre("m.yaml:1:8: this YAML alias refers to itself"));
  EXPECT_THAT(mistakes("? [a]\n: b\n"),
              ElementsAre("m.yaml:1:3: keys are words: found a list as a key, expected a word (is "
                          "every bracket closed?)"));
  EXPECT_THAT(mistakes("~: b\n"),
              ElementsAre("m.yaml:1:1: a key is missing: found nothing, expected a word"));
}

TEST(LoadMistakes, IncludeBytesThatAreNoText) {
  const std::string said = ": this byte is no text: expected UTF-8 without control characters";
  for (const std::string& bad :
       {std::string("\xFF"), std::string("\xC0\x80"), std::string("\xED\xA0\x80"),
        std::string("\xF4\x90\x80\x80"), std::string("\xE2\x82"), std::string(1, '\0'),
        std::string("\x04"), std::string("\x7F")})
    EXPECT_THAT(mistakes("version: v1\nname: " + bad), ElementsAre("m.yaml:2:7" + said));
  EXPECT_TRUE(mistakes(one_node("  params: {x: '\xE2\x82\xAC \xF0\x9F\x8E\xA4'}")).empty());
}

TEST(LoadMistakes, NeverShowWhatTheEnvironmentHolds) {
  const auto said = mistakes(
      "version: v1\nnodes:\n- id: a\n  type: x\n  placement: ${TOKEN}\n  queue:\n    capacity: "
      "${TOKEN}\n",
      {{"TOKEN", "pol"}});

  EXPECT_THAT(said, ElementsAre("m.yaml:5:14: node.placement: found a word from the environment, "
                                "expected one of inline, pool, process, remote",
                                "m.yaml:7:15: queue.capacity: found a word from the environment, "
                                "expected a whole number from 1 to 65536"));
}

TEST(LoadMistakes, BehindAnAliasAreSaidOnce) {
  EXPECT_THAT(mistakes(R"(version: v1
nodes:
- {id: a, type: x, queue: &q {capacity: 0}}
- {id: b, type: x, queue: *q}
)"),
              ElementsAre(StartsWith("m.yaml:3:41: queue.capacity")));
}

TEST(LoadMistakes, AreCutAfterAHundred) {
  std::string lines = "  queue: {";
  for (int i = 0; i < 150; ++i) lines += "bad" + std::to_string(i) + ": 1, ";

  const auto said = mistakes(one_node(lines + "}"));

  ASSERT_EQ(said.size(), 101U);
  EXPECT_THAT(said.back(), testing::EndsWith("50 more mistakes are not shown: mend these first"));
}

TEST(LoadMistakes, AllCarryTheCodeForTheAuthorOfTheManifest) {
  const auto result = load_text("{}", "m.yaml", nullptr);

  ASSERT_FALSE(result);
  for (const base::Error& error : result.error()) {
    EXPECT_EQ(error.code, base::Code::bad_manifest);
    EXPECT_EQ(error.where, "m.yaml:1:1");
  }
}

}  // namespace
}  // namespace millrace::manifest
