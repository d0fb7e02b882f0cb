#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "millrace/base/clock.hpp"
#include "millrace/base/result.hpp"
#include "millrace/engine/admission_control.hpp"
#include "millrace/engine/open_session.hpp"
#include "millrace/engine/shard.hpp"
#include "millrace/engine/worker_pool.hpp"
#include "millrace/rt/doorbell.hpp"
#include "millrace/rt/mutex.hpp"
#include "millrace/rt/platform/thread_clock.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::engine {

class Engine;

/// The host's end of one session. Destroying it closes the session.
///   threads  push(), end_input(): one thread; next_output(), next_event(): one thread; control():
///            any; they may be different threads
///   full     push() refuses, and the host decides; outputs that nobody takes hold the sink back
class SessionHandle {
 public:
  ~SessionHandle();
  SessionHandle(const SessionHandle&) = delete;
  SessionHandle& operator=(const SessionHandle&) = delete;

  /// Hands one packet to source stage `stage`. packet.due says when it was due (for latencies).
  /// False when the inbox is full: nothing was taken.
  [[nodiscard]] bool push(std::uint32_t stage, media::Packet&& packet) noexcept;
  /// No more packets will come for source `stage`. False when the inbox is full.
  [[nodiscard]] bool end_input(std::uint32_t stage) noexcept;
  [[nodiscard]] bool next_output(OutputPacket& output) noexcept;
  [[nodiscard]] bool next_event(Event& event) noexcept;
  /// Sends a control message; what became of it comes as an event. False: overloaded, nothing was
  /// sent. Cancels, confirms and interrupts wait up to a second for room; the others never wait.
  [[nodiscard]] bool control(media::Control control) noexcept;
  /// Every sink has let out its last packet (it may still be in next_output()).
  [[nodiscard]] bool ended() const noexcept;

  [[nodiscard]] const std::string& name() const noexcept { return session_->name; }
  [[nodiscard]] std::uint64_t number() const noexcept { return session_->number; }
  /// Instant, on the engine's clock, at which the session opened.
  [[nodiscard]] base::Instant opened() const noexcept { return session_->opened; }
  /// Memory for payloads that push() takes.
  [[nodiscard]] rt::PayloadPool& payloads() noexcept { return *session_->shared->payloads; }
  /// Packets refused by push().
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  /// What was guessed, taken back and wasted. Only after close().
  [[nodiscard]] const policy::BudgetCounters& budget() const noexcept {
    return session_->budget.counters();
  }
  /// Events that found their ring full. Only after close().
  [[nodiscard]] std::uint64_t events_lost() const noexcept { return session_->events_lost; }
  /// What became of every packet of edge `edge` (by index in the plan). Only after close().
  [[nodiscard]] const EdgeQueue& queue(std::size_t edge) const { return session_->queues[edge]; }
  /// Ends the session now, whatever is under way. Bounded in time, also with a node that hangs.
  void close() noexcept;

 private:
  friend class Engine;
  SessionHandle(Engine& engine, std::unique_ptr<SessionState> session, std::size_t shard);

  Engine& engine_;
  std::unique_ptr<SessionState> session_;
  std::size_t shard_;
  std::uint64_t refused_ = 0;
  bool closed_ = false;
};

/// Runs a plan in real time: shard threads and a worker pool.
///   threads  start(), open(), stop(): control
///   load     a thread of its own ("housekeeping") reads the CPU clocks of the other threads every
///            250 ms: no shard makes a system call for it, and what open() asks is never older
///   stop     sessions first (their handles), then the shards, then the workers; a worker that
///   hangs
///            in a node is abandoned after two seconds
class Engine {
 public:
  struct Totals {
    std::uint64_t wake_ups = 0;
    Shard::Stats shards;
    std::uint32_t abandoned_workers = 0;
    std::uint64_t sessions_refused = 0;     ///< max_sessions were open
    std::uint64_t sessions_unadmitted = 0;  ///< they would have broken those that were open
  };
  using LoadSource = std::function<LoadReading()>;

  /// With a `load`, that is asked instead of the clocks of the threads, and only by observe_load().
  /// With a `tape`, which outlives the engine, the run is recorded: the engine makes a tape for
  /// each shard.
  [[nodiscard]] static base::Result<std::unique_ptr<Engine>> start(
      std::shared_ptr<const graph::Plan> plan, RunTape* tape = nullptr, LoadSource load = {});
  ~Engine();

  /// Opens a session. overloaded: the plan's max_sessions are open, or one more would break them;
  /// then the error's retry_after_ms says when to ask again.
  [[nodiscard]] base::Result<std::unique_ptr<SessionHandle>> open(std::string name);

  [[nodiscard]] const graph::Plan& plan() const noexcept { return *plan_; }
  [[nodiscard]] const base::Clock& clock() const noexcept { return timing_->clock; }
  [[nodiscard]] std::size_t shards() const noexcept { return shards_.size(); }
  [[nodiscard]] const Shard& shard(std::size_t i) const noexcept { return *shards_[i]->shard; }
  [[nodiscard]] Totals totals() const noexcept;
  [[nodiscard]] std::size_t open_sessions() const noexcept {
    return open_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] rt::PayloadPool& payloads() noexcept { return *payloads_; }
  /// What admission has measured.
  [[nodiscard]] AdmissionControl::Figures load() const { return admission_->figures(); }
  /// Measures now. For whoever gave a load source; without one the engine does it.
  void observe_load() { admission_->observe(load_source_()); }

 private:
  friend class SessionHandle;
  struct ShardThread {
    std::unique_ptr<Shard> shard;
    std::thread thread;
    std::atomic<std::size_t> sessions{0};
  };
  /// What a worker that outlives the engine still reads.
  struct Timing {
    base::RealClock clock;
    std::vector<StageEngine> engines;
  };
  Engine() = default;
  void run_shard(ShardThread& self, std::size_t index) noexcept;
  [[nodiscard]] base::Result<std::unique_ptr<SessionHandle>> open_admitted(std::string name);
  [[nodiscard]] LoadReading read_load() const;
  base::Result<void> start_housekeeping(LoadSource load);

  std::shared_ptr<const graph::Plan> plan_;  // shared: with stages, and workers that hang
  /// Sessions may be opened from several threads.
  rt::Mutex provision_mutex_;
  Provision provision_ MR_GUARDED_BY(provision_mutex_);
  std::shared_ptr<rt::PayloadPool> payloads_;  // shared: payloads outlive sessions
  std::shared_ptr<Timing> timing_;             // shared: with workers that hang
  std::shared_ptr<JobTapes> job_tapes_;        // shared: with workers that hang
  std::unique_ptr<WorkerPool> pool_;
  std::vector<std::unique_ptr<ShardThread>> shards_;
  std::vector<std::shared_ptr<ShardStages>> stages_;  // shared: with the shards
  std::unique_ptr<AdmissionControl> admission_;
  LoadSource load_source_;
  std::vector<rt::ThreadClock> shard_clocks_;
  std::vector<rt::ThreadClock> pool_clocks_;
  rt::Thread housekeeping_;
  rt::Doorbell housekeeping_bell_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::size_t> open_{0};
  std::atomic<std::uint64_t> next_number_{1};
};

}  // namespace millrace::engine
