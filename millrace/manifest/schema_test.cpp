#include "millrace/manifest/schema.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "millrace/manifest/detail/document.hpp"
#include "millrace/manifest/detail/example_manifest.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::manifest {
namespace {

using Json = nlohmann::json;
using detail::kExampleManifest;
using detail::one_node;

/// As much of JSON Schema draft 7 as our schema uses; an unknown keyword fails the test.
class Validator {
 public:
  explicit Validator(Json root) : root_(std::move(root)) {}
  [[nodiscard]] bool accepts(const Json& value) const { return fits(root_, value); }

 private:
  [[nodiscard]] bool fits(const Json& schema, const Json& value) const {
    for (const auto& [keyword, rule] : schema.items())
      if (!obeys(schema, keyword, rule, value)) return false;
    return true;
  }

  [[nodiscard]] static bool is_type(const std::string& type, const Json& value) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    return type == "null" && value.is_null();
  }

  [[nodiscard]] bool obeys_structure(const Json& schema, const std::string& keyword,
                                     const Json& rule, const Json& value) const {
    if (keyword == "$ref")
      return fits(root_.at(Json::json_pointer(rule.get<std::string>().substr(1))), value);
    if (keyword == "not") return !fits(rule, value);
    if (keyword == "allOf")
      return std::ranges::all_of(rule, [&](const Json& s) { return fits(s, value); });
    if (keyword == "anyOf")
      return std::ranges::any_of(rule, [&](const Json& s) { return fits(s, value); });
    if (keyword == "if") return !fits(rule, value) || fits(schema.at("then"), value);
    if (keyword == "items")
      return !value.is_array() ||
             std::ranges::all_of(value, [&](const Json& v) { return fits(rule, v); });
    if (keyword == "required")
      return !value.is_object() || std::ranges::all_of(rule, [&](const Json& key) {
        return value.contains(key.get<std::string>());
      });
    if (!value.is_object()) return true;
    for (const auto& [key, inner] : value.items()) {
      const bool known = schema.at("properties").contains(key);
      if (keyword == "additionalProperties" && !known) return false;
      if (keyword == "properties" && known && !fits(rule.at(key), inner)) return false;
    }
    return true;
  }

  [[nodiscard]] bool obeys(const Json& schema, const std::string& keyword, const Json& rule,
                           const Json& value) const {
    static const std::vector<std::string> kSaysNothing{"$schema", "title",       "description",
                                                       "default", "definitions", "then"};
    static const std::vector<std::string> kStructure{
        "$ref",      "not", "allOf", "anyOf", "if", "items", "required", "additionalProperties",
        "properties"};
    if (std::ranges::count(kSaysNothing, keyword) > 0) return true;
    if (std::ranges::count(kStructure, keyword) > 0)
      return obeys_structure(schema, keyword, rule, value);
    if (keyword == "type") {
      const Json types = rule.is_array() ? rule : Json::array({rule});
      return std::ranges::any_of(types, [&](const Json& t) { return is_type(t, value); });
    }
    if (keyword == "const") return value == rule;
    if (keyword == "enum") return std::ranges::count(rule, value) > 0;
    if (keyword == "minimum") return !value.is_number() || value >= rule;
    if (keyword == "maximum") return !value.is_number() || value <= rule;
    if (keyword == "minItems") return !value.is_array() || value.size() >= rule;
    if (keyword == "maxItems") return !value.is_array() || value.size() <= rule;
    if (keyword == "uniqueItems")
      return !value.is_array() || std::set<Json>(value.begin(), value.end()).size() == value.size();
    if (keyword == "pattern")
      return !value.is_string() ||
             std::regex_search(value.get<std::string>(),
                               std::regex(rule.get<std::string>(), std::regex::ECMAScript));
    ADD_FAILURE() << "the test's validator does not know " << keyword;
    return false;
  }

  Json root_;
};

Validator generic() {
  return Validator(Json::parse(json_schema({})));
}

/// A manifest as JSON, its variables left as they are written.
Json as_json(std::string_view text) {
  detail::Diagnostics diagnostics;
  const Environment leave = [](const std::string& name) { return "${" + name + "}"; };
  const auto tree = detail::parse_document(text, "m.yaml", leave, diagnostics);
  EXPECT_TRUE(tree) << text;
  return tree ? Json::parse(tree->to_json()) : Json();
}

TEST(JsonSchema, IsTheCommittedFile) {
  const std::string path = MILLRACE_SOURCE_DIR "/api/manifest.schema.json";
  std::stringstream committed;
  committed << std::ifstream(path).rdbuf();
  const std::string fresh = json_schema({});

  const std::string copy = testing::TempDir() + "manifest.schema.json";
  if (committed.str() != fresh) std::ofstream(copy) << fresh;

  EXPECT_TRUE(committed.str() == fresh) << path << " is stale: copy " << copy << " over it";
}

TEST(JsonSchema, AcceptsTheExample) {
  EXPECT_TRUE(generic().accepts(as_json(kExampleManifest)));
}

TEST(JsonSchema, AndTheLoaderAgreeOnWhatIsGood) {
  for (const char* lines :
       {"", "  params:", "  config: {x: [1]}", "  executor: multiprocess", "  placement: inline",
        "  queue: {capacity: 65536, policy: latest_only}", "  queue: {}",
        "  queue: {capacity: '${X|5}'}", "  commit: ${X|true}",
        "  capabilities: {virtual_cost: {first_us: 0}}",
        "  buffering: {merge_strategy: keep_separate}",
        "  buffering: {merge_strategy: {keep_separate: }}",
        "  buffering: {merge_strategy: {concatenate_audio: {max_gap_ms: 100}}}",
        "  buffering: {merge_strategy: {custom: {name: mine}}}", "  deadline: {give_up: []}"}) {
    EXPECT_TRUE(generic().accepts(as_json(one_node(lines)))) << lines;
    EXPECT_TRUE(detail::mistakes(one_node(lines)).empty()) << lines;
  }
}

TEST(JsonSchema, AndTheLoaderAgreeOnWhatIsBad) {
  std::vector<std::string> texts{"{}",
                                 "[]",
                                 "version: v2\nnodes: [{id: a, type: x}]\n",
                                 "version: v1\nnodes: []\n",
                                 "version: v1\nnodes: [{type: x}]\n",
                                 "version: v1\nnodes: [{id: a}]\n",
                                 "version: v1\nnodes: [{id: a, type: x, node_type: x}]\n",
                                 "version: v1\nnodes: [{id: 1a, type: x}]\n",
                                 one_node("") + "edges: [{from: a}]\n",
                                 one_node("") + "edges: [{from: a..b, to: a}]\n",
                                 one_node("") + "edges: []\nconnections: []\n",
                                 one_node("") + "executor: {shards: 0}\n",
                                 one_node("") + "colour: red\n"};
  for (const char* lines :
       {"  qeue: {}", "  params: 3", "  placement: pools",
        "  placement: pool\n  executor: multiprocess", "  queue:", "  queue: {capacity: 0}",
        "  queue: {capacity: 65537}", "  queue: {capacity: x}", "  commit: yes",
        "  buffering: {merge_strategy: custom}", "  buffering: {merge_strategy: {}}",
        "  buffering: {merge_strategy: {concatenate_audio: {max_gap_ms: 101}}}",
        "  deadline: {give_up: [drop, drop]}", "  deadline: {give_up: drop}"})
    texts.push_back(one_node(lines));
  for (const std::string& text : texts) {
    EXPECT_FALSE(generic().accepts(as_json(text))) << text;
    EXPECT_FALSE(detail::mistakes(text).empty()) << text;
  }
}

TEST(JsonSchema, SaysTheDefaultsTheLoaderUses) {
  const Json properties = Json::parse(json_schema({}))["properties"];
  const Json executor = properties["executor"]["properties"];
  const Json speculation = properties["speculation"]["properties"];
  const ExecutorSpec defaults;
  const SpeculationSpec budget;

  EXPECT_EQ(executor["max_sessions"]["default"], defaults.max_sessions);
  EXPECT_EQ(executor["shards"]["default"], defaults.shards);
  EXPECT_EQ(executor["pool_threads"]["default"], defaults.pool_threads);
  EXPECT_EQ(executor["tick_us"]["default"], defaults.tick_us);
  EXPECT_EQ(executor["seed"]["default"], defaults.seed);
  EXPECT_EQ(executor["metrics"]["default"], defaults.metrics);
  EXPECT_EQ(executor["metrics_port"]["default"], defaults.metrics_port);
  EXPECT_EQ(executor["admission"]["properties"]["enabled"]["default"], defaults.admission.enabled);
  EXPECT_EQ(executor["admission"]["properties"]["max_load_percent"]["default"],
            defaults.admission.max_load_percent);
  EXPECT_EQ(speculation["max_speculative_turns_per_minute"]["default"],
            budget.max_speculative_turns_per_minute);
  EXPECT_EQ(speculation["max_wasted_ms_per_minute"]["default"], budget.max_wasted_ms_per_minute);
}

Validator typed() {
  using Kind = ParamInfo::Kind;
  TypeInfo reply;
  reply.type = "reply";
  reply.params = {{.name = "rate_hz",
                   .kind = Kind::integer,
                   .min = 8000,
                   .max = 48000,
                   .fallback = Value(std::int64_t{16000}, {})},
                  {.name = "threshold", .kind = Kind::number, .min = 0, .max = 1},
                  {.name = "quality", .kind = Kind::choice, .choices = {"low", "high"}},
                  {.name = "on", .kind = Kind::boolean},
                  {.name = "rules", .kind = Kind::list},
                  {.name = "text", .kind = Kind::text, .required = true}};
  return Validator(Json::parse(json_schema(std::span(&reply, 1))));
}

TEST(JsonSchema, ChecksTheParametersOfTheTypesItKnows) {
  for (const char* good : {"{text: a}", "{text: a, rate_hz: 8000, threshold: 0.5, quality: low}",
                           "{text: a, on: true, rules: [1], rate_hz: '${RATE|9}'}"})
    EXPECT_TRUE(typed().accepts(as_json(one_node(std::string("  params: ") + good)))) << good;
  for (const char* bad : {"{}", "{text: 1}", "{text: a, rate_hz: 7999}",
                          "{text: a, threshold: 1.5}", "{text: a, rules: {}}",
                          "{text: a, quality: mid}", "{text: a, on: 1}", "{text: a, more: 1}"}) {
    EXPECT_FALSE(typed().accepts(as_json(one_node(std::string("  params: ") + bad)))) << bad;
    EXPECT_FALSE(typed().accepts(as_json(one_node(std::string("  config: ") + bad)))) << bad;
  }
}

TEST(JsonSchema, LeavesOtherTypesOpen) {
  EXPECT_TRUE(typed().accepts(
      as_json("version: v1\nnodes: [{id: a, type: my_python_node, params: {anything: 1}}]\n")));
}

TEST(JsonSchema, ShowsDefaultsAndWholeBoundsOfParameters) {
  const TypeInfo type{"t",
                      "A type.",
                      {{.name = "n",
                        .kind = ParamInfo::Kind::integer,
                        .about = "Count.",
                        .min = 1,
                        .max = 5,
                        .fallback = Value(std::int64_t{3}, {})}}};

  const std::string text = json_schema(std::span(&type, 1));

  EXPECT_NE(text.find("\"default\": 3"), std::string::npos);
  EXPECT_NE(text.find("\"maximum\": 5\n"), std::string::npos);
  EXPECT_NE(text.find("\"description\": \"Count.\""), std::string::npos);
}

}  // namespace
}  // namespace millrace::manifest
