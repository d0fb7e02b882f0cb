#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/engine/lane.hpp"

namespace millrace::engine {

/// A node whose calls are whatever a test says; what is left empty does nothing.
struct NodeCalls {
  std::function<void(media::Packet&, node::Context&)> process{};
  std::function<void(const media::Control&, node::Context&)> on_control{};
  std::function<void(node::Context&)> on_timer{};
  std::function<void(node::Context&)> on_end{};
};

class CalledNode final : public node::SessionNode {
 public:
  explicit CalledNode(NodeCalls calls) : calls_(std::move(calls)) {}
  void process(media::Packet& packet, node::Context& context) noexcept override {
    if (calls_.process) calls_.process(packet, context);
  }
  void on_control(const media::Control& control, node::Context& context) noexcept override {
    if (calls_.on_control) calls_.on_control(control, context);
  }
  void on_timer(node::Context& context) noexcept override {
    if (calls_.on_timer) calls_.on_timer(context);
  }
  void on_end(node::Context& context) noexcept override {
    if (calls_.on_end) calls_.on_end(context);
  }

 private:
  NodeCalls calls_;
};

/// Sessions that defer every packet, and a stage that does what they deferred as a test says.
class DeferringStage final : public node::StageNode {
 public:
  class Session final : public node::SessionNode {
   public:
    void process(media::Packet& packet, node::Context&) noexcept override {
      packet_ = std::move(packet);
      waits_ = true;
    }
    [[nodiscard]] bool deferred() const noexcept override { return waits_; }
    [[nodiscard]] media::Packet take() noexcept {
      waits_ = false;
      return std::move(packet_);
    }
    [[nodiscard]] const media::Packet& packet() const noexcept { return packet_; }

   private:
    media::Packet packet_;
    bool waits_ = false;
  };
  using Run = std::function<void(std::span<node::Work>)>;

  explicit DeferringStage(Run run) : run_(std::move(run)) {}
  [[nodiscard]] static Session& session_of(const node::Work& work) noexcept {
    return *static_cast<Session*>(work.node);
  }
  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<Session>();
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override { return {}; }
  void run_together(std::span<node::Work> works) noexcept override { run_(works); }

 private:
  Run run_;
};

/// A session without a shard, and lanes of it that a test posts to by hand.
struct LaneRig {
  std::shared_ptr<Lane> lane(NodeCalls calls, StageEngine& engine, node::VirtualCost cost = {}) {
    return std::make_shared<Lane>(std::make_unique<CalledNode>(std::move(calls)), session, engine,
                                  cost, clock, time);
  }
  std::shared_ptr<Lane> lane(NodeCalls calls, node::VirtualCost cost = {}) {
    return lane(std::move(calls), stage, cost);
  }
  /// A lane of `of` that defers to `deferring`; null: of a session of the rig's own.
  std::shared_ptr<Lane> lane(DeferringStage& deferring, std::shared_ptr<SessionShared> of = {},
                             node::VirtualCost cost = {}) {
    return std::make_shared<Lane>(std::make_unique<DeferringStage::Session>(),
                                  of == nullptr ? session : std::move(of), stage, cost, clock, time,
                                  &deferring);
  }
  /// A packet whose `value` is `value`.
  static media::Packet packet(float value = 0.0F, base::SegmentId segment = {}) {
    media::Packet made;
    made.kind = media::PacketKind::tensor;
    made.value = value;
    made.lineage.add(segment);
    return made;
  }

  explicit LaneRig(Lane::Time of) : time(of) { session->payloads = &payloads; }

  Lane::Time time;
  rt::PayloadPool payloads;
  base::VirtualClock clock;
  StageEngine stage;
  std::shared_ptr<SessionShared> session = std::make_shared<SessionShared>();  // shared: by lanes
};

/// Everything that comes back, up to and with job_done.
inline std::vector<LaneResult> take_all(Lane& lane) {
  std::vector<LaneResult> results;
  while (results.empty() || results.back().what != LaneResult::What::job_done) {
    LaneResult result;
    if (lane.pop_result(result, base::Instant{std::chrono::hours(1)})) {
      results.push_back(std::move(result));
    } else {
      std::this_thread::yield();
    }
  }
  return results;
}

/// Emits what it gets.
[[nodiscard]] inline NodeCalls passing() {
  return {.process = [](media::Packet& packet, node::Context& context) {
    context.emit(0, std::move(packet));
  }};
}

}  // namespace millrace::engine
