#include "millrace/engine/virtual_pool.hpp"

#include <algorithm>
#include <utility>

namespace millrace::engine {

using base::Instant;

VirtualPool::VirtualPool(std::uint32_t workers) : workers_(std::max(1U, workers)) {}

void VirtualPool::post(std::shared_ptr<Lane> lane) noexcept {
  ready_.push_back(std::move(lane));
}

void VirtualPool::release(Instant now) noexcept {
  for (Running& worker : workers_) {
    if (worker.engine == nullptr || worker.until > now) continue;
    --worker.engine->running;
    worker.engine = nullptr;
  }
}

std::deque<std::shared_ptr<Lane>>::iterator VirtualPool::best() noexcept {
  auto best = ready_.end();
  for (auto lane = ready_.begin(); lane != ready_.end(); ++lane) {
    const StageEngine& engine = (*lane)->engine();
    if (!engine.parallelizable && engine.running > 0) continue;
    if (best == ready_.end() || (*lane)->deadline() < (*best)->deadline()) best = lane;
  }
  return best;
}

bool VirtualPool::run_due(Instant now) noexcept {
  release(now);
  bool any = false;
  for (;;) {
    const auto free =
        std::find_if(workers_.begin(), workers_.end(), [](const Running& w) { return !w.engine; });
    const auto lane = best();
    if (free == workers_.end() || lane == ready_.end()) return any;
    const std::shared_ptr<Lane> chosen = std::move(*lane);
    ready_.erase(lane);
    any = true;
    StageEngine& engine = chosen->engine();
    ++engine.running;
    free->engine = &engine;
    std::vector<std::shared_ptr<Lane>> lanes(chosen->others().begin(), chosen->others().end());
    lanes.push_back(chosen);
    free->until = chosen->run(now);
    for (const std::shared_ptr<Lane>& done : lanes) note_due(*done);
    // A job that gave nothing took no time: its worker is free for the next one at once.
    if (free->until <= now) release(now);
  }
}

void VirtualPool::note_due(const Lane& lane) {
  std::int64_t last = -1;
  for (const LaneResult& result : lane.virtual_results()) {
    const std::int64_t at = result.at.since_start.count();
    if (at != last) due_.push(at);
    last = at;
  }
}

Instant VirtualPool::next(Instant now) noexcept {
  while (!due_.empty() && due_.top() <= now.since_start.count()) due_.pop();
  Instant earliest{base::Duration::max()};
  if (!due_.empty()) earliest = {base::Duration{due_.top()}};
  if (!ready_.empty()) {
    for (const Running& worker : workers_)
      if (worker.engine != nullptr) earliest = std::min(earliest, worker.until);
  }
  return earliest;
}

}  // namespace millrace::engine
