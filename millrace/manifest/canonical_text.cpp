#include <nlohmann/json.hpp>

#include "millrace/manifest/graph_spec.hpp"

namespace millrace::manifest {
namespace {

using Json = nlohmann::json;  // sorts its keys

/// A setting that is not there leaves no key, so that a new setting changes no old hash.
template <class T>
void put(Json& into, const char* key, const Setting<T>& setting) {
  if (!setting) return;
  if constexpr (std::is_enum_v<T>)
    into[key] = std::string(name(setting->value));
  else
    into[key] = setting->value;
}

Json json_of(const QueueSpec& queue) {
  Json out = Json::object();
  put(out, "capacity", queue.capacity);
  put(out, "max_bytes", queue.max_bytes);
  put(out, "policy", queue.policy);
  put(out, "max_age_ms", queue.max_age_ms);
  return out;
}

Json json_of(const CapabilitiesSpec& capabilities) {
  Json out = Json::object();
  put(out, "parallelizable", capabilities.parallelizable);
  put(out, "batch_aware", capabilities.batch_aware);
  put(out, "avg_processing_us", capabilities.avg_processing_us);
  if (const auto& cost = capabilities.virtual_cost)
    out["virtual_cost"] = {{"first_us", cost->first_us},
                           {"per_unit_us", cost->per_unit_us},
                           {"per_session_us", cost->per_session_us}};
  return out;
}

Json json_of(const MergeStrategySpec& strategy) {
  Json options = Json::object();
  if (strategy.kind == MergeKind::concatenate_text) options["separator"] = strategy.separator;
  if (strategy.kind == MergeKind::concatenate_audio) options["max_gap_ms"] = strategy.max_gap_ms;
  if (strategy.kind == MergeKind::custom) options["name"] = strategy.custom_name;
  Json out = Json::object();
  out[std::string(name(strategy.kind))] = std::move(options);
  return out;
}

Json json_of(const BufferingSpec& buffering) {
  Json out = Json::object();
  put(out, "mode", buffering.mode);
  put(out, "min_batch_size", buffering.min_batch_size);
  put(out, "max_wait_ms", buffering.max_wait_ms);
  put(out, "max_buffer_size", buffering.max_buffer_size);
  if (buffering.merge_strategy) out["merge_strategy"] = json_of(*buffering.merge_strategy);
  return out;
}

Json json_of(const DeadlineSpec& deadline) {
  Json out = Json::object();
  put(out, "budget_ms", deadline.budget_ms);
  out["give_up"] = Json::array();
  for (const auto& item : deadline.give_up) out["give_up"].push_back(name(item.value));
  return out;
}

Json json_of(const NodeSpec& node) {
  Json out = {{"id", node.id}, {"type", node.type}};
  // Through text, which mends what is no UTF-8; discarded text cannot come out of to_json().
  out["params"] = Json::parse(node.params.to_json(), nullptr, false);
  put(out, "placement", node.placement);
  if (node.queue) out["queue"] = json_of(*node.queue);
  if (node.capabilities) out["capabilities"] = json_of(*node.capabilities);
  if (node.buffering) out["buffering"] = json_of(*node.buffering);
  if (node.deadline) out["deadline"] = json_of(*node.deadline);
  put(out, "release", node.release);
  put(out, "commit", node.commit);
  return out;
}

Json json_of(const EdgeSpec& edge) {
  const auto end = [](const std::string& node, const std::string& port) {
    return port.empty() ? node : node + "." + port;
  };
  return {{"from", end(edge.from_node, edge.from_port)}, {"to", end(edge.to_node, edge.to_port)}};
}

Json json_of(const ExecutorSpec& executor) {
  Json out = {{"max_sessions", executor.max_sessions},
              {"shards", executor.shards},
              {"pool_threads", executor.pool_threads},
              {"tick_us", executor.tick_us},
              {"seed", executor.seed},
              {"metrics", executor.metrics},
              {"metrics_port", executor.metrics_port}};
  // Left out where it says what is so anyway, as a setting that is not there.
  const AdmissionSpec usual;
  const AdmissionSpec& admission = executor.admission;
  if (admission.enabled != usual.enabled || admission.max_load_percent != usual.max_load_percent)
    out["admission"] = {{"enabled", admission.enabled},
                        {"max_load_percent", admission.max_load_percent}};
  return out;
}

}  // namespace

std::string canonical_text(const GraphSpec& spec) {
  Json out = {{"version", spec.version}, {"name", spec.name}};
  out["nodes"] = Json::array();
  for (const NodeSpec& node : spec.nodes) out["nodes"].push_back(json_of(node));
  out["edges"] = Json::array();
  for (const EdgeSpec& edge : spec.edges) out["edges"].push_back(json_of(edge));
  const SpeculationSpec& speculation = spec.speculation;
  out["speculation"] = {
      {"max_speculative_turns_per_minute", speculation.max_speculative_turns_per_minute},
      {"max_wasted_ms_per_minute", speculation.max_wasted_ms_per_minute}};
  out["executor"] = json_of(spec.executor);
  return out.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace millrace::manifest
