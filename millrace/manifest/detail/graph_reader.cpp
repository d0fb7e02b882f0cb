#include "millrace/manifest/detail/graph_reader.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "millrace/base/limits.hpp"
#include "millrace/manifest/detail/section.hpp"
#include "millrace/manifest/nearest.hpp"
#include "millrace/manifest/type_name.hpp"

namespace millrace::manifest::detail {
namespace {

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// [A-Za-z_][A-Za-z0-9_]*, with '-' too where `dashes`.
bool is_word(std::string_view word, bool dashes) {
  if (word.empty() || !(is_letter(word[0]) || word[0] == '_')) return false;
  return std::ranges::all_of(word, [dashes](char c) {
    return is_letter(c) || is_digit(c) || c == '_' || (dashes && c == '-');
  });
}

std::optional<QueueSpec> read_queue(const SectionReader& node, Diagnostics& diagnostics) {
  const Value* value = node.find("queue");
  if (value == nullptr) return std::nullopt;
  const SectionReader reader(*value, *section_of(kNode, "queue"), diagnostics);
  QueueSpec queue;
  queue.place = reader.place();
  queue.capacity = reader.integer("capacity");
  queue.max_bytes = reader.integer("max_bytes");
  queue.policy = reader.choice<QueuePolicy>("policy");
  queue.max_age_ms = reader.integer("max_age_ms");
  return queue;
}

std::optional<CapabilitiesSpec> read_capabilities(const SectionReader& node,
                                                  Diagnostics& diagnostics) {
  const Value* value = node.find("capabilities");
  if (value == nullptr) return std::nullopt;
  const Section& section = *section_of(kNode, "capabilities");
  const SectionReader reader(*value, section, diagnostics);
  CapabilitiesSpec capabilities;
  capabilities.place = reader.place();
  capabilities.parallelizable = reader.boolean("parallelizable");
  capabilities.batch_aware = reader.boolean("batch_aware");
  capabilities.avg_processing_us = reader.integer("avg_processing_us");
  if (const Value* cost = reader.find("virtual_cost")) {
    const SectionReader cost_reader(*cost, *section_of(section, "virtual_cost"), diagnostics);
    VirtualCostSpec spec;
    spec.place = cost_reader.place();
    cost_reader.read("first_us", spec.first_us);
    cost_reader.read("per_unit_us", spec.per_unit_us);
    cost_reader.read("per_session_us", spec.per_session_us);
    capabilities.virtual_cost = spec;
  }
  return capabilities;
}

/// `keep_separate`, or `{concatenate_text: {separator: " "}}`.
std::optional<MergeStrategySpec> read_merge_strategy(const SectionReader& buffering,
                                                     Diagnostics& diagnostics) {
  const Value* value = buffering.find("merge_strategy");
  if (value == nullptr) return std::nullopt;
  const bool is_map = value->kind() == Value::Kind::map;
  if (is_map && value->entries().size() != 1) {
    buffering.report(value->place(), "buffering.merge_strategy: found " +
                                         std::to_string(value->entries().size()) +
                                         " strategies, expected one");
    return std::nullopt;
  }
  const std::string_view word =
      is_map ? value->entries().front().key : value->as_string().value_or("");
  const auto it = std::ranges::find(kMergeKindNames, word);
  if (it == kMergeKindNames.end()) {
    const Value found =
        is_map ? Value(std::string(word), value->entries().front().key_place) : *value;
    const std::string hint = value->substituted() ? "" : did_you_mean(word, kMergeKindNames);
    buffering.mismatch("merge_strategy", found, one_of(kMergeKindNames) + hint);
    return std::nullopt;
  }
  const auto kind = static_cast<std::size_t>(it - kMergeKindNames.begin());
  MergeStrategySpec strategy;
  strategy.place = value->place();
  strategy.kind = static_cast<MergeKind>(kind);
  // `keep_separate` alone, and `{keep_separate: }`, mean a strategy without options.
  const Value no_options(Value::Map{}, value->place());
  const bool has_options = is_map && !value->entries().front().value.is_null();
  const Value& options = has_options ? value->entries().front().value : no_options;
  const SectionReader reader(options, merge_section(kind), diagnostics);
  if (strategy.kind == MergeKind::concatenate_text) reader.read("separator", strategy.separator);
  if (strategy.kind == MergeKind::concatenate_audio) reader.read("max_gap_ms", strategy.max_gap_ms);
  if (strategy.kind == MergeKind::custom) reader.read("name", strategy.custom_name);
  return strategy;
}

std::optional<BufferingSpec> read_buffering(const SectionReader& node, Diagnostics& diagnostics) {
  const Value* value = node.find("buffering");
  if (value == nullptr) return std::nullopt;
  const SectionReader reader(*value, *section_of(kNode, "buffering"), diagnostics);
  BufferingSpec buffering;
  buffering.place = reader.place();
  buffering.mode = reader.choice<BufferingMode>("mode");
  buffering.min_batch_size = reader.integer("min_batch_size");
  buffering.max_wait_ms = reader.integer("max_wait_ms");
  buffering.max_buffer_size = reader.integer("max_buffer_size");
  buffering.merge_strategy = read_merge_strategy(reader, diagnostics);
  const auto& batch = buffering.min_batch_size;
  const auto& buffer = buffering.max_buffer_size;
  if (batch && buffer && batch->value > buffer->value)
    reader.report(batch->place, "buffering.min_batch_size: found " + std::to_string(batch->value) +
                                    ", expected at most max_buffer_size, " +
                                    std::to_string(buffer->value));
  return buffering;
}

std::optional<DeadlineSpec> read_deadline(const SectionReader& node, Diagnostics& diagnostics) {
  const Value* value = node.find("deadline");
  if (value == nullptr) return std::nullopt;
  const SectionReader reader(*value, *section_of(kNode, "deadline"), diagnostics);
  DeadlineSpec deadline;
  deadline.place = reader.place();
  deadline.budget_ms = reader.integer("budget_ms");
  deadline.give_up = reader.choices<GiveUp>("give_up");
  return deadline;
}

Setting<Placement> read_placement(const SectionReader& node) {
  enum class OlderExecutor : unsigned char { multiprocess };
  auto placement = node.choice<Placement>("placement");
  const auto executor = node.choice<OlderExecutor>("executor");
  if (!executor) return placement;
  if (node.find("placement") != nullptr)
    node.report(executor->place,
                "node: 'executor' is an older spelling of 'placement': found both, expected one");
  return Located<Placement>{Placement::process, executor->place};
}

void read_type(const SectionReader& reader, NodeSpec& node) {
  const Value* value = reader.find("type");
  const auto type = reader.text("type");
  if (!type) return;
  node.type_written = type->value;
  node.type_place = type->place;
  node.type = canonical_type_name(type->value);
  if (!is_word(node.type, false))
    reader.mismatch("type", *value, "a name of letters, digits and '_'");
}

NodeSpec read_node(const Value& value, Diagnostics& diagnostics) {
  const SectionReader reader(value, kNode, diagnostics);
  NodeSpec node;
  node.place = value.place();
  if (auto id = reader.text("id")) {
    node.id = std::move(id->value);
    node.id_place = id->place;
    if (!is_word(node.id, true))
      reader.mismatch("id", *reader.find("id"),
                      "a letter or '_', then letters, digits, '_' or '-'");
  }
  read_type(reader, node);
  node.params = Value(Value::Map{}, node.place);
  if (const Value* params = reader.find("params"); params != nullptr && !params->is_null()) {
    if (params->kind() == Value::Kind::map)
      node.params = *params;
    else
      reader.mismatch("params", *params, "a map of parameters");
  }
  node.placement = read_placement(reader);
  node.queue = read_queue(reader, diagnostics);
  node.capabilities = read_capabilities(reader, diagnostics);
  node.buffering = read_buffering(reader, diagnostics);
  node.deadline = read_deadline(reader, diagnostics);
  node.release = reader.choice<Release>("release");
  node.commit = reader.boolean("commit");
  return node;
}

struct Endpoint {
  std::string node;
  std::string port;
  Place place;
};

/// `node` or `node.port`.
std::optional<Endpoint> read_endpoint(const SectionReader& edge, std::string_view key) {
  const auto text = edge.text(key);
  if (!text) return std::nullopt;
  const std::size_t dot = text->value.find('.');
  Endpoint end{text->value.substr(0, dot), {}, text->place};
  const bool has_port = dot != std::string::npos;
  if (has_port) end.port = text->value.substr(dot + 1);
  if (is_word(end.node, true) && (!has_port || is_word(end.port, false))) return end;
  edge.mismatch(key, *edge.find(key), "a node, or node.port");
  return std::nullopt;
}

/// The list under `key`, after its length has been checked; null when there is none to read.
const Value* find_list(const SectionReader& manifest, std::string_view key, std::size_t most) {
  const Value* list = manifest.find(key);
  if (list == nullptr) return nullptr;
  if (list->kind() != Value::Kind::list) {
    manifest.mismatch(key, *list, "a list");
    return nullptr;
  }
  if (list->items().size() <= most) return list;
  manifest.report(list->items()[most].place(), "manifest." + std::string(key) + ": found " +
                                                   std::to_string(list->items().size()) +
                                                   ", expected at most " + std::to_string(most));
  return nullptr;
}

void read_nodes(const SectionReader& manifest, GraphSpec& graph, Diagnostics& diagnostics) {
  const Value* list = find_list(manifest, "nodes", base::limits::kManifestNodes);
  if (list == nullptr) return;
  if (list->items().empty())
    manifest.report(list->place(), "manifest.nodes: found no nodes, expected at least one");
  std::unordered_map<std::string, Place> seen;
  for (const Value& item : list->items()) {
    NodeSpec node = read_node(item, diagnostics);
    if (!node.id.empty()) {
      const auto [first, fresh] = seen.try_emplace(node.id, node.id_place);
      if (!fresh)
        manifest.report(node.id_place, "node.id: found " + in_quotes(node.id) +
                                           " a second time, first at " + first->second.text() +
                                           ", expected an id of its own");
    }
    graph.nodes.push_back(std::move(node));
  }
}

void check_known(const SectionReader& edge, std::string_view key, const Endpoint& end,
                 const std::vector<std::string_view>& ids) {
  if (std::ranges::find(ids, end.node) != ids.end()) return;
  edge.report(end.place, "edge." + std::string(key) + ": there is no node " + in_quotes(end.node) +
                             ", expected the id of a node" + did_you_mean(end.node, ids));
}

void read_edges(const SectionReader& manifest, GraphSpec& graph, Diagnostics& diagnostics) {
  const Value* list = find_list(manifest, "edges", base::limits::kManifestEdges);
  if (list == nullptr) return;
  std::vector<std::string_view> ids;
  for (const NodeSpec& node : graph.nodes) ids.emplace_back(node.id);
  std::map<std::array<std::string, 4>, Place> seen;
  for (const Value& item : list->items()) {
    const SectionReader reader(item, kEdge, diagnostics);
    const auto from = read_endpoint(reader, "from");
    const auto to = read_endpoint(reader, "to");
    if (from) check_known(reader, "from", *from, ids);
    if (to) check_known(reader, "to", *to, ids);
    if (!from || !to) continue;
    if (from->node == to->node)
      reader.report(to->place, "edge: found an edge from " + in_quotes(from->node) +
                                   " to itself, expected two different nodes");
    const auto [first, fresh] =
        seen.try_emplace({from->node, from->port, to->node, to->port}, item.place());
    if (!fresh)
      reader.report(item.place(), "edge: found this edge a second time, first at " +
                                      first->second.text() + ", expected it once");
    graph.edges.push_back(
        {item.place(), from->node, from->port, from->place, to->node, to->port, to->place});
  }
}

void read_speculation(const Value& value, SpeculationSpec& speculation, Diagnostics& diagnostics) {
  const SectionReader reader(value, *section_of(kManifest, "speculation"), diagnostics);
  speculation.place = reader.place();
  reader.read("max_speculative_turns_per_minute", speculation.max_speculative_turns_per_minute);
  reader.read("max_wasted_ms_per_minute", speculation.max_wasted_ms_per_minute);
}

void read_executor(const Value& value, ExecutorSpec& executor, Diagnostics& diagnostics) {
  const SectionReader reader(value, *section_of(kManifest, "executor"), diagnostics);
  executor.place = reader.place();
  reader.read("max_sessions", executor.max_sessions);
  reader.read("shards", executor.shards);
  reader.read("pool_threads", executor.pool_threads);
  reader.read("tick_us", executor.tick_us);
  reader.read("seed", executor.seed);
  reader.read("metrics", executor.metrics);
  reader.read("metrics_port", executor.metrics_port);
  if (const Value* admission = reader.find("admission")) {
    const Section& section = *section_of(kManifest, "executor");
    const SectionReader admission_reader(*admission, *section_of(section, "admission"),
                                         diagnostics);
    executor.admission.place = admission_reader.place();
    admission_reader.read("enabled", executor.admission.enabled);
    admission_reader.read("max_load_percent", executor.admission.max_load_percent);
  }
}

void read_metadata(const Value& value, GraphSpec& graph, Diagnostics& diagnostics) {
  const SectionReader reader(value, *section_of(kManifest, "metadata"), diagnostics);
  reader.read("name", graph.name);
  for (const std::string_view key : {"description", "author", "created_at"})
    (void)reader.text(key);  // only for people, but a list here is still a mistake
}

}  // namespace

GraphSpec read_graph(const Value& document, const std::string& file, Diagnostics& diagnostics) {
  GraphSpec graph;
  graph.file = file;
  graph.version = "v1";
  graph.speculation.place.file = file;
  graph.executor.place.file = file;
  const SectionReader reader(document, kManifest, diagnostics);
  enum class Version : unsigned char { v1 };
  (void)reader.choice<Version>("version");  // one version so far: reading it is checking it
  if (const Value* metadata = reader.find("metadata")) read_metadata(*metadata, graph, diagnostics);
  read_nodes(reader, graph, diagnostics);
  read_edges(reader, graph, diagnostics);
  if (const Value* speculation = reader.find("speculation"))
    read_speculation(*speculation, graph.speculation, diagnostics);
  if (const Value* executor = reader.find("executor"))
    read_executor(*executor, graph.executor, diagnostics);
  return graph;
}

}  // namespace millrace::manifest::detail
