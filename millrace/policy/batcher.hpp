#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "millrace/policy/arrival_rhythm.hpp"
#include "millrace/policy/batch_types.hpp"
#include "millrace/policy/cost_curve.hpp"
#include "millrace/policy/fair_share.hpp"

namespace millrace::policy {

/// Decides which inputs of a slow node run together, and when.
///   greedy    While the node is idle nothing waits: a batch is what gathered while it was busy.
///             Three exceptions, all from the learned cost. A batch is made smaller when its inputs
///             would be late and fewer are late that way, machine time counted as far as the node
///             is loaded. It is made smaller, too, while the node has time to spare, when those
///             that wait are then done sooner on average: where the cost per input prevails. And
///             while a burst is in flight (ArrivalRhythm), two or more inputs wait up to
///             coalesce_wait for the next, if the call that this saves is worth more than their
///             wait.
///   fixed     A batch starts at min_batch_size, or when its oldest input has waited max_wait.
///   order     Inputs of a session run in the order they came. Among sessions: those within their
///             share (FairShare), then those that can still be in time, then first chunks, then
///             the earliest deadline. Share and first chunks give way to the deadline where that
///             saves others and makes none of theirs late.
///   together  Concatenating strategies and custom: one group. keep_separate: one session, or any
///             when the node batches across sessions.
///   full      A full buffer starts at once. When nothing can start, the queue's policy acts; what
///             it drops is taken from the session with the most inputs.
///   expired   An input whose deadline has passed is not started, but handed back.
///   threads   one at a time; reads no clock, and never blocks or allocates after construction
///   memory    twice max_buffer_size inputs: as many again can ride merged
class Batcher {
 public:
  explicit Batcher(const BatcherParams& params);

  [[nodiscard]] Pushed push(const BatchInput& input) noexcept;
  /// Takes out an input that waits, or marks it in its run.
  [[nodiscard]] BatchCancel cancel(std::uint64_t id) noexcept;
  /// The same for all inputs of a session that closes; answers how many there were.
  std::uint32_t close(std::uint32_t session) noexcept;
  /// What to do now. `idle`: the node can take a run. To be asked after a push, after a run and at
  /// `wake_at`.
  [[nodiscard]] BatchDecision next(base::Instant now, bool idle) noexcept;
  /// The run is over; its cost is learned as that of `worked` inputs (all, when not given): those
  /// that made the node work. 0: it was no run like the others. Answers its inputs (until the next
  /// call of next()).
  std::span<const BatchItem> finished(std::uint32_t run, base::Instant now, base::Duration took,
                                      std::optional<std::uint32_t> worked = {}) noexcept;
  /// The run is over without a result, so its cost says nothing.
  std::span<const BatchItem> failed(std::uint32_t run, base::Instant now) noexcept;

  /// `batch_hint`: the size that somebody asks for, until the next; 0 takes it back. greedy: no
  /// batch is larger. fixed: stands in for min_batch_size.
  void hint(std::uint32_t suggested_batch_size) noexcept { hint_ = suggested_batch_size; }
  void declare_average(base::Duration average) noexcept { curve_.declare_average(average); }

  /// The inputs that, by the learned cost, will be late if the node becomes free at `free_at`;
  /// until the next call.
  [[nodiscard]] std::span<const LateInput> late(base::Instant free_at) noexcept;
  /// From when on, by the last answer of late(), another one would be late: the node would become
  /// free too late for it. The latest instant when that cannot be.
  [[nodiscard]] base::Instant late_at() const noexcept { return late_at_; }
  /// Somebody was told of an input that is late.
  void warned(std::uint64_t id) noexcept;
  /// fixed: what waits to run with `id` waits for nobody else. False: it did so before.
  bool flush(std::uint64_t id) noexcept;
  /// fixed: until when what waits would go on waiting for more, if nothing else came.
  [[nodiscard]] std::optional<base::Instant> gathers_until(base::Instant now) noexcept;

  [[nodiscard]] std::uint32_t waiting() const noexcept {
    return static_cast<std::uint32_t>(waiting_.size());
  }
  /// Places of the buffer in use; merged inputs share one.
  [[nodiscard]] std::uint32_t places() const noexcept { return places_; }
  [[nodiscard]] std::uint32_t running() const noexcept { return running_; }
  [[nodiscard]] const CostCurve& curve() const noexcept { return curve_; }
  [[nodiscard]] const BatcherCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] const BatcherParams& params() const noexcept { return params_; }

 private:
  struct Entry {
    BatchInput input;
    std::uint32_t flow = 0;
    double tag = 0.0;
    bool joined = false;  ///< rides with the input of its group before it
    bool warned = false;
    bool hurried = false;  ///< by flush()
    bool taken = false;    ///< for the batch that is being put together
  };
  /// What decides which session's head is next; the smaller goes first.
  struct Key {
    bool over_share = true;
    bool hopeless = true;
    bool later_chunk = true;
    base::Instant deadline = media::kNoDeadline;
    std::uint32_t head = 0;  ///< index of its oldest input not taken yet
    bool present = false;
  };
  /// What a batch of the first `size` of chosen_ leads to.
  struct Plan {
    std::uint32_t size = 0;
    std::uint32_t dropped = 0;  ///< of these, for the sake of the others (drop_hopeless)
    std::uint32_t late = 0;     ///< of all that wait
    std::uint32_t late_in_share = 0;
    std::uint32_t late_first = 0;  ///< first chunks of these
    base::Instant clear_at = {};   ///< all that wait now have run
  };
  struct Run {
    std::vector<BatchItem> items;
    bool busy = false;
  };

  // Buffer
  [[nodiscard]] std::optional<std::uint32_t> merge_host(const BatchInput& input) const noexcept;
  [[nodiscard]] Pushed make_room(const BatchInput& input) noexcept;
  [[nodiscard]] std::optional<std::uint32_t> find_victim(std::uint32_t newcomer,
                                                         bool newest) const noexcept;
  [[nodiscard]] bool frees_a_place(std::uint32_t index) const noexcept;
  void store(const BatchInput& input, bool joined) noexcept;
  void erase(std::uint32_t index, bool served) noexcept;
  void drop_expired(base::Instant now) noexcept;
  [[nodiscard]] bool groups_matter() const noexcept {
    return params_.strategy != MergeStrategy::keep_separate;
  }
  [[nodiscard]] bool joins_sessions() const noexcept {
    return params_.across_sessions && !groups_matter();
  }

  // Order
  void rank(base::Instant now) noexcept;
  void rank_flow(std::uint32_t flow, base::Instant now) noexcept;
  void add_to_key(Key& key, std::uint32_t index, base::Instant now) const noexcept;
  [[nodiscard]] bool before(const Key& a, const Key& b) const noexcept;
  [[nodiscard]] std::optional<std::uint32_t> best_flow() const noexcept;
  void take(std::uint32_t flow, base::Instant now) noexcept;

  // Batch
  [[nodiscard]] std::uint32_t limit() const noexcept;
  void gather(std::uint32_t first_flow, base::Instant now) noexcept;
  [[nodiscard]] bool may_follow(const Entry& entry) const noexcept;
  void count_late(Plan& plan, const Entry& entry) const noexcept;
  [[nodiscard]] double score(const Plan& plan, base::Instant now) const noexcept;
  [[nodiscard]] Plan plan(base::Instant now) noexcept;
  void sort_urgent(std::uint32_t size) noexcept;
  [[nodiscard]] Plan plan_of(std::uint32_t size, base::Instant now) noexcept;
  /// A session over its share holds the node for half of what its inputs may take at most: who
  /// comes meanwhile can still be in time.
  [[nodiscard]] std::uint32_t within_blocking(std::uint32_t size) const noexcept;
  /// How many of `all` inputs to run first so that they wait least in sum.
  [[nodiscard]] std::uint32_t calm_size(std::uint32_t all) const noexcept;
  [[nodiscard]] Plan best_plan(base::Instant now) noexcept;
  void drop_late(const Plan& plan) noexcept;
  [[nodiscard]] std::optional<base::Instant> worth_waiting_until(base::Instant now) const noexcept;
  [[nodiscard]] BatchDecision greedy(base::Instant now) noexcept;
  [[nodiscard]] BatchDecision fixed(base::Instant now) noexcept;
  /// The session that may begin a run in fixed mode; else `wake_at` says when one may.
  [[nodiscard]] std::optional<std::uint32_t> fixed_flow(base::Instant now,
                                                        base::Instant& wake_at) noexcept;
  [[nodiscard]] LateInput outlook(std::uint32_t index, base::Instant free_at) const noexcept;
  [[nodiscard]] Entry* find(std::uint64_t id) noexcept;
  [[nodiscard]] BatchDecision start() noexcept;
  std::span<const BatchItem> end(std::uint32_t run, base::Instant now) noexcept;

  BatcherParams params_;
  CostCurve curve_;
  FairShare share_;
  ArrivalRhythm rhythm_;                    ///< of all sessions
  std::vector<ArrivalRhythm> flow_rhythm_;  ///< of each, where sessions are not joined
  std::vector<Entry> waiting_;              ///< in the order they came
  std::vector<Key> keys_;                   ///< by flow
  std::vector<std::uint32_t> chosen_;       ///< indices into waiting_
  std::vector<std::uint32_t> urgent_;       ///< scratch: some of them, by deadline
  std::vector<BatchDrop> dropped_;
  std::vector<LateInput> late_;
  base::Instant late_at_ = media::kNoDeadline;
  std::vector<Run> runs_;
  std::uint32_t places_ = 0;
  std::uint32_t running_ = 0;
  std::uint32_t hint_ = 0;
  base::Instant idle_since_{};
  bool coalescing_ = false;
  bool by_deadline_ = false;  ///< the order of the batch being put together is that alone
  BatcherCounters counters_;
};

}  // namespace millrace::policy
