#pragma once

#include <array>
#include <cstdint>

#include "millrace/base/annotations.hpp"
#include "millrace/base/drop_reason.hpp"
#include "millrace/base/time.hpp"
#include "millrace/metrics/counter.hpp"
#include "millrace/metrics/histogram.hpp"
#include "millrace/metrics/learned_cost.hpp"
#include "millrace/metrics/sliding_histogram.hpp"

namespace millrace::metrics {

/// Kinds of what can be given up for a deadline; policy::kGiveUps.
inline constexpr std::size_t kGiveUps = 5;

/// What one stage did, over all its sessions on one shard.
///   threads  the shard writes; any thread reads meanwhile
///   units    times in nanoseconds, the rest in packets
/// About 0.5 MB (two sliding histograms), taken by the constructor.
class NodeStats {
 public:
  /// One call of the stage that took `took` and ended at `now`: one stamp for the whole batch.
  void record_latency(base::Instant now, base::Duration took) noexcept MR_NONBLOCKING {
    const std::uint64_t ns = nanoseconds(took);
    latency_.record(now, ns);
    latency_ever_.record(ns);
  }
  /// `calls` calls of the node took `took` together.
  void record_calls(std::uint64_t calls, base::Duration took) noexcept MR_NONBLOCKING {
    if (calls == 0) return;
    calls_.add(calls);
    average_us_.add(static_cast<double>(nanoseconds(took)) / 1e3 / static_cast<double>(calls));
  }
  /// What the average is until the first call.
  void declare_average(base::Duration average) noexcept {
    average_us_.declare(static_cast<double>(nanoseconds(average)) / 1e3);
  }
  void publish_cost(const BatchCost& cost) noexcept MR_NONBLOCKING { cost_.publish(cost); }
  /// A packet that had waited `waited` when the stage took it.
  void record_queue_wait(base::Instant now, base::Duration waited) noexcept MR_NONBLOCKING {
    queue_wait_.record(now, nanoseconds(waited));
  }
  void set_queue_depth(std::uint64_t packets) noexcept MR_NONBLOCKING { queue_depth_.set(packets); }
  void add_in(std::uint64_t packets = 1) noexcept MR_NONBLOCKING { in_.add(packets); }
  void add_out(std::uint64_t packets = 1) noexcept MR_NONBLOCKING { out_.add(packets); }
  void add_merged(std::uint64_t packets = 1) noexcept MR_NONBLOCKING { merged_.add(packets); }
  /// Inputs of one call that should have been joined to the one before them and could not be.
  void add_kept_separate(std::uint64_t packets = 1) noexcept MR_NONBLOCKING {
    kept_separate_.add(packets);
  }
  /// A custom merge threw, failed, or made what may not be a packet.
  void add_merge_failed() noexcept MR_NONBLOCKING { merges_failed_.add(1); }
  /// A call that took `inputs` packets at once.
  void record_batch(std::uint64_t inputs) noexcept MR_NONBLOCKING {
    batches_.add(1);
    batched_.add(inputs);
    batch_size_.set(inputs);
  }
  /// An input of which a deadline_warning told.
  void add_deadline_warning() noexcept MR_NONBLOCKING { deadline_warnings_.add(1); }
  /// Something was given up for an input's deadline: the number of a policy::GiveUp.
  void add_given_up(std::size_t action) noexcept MR_NONBLOCKING { given_up_[action].add(1); }
  void add_dropped(base::DropReason reason, std::uint64_t packets = 1) noexcept MR_NONBLOCKING {
    dropped_[static_cast<std::size_t>(reason)].add(packets);
  }

  [[nodiscard]] const SlidingHistogram& latency() const noexcept { return latency_; }
  [[nodiscard]] const Histogram& latency_ever() const noexcept { return latency_ever_; }
  [[nodiscard]] const SlidingHistogram& queue_wait() const noexcept { return queue_wait_; }
  [[nodiscard]] std::uint64_t queue_depth() const noexcept { return queue_depth_.value(); }
  [[nodiscard]] std::uint64_t queue_depth_max() const noexcept { return queue_depth_.max(); }
  [[nodiscard]] std::uint64_t in() const noexcept { return in_.value(); }
  [[nodiscard]] std::uint64_t out() const noexcept { return out_.value(); }
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_.value(); }
  /// Moving average (alpha 0.1) of the time of a call; 0 while nothing is known.
  [[nodiscard]] double avg_processing_us() const noexcept { return average_us_.value(); }
  /// What was learned of batches: of stages behind the batching wrapper.
  [[nodiscard]] BatchCost cost() const noexcept { return cost_.value(); }
  /// Packets that became part of another while they waited.
  [[nodiscard]] std::uint64_t merged() const noexcept { return merged_.value(); }
  [[nodiscard]] std::uint64_t kept_separate() const noexcept { return kept_separate_.value(); }
  [[nodiscard]] std::uint64_t merges_failed() const noexcept { return merges_failed_.value(); }
  [[nodiscard]] std::uint64_t batches() const noexcept { return batches_.value(); }
  /// Inputs of all batches together.
  [[nodiscard]] std::uint64_t batched() const noexcept { return batched_.value(); }
  [[nodiscard]] std::uint64_t batch_size_max() const noexcept { return batch_size_.max(); }
  [[nodiscard]] std::uint64_t deadline_warnings() const noexcept {
    return deadline_warnings_.value();
  }
  [[nodiscard]] std::uint64_t given_up(std::size_t action) const noexcept {
    return given_up_[action].value();
  }
  [[nodiscard]] std::uint64_t dropped(base::DropReason reason) const noexcept {
    return dropped_[static_cast<std::size_t>(reason)].value();
  }
  [[nodiscard]] std::uint64_t dropped() const noexcept {
    std::uint64_t sum = 0;
    for (const Counter& reason : dropped_) sum += reason.value();
    return sum;
  }

 private:
  /// A clock step backwards counts as no time rather than as 584 years.
  static std::uint64_t nanoseconds(base::Duration d) noexcept {
    return d.count() < 0 ? 0 : static_cast<std::uint64_t>(d.count());
  }

  SlidingHistogram latency_;
  Histogram latency_ever_;
  SlidingHistogram queue_wait_;
  Gauge queue_depth_;
  Counter calls_;
  MovingAverage average_us_;
  PublishedCost cost_;
  Counter in_;
  Counter out_;
  Counter merged_;
  Counter kept_separate_;
  Counter merges_failed_;
  Counter batches_;
  Counter batched_;
  Gauge batch_size_;
  Counter deadline_warnings_;
  std::array<Counter, kGiveUps> given_up_;
  std::array<Counter, base::kDropReasons> dropped_;
};

}  // namespace millrace::metrics
