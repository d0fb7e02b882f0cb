#include "millrace/engine/worker_pool.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/rt/platform/this_thread.hpp"

namespace millrace::engine {

struct WorkerPool::Worker {
  rt::Doorbell bell;
  /// Written by the worker (true before it waits) and by whoever wakes it (false); seq_cst on both
  /// sides, so that either the poster sees an idle worker or the worker sees the post.
  std::atomic<bool> idle{false};
  std::atomic<bool> ended{false};
};

struct WorkerPool::Core {
  Core(std::uint32_t threads, std::size_t max_lanes) : posted(max_lanes), workers(threads) {}

  /// Best job that may start now; null when there is none. Takes in what was posted first.
  std::shared_ptr<Lane> take() MR_REQUIRES(mutex);

  struct Ready {
    std::shared_ptr<Lane> lane;
    base::Instant deadline;
    std::uint64_t order = 0;
  };

  rt::MpscRing<std::shared_ptr<Lane>> posted;
  std::vector<Worker> workers;
  std::atomic<bool> stopping{false};
  /// Among workers only; shards never take it.
  rt::Mutex mutex;
  std::vector<Ready> ready MR_GUARDED_BY(mutex);
  std::uint64_t next_order MR_GUARDED_BY(mutex) = 0;
};

std::shared_ptr<Lane> WorkerPool::Core::take() {
  std::shared_ptr<Lane> lane;
  while (posted.try_pop(lane)) {
    const base::Instant deadline = lane->deadline();
    ready.push_back({std::move(lane), deadline, next_order++});
  }
  auto best = ready.end();
  for (auto it = ready.begin(); it != ready.end(); ++it) {
    const StageEngine& engine = it->lane->engine();
    if (!engine.parallelizable && engine.running > 0) continue;
    const bool sooner = best == ready.end() || it->deadline < best->deadline ||
                        (it->deadline == best->deadline && it->order < best->order);
    if (sooner) best = it;
  }
  if (best == ready.end()) return nullptr;
  lane = std::move(best->lane);
  ready.erase(best);
  ++lane->engine().running;
  return lane;
}

base::Result<std::unique_ptr<WorkerPool>> WorkerPool::start(std::uint32_t threads,
                                                            std::size_t max_lanes) {
  MR_CHECK(threads > 0, "a worker pool has at least one thread");
  std::unique_ptr<WorkerPool> pool(new WorkerPool());
  pool->core_ = std::make_shared<Core>(threads, max_lanes + threads);
  pool->core_->ready.reserve(max_lanes + threads);
  try {
    for (std::uint32_t i = 0; i < threads; ++i)
      pool->threads_.emplace_back([core = pool->core_, i] {
        rt::platform::name_this_thread("pool-" + std::to_string(i));
        work(core, i);
      });
  } catch (const std::exception& error) {
    pool->stop(std::chrono::seconds(1));
    return base::fail(base::Code::unavailable,
                      std::string("no thread for the worker pool: ") + error.what());
  }
  return pool;
}

WorkerPool::~WorkerPool() {
  stop(std::chrono::seconds(2));
}

void WorkerPool::post(std::shared_ptr<Lane> lane) noexcept {
  const bool taken = core_->posted.try_push(std::move(lane));
  MR_CHECK(taken, "each lane has at most one job posted, and the ring has room for all lanes");
  for (Worker& worker : core_->workers) {
    if (worker.idle.exchange(false, std::memory_order_seq_cst)) {
      worker.bell.ring();
      return;
    }
  }
}

void WorkerPool::work(const std::shared_ptr<Core>& core, std::size_t index) noexcept {
  Worker& self = core->workers[index];
  while (!core->stopping.load(std::memory_order_acquire)) {
    std::shared_ptr<Lane> lane;
    {
      const rt::MutexLock lock(core->mutex);
      lane = core->take();
    }
    if (lane == nullptr) {
      self.idle.store(true, std::memory_order_seq_cst);
      {
        const rt::MutexLock lock(core->mutex);
        lane = core->take();
      }
      if (lane == nullptr) {
        self.bell.wait_for(std::chrono::milliseconds(100));
        self.idle.store(false, std::memory_order_seq_cst);
        continue;
      }
      self.idle.store(false, std::memory_order_seq_cst);
    }
    lane->run(base::Instant{});
    bool more = false;
    {
      const rt::MutexLock lock(core->mutex);
      --lane->engine().running;
      more = !core->ready.empty();
    }
    // A stage that was held back while this call ran may start on a worker that sleeps.
    if (more)
      for (Worker& worker : core->workers)
        if (worker.idle.exchange(false, std::memory_order_seq_cst)) {
          worker.bell.ring();
          break;
        }
  }
  self.ended.store(true, std::memory_order_release);
}

std::vector<rt::ThreadClock> WorkerPool::clocks() {
  std::vector<rt::ThreadClock> clocks;
  for (std::thread& thread : threads_) clocks.emplace_back(thread.native_handle());
  return clocks;
}

std::uint32_t WorkerPool::stop(base::Duration patience) noexcept {
  core_->stopping.store(true, std::memory_order_release);
  for (Worker& worker : core_->workers) worker.bell.ring();
  const auto until = std::chrono::steady_clock::now() + patience;
  std::uint32_t abandoned = 0;
  for (std::size_t i = 0; i < threads_.size(); ++i) {
    Worker& worker = core_->workers[i];
    while (!worker.ended.load(std::memory_order_acquire) &&
           std::chrono::steady_clock::now() < until) {
      worker.bell.ring();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (worker.ended.load(std::memory_order_acquire)) {
      threads_[i].join();
    } else {
      threads_[i].detach();
      ++abandoned;
    }
  }
  threads_.clear();
  return abandoned;
}

}  // namespace millrace::engine
