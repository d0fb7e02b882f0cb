#include <algorithm>
#include <utility>

#include "millrace/graph/detail/budget.hpp"
#include "millrace/graph/detail/draft.hpp"
#include "millrace/graph/detail/formats.hpp"
#include "millrace/graph/detail/order.hpp"
#include "millrace/graph/detail/params.hpp"
#include "millrace/graph/detail/ports.hpp"
#include "millrace/graph/detail/settings.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/manifest/nearest.hpp"

namespace millrace::graph {
namespace {

using detail::Diagnostics;
using detail::DraftEdge;
using detail::DraftNode;
using detail::Link;

/// Cycles named in one report: each is searched for anew.
constexpr std::size_t kMostCycles = 8;

std::string unknown_type(const manifest::NodeSpec& node, const node::Registry& registry) {
  std::vector<std::string_view> names;
  for (const node::NodeType& type : registry.types()) {
    names.push_back(type.contract->type);
    if (!type.contract->alias.empty()) names.push_back(type.contract->alias);
  }
  const std::string near = manifest::did_you_mean(node.type, names);
  return "unknown node type " + manifest::in_quotes(node.type_written) +
         (near.empty() ? ": expected one of " + detail::joined(names) : near);
}

std::vector<DraftNode> look_up(const manifest::GraphSpec& spec, const node::Registry& registry,
                               std::vector<std::string>& notes, Diagnostics& mistakes) {
  std::vector<DraftNode> nodes;
  for (const manifest::NodeSpec& written : spec.nodes) {
    DraftNode node;
    node.spec = &written;
    node.type = registry.find(written.type);
    if (node.type == nullptr) {
      mistakes.add(written.type_place, unknown_type(written, registry));
    } else {
      node.params = detail::check_params(written, node.contract(), mistakes);
      detail::apply_settings(node, registry, notes, mistakes);
    }
    nodes.push_back(std::move(node));
  }
  return nodes;
}

std::vector<Link> links_of(std::span<const DraftNode> nodes, std::span<const DraftEdge> edges) {
  std::vector<Link> links;
  for (const DraftEdge& draft : edges) {
    const Edge& edge = draft.edge;
    const bool may = nodes[edge.to].contract().inputs[edge.to_port].feedback;
    links.push_back({edge.from, edge.to, may, edge.feedback});
  }
  return links;
}

/// The edges with their ports, feedback and queues settled.
std::vector<DraftEdge> wire(const manifest::GraphSpec& spec, std::span<DraftNode> nodes,
                            Diagnostics& mistakes) {
  std::vector<DraftEdge> edges = detail::connect(spec, nodes, mistakes);
  std::vector<Link> links = links_of(nodes, edges);
  detail::mark_feedback(static_cast<std::uint32_t>(nodes.size()), links);
  for (std::size_t i = 0; i < edges.size(); ++i) {
    Edge& edge = edges[i].edge;
    edge.feedback = links[i].feedback;
    edge.format.kind = nodes[edge.from].contract().outputs[edge.from_port].kind;
    edge.queue = detail::queue_of(edge, nodes[edge.from], nodes[edge.to], mistakes);
  }
  detail::check_connections(spec, nodes, edges, mistakes);
  return edges;
}

/// Names the cycles that no feedback port cuts; true when there is none.
bool check_cycles(std::span<const DraftNode> nodes, std::span<const DraftEdge> edges,
                  std::vector<Link> links, Diagnostics& mistakes) {
  const auto count = static_cast<std::uint32_t>(nodes.size());
  for (std::size_t found = 0; found < kMostCycles; ++found) {
    const auto cycle = detail::find_cycle(count, links);
    if (cycle.empty()) return found == 0;
    std::string way = nodes[links[cycle.front()].from].spec->id;
    for (const std::size_t link : cycle) way += " -> " + nodes[links[link].to].spec->id;
    mistakes.add(edges[cycle.back()].spec->place,
                 "cycle " + way + ": only an edge into a feedback input may close one");
    links[cycle.back()].feedback = true;
  }
  return false;
}

/// Nodes and edges renumbered from the order written to the order of the sweep.
struct Ordered {
  std::vector<DraftNode> nodes;
  std::vector<DraftEdge> edges;
};

Ordered put_in_order(std::vector<DraftNode> nodes, std::vector<DraftEdge> edges,
                     std::span<const Link> links) {
  const auto count = static_cast<std::uint32_t>(nodes.size());
  std::vector<std::uint32_t> place_of(count);
  Ordered ordered;
  for (const std::uint32_t written : detail::topological_order(count, links)) {
    place_of[written] = static_cast<std::uint32_t>(ordered.nodes.size());
    ordered.nodes.push_back(std::move(nodes[written]));
  }
  for (DraftEdge& draft : edges) {
    draft.edge.from = place_of[draft.edge.from];
    draft.edge.to = place_of[draft.edge.to];
  }
  ordered.edges = std::move(edges);
  return ordered;
}

void add_stages(Plan& plan, const Ordered& graph) {
  for (const DraftNode& node : graph.nodes) {
    Stage stage = node.stage;
    stage.index = static_cast<std::uint32_t>(plan.stages.size());
    stage.id = node.spec->id;
    stage.type = node.type;
    if (node.params) stage.params = *node.params;
    if (node.contract().role == node::Role::source) plan.sources.push_back(stage.index);
    if (node.contract().role == node::Role::sink) plan.sinks.push_back(stage.index);
    plan.stages.push_back(std::move(stage));
  }
}

void add_edges(Plan& plan, const Ordered& graph) {
  for (const DraftEdge& draft : graph.edges) {
    const auto index = static_cast<std::uint32_t>(plan.edges.size());
    plan.stages[draft.edge.from].out_edges.push_back(index);
    plan.stages[draft.edge.to].in_edges.push_back(index);
    plan.edges.push_back(draft.edge);
  }
  const auto links = links_of(graph.nodes, graph.edges);
  const auto count = static_cast<std::uint32_t>(plan.stages.size());
  for (Stage& stage : plan.stages) {
    std::ranges::stable_sort(stage.in_edges, {}, [&](auto i) { return plan.edges[i].to_port; });
    std::ranges::stable_sort(stage.out_edges, {}, [&](auto i) { return plan.edges[i].from_port; });
    stage.downstream = detail::reachable(count, links, stage.index);
  }
}

/// Whether the parameters of `stage` make use of `port`.
bool used(const Stage& stage, const node::PortDecl& port) {
  return port.with_param.empty() || stage.params.boolean(port.with_param);
}

void note_open_outputs(Plan& plan) {
  for (const Stage& stage : plan.stages) {
    std::vector<std::string_view> open;
    // What leaves a sink leaves the graph.
    if (stage.contract().role == node::Role::sink) continue;
    const auto outputs = stage.contract().outputs;
    for (std::uint32_t port = 0; port < outputs.size(); ++port)
      if (used(stage, outputs[port]) && std::ranges::none_of(stage.out_edges, [&](auto i) {
            return plan.edges[i].from_port == port;
          }))
        open.push_back(outputs[port].name);
    if (!open.empty())
      plan.notes.push_back(stage.id + ": nothing takes its output " + detail::joined(open));
  }
}

/// Ports and the parameter that they belong to, where one is there without the other.
void note_halves(Plan& plan) {
  const auto note = [&](const Stage& stage, const node::PortDecl& port, const char* direction,
                        bool connected) {
    if (port.with_param.empty() || connected == used(stage, port)) return;
    const std::string param(port.with_param);
    const std::string called = std::string(direction) + " " + std::string(port.name);
    plan.notes.push_back(
        connected ? stage.id + ": " + called + " is not used while " + param + " is false"
                  : stage.id + ": " + param + " has no effect: nothing reaches " + called);
  };
  for (const Stage& stage : plan.stages) {
    const auto inputs = stage.contract().inputs;
    for (std::uint32_t port = 0; port < inputs.size(); ++port)
      note(stage, inputs[port], "input", std::ranges::any_of(stage.in_edges, [&](auto i) {
             return plan.edges[i].to_port == port;
           }));
    for (const auto i : stage.out_edges)
      note(stage, stage.contract().outputs[plan.edges[i].from_port], "output", true);
  }
}

}  // namespace

const Stage* Plan::find(std::string_view id) const noexcept {
  const auto found = std::ranges::find(stages, id, &Stage::id);
  return found == stages.end() ? nullptr : &*found;
}

std::expected<std::unique_ptr<const Plan>, std::vector<base::Error>> build_plan(
    const manifest::GraphSpec& spec, const node::Registry& registry) {
  Diagnostics mistakes;
  auto plan = std::make_unique<Plan>();
  std::vector<DraftNode> nodes = look_up(spec, registry, plan->notes, mistakes);
  const std::size_t before = mistakes.size();
  std::vector<DraftEdge> edges = wire(spec, nodes, mistakes);
  const std::vector<Link> links = links_of(nodes, edges);
  const bool acyclic = check_cycles(nodes, edges, links, mistakes);
  const bool all_known = std::ranges::none_of(nodes, [](auto& node) { return !node.type; });
  // Making stages may load models: not for a graph that cannot be.
  if (!acyclic || !all_known || mistakes.size() > before) return std::unexpected(mistakes.take());

  const Ordered graph = put_in_order(std::move(nodes), std::move(edges), links);
  plan->name = spec.name;
  plan->speculation = spec.speculation;
  plan->executor = spec.executor;
  add_stages(*plan, graph);
  add_edges(*plan, graph);
  // Notes ask parameters, and those of a node with a mistake are not there.
  if (mistakes.empty()) {
    note_open_outputs(*plan);
    note_halves(*plan);
  }
  detail::settle_formats(*plan, graph.nodes, graph.edges, mistakes);
  if (mistakes.empty()) {
    detail::add_latency(*plan);
    detail::check_slack(*plan, graph.nodes, mistakes);
  }
  if (!mistakes.empty()) return std::unexpected(mistakes.take());
  return std::unique_ptr<const Plan>(std::move(plan));
}

}  // namespace millrace::graph
