#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "millrace/base/clock.hpp"
#include "millrace/engine/batch_stage.hpp"
#include "millrace/engine/deadline_watch.hpp"
#include "millrace/engine/foreign_control.hpp"
#include "millrace/engine/lane.hpp"
#include "millrace/engine/session_state.hpp"
#include "millrace/engine/stage_context.hpp"
#include "millrace/engine/tape.hpp"
#include "millrace/engine/wake_bell.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/metrics/histogram.hpp"
#include "millrace/metrics/node_stats.hpp"
#include "millrace/rt/mpsc_ring.hpp"
#include "millrace/rt/payload_pool.hpp"

namespace millrace::engine {

/// The stages of a plan as one shard runs them: models and scratch memory shared by its sessions.
struct ShardStages {
  std::shared_ptr<const graph::Plan> plan;  // shared: by all shards and by hung workers
  std::vector<std::unique_ptr<node::StageNode>> nodes;
};

/// Messages that change the ledger; what they say must not get lost.
[[nodiscard]] constexpr bool changes_ledger(media::ControlType type) noexcept {
  return type == media::ControlType::cancel_speculation ||
         type == media::ControlType::confirm_speculation || type == media::ControlType::interrupt;
}

/// A session coming to a shard or going from it.
struct ShardCommand {
  enum class What : std::uint8_t { adopt, release };
  What what = What::adopt;
  SessionState* session = nullptr;
};

class TapePlayer;

/// A thread's worth of sessions: every tick it takes what arrived and walks the plan's stages once,
/// over all its sessions; no hop between threads, no lock and no allocation on the way. The same
/// object runs under the real clock (Engine) and the virtual one (VirtualRunner).
///   threads  "host" functions: any; "shard" functions: the thread that runs it
class Shard {
 public:
  struct Stats {
    std::uint64_t sweeps = 0;
    std::uint64_t inputs = 0;       ///< packets and markers taken from hosts
    std::uint64_t batch_calls = 0;  ///< calls of process_batch()
    std::uint64_t batch_works = 0;  ///< sessions in them
    std::uint64_t late = 0;         ///< decisions more than 20 ms past due
    std::uint64_t decisions = 0;
    std::uint64_t abandoned_lanes = 0;
    std::uint64_t controls_unknown = 0;  ///< for a session that is not here: dropped
    std::uint64_t controls_refused = 0;  ///< overloaded
  };

  Shard(std::shared_ptr<ShardStages> stages, std::span<StageEngine> engines,
        const base::Clock& clock, LaneExecutor& executor, std::size_t max_sessions);
  ~Shard();

  // Before its first step ------------------------------------------------------------------------
  /// Notes on `tape` whatever comes from outside; it outlives the shard.
  void record_on(ShardTape& tape) noexcept { tape_ = &tape; }
  /// Takes whatever comes from outside from `player`; it outlives the shard.
  void play_from(TapePlayer& player) noexcept { player_ = &player; }

  // Host ----------------------------------------------------------------------------------------
  /// Takes over a session made for this plan. False when the ring of commands is full.
  [[nodiscard]] bool adopt(SessionState* session) noexcept;
  /// Lets go of a session; it sets session->released when it has.
  [[nodiscard]] bool release(SessionState* session) noexcept;
  /// False: overloaded, and `foreign` may be posted again. Hints and custom messages get half of
  /// the ring and a bound in bytes; the other half is for what changes the ledger.
  [[nodiscard]] bool post_control(ForeignControl&& foreign) noexcept;
  /// The host gave up on a message that post_control() did not take.
  void count_refused_control() noexcept {
    controls_refused_.fetch_add(1, std::memory_order_relaxed);
  }
  [[nodiscard]] WakeBell& bell() noexcept { return *bell_; }
  [[nodiscard]] const WakeBell& bell() const noexcept { return *bell_; }
  /// For those who may outlive the shard.
  [[nodiscard]] std::shared_ptr<WakeBell> shared_bell() noexcept { return bell_; }

  // Shard ---------------------------------------------------------------------------------------
  /// One tick: control first, then every stage in order. True: there is more to do at the next one.
  bool sweep() noexcept;
  /// Control only: acts on the ledgers and at the sinks without waiting for the tick.
  void control_pass() noexcept;
  /// Earliest timer of any node or sink.
  [[nodiscard]] base::Instant next_timer() const noexcept { return next_timer_; }
  [[nodiscard]] std::size_t sessions() const noexcept { return sessions_.size(); }

  // Any thread, for reading ---------------------------------------------------------------------
  [[nodiscard]] const metrics::NodeStats& stats(std::size_t stage) const { return *stats_[stage]; }
  /// From the instant a frame was due to the gate's decision on the window it completed.
  [[nodiscard]] const metrics::Histogram& decision_latency() const noexcept { return decisions_; }
  /// How long sweeps took, and each stage in them: what a message may have to wait for.
  /// Nanoseconds.
  [[nodiscard]] const metrics::Histogram& sweep_times() const noexcept { return sweep_times_; }
  [[nodiscard]] const metrics::Histogram& stage_times(std::size_t stage) const {
    return *stage_times_[stage];
  }
  [[nodiscard]] Stats counters() const noexcept;

 private:
  friend class StageContext;

  /// One session's packets in the scratch memory of a stage's call.
  struct Gathered {
    SessionState* session = nullptr;
    std::size_t first = 0;
    std::size_t count = 0;
  };

  /// A session whose input of a stage ended in this round.
  struct Ending {
    SessionState* session = nullptr;
    media::Packet marker;
  };

  // shard.cpp
  void take_commands() noexcept;
  void forget(SessionState& session) noexcept;
  void take_foreign_controls() noexcept;
  void end_sweep(SessionState& session) noexcept;
  void forget_controls(SessionState& session) noexcept;

  // outside.cpp
  void begin_step(TapeEntry::What what) noexcept;
  void note(const TapeEntry& entry) noexcept {
    if (tape_ != nullptr) tape_->note(entry);
  }
  bool take_input(SessionState& session, std::uint32_t stage, InputPacket& input) noexcept;
  [[nodiscard]] bool foreign_waits() const noexcept;
  bool take_foreign(ForeignControl& foreign) noexcept;
  /// The next result of a pool stage goes into its slot.
  bool take_result(SessionState& session, std::uint32_t stage) noexcept;
  [[nodiscard]] bool posts_job(const SessionState& session, std::uint32_t stage,
                               bool natural) noexcept;
  [[nodiscard]] bool outbox_room(SessionState& session, const graph::Stage& stage) noexcept;
  /// What the guess that was withdrawn had cost goes to the budget.
  void settle_guess(SessionState& session) noexcept;
  void keep_event_room(SessionState& session) noexcept;

  // sweep.cpp
  bool sweep_inline(const graph::Stage& stage) noexcept;
  /// Something was taken from edge `e`: whoever waited for room there goes on at the next tick.
  void made_room(std::size_t e) noexcept;
  void gather(SessionState& session, const graph::Stage& stage) noexcept;
  void gather_source(SessionState& session, const graph::Stage& stage) noexcept;
  void call(const graph::Stage& stage) noexcept;
  bool take_markers(SessionState& session, const graph::Stage& stage) noexcept;
  /// Room behind `stage` for what one call or one marker can put there.
  [[nodiscard]] bool marker_room(const SessionState& session,
                                 const graph::Stage& stage) const noexcept;
  /// Whether `marker` can be taken in now: it waits where too many others wait for their like.
  [[nodiscard]] bool marker_may_come(const SessionState& session, const graph::Stage& stage,
                                     const media::Packet& marker) const noexcept;
  [[nodiscard]] std::uint32_t arrivals_expected(const graph::Stage& stage,
                                                const media::Packet& marker) const noexcept;
  /// The marker at the head of edge `e`.
  media::Packet pop_marker(SessionState& session, std::size_t e) noexcept;
  bool marker_complete(SessionState& session, const graph::Stage& stage,
                       const media::Packet& marker) noexcept;
  void end_together(const graph::Stage& stage) noexcept;
  void deliver_marker(SessionState& session, const graph::Stage& stage,
                      media::Packet&& marker) noexcept;
  void fire_timer(SessionState& session, const graph::Stage& stage) noexcept;
  [[nodiscard]] std::size_t inputs_allowed(const SessionState& session,
                                           const graph::Stage& stage) const noexcept;
  void route(SessionState& session, const graph::Stage& stage, std::size_t port,
             media::Packet&& packet) noexcept;
  void forward_marker(SessionState& session, const graph::Stage& stage,
                      const media::Packet& marker) noexcept;

  // pool_sweep.cpp
  bool sweep_pool(const graph::Stage& stage) noexcept;
  bool take_results(SessionState& session, const graph::Stage& stage) noexcept;
  void log_failed(SessionState& session, const graph::Stage& stage, media::Packet&& what) noexcept;
  void gather_job(SessionState& session, const graph::Stage& stage) noexcept;
  void post_job(SessionState& session, const graph::Stage& stage) noexcept;
  void send_job(SessionState& session, const graph::Stage& stage, bool natural,
                Lane::Fate fate) noexcept;
  void begin_job(SessionState& session, const graph::Stage& stage, Lane::Fate fate) noexcept;
  [[nodiscard]] static base::Instant deadline_of(std::span<const media::Packet> job) noexcept;
  [[nodiscard]] bool may_enter_job(const graph::Stage& stage,
                                   const media::Packet& packet) const noexcept;
  [[nodiscard]] bool room_for_result(const SessionState& session, const graph::Stage& stage,
                                     std::size_t port) const noexcept;

  // batch_sweep.cpp
  bool sweep_batched(const graph::Stage& stage) noexcept;
  void drop_dead_inputs(BatchStage& batch, const graph::Stage& stage) noexcept;
  void drop_input(SessionState& session, const graph::Stage& stage,
                  base::DropReason reason) noexcept;
  void gather_batch(BatchStage& batch, const graph::Stage& stage) noexcept;
  bool gather_input(BatchStage& batch, SessionState& session, const graph::Stage& stage) noexcept;
  void start_batch(BatchStage& batch, const graph::Stage& stage) noexcept;
  /// The inputs of a call as they went into the lane's job.
  struct Filled {
    std::size_t inputs = 0;
    std::size_t packets = 0;        ///< that they become; a custom merge joins them on the worker
    std::size_t kept_separate = 0;  ///< inputs that could not be joined to the one before
    base::Instant deadline = media::kNoDeadline;
  };
  [[nodiscard]] Filled fill_job(BatchStage& batch, SessionState& session,
                                const graph::Stage& stage) noexcept;
  void put_in_job(BatchStage& batch, SessionState& session, const graph::Stage& stage,
                  media::Packet&& packet, Filled& filled) noexcept;
  void log_batch(SessionState& session, const graph::Stage& stage, const Filled& filled) noexcept;
  void end_batch(SessionState& session, const graph::Stage& stage, const LaneResult& done) noexcept;
  void end_call(BatchStage& batch, const graph::Stage& stage, base::Duration took,
                std::size_t worked) noexcept;
  void forget_batched(SessionState& session) noexcept;

  // together_sweep.cpp
  bool sweep_together(const graph::Stage& stage) noexcept;
  void offer_job(BatchStage& batch, SessionState& session, const graph::Stage& stage) noexcept;
  bool drop_dead_packets(SessionState& session, const graph::Stage& stage) noexcept;
  [[nodiscard]] const media::Packet* what_defers(const SessionState& session,
                                                 const graph::Stage& stage) const noexcept;
  void start_together(BatchStage& batch, const graph::Stage& stage) noexcept;
  void expire_job(SessionState& session, const graph::Stage& stage,
                  base::DropReason reason) noexcept;
  void end_job(BatchStage& batch, const SessionState& session, const graph::Stage& stage,
               const LaneResult* done) noexcept;

  // deadline_sweep.cpp
  void watch_deadlines(BatchStage& batch, const graph::Stage& stage) noexcept;
  /// False: it was not told of yet.
  bool warn_of_deadline(SessionState& session, const graph::Stage& stage,
                        const media::Packet& packet, const policy::LateInput& late) noexcept;
  void give_up_waiting(BatchStage& batch, const graph::Stage& stage, std::uint64_t id,
                       policy::GiveUp action) noexcept;
  void give_up_in_call(SessionState& session, const graph::Stage& stage,
                       std::span<media::Packet> call, std::size_t inputs) noexcept;
  void tell_given_up(SessionState& session, const graph::Stage& stage, const media::Packet& packet,
                     policy::GiveUp action) noexcept;

  // egress.cpp
  bool sweep_sink(const graph::Stage& stage) noexcept;
  bool yield_held(SessionState& session, const graph::Stage& stage, std::uint32_t e) noexcept;
  bool sink_takes_one(SessionState& session, const graph::Stage& stage, std::uint32_t e) noexcept;
  void sink_process(SessionState& session, const graph::Stage& stage,
                    media::Packet& packet) noexcept;
  bool play(SessionState& session, const graph::Stage& stage) noexcept;
  void log_withheld(SessionState& session, const graph::Stage& stage,
                    const media::Packet& packet) noexcept;
  void let_out(SessionState& session, const graph::Stage& stage, media::Packet&& packet) noexcept;

  // control_lane.cpp
  void apply_foreign(SessionState& session, ForeignControl& foreign) noexcept;
  [[nodiscard]] ControlAnswer act_on(SessionState& session, media::Control& control) noexcept;
  /// Hints `batch_hint` to the wrapper it names, or to all that are upstream of `origin`.
  ControlAnswer apply_hint(const media::Control& hint, std::uint32_t origin) noexcept;
  void add_control(SessionState& session, std::uint32_t origin, media::Control control) noexcept;
  void deliver_controls(SessionState& session, const graph::Stage& stage) noexcept;
  void withdraw_queued(SessionState& session, std::uint32_t origin) noexcept;
  [[nodiscard]] ControlAnswer interrupt_from_outside(SessionState& session,
                                                     media::Control& control) noexcept;
  void flush_interrupted(SessionState& session, media::Control control) noexcept;
  [[nodiscard]] bool playing(const SessionState& session) const noexcept;
  void hold_playback(SessionState& session, bool paused) noexcept;
  void tell_budget(SessionState& session) noexcept;
  media::Control control_for(SessionState& session, media::ControlType type) noexcept;

  // turn_account.cpp
  void begin_account(SessionState& session, base::TurnId turn, base::Revision revision,
                     base::MediaTime at) noexcept;
  void account_work(SessionState& session, const graph::Stage& stage, const media::Lineage& lineage,
                    base::Instant started, base::Instant ended) noexcept;
  void account_output(SessionState& session, const media::Packet& packet) noexcept;

  void log(SessionState& session, Event event) noexcept;
  [[nodiscard]] base::Instant now() const noexcept { return now_; }
  [[nodiscard]] bool reaches(std::uint32_t from, std::uint32_t to) const noexcept;
  /// Whether a message of `type` that a node sent gets to `stage`.
  [[nodiscard]] bool concerns(media::ControlType type, std::uint32_t origin,
                              std::uint32_t stage) const noexcept;

  std::shared_ptr<ShardStages> stages_;  // shared: with workers that may hang
  const graph::Plan& plan_;
  std::span<StageEngine> engines_;
  const base::Clock& clock_;
  LaneExecutor& executor_;
  std::shared_ptr<WakeBell> bell_ = std::make_shared<WakeBell>();  // shared: rung by hung workers
  rt::MpscRing<ShardCommand> commands_;
  rt::MpscRing<ForeignControl> foreign_;
  /// Bytes of bodies in foreign_: added to by hosts before the push, taken from by the shard.
  std::atomic<std::size_t> foreign_bytes_{0};

  std::vector<SessionState*> sessions_;
  std::vector<std::unique_ptr<BatchStage>> batches_;  ///< by stage; null where nothing is batched
  std::vector<std::unique_ptr<DeadlineWatch>> watches_;  ///< likewise
  std::vector<std::unique_ptr<metrics::NodeStats>> stats_;
  metrics::Histogram decisions_;
  metrics::Histogram sweep_times_;
  std::vector<std::unique_ptr<metrics::Histogram>> stage_times_;
  /// marker_edges_[stage][origin]: edges into `stage` that carry markers made by `origin`.
  std::vector<std::vector<std::uint32_t>> marker_edges_;
  std::vector<std::vector<bool>> reaches_;

  // Scratch memory of a call, sized for max_sessions when the shard is made.
  std::vector<media::Packet> scratch_;
  std::vector<Gathered> gathered_;
  std::vector<Ending> endings_;
  std::vector<node::Work> works_;
  std::vector<StageContext> contexts_;

  ShardTape* tape_ = nullptr;
  TapePlayer* player_ = nullptr;
  std::uint16_t control_point_ = 0;  ///< as TapeEntry::stage of `foreign`

  base::Instant now_{};
  base::Instant next_timer_{base::Duration::max()};
  bool more_ = false;
  bool audio_sink_ = false;

  // Written by the shard (relaxed), read by any.
  std::atomic<std::uint64_t> sweeps_{0};
  std::atomic<std::uint64_t> inputs_{0};
  std::atomic<std::uint64_t> batch_calls_{0};
  std::atomic<std::uint64_t> batch_works_{0};
  std::atomic<std::uint64_t> late_{0};
  std::atomic<std::uint64_t> abandoned_lanes_{0};
  std::atomic<std::uint64_t> controls_unknown_{0};
  // Written by hosts (relaxed), read by any.
  std::atomic<std::uint64_t> controls_refused_{0};
};

/// Markers that one packet or one marker can make a speculating stage send.
inline constexpr std::uint32_t kMarkersPerInput = 4;

/// Packets that one session can take in one call of a stage.
inline constexpr std::size_t kMaxTake = 16;

}  // namespace millrace::engine
