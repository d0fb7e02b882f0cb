#include "millrace/engine/session_state.hpp"

namespace millrace::engine {

namespace {
// A second and a half of 20 ms blocks: a host that is late by more than that is told so.
constexpr std::size_t kInbox = 64;
constexpr std::size_t kOutbox = 128;
constexpr std::size_t kEvents = 512;
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
  for (const graph::Edge& edge : from.edges) queues.emplace_back(edge.queue);
  reported_drops.resize(from.edges.size());
  controls.reserve(kMaxControls);
  control_origins.reserve(kMaxControls);
  sinks_open = static_cast<std::uint32_t>(from.sinks.size());
}

}  // namespace millrace::engine
