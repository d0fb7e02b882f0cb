#include "apps/millrace/bench/batching_policies.hpp"

#include <algorithm>
#include <deque>

#include "millrace/policy/batcher.hpp"

namespace millrace::app {
namespace {

class Ours final : public BatchScheduler {
 public:
  explicit Ours(std::uint32_t max_batch)
      : batcher_({.overflow = policy::OverflowPolicy::drop_oldest,
                  .across_sessions = true,
                  .max_batch = max_batch,
                  .drop_hopeless = true}) {}

  void arrived(std::uint32_t index, const BatchRequest& request, base::Instant deadline) override {
    // What does not fit leaves uncounted here: a request without a latency was dropped.
    (void)batcher_.push({.id = index,
                         .session = request.session,
                         .group = request.turn,
                         .arrival = request.at,
                         .deadline = deadline,
                         .first_chunk = request.first});
  }
  BatchStep next(base::Instant now, bool idle) override {
    const policy::BatchDecision decision = batcher_.next(now, idle);
    BatchStep step;
    if (decision.what == policy::BatchDecision::What::wake) step.wake_at = decision.wake_at;
    for (const policy::BatchItem& item : decision.inputs)
      step.start.push_back(static_cast<std::uint32_t>(item.id));
    run_ = decision.what == policy::BatchDecision::What::start ? decision.run : run_;
    return step;
  }
  void finished(base::Instant now, base::Duration took) override {
    (void)batcher_.finished(run_, now, took);
  }

 private:
  policy::Batcher batcher_;
  std::uint32_t run_ = 0;
};

/// What the others share: a line in the order of arrival, which is that of the deadlines.
class InLine : public BatchScheduler {
 public:
  void arrived(std::uint32_t index, const BatchRequest& request, base::Instant deadline) override {
    line_.push_back({index, request.at, deadline});
  }
  void finished(base::Instant, base::Duration) override {}

 protected:
  struct Waiting {
    std::uint32_t index;
    base::Instant at;
    base::Instant deadline;
  };
  /// Takes out what is not done by its deadline if it starts now and takes `least`.
  void drop_late(base::Instant now, base::Duration least = base::Duration{0}) {
    while (!line_.empty() &&
           (line_.front().deadline <= now || line_.front().deadline - least < now))
      line_.pop_front();
  }
  BatchStep start(std::size_t size) {
    BatchStep step;
    for (; size > 0 && !line_.empty(); --size) {
      step.start.push_back(line_.front().index);
      line_.pop_front();
    }
    return step;
  }
  std::deque<Waiting> line_;
};

class Unbatched final : public InLine {
 public:
  BatchStep next(base::Instant now, bool idle) override {
    drop_late(now);
    return idle ? start(1) : BatchStep{};
  }
};

class FixedWait final : public InLine {
 public:
  FixedWait(std::size_t max_batch, base::Duration wait) : max_batch_(max_batch), wait_(wait) {}
  BatchStep next(base::Instant now, bool idle) override {
    drop_late(now);
    if (!idle || line_.empty()) return {};
    const base::Instant due = line_.front().at + wait_;
    if (line_.size() >= max_batch_ || now >= due) return start(max_batch_);
    return {.start = {}, .wake_at = due};
  }

 private:
  std::size_t max_batch_;
  base::Duration wait_;
};

class Aimd final : public InLine {
 public:
  explicit Aimd(double max_batch) : max_batch_(max_batch) {}
  BatchStep next(base::Instant now, bool idle) override {
    drop_late(now);
    return idle ? start(static_cast<std::size_t>(size_)) : BatchStep{};
  }
  void finished(base::Instant, base::Duration took) override {
    size_ = took > kInTime ? std::max(1.0, size_ * 0.9) : std::min(max_batch_, size_ + 1.0);
  }

 private:
  double max_batch_;
  double size_ = 1.0;
};

class EarliestDeadline final : public InLine {
 public:
  EarliestDeadline(std::size_t max_batch, const BatchCost& cost)
      : max_batch_(max_batch), cost_(cost) {}
  BatchStep next(base::Instant now, bool idle) override {
    if (!idle) return {};
    drop_late(now, cost_.of(1));
    if (line_.empty()) return {};
    std::size_t size = std::min(max_batch_, line_.size());
    while (size > 1 && line_.front().deadline - cost_.of(size) < now) --size;
    return start(size);
  }

 private:
  std::size_t max_batch_;
  BatchCost cost_;
};

}  // namespace

std::unique_ptr<BatchScheduler> our_scheduler(std::uint32_t max_batch) {
  return std::make_unique<Ours>(max_batch);
}

std::unique_ptr<BatchScheduler> unbatched_scheduler() {
  return std::make_unique<Unbatched>();
}

std::unique_ptr<BatchScheduler> fixed_wait_scheduler(std::uint32_t max_batch, base::Duration wait) {
  return std::make_unique<FixedWait>(max_batch, wait);
}

std::unique_ptr<BatchScheduler> aimd_scheduler(std::uint32_t max_batch) {
  return std::make_unique<Aimd>(max_batch);
}

std::unique_ptr<BatchScheduler> earliest_deadline_scheduler(std::uint32_t max_batch,
                                                            const BatchCost& cost) {
  return std::make_unique<EarliestDeadline>(max_batch, cost);
}

}  // namespace millrace::app
