#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "millrace/base/clock.hpp"
#include "millrace/base/inline_vector.hpp"
#include "millrace/engine/job_tape.hpp"
#include "millrace/engine/wake_bell.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/node/merge.hpp"
#include "millrace/node/node.hpp"
#include "millrace/policy/speculation_ledger.hpp"
#include "millrace/rt/doorbell.hpp"
#include "millrace/rt/payload_pool.hpp"
#include "millrace/rt/spsc_ring.hpp"

namespace millrace::engine {

/// What of a session a pool worker reads, and what must live as long as a worker is busy with it.
struct SessionShared {
  policy::SpeculationLedger ledger;
  rt::PayloadPool* payloads = nullptr;
  std::shared_ptr<WakeBell> bell;  // shared: with the shard, which a hung worker may outlive
  /// Set by the shard when the session closes; read by workers: nothing is of use any more.
  std::atomic<bool> closed{false};
  /// shared: the plan's models and the payload pool outlive a worker that is still busy.
  std::shared_ptr<const void> keep_alive;
};

/// The engine behind a pool stage, over all sessions of the process: how many calls it takes at
/// once.
struct StageEngine {
  std::uint32_t stage = 0;
  bool parallelizable = true;
  std::uint32_t running = 0;  ///< guarded by the executor that runs its lanes
};

/// What comes back from a pool worker.
struct LaneResult {
  enum class What : std::uint8_t { packet, control, failed, merge_failed, job_done };
  What what = What::packet;
  std::uint8_t port = 0;
  base::Instant started{};     ///< when the work on the input that gave it began
  base::Instant at{};          ///< when it may be used: its own instant, or its virtual one
  std::uint32_t deferred = 0;  ///< job_done: calls of the job that were run together
  std::uint32_t inputs = 0;    ///< merge_failed: that stay separate
  media::Packet packet;        ///< packet: the output or a marker; failed: the text in the payload
  media::Control control;
};

/// One session's work in one pool stage: a job at a time, in order, its results coming back through
/// a bounded ring. Jobs of several sessions can be posted as one: what their calls defer is then
/// done together, and each gets its results as soon as they are there.
///   threads  "shard" functions: the session's shard; run(): one worker at a time
///   full     a worker that finds the ring of results full waits for room, or for the withdrawal of
///            its work; control messages that find their ring full are refused (the ledger has
///            what matters)
class Lane {
 public:
  static constexpr std::size_t kMaxJobPackets = 32;
  static constexpr std::size_t kResults = 64;
  static constexpr std::size_t kControls = 32;
  static constexpr std::size_t kMostTogether = 16;  ///< jobs that are posted as one

  enum class Time : std::uint8_t { real, virtual_ };
  /// Whether a job is to be worked on, or came too late: its calls are told to give up, and what
  /// they pass on goes its way.
  enum class Fate : std::uint8_t { run, expired };

  /// `stage` runs what the calls of `node` defer; null where they do not. The session's keep_alive
  /// holds it.
  Lane(std::unique_ptr<node::SessionNode> node, std::shared_ptr<SessionShared> session,
       StageEngine& engine, node::VirtualCost cost, const base::Clock& clock, Time time,
       node::StageNode* stage = nullptr);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// Before the first job: what its jobs are told goes to the tape, or comes from it.
  void set_tape(std::unique_ptr<JobTape> tape) noexcept { tape_ = std::move(tape); }

  /// Before the first job: inputs that hang on the same become one by `merge`, on the worker, in
  /// front of the node. The session's keep_alive does not hold it: it lives as long as the process.
  void set_merge(const node::MergeType* merge) noexcept { merge_ = merge; }

  // Shard ---------------------------------------------------------------------------------------
  [[nodiscard]] bool idle() const noexcept { return !in_flight_; }
  /// The packets of the next job, to be filled while idle().
  [[nodiscard]] std::vector<media::Packet>& job() noexcept { return job_; }
  /// Marks the job as posted; the executor runs it.
  void start(bool timer, base::Instant deadline, Fate fate = Fate::run) noexcept;
  /// The job of `other`, a lane of the same stage and shard that was started too, is to run with
  /// the one of this lane, which alone is posted. At most kMostTogether - 1 of them.
  void run_with(std::shared_ptr<Lane> other) noexcept;
  [[nodiscard]] bool post_control(const media::Control& control) noexcept;
  /// Next result that is due at `now`.
  [[nodiscard]] bool pop_result(LaneResult& result, base::Instant now) noexcept;
  [[nodiscard]] bool has_controls() const noexcept { return controls_.size() > 0; }
  /// The instant of the node's timer; the latest possible one when none is set.
  [[nodiscard]] base::Instant timer() const noexcept {
    return {base::Duration{timer_ns_.load(std::memory_order_acquire)}};
  }

  // Worker --------------------------------------------------------------------------------------
  /// Does the posted job, and those that run with it. Under virtual time they began at `start`;
  /// answers when all are over.
  base::Instant run(base::Instant start) noexcept;
  /// The lanes whose jobs run with this one's.
  [[nodiscard]] std::span<const std::shared_ptr<Lane>> others() const noexcept {
    return {others_.data(), others_count_};
  }
  /// Instants at which results of the last run() become due (virtual time).
  [[nodiscard]] const std::deque<LaneResult>& virtual_results() const noexcept {
    return virtual_results_;
  }

  [[nodiscard]] StageEngine& engine() noexcept { return engine_; }
  /// Null when nothing is recorded or played.
  [[nodiscard]] const JobTape* tape() const noexcept { return tape_.get(); }
  [[nodiscard]] base::Instant deadline() const noexcept { return deadline_; }
  [[nodiscard]] bool virtual_time() const noexcept { return time_ == Time::virtual_; }
  /// Results thrown away because what they hung on was withdrawn before they were handed over.
  [[nodiscard]] std::uint64_t discarded() const noexcept {
    return discarded_.load(std::memory_order_relaxed);
  }

 private:
  class WorkerContext;
  class Job;
  using Jobs = base::InlineVector<Job*, kMostTogether>;

  /// Does them all, together where their calls defer.
  void run_all(Jobs open) noexcept;
  void hand_over(LaneResult&& result, const media::Lineage& hangs_on) noexcept;
  /// True: the result is for the shard. False: its work was withdrawn.
  bool hand_over_now(LaneResult& result, const media::Lineage& hangs_on) noexcept;
  void hand_over_later(LaneResult&& result) noexcept;
  /// The answer to a question of the job, as it is or as it was.
  template <class T>
  [[nodiscard]] T told(JobTape::Asked asked, T actual) const noexcept {
    return tape_ == nullptr ? actual : tape_->answer(asked, actual);
  }

  std::unique_ptr<node::SessionNode> node_;
  std::shared_ptr<SessionShared> session_;  // shared: a hung worker may outlive the session
  StageEngine& engine_;
  node::VirtualCost cost_;
  const base::Clock& clock_;
  Time time_;
  node::StageNode* stage_;
  const node::MergeType* merge_ = nullptr;

  bool in_flight_ = false;  ///< shard
  bool timer_due_ = false;  ///< written by the shard before the post, read by the worker
  Fate fate_ = Fate::run;   ///< likewise
  base::Instant deadline_ = media::kNoDeadline;
  std::vector<media::Packet> job_;  ///< the shard's while idle, the worker's while in flight
  /// shared: as their slots; the shard's while idle, the worker's while in flight
  std::array<std::shared_ptr<Lane>, kMostTogether - 1> others_;
  std::size_t others_count_ = 0;
  rt::SpscRing<media::Control> controls_{kControls};
  rt::SpscRing<LaneResult> results_{kResults};
  std::deque<LaneResult> virtual_results_;
  rt::Doorbell room_;  ///< rung by the shard when it took a result that a worker may wait for
  /// Written by the worker while it waits for room, read by the shard after each pop.
  std::atomic<bool> waiting_for_room_{false};
  /// Written by the worker (set_timer) and the shard (taken), read by the shard.
  std::atomic<std::int64_t> timer_ns_{base::Duration::max().count()};
  std::atomic<std::uint64_t> discarded_{0};

  std::unique_ptr<JobTape> tape_;  ///< the worker's while in flight

  base::Instant virtual_start_{};
  std::uint64_t virtual_units_ = 0;
  std::int64_t virtual_more_us_ = 0;  ///< for the sessions it runs with
};

/// Runs lanes that have a job. An implementation keeps at most one call of a stage that is not
/// parallelizable in flight.
class LaneExecutor {
 public:
  virtual ~LaneExecutor() = default;
  ///   threads  shards; never blocks or allocates
  virtual void post(std::shared_ptr<Lane> lane) noexcept = 0;
};

/// The control message that a marker in the data stands for.
[[nodiscard]] media::Control control_of(const media::Packet& marker) noexcept;

}  // namespace millrace::engine
