#include "millrace/engine/open_session.hpp"

#include <algorithm>
#include <utility>

namespace millrace::engine {

namespace {

/// What must outlive a worker that hangs in a node of the session.
struct KeepAlive {
  std::shared_ptr<ShardStages> stages;
  std::shared_ptr<rt::PayloadPool> payloads;
  std::shared_ptr<const void> clock_and_engines;
};

// Blocks a session brings to the pool when it opens, by size: what its queues can hold at once in
// ordinary running, so that the first onset allocates nothing. A gate cuts audio at window ends, so
// half of what it holds back is under 1 KiB.
struct Gift {
  std::size_t size_bytes;
  std::size_t count;
};
constexpr Gift kGifts[] = {{64, 16}, {256, 24}, {1 << 10, 48}, {4 << 10, 48}, {16 << 10, 4}};

}  // namespace

base::Result<std::shared_ptr<ShardStages>> make_stages(std::shared_ptr<const graph::Plan> plan) {
  auto stages = std::make_shared<ShardStages>();
  stages->plan = std::move(plan);
  for (const graph::Stage& stage : stages->plan->stages) {
    auto node = stage.type->create(stage.config());
    if (!node) return std::unexpected(std::move(node.error()));
    stages->nodes.push_back(std::move(*node));
  }
  return stages;
}

std::vector<StageEngine> make_engines(const graph::Plan& plan) {
  std::vector<StageEngine> engines;
  for (const graph::Stage& stage : plan.stages)
    engines.push_back({.stage = stage.index, .parallelizable = stage.capabilities.parallelizable});
  return engines;
}

base::Result<void> Provision::cover(rt::PayloadPool& payloads, std::size_t sessions) {
  if (sessions <= covered_) return {};
  // Grown by at least as much again: a pool can be grown only so many times.
  const std::size_t more = std::max({sessions - covered_, covered_, kLeastSessions});
  for (const Gift& gift : kGifts) {
    auto given = payloads.reserve(gift.size_bytes, gift.count * more);
    if (!given) return given;
  }
  covered_ += more;
  return {};
}

base::Result<std::unique_ptr<SessionState>> make_session(const SessionMaking& making) {
  const graph::Plan& plan = *making.stages->plan;
  auto session = std::make_unique<SessionState>(plan);
  session->name = making.name;
  session->number = making.number;
  session->opened = making.clock->now();
  session->shared->payloads = making.payloads.get();
  session->shared->bell = making.bell;
  session->shared->keep_alive =
      std::make_shared<KeepAlive>(KeepAlive{making.stages, making.payloads, making.keep_alive});
  const node::SessionInfo info{.session = session->name,
                               .seed = static_cast<std::uint64_t>(plan.executor.seed)};
  for (const graph::Stage& stage : plan.stages) {
    auto node = making.stages->nodes[stage.index]->open_session(info);
    if (!node) return std::unexpected(std::move(node.error()));
    Slot& slot = session->slots[stage.index];
    if (stage.placement == node::Placement::pool) {
      slot.lane = std::make_shared<Lane>(
          std::move(*node), session->shared, making.engines[stage.index], stage.virtual_cost,
          *making.clock, making.time, making.stages->nodes[stage.index].get());
      if (stage.batching) slot.lane->set_merge(stage.batching->custom);
      if (making.tapes != nullptr)
        slot.lane->set_tape(std::make_unique<JobTape>(
            making.time == Lane::Time::real ? JobTape::Mode::record : JobTape::Mode::play,
            making.tapes, session->number, stage.index));
    } else {
      slot.node = std::move(*node);
      if (const auto pacing = making.stages->nodes[stage.index]->pacing())
        slot.player.emplace(*pacing);
    }
  }
  return session;
}

}  // namespace millrace::engine
