#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/base/time.hpp"
#include "millrace/manifest/graph_spec.hpp"
#include "millrace/node/node.hpp"
#include "millrace/node/registry.hpp"
#include "millrace/policy/deadline_policy.hpp"
#include "millrace/policy/overflow.hpp"

namespace millrace::graph {

/// The queue of one edge.
using QueueConfig = policy::QueueBounds;

/// One edge of the plan; indices are into Plan::stages.

struct Edge {
  std::uint32_t from = 0;
  std::uint32_t from_port = 0;
  std::uint32_t to = 0;
  std::uint32_t to_port = 0;
  bool feedback = false;
  QueueConfig queue;
  node::Format format;
};

/// How the batching wrapper (`buffered_processor`) in front of a stage gathers and joins inputs.
struct Batching {
  manifest::BufferingMode mode = manifest::BufferingMode::greedy;
  std::uint32_t min_batch_size = 1;         ///< fixed mode only
  base::Duration max_wait{0};               ///< fixed mode only; wins over min_batch_size
  std::uint32_t max_buffer_size = 50;       ///< inputs of all sessions
  manifest::MergeStrategySpec merge;        ///< how the inputs of one call become one
  bool merge_named = false;                 ///< the manifest says how
  const node::MergeType* custom = nullptr;  ///< the merge that `merge` names; null: built in
  bool across_sessions = false;             ///< a call takes the jobs of several sessions together
  bool automatic = false;                   ///< the planner wrapped it; the manifest did not ask
};

/// One node of the plan.
struct Stage {
  std::uint32_t index = 0;
  std::string id;
  const node::NodeType* type = nullptr;
  node::Params params;
  std::vector<node::Format> input_formats;
  node::Placement placement = node::Placement::inline_;
  node::Capabilities capabilities;
  node::VirtualCost virtual_cost;
  std::optional<base::Duration> declared_average;  ///< of a call, until one was measured
  std::optional<Batching> batching;                ///< pool stages behind the batching wrapper
  std::optional<base::Duration> deadline_budget;   ///< for an input, from its arrival
  policy::GiveUps give_up;     ///< for a deadline, in this order; what it can, of the manifest's
  bool drop_hopeless = false;  ///< the wrapper drops what cannot be in time even alone
  bool commit = false;         ///< holds what is unconfirmed (sinks, `commit: true`)
  bool release_speculative = false;      ///< `release: speculative`: lets it through, marked
  base::MediaTime latency{0};            ///< declared by the node for these parameters
  base::MediaTime path_latency{0};       ///< slowest path from a source, this stage included
  std::vector<std::uint32_t> in_edges;   ///< into Plan::edges, by port, then as written
  std::vector<std::uint32_t> out_edges;  ///< into Plan::edges, by port, then as written
  std::vector<std::uint32_t>
      downstream;  ///< stages reachable over edges without feedback, ascending

  [[nodiscard]] const node::Contract& contract() const noexcept { return *type->contract; }
  [[nodiscard]] node::StageConfig config() const {
    return {.id = id, .params = params, .inputs = input_formats};
  }
};

/// The checked graph: stages in topological order (feedback edges aside). Immutable once built.
struct Plan {
  std::string name;
  std::vector<Stage> stages;
  std::vector<Edge> edges;
  std::vector<std::uint32_t> sources;
  std::vector<std::uint32_t> sinks;
  manifest::SpeculationSpec speculation;
  manifest::ExecutorSpec executor;
  base::MediaTime path_latency{0};        ///< static latency budget: the slowest path
  std::vector<std::string> slowest_path;  ///< its node ids
  std::vector<std::string> notes;  ///< what the planner did or does not apply, for `validate`

  [[nodiscard]] const Stage* find(std::string_view id) const noexcept;
};

/// Checks `spec` against the node types and makes the plan. Every mistake found is reported, each
/// with file:line:column, what was expected and the nearest right name. Models are loaded here by
/// the nodes' create(): a missing one is an error of that node's place.
///   threads  control
[[nodiscard]] std::expected<std::unique_ptr<const Plan>, std::vector<base::Error>> build_plan(
    const manifest::GraphSpec& spec, const node::Registry& registry);

}  // namespace millrace::graph
