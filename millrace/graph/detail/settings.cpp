#include "millrace/graph/detail/settings.hpp"

#include <chrono>
#include <string_view>

#include "millrace/graph/detail/batching.hpp"

namespace millrace::graph::detail {
namespace {

using node::OverflowPolicy;
using node::Placement;

Placement placement_of(manifest::Placement written) {
  switch (written) {
    case manifest::Placement::inline_: return Placement::inline_;
    case manifest::Placement::pool: return Placement::pool;
    case manifest::Placement::process: return Placement::process;
    case manifest::Placement::remote: return Placement::remote;
  }
  return Placement::inline_;
}

OverflowPolicy policy_of(manifest::QueuePolicy written) {
  switch (written) {
    case manifest::QueuePolicy::drop_oldest: return OverflowPolicy::drop_oldest;
    case manifest::QueuePolicy::drop_newest: return OverflowPolicy::drop_newest;
    case manifest::QueuePolicy::block: return OverflowPolicy::block;
    case manifest::QueuePolicy::merge_on_overflow: return OverflowPolicy::merge_on_overflow;
    case manifest::QueuePolicy::latest_only: return OverflowPolicy::latest_only;
  }
  return OverflowPolicy::drop_oldest;
}

void apply_placement(const DraftNode& node, Stage& stage, Diagnostics& mistakes) {
  const auto& written = node.spec->placement;
  const node::Contract& contract = node.contract();
  stage.placement = written ? placement_of(written->value) : contract.placement;
  const manifest::Place& place = written ? written->place : node.spec->place;
  const std::string found =
      node.called() + ": placement '" + std::string(node::name(stage.placement)) + "' ";
  if (stage.placement == Placement::process || stage.placement == Placement::remote)
    mistakes.add(place, found +
                            "is not available in this build: this version places nodes "
                            "inline or pool");
  else if (contract.role != node::Role::transform && stage.placement != Placement::inline_)
    mistakes.add(place,
                 found +
                     "is not possible: what comes in and goes out passes the shard; expected "
                     "inline");
  else if (contract.inline_only && stage.placement != Placement::inline_)
    mistakes.add(place, found +
                            "is not possible: it uses what only the shard may touch; expected "
                            "inline");
  else if (contract.pool_only && stage.placement != Placement::pool)
    mistakes.add(place, found +
                            "is not possible: it may run long and would hold up every session; "
                            "expected pool");
}

void apply_capabilities(const DraftNode& node, Stage& stage) {
  stage.capabilities = node.contract().capabilities;
  stage.virtual_cost = node.contract().virtual_cost;
  if (!node.spec->capabilities) return;
  const manifest::CapabilitiesSpec& written = *node.spec->capabilities;
  if (written.parallelizable) stage.capabilities.parallelizable = written.parallelizable->value;
  if (written.batch_aware) stage.capabilities.batch_aware = written.batch_aware->value;
  if (written.virtual_cost)
    stage.virtual_cost = {written.virtual_cost->first_us, written.virtual_cost->per_unit_us,
                          written.virtual_cost->per_session_us};
  if (written.avg_processing_us)
    stage.declared_average = std::chrono::microseconds(written.avg_processing_us->value);
}

void apply_commit(const DraftNode& node, Stage& stage, Diagnostics& mistakes) {
  const manifest::NodeSpec& spec = *node.spec;
  stage.commit = spec.commit ? spec.commit->value : node.contract().role == node::Role::sink;
  if (!spec.release) return;
  stage.release_speculative = spec.release->value == manifest::Release::speculative;
  if (!stage.commit)
    mistakes.add(spec.release->place, node.called() +
                                          ": 'release' acts only at a commit boundary: "
                                          "expected a sink, or commit: true beside it");
}

void note_unapplied(const DraftNode& node, std::vector<std::string>& notes) {
  const manifest::NodeSpec& spec = *node.spec;
  if (spec.queue && node.contract().role == node::Role::source)
    notes.push_back(spec.id + ": queue is not applied: no edge leads into a source");
}

bool can_merge(media::PacketKind kind) {
  return kind == media::PacketKind::text || kind == media::PacketKind::audio;
}

OverflowPolicy queue_policy(const Edge& edge, const DraftNode& to, Diagnostics& mistakes) {
  const auto& queue = to.spec->queue;
  const node::PortDecl& port = to.contract().inputs[edge.to_port];
  const bool written = queue && queue->policy;
  const OverflowPolicy policy =
      written ? policy_of(queue->policy->value) : to.contract().capabilities.overflow;
  if (policy == OverflowPolicy::merge_on_overflow && !can_merge(port.kind)) {
    // A type's default speaks for its main input; only what the author wrote can be a mistake.
    if (written)
      mistakes.add(queue->policy->place,
                   to.called() + ": policy merge_on_overflow joins text or audio, but input '" +
                       std::string(port.name) + "' takes " + std::string(media::name(port.kind)));
    return OverflowPolicy::drop_oldest;
  }
  // What closes a loop must never hold up the stage that feeds it.
  return edge.feedback ? OverflowPolicy::drop_oldest : policy;
}

}  // namespace

void apply_settings(DraftNode& node, const node::Registry& registry,
                    std::vector<std::string>& notes, Diagnostics& mistakes) {
  apply_placement(node, node.stage, mistakes);
  apply_capabilities(node, node.stage);
  apply_commit(node, node.stage, mistakes);
  apply_batching(node, registry, notes, mistakes);
  note_unapplied(node, notes);
}

const manifest::Place& capacity_place(const manifest::NodeSpec& node) {
  if (!node.queue) return node.place;
  return node.queue->capacity ? node.queue->capacity->place : node.queue->place;
}

QueueConfig queue_of(const Edge& edge, const DraftNode& from, const DraftNode& to,
                     Diagnostics& mistakes) {
  QueueConfig config;
  config.capacity = to.contract().capabilities.queue_capacity;
  config.policy = queue_policy(edge, to, mistakes);
  if (const auto& queue = to.spec->queue) {
    // The manifest layer bounds each of them.
    if (queue->capacity) config.capacity = static_cast<std::uint32_t>(queue->capacity->value);
    if (queue->max_bytes) config.max_bytes = static_cast<std::uint64_t>(queue->max_bytes->value);
    if (queue->max_age_ms) config.max_age = std::chrono::milliseconds(queue->max_age_ms->value);
  }
  const std::uint32_t least = from.contract().max_outputs;
  if (config.policy == OverflowPolicy::block && config.capacity < least)
    mistakes.add(capacity_place(*to.spec),
                 to.called() + ": queue capacity " + std::to_string(config.capacity) +
                     " with policy block never has room for what one call of '" + from.spec->id +
                     "' can give: expected " + std::to_string(least) + " or more");
  return config;
}

}  // namespace millrace::graph::detail
