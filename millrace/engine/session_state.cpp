#include "millrace/engine/session_state.hpp"

#include <algorithm>

namespace millrace::engine {

namespace {
// A second and a half of 20 ms blocks: a host that is late by more than that is told so.
constexpr std::size_t kInbox = 64;
constexpr std::size_t kOutbox = 128;
constexpr std::size_t kEvents = 512;

/// Whether copies of one marker meet at `stage` or behind it.
bool markers_meet(const graph::Plan& plan, std::uint32_t stage) {
  const auto joins = [&](std::uint32_t at) {
    const auto& edges = plan.stages[at].in_edges;
    return std::count_if(edges.begin(), edges.end(),
                         [&](std::uint32_t e) { return !plan.edges[e].feedback; }) > 1;
  };
  const auto& downstream = plan.stages[stage].downstream;
  return joins(stage) || std::any_of(downstream.begin(), downstream.end(), joins);
}

/// How a full queue in front of `stage` joins: as the batching wrapper there would. A custom merge
/// is foreign code, which has no place on the shard. Where the manifest names no strategy, text and
/// audio without a gap are joined.
std::optional<JoinRules> joins_in_front(const graph::Stage& stage) {
  if (!stage.batching) return JoinRules{};
  const manifest::MergeStrategySpec& merge = stage.batching->merge;
  switch (merge.kind) {
    case manifest::MergeKind::concatenate_text: return JoinRules{.separator = merge.separator};
    case manifest::MergeKind::concatenate_audio:
      return JoinRules{.max_gap = std::chrono::milliseconds(merge.max_gap_ms)};
    case manifest::MergeKind::keep_separate:
      if (stage.batching->merge_named) return std::nullopt;
      return JoinRules{};
    case manifest::MergeKind::custom: return std::nullopt;
  }
  return std::nullopt;
}
}  // namespace

SessionState::SessionState(const graph::Plan& from)
    : plan(&from),
      shared(std::make_shared<SessionShared>()),
      inbox(kInbox),
      outbox(kOutbox),
      events(kEvents),
      slots(from.stages.size()),
      budget({.max_turns_per_minute =
                  static_cast<std::uint32_t>(from.speculation.max_speculative_turns_per_minute),
              .max_wasted_ms_per_minute =
                  static_cast<std::uint32_t>(from.speculation.max_wasted_ms_per_minute)}) {
  queues.reserve(from.edges.size());
  for (const graph::Edge& edge : from.edges)
    queues.emplace_back(edge.queue, !markers_meet(from, edge.to),
                        joins_in_front(from.stages[edge.to]));
  reported_drops.resize(from.edges.size());
  reported_merged.resize(from.edges.size());
  controls.reserve(kMaxControls);
  control_origins.reserve(kMaxControls);
  sinks_open = static_cast<std::uint32_t>(from.sinks.size());
}

}  // namespace millrace::engine
