#include "millrace/engine/lane.hpp"

#include <algorithm>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/engine/custom_merge.hpp"

namespace millrace::engine {

using base::Instant;

media::Control control_of(const media::Packet& marker) noexcept {
  media::Control control;
  control.type = marker.control_type;
  control.id = marker.id;
  control.turn = marker.lineage.turn;
  control.revision = marker.lineage.revision;
  control.at = marker.from;
  control.audio_until = marker.to;
  return control;
}

/// Context of the call that a worker is in.
class Lane::WorkerContext final : public node::Context {
 public:
  explicit WorkerContext(Lane& lane) noexcept : lane_(lane) {}

  void begin(const media::Packet* input) noexcept {
    lineage_ = input != nullptr ? input->lineage : media::Lineage{};
    due_ = input != nullptr ? input->due : Instant{};
    deadline_ = input != nullptr ? input->deadline : media::kNoDeadline;
    from_ = input != nullptr ? input->from : base::MediaTime{0};
    to_ = input != nullptr ? input->to : base::MediaTime{0};
    started_ = now();
  }
  [[nodiscard]] Instant started() const noexcept { return started_; }

  [[nodiscard]] Instant now() const noexcept override {
    const Instant now = lane_.virtual_time() ? lane_.virtual_start_ : lane_.clock_.now();
    return {base::Duration{lane_.told(JobTape::Asked::now, now.since_start.count())}};
  }
  void emit(std::size_t port, media::Packet&& packet) noexcept override {
    if (!packet.lineage.merge(lineage_)) {
      make_room(packet.lineage);
      if (!packet.lineage.merge(lineage_)) {
        failed("an output hangs on more unconfirmed segments than a packet can name");
        return;
      }
    }
    if (packet.due == Instant{}) packet.due = due_;
    packet.deadline = std::min(packet.deadline, deadline_);
    if (packet.to == base::MediaTime{0}) {
      packet.from = from_;
      packet.to = to_;
    }
    LaneResult result;
    result.port = static_cast<std::uint8_t>(port);
    result.started = started_;
    result.packet = std::move(packet);
    const media::Lineage hangs_on = result.packet.lineage;
    lane_.hand_over(std::move(result), hangs_on);
  }
  [[nodiscard]] rt::Payload acquire(std::size_t size_bytes) noexcept override {
    return lane_.session_->payloads->acquire(size_bytes);
  }
  [[nodiscard]] bool live(const media::Lineage& lineage) const noexcept override {
    return lane_.told(JobTape::Asked::live, lane_.session_->ledger.live(lineage));
  }
  [[nodiscard]] bool stop_requested() const noexcept override {
    return lane_.told(JobTape::Asked::stop,
                      lane_.fate_ == Fate::expired ||
                          lane_.session_->closed.load(std::memory_order_acquire) ||
                          !lane_.session_->ledger.live(lineage_));
  }
  void make_room(media::Lineage& lineage) const noexcept override {
    lane_.session_->ledger.make_room(lineage);
    if (lane_.tape_ != nullptr) lane_.tape_->answer(lineage);
  }
  void set_timer(Instant at) noexcept override {
    lane_.timer_ns_.store(at.since_start.count(), std::memory_order_release);
  }
  void send(media::Control&& control) noexcept override {
    LaneResult result;
    result.what = LaneResult::What::control;
    result.started = started_;
    result.control = std::move(control);
    lane_.hand_over(std::move(result), {});
  }
  [[nodiscard]] node::Speculation* speculation() noexcept override { return nullptr; }
  void failed(std::string_view what) noexcept override { tell(LaneResult::What::failed, what, 0); }
  void merge_failed(std::string_view what, std::size_t inputs) noexcept {
    tell(LaneResult::What::merge_failed, what, static_cast<std::uint32_t>(inputs));
  }

 private:
  void tell(LaneResult::What of, std::string_view what, std::uint32_t inputs) noexcept {
    LaneResult result;
    result.what = of;
    result.inputs = inputs;
    result.started = started_;
    const std::span<const char> chars(what.data(), what.size());
    result.packet.payload = lane_.session_->payloads->copy_of(std::as_bytes(chars));
    lane_.hand_over(std::move(result), {});
  }

  Lane& lane_;
  media::Lineage lineage_;
  Instant due_{};
  Instant deadline_ = media::kNoDeadline;
  base::MediaTime from_{0};
  base::MediaTime to_{0};
  Instant started_{};
};

Lane::Lane(std::unique_ptr<node::SessionNode> node, std::shared_ptr<SessionShared> session,
           StageEngine& engine, node::VirtualCost cost, const base::Clock& clock, Time time,
           node::StageNode* stage)
    : node_(std::move(node)),
      session_(std::move(session)),
      engine_(engine),
      cost_(cost),
      clock_(clock),
      time_(time),
      stage_(stage) {
  job_.reserve(kMaxJobPackets + 1);
}

void Lane::start(bool timer, Instant deadline, Fate fate) noexcept {
  MR_CHECK(!in_flight_, "a lane has one job at a time");
  in_flight_ = true;
  timer_due_ = timer;
  fate_ = fate;
  deadline_ = deadline;
  if (timer) timer_ns_.store(base::Duration::max().count(), std::memory_order_release);
}

void Lane::run_with(std::shared_ptr<Lane> other) noexcept {
  deadline_ = std::min(deadline_, other->deadline_);
  others_[others_count_++] = std::move(other);
}

bool Lane::post_control(const media::Control& control) noexcept {
  media::Control copy = control;
  return controls_.try_push(std::move(copy));
}

bool Lane::pop_result(LaneResult& result, Instant now) noexcept {
  if (virtual_time()) {
    if (virtual_results_.empty() || virtual_results_.front().at > now) return false;
    result = std::move(virtual_results_.front());
    virtual_results_.pop_front();
  } else {
    if (!results_.try_pop(result)) return false;
    if (waiting_for_room_.load(std::memory_order_acquire)) room_.ring();
  }
  if (result.what == LaneResult::What::job_done) in_flight_ = false;
  return true;
}

/// A job while a worker does it: one call of the node after the other, until one defers.
class Lane::Job {
 public:
  explicit Job(Lane& lane) noexcept : lane_(lane), context_(lane) {}

  void begin(Instant start, std::size_t sessions) noexcept {
    lane_.virtual_start_ = start;
    lane_.virtual_units_ = 0;
    lane_.virtual_more_us_ = static_cast<std::int64_t>(sessions - 1) * lane_.cost_.per_session_us;
    if (lane_.tape_ != nullptr) lane_.tape_->begin();
    context_.begin(nullptr);
    began_ = context_.started();
  }

  /// Goes on. True: the node has deferred, and is to be run with the others. False: all is done,
  /// and the lane belongs to the shard again.
  bool advance() noexcept {
    for (;;) {
      if (lane_.node_->deferred()) {
        ++deferred_;
        return true;
      }
      end_call();
      if (!next_call()) break;
    }
    end();
    return false;
  }

  [[nodiscard]] node::Work work() noexcept {
    return {.node = lane_.node_.get(), .packets = {}, .context = &context_};
  }

 private:
  /// Messages come before the timer and before each packet.
  bool next_call() noexcept {
    if (timer_done_ && next_ == lane_.job_.size()) return false;
    media::Control control;
    if (lane_.told(JobTape::Asked::controls, lane_.controls_.try_pop(control))) {
      if (lane_.tape_ != nullptr) lane_.tape_->answer(control);
      context_.begin(nullptr);
      lane_.node_->on_control(control, context_);
    } else if (!timer_done_) {
      timer_done_ = true;
      context_.begin(nullptr);
      if (lane_.timer_due_) lane_.node_->on_timer(context_);
    } else {
      merge_ahead();
      item_ = &lane_.job_[next_++];
      call(*item_);
    }
    return true;
  }

  /// Of the inputs that come next, those that may become one do: the last of them is it then.
  void merge_ahead() noexcept {
    if (lane_.merge_ == nullptr || next_ < tried_until_) return;
    const auto inputs = mergeable(std::span(lane_.job_).subspan(next_), *lane_.merge_);
    if (inputs.size() < 2) return;
    tried_until_ = next_ + inputs.size();
    context_.begin(&inputs.front());
    if (context_.stop_requested()) return;
    auto merged = merge(*lane_.merge_, inputs, *lane_.session_->payloads);
    if (!merged) return context_.merge_failed(merged.error().message, inputs.size());
    for (media::Packet& input : inputs) input = media::Packet{};
    next_ = tried_until_ - 1;
    inputs.back() = std::move(*merged);
  }

  void call(media::Packet& packet) noexcept {
    context_.begin(&packet);
    if (!packet.is_marker()) {
      if (context_.stop_requested()) {
        lane_.discarded_.fetch_add(1, std::memory_order_relaxed);
      } else {
        lane_.node_->process(packet, context_);
      }
    } else if (packet.control_type == media::ControlType::end_of_input) {
      lane_.node_->on_end(context_);
    } else {
      lane_.node_->on_control(control_of(packet), context_);
    }
  }

  /// A marker goes on behind what the node made of it.
  void end_call() noexcept {
    if (item_ != nullptr && item_->is_marker()) {
      LaneResult marker;
      marker.started = context_.started();
      marker.packet = std::move(*item_);
      lane_.hand_over(std::move(marker), {});
    }
    item_ = nullptr;
  }

  void end() noexcept {
    lane_.job_.clear();
    LaneResult done;
    done.what = LaneResult::What::job_done;
    done.started = began_;
    done.deferred = deferred_;
    lane_.hand_over(std::move(done), {});
  }

  Lane& lane_;
  WorkerContext context_;
  Instant began_{};
  std::size_t next_ = 0;           ///< packet of the job
  std::size_t tried_until_ = 0;    ///< packets before it were merged, or are to stay separate
  media::Packet* item_ = nullptr;  ///< what the call that is not over was for
  bool timer_done_ = false;
  std::uint32_t deferred_ = 0;
};

Instant Lane::run(Instant start) noexcept {
  // Taken out of the lane: it is the shard's again when its own job is over, perhaps before others.
  std::vector<std::shared_ptr<Lane>> others(others_count_);
  std::move(others_.begin(), others_.begin() + static_cast<std::ptrdiff_t>(others_count_),
            others.begin());
  others_count_ = 0;
  Job own(*this);
  std::vector<Job> more;
  more.reserve(others.size());
  Jobs open;
  open.push_back(&own);
  for (const std::shared_ptr<Lane>& lane : others) open.push_back(&more.emplace_back(*lane));
  for (Job* job : open) job->begin(start, open.size());
  run_all(open);
  if (!virtual_time()) return clock_.now();
  Instant over = start;
  const auto ends = [&over](const Lane& lane) {
    if (!lane.virtual_results_.empty()) over = std::max(over, lane.virtual_results_.back().at);
  };
  ends(*this);
  for (const std::shared_ptr<Lane>& lane : others) ends(*lane);
  return over;
}

void Lane::run_all(Jobs open) noexcept {
  for (;;) {
    Jobs deferred;
    base::InlineVector<node::Work, kMostTogether> works;
    for (Job* job : open) {
      if (!job->advance()) continue;
      deferred.push_back(job);
      works.push_back(job->work());
    }
    if (deferred.empty()) return;
    MR_CHECK(stage_ != nullptr, "a node defers where its contract says across_sessions");
    stage_->run_together({works.begin(), works.size()});
    open = deferred;
  }
}

void Lane::hand_over(LaneResult&& result, const media::Lineage& hangs_on) noexcept {
  if (virtual_time()) return hand_over_later(std::move(result));
  result.at = clock_.now();
  const std::int64_t at = result.at.since_start.count();
  const bool last = result.what == LaneResult::What::job_done;
  // The shard may post the next job as soon as it has this: the tape is finished before.
  if (last && tape_ != nullptr) {
    (void)tape_->answer(JobTape::Asked::handed, at);
    tape_->end();
  }
  const bool handed = hand_over_now(result, hangs_on);
  if (!last) (void)told(JobTape::Asked::handed, handed ? at : -1);
}

void Lane::hand_over_later(LaneResult&& result) noexcept {
  const bool unit = result.what == LaneResult::What::packet && !result.packet.is_marker();
  const bool last = result.what == LaneResult::What::job_done;
  base::Duration cost{0};
  if (unit || virtual_units_ > 0) {
    const std::uint64_t k = unit ? virtual_units_ : virtual_units_ - 1;
    cost = std::chrono::microseconds(cost_.first_us + virtual_more_us_ +
                                     static_cast<std::int64_t>(k) * cost_.per_unit_us);
  }
  if (unit) ++virtual_units_;
  const Instant due = virtual_start_ + cost;
  result.at = {base::Duration{told(JobTape::Asked::handed, due.since_start.count())}};
  if (result.at < Instant{}) {
    discarded_.fetch_add(1, std::memory_order_relaxed);
  } else {
    virtual_results_.push_back(std::move(result));
  }
  if (last && tape_ != nullptr) tape_->end();
}

bool Lane::hand_over_now(LaneResult& result, const media::Lineage& hangs_on) noexcept {
  const auto withdrawn = [&] {
    return session_->closed.load(std::memory_order_acquire) || !session_->ledger.live(hangs_on);
  };
  // job_done always comes back, so that the shard knows that the lane is free again.
  const bool must = result.what == LaneResult::What::job_done;
  if (!must && withdrawn() && !result.packet.is_marker()) {
    discarded_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  while (!results_.try_push(std::move(result))) {
    if (session_->closed.load(std::memory_order_acquire) || (!must && withdrawn())) {
      discarded_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    // Announce, then look once more: the shard reads the flag after each pop.
    waiting_for_room_.store(true, std::memory_order_seq_cst);
    if (results_.size() == results_.capacity()) room_.wait_for(std::chrono::milliseconds(2));
    waiting_for_room_.store(false, std::memory_order_relaxed);
  }
  if (session_->bell != nullptr) session_->bell->wake(Wake::result);
  return true;
}

}  // namespace millrace::engine
