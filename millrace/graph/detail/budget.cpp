#include "millrace/graph/detail/budget.hpp"

#include <algorithm>
#include <string>

#include "millrace/graph/detail/settings.hpp"

namespace millrace::graph::detail {
namespace {

/// The shortest span that one packet is taken to cover: 10 ms is the smallest block in which voice
/// travels; words come at most ten times a second.
constexpr std::int64_t packet_ms(media::PacketKind kind) {
  return kind == media::PacketKind::text ? 100 : 10;
}

/// The edge without feedback over which the slowest path comes to `stage`; null at a source.
const Edge* slowest_edge(const Plan& plan, const Stage& stage) {
  const Edge* slowest = nullptr;
  for (const std::uint32_t in : stage.in_edges) {
    const Edge& edge = plan.edges[in];
    if (edge.feedback) continue;
    if (slowest == nullptr ||
        plan.stages[edge.from].path_latency > plan.stages[slowest->from].path_latency)
      slowest = &edge;
  }
  return slowest;
}

bool at_or_behind(const Stage& stage, std::uint32_t index) {
  return stage.index == index || std::ranges::binary_search(stage.downstream, index);
}

bool fork_before(const Plan& plan, std::uint32_t a, std::uint32_t b) {
  return std::ranges::any_of(plan.stages, [&](const Stage& stage) {
    return at_or_behind(stage, a) && at_or_behind(stage, b);
  });
}

/// The slowest path that meets `edge` at its end and comes from where `edge` comes from.
const Edge* slowest_rival(const Plan& plan, const Edge& edge) {
  const Edge* rival = nullptr;
  for (const std::uint32_t in : plan.stages[edge.to].in_edges) {
    const Edge& other = plan.edges[in];
    if (&other == &edge || other.feedback || !fork_before(plan, edge.from, other.from)) continue;
    if (rival == nullptr ||
        plan.stages[other.from].path_latency > plan.stages[rival->from].path_latency)
      rival = &other;
  }
  return rival;
}

}  // namespace

void add_latency(Plan& plan) {
  for (Stage& stage : plan.stages) {
    const Edge* slowest = slowest_edge(plan, stage);
    stage.path_latency = stage.latency;
    if (slowest != nullptr) stage.path_latency += plan.stages[slowest->from].path_latency;
  }
  const Stage* last = nullptr;
  for (const std::uint32_t sink : plan.sinks)
    if (last == nullptr || plan.stages[sink].path_latency > last->path_latency)
      last = &plan.stages[sink];
  plan.slowest_path.clear();
  if (last == nullptr) return;
  plan.path_latency = last->path_latency;
  for (const Stage* at = last; at != nullptr;) {
    plan.slowest_path.push_back(at->id);
    const Edge* edge = slowest_edge(plan, *at);
    at = edge == nullptr ? nullptr : &plan.stages[edge->from];
  }
  std::ranges::reverse(plan.slowest_path);
}

void check_slack(const Plan& plan, std::span<const DraftNode> nodes, Diagnostics& mistakes) {
  for (const Edge& edge : plan.edges) {
    if (edge.feedback || edge.queue.policy != node::OverflowPolicy::block) continue;
    const Edge* rival = slowest_rival(plan, edge);
    if (rival == nullptr) continue;
    const auto wait = plan.stages[rival->from].path_latency - plan.stages[edge.from].path_latency;
    if (wait <= base::MediaTime{0}) continue;
    const Stage& to = plan.stages[edge.to];
    const node::PortDecl& port = to.contract().inputs[edge.to_port];
    const std::int64_t span_us = packet_ms(port.kind) * 1000;
    const std::int64_t gather = (wait.count() + span_us - 1) / span_us;
    const std::int64_t least = gather + plan.stages[edge.from].contract().max_outputs;
    if (edge.queue.capacity >= least) continue;
    mistakes.add(capacity_place(*nodes[edge.to].spec),
                 nodes[edge.to].called() + ": what '" + plan.stages[edge.from].id +
                     "' sends to its input '" + std::string(port.name) + "' is up to " +
                     std::to_string((wait.count() + 999) / 1000) + " ms ahead of the path over '" +
                     plan.stages[rival->from].id +
                     "': with policy block found a queue capacity of " +
                     std::to_string(edge.queue.capacity) + ", expected " + std::to_string(least) +
                     " or more");
  }
}

}  // namespace millrace::graph::detail
