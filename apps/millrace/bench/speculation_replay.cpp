#include "apps/millrace/bench/speculation_replay.hpp"

#include <algorithm>
#include <utility>

#include "apps/millrace/registry.hpp"
#include "millrace/manifest/load.hpp"
#include "millrace/node/gate_settings.hpp"
#include "nodes/smart_turn/smart_turn.hpp"
#include "nodes/smart_turn/smart_turn_model.hpp"

namespace millrace::app {
namespace {

using base::MediaTime;

constexpr std::int32_t kRateHz = 16'000;
constexpr std::int64_t kBlockFrames = kRateHz / 50;
constexpr MediaTime kTick{1'000};

std::string manifest_of(const std::string& gate_type, const std::string& params) {
  return R"(version: v1
metadata: {name: bench-speculation}
nodes:
  - {id: mic, type: audio_input, params: {rate_hz: 16000}}
  - {id: vad, type: silero_vad}
  - {id: gate, type: )" +
         gate_type + ", params: " + params + R"(}
  - {id: speaker, type: audio_output}
edges:
  - {from: mic, to: vad}
  - {from: mic, to: gate.audio}
  - {from: vad, to: gate.vad}
  - {from: gate.speculative_audio, to: speaker}
)";
}

media::Packet block_of(std::span<const float> samples, std::int64_t from, rt::PayloadPool& pool) {
  const std::int64_t to = std::min(from + kBlockFrames, static_cast<std::int64_t>(samples.size()));
  media::Packet packet;
  packet.rate_hz = kRateHz;
  packet.frames = static_cast<std::uint32_t>(to - from);
  packet.from = base::media_time(from, kRateHz);
  packet.to = base::media_time(to, kRateHz);
  packet.payload = pool.acquire(packet.frames * sizeof(float));
  const auto part = samples.subspan(static_cast<std::size_t>(from), packet.frames);
  std::copy(part.begin(), part.end(), packet.payload.writable_as<float>().begin());
  return packet;
}

/// What a node is given in a replay: virtual time, and somebody who listens.
class ReplayContext : public node::Context {
 public:
  explicit ReplayContext(rt::PayloadPool& pool) : pool_(pool) {}

  void set_now(MediaTime now) noexcept { now_ = now; }
  [[nodiscard]] base::Instant now() const noexcept override {
    return base::Instant{base::Duration{now_}};
  }
  [[nodiscard]] rt::Payload acquire(std::size_t size_bytes) noexcept override {
    return pool_.acquire(size_bytes);
  }
  [[nodiscard]] bool live(const media::Lineage&) const noexcept override { return true; }
  [[nodiscard]] bool stop_requested() const noexcept override { return false; }
  void make_room(media::Lineage& lineage) const noexcept override { lineage.segments.clear(); }
  void set_timer(base::Instant) noexcept override {}
  void send(media::Control&&) noexcept override {}
  [[nodiscard]] node::Speculation* speculation() noexcept override { return nullptr; }
  void failed(std::string_view what) noexcept override { failure_ = what; }
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

 protected:
  MediaTime now_{0};

 private:
  rt::PayloadPool& pool_;
  std::string failure_;
};

class VadListener final : public ReplayContext {
 public:
  using ReplayContext::ReplayContext;
  void emit(std::size_t, media::Packet&& packet) noexcept override {
    trace.windows.push_back({packet.from, packet.to, packet.value, block});
  }
  VadTrace trace;
  std::size_t block = 0;
};

/// The gate's listener: writes down what it decides, and gathers what it asks the turn model.
class GateListener final : public ReplayContext, public node::Speculation {
 public:
  struct Question {
    MediaTime asked{0};  ///< when
    MediaTime from{0};
    MediaTime to{0};
  };

  GateListener(rt::PayloadPool& pool, MediaTime pad) : ReplayContext(pool), pad_(pad) {}

  void emit(std::size_t port, media::Packet&& packet) noexcept override {
    if (port != node::kGateTurnCheck) return;
    if (packet.discontinuity) asking_ = packet.from;
    if (packet.last) question = Question{now_, asking_, packet.to};
  }
  [[nodiscard]] node::Speculation* speculation() noexcept override { return this; }

  base::SegmentId open_segment(MediaTime from) noexcept override {
    const base::SegmentId segment{++segments_};
    add(GateDeed::opened, from, segment.number);
    return segment;
  }
  void confirm_segment(base::SegmentId segment) noexcept override {
    add(GateDeed::confirmed, MediaTime{0}, segment.number);
  }
  void cancel_segment(base::SegmentId segment, MediaTime from, MediaTime,
                      media::CancelReason) noexcept override {
    add(GateDeed::cancelled, from, segment.number);
  }
  void speech_started(MediaTime at) noexcept override {
    add(GateDeed::speech_started, at, segments_);
  }
  void speech_ended(MediaTime) noexcept override {}
  base::TurnId open_turn() noexcept override {
    revision_ = 0;
    return {++turns_};
  }
  base::Revision eager_end_of_turn(base::TurnId turn, MediaTime at, MediaTime) noexcept override {
    add(GateDeed::eager, at - pad_, turn.number, ++revision_);
    return revision_;
  }
  void turn_resumed(base::TurnId turn, base::Revision revision) noexcept override {
    add(GateDeed::resumed, now_, turn.number, revision);
  }
  base::Revision end_of_turn(base::TurnId turn, base::Revision revision, MediaTime at,
                             MediaTime) noexcept override {
    add(GateDeed::ended, at - pad_, turn.number, revision);
    return revision;
  }
  void interrupt(base::TurnId, MediaTime) noexcept override {}
  [[nodiscard]] bool playing() const noexcept override { return false; }
  void pause_playback() noexcept override {}
  void resume_playback() noexcept override {}

  std::optional<Question> question;
  std::vector<GateEvent> events;

 private:
  void add(GateDeed deed, MediaTime at, std::uint32_t number, std::uint32_t revision = 0) {
    events.push_back({deed, now_, at, number, revision});
  }
  MediaTime pad_;
  MediaTime asking_{0};
  std::uint32_t segments_ = 0;
  std::uint32_t turns_ = 0;
  base::Revision revision_ = 0;
};

/// One replay under way.
class Replay {
 public:
  Replay(node::SessionNode& gate, MediaTime pad, const ReplayInput& input)
      : gate_(gate), input_(input), listener_(pool_, pad) {}

  base::Result<std::vector<GateEvent>> run() {
    const auto frames = static_cast<std::int64_t>(input_.samples.size());
    std::size_t block = 0;
    for (std::int64_t at = 0; at < frames; at += kBlockFrames, ++block) {
      media::Packet packet = block_of(input_.samples, at, pool_);
      answer(packet.to);
      listener_.set_now(packet.to);
      decide(block);
      packet.port = node::kGateAudio;
      give(packet);
    }
    // What the VAD says at the end of its input comes with the last block.
    decide(~std::size_t{0});
    gate_.on_end(listener_);
    if (!listener_.failure().empty())
      return base::fail(base::Code::internal, listener_.failure(), "the gate of a replay");
    return std::move(listener_.events);
  }

 private:
  void give(media::Packet& packet) {
    gate_.process(packet, listener_);
    if (!listener_.question) return;
    asked_ = std::exchange(listener_.question, std::nullopt);
    model_free_ = std::max(model_free_, asked_->asked) + input_.model_takes;
  }
  void decide(std::size_t block) {
    const auto& windows = input_.trace->windows;
    for (; next_ < windows.size() && windows[next_].block <= block; ++next_) {
      if (windows[next_].probability >= input_.goes_on_at) asked_.reset();
      media::Packet packet = tensor(node::kGateVad, windows[next_].probability, windows[next_].from,
                                    windows[next_].to);
      give(packet);
    }
  }
  /// The verdict, if it is there before `until`.
  void answer(MediaTime until) {
    if (!asked_ || !input_.model || model_free_ > until) return;
    const GateListener::Question question = *std::exchange(asked_, std::nullopt);
    const auto said =
        input_.model(base::frame_at(question.from, kRateHz), base::frame_at(question.to, kRateHz));
    if (!said) return;
    // Results are taken in at the next tick.
    listener_.set_now((model_free_ + kTick - MediaTime{1}) / kTick.count() * kTick.count());
    media::Packet packet = tensor(node::kGateTurn, *said, question.from, question.to);
    give(packet);
  }
  static media::Packet tensor(std::uint8_t port, float value, MediaTime from, MediaTime to) {
    media::Packet packet;
    packet.kind = media::PacketKind::tensor;
    packet.port = port;
    packet.value = value;
    packet.from = from;
    packet.to = to;
    return packet;
  }

  node::SessionNode& gate_;
  const ReplayInput& input_;
  rt::PayloadPool pool_;
  GateListener listener_;
  std::size_t next_ = 0;
  std::optional<GateListener::Question> asked_;
  MediaTime model_free_{0};
};

}  // namespace

base::Result<GateSetup> GateSetup::create(const std::string& gate_type, const std::string& params) {
  auto spec = manifest::load_text(manifest_of(gate_type, params), "bench speculation",
                                  manifest::process_environment());
  if (!spec) return std::unexpected(spec.error().front());
  auto plan = graph::build_plan(*spec, registry());
  if (!plan) return std::unexpected(plan.error().front());
  GateSetup setup;
  setup.plan_ = std::move(*plan);
  for (const graph::Stage& stage : setup.plan_->stages) {
    if (stage.id != "vad" && stage.id != "gate") continue;
    auto node = stage.type->create(stage.config());
    if (!node) return std::unexpected(std::move(node.error()));
    (stage.id == "vad" ? setup.vad_ : setup.gate_) = std::move(*node);
  }
  return setup;
}

const node::Params& GateSetup::params() const noexcept {
  return plan_->find("gate")->params;
}

base::Result<std::unique_ptr<node::SessionNode>> GateSetup::open_gate() {
  return gate_->open_session({.session = "replay"});
}

base::Result<VadTrace> GateSetup::run_vad(std::span<const float> samples) {
  auto session = vad_->open_session({.session = "replay"});
  if (!session) return std::unexpected(std::move(session.error()));
  rt::PayloadPool pool;
  VadListener listener(pool);
  const auto frames = static_cast<std::int64_t>(samples.size());
  for (std::int64_t at = 0; at < frames; at += kBlockFrames, ++listener.block) {
    media::Packet packet = block_of(samples, at, pool);
    (*session)->process(packet, listener);
  }
  (*session)->on_end(listener);
  if (!listener.failure().empty())
    return base::fail(base::Code::internal, listener.failure(), "the VAD of a replay");
  return std::move(listener.trace);
}

base::Result<std::vector<GateEvent>> replay_gate(GateSetup& setup, const ReplayInput& input) {
  auto gate = setup.open_gate();
  if (!gate) return std::unexpected(std::move(gate.error()));
  return Replay(**gate, setup.params().milliseconds("pad_ms"), input).run();
}

std::optional<float> Verdicts::ask(std::size_t file, std::span<const float> samples,
                                   std::int64_t from, std::int64_t to) {
  const Question question{file, from, to};
  const auto found = known_.find(question);
  if (found != known_.end()) return found->second;
  const auto said = compute_(
      samples.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)));
  known_.emplace(question, said);
  return said;
}

base::Result<Verdicts> smart_turn_verdicts() {
  auto made = nodes::SmartTurnModel::create(inference::ModelStore::locate());
  if (!made) return std::unexpected(std::move(made.error()));
  // shared: std::function wants to be copied, the model cannot be
  auto model = std::make_shared<nodes::SmartTurnModel>(std::move(*made));
  return Verdicts([model](std::span<const float> samples) -> std::optional<float> {
    const auto said = model->probability(samples);
    return said ? std::optional{*said} : std::nullopt;
  });
}

MediaTime smart_turn_takes() {
  return MediaTime{nodes::smart_turn_type().contract->virtual_cost.first_us};
}

}  // namespace millrace::app
