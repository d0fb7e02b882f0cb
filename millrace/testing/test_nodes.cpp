#include "millrace/testing/test_nodes.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/base/check.hpp"
#include "millrace/base/limits.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::testing {

namespace {

using media::ControlType;
using media::Packet;
using media::PacketKind;
using node::Capabilities;
using node::Context;
using node::Contract;
using node::ParamDecl;
using node::ParamKind;
using node::PortDecl;
using node::Role;
using node::SessionNode;
using node::StageConfig;
using node::StageNode;

constexpr PortDecl kAudioIn[] = {{.name = "in", .kind = PacketKind::audio, .summary = "audio"}};
constexpr PortDecl kAudioOut[] = {{.name = "out", .kind = PacketKind::audio, .summary = "audio"}};
constexpr PortDecl kTextIn[] = {{.name = "in", .kind = PacketKind::text, .summary = "text"}};
constexpr PortDecl kTextOut[] = {{.name = "out", .kind = PacketKind::text, .summary = "text"}};
constexpr PortDecl kJoinIn[] = {{.name = "a", .kind = PacketKind::audio, .summary = "audio"},
                                {.name = "b", .kind = PacketKind::audio, .summary = "audio"}};
constexpr PortDecl kLoopIn[] = {{.name = "in", .kind = PacketKind::audio, .summary = "audio"},
                                {.name = "back",
                                 .kind = PacketKind::audio,
                                 .summary = "audio",
                                 .required = false,
                                 .feedback = true}};
constexpr ParamDecl kSpeakParams[] = {{.name = "pieces",
                                       .kind = ParamKind::integer,
                                       .minimum = 1,
                                       .maximum = 500,
                                       .initial = "3",
                                       .summary = "packets for each text"}};

/// A stage whose sessions are `Session`; every output has the format of input 0.
template <class Session, PacketKind Out = PacketKind::audio>
class SimpleStage final : public StageNode {
 public:
  explicit SimpleStage(const StageConfig& config)
      : params_(config.params),
        input_(config.inputs.empty() ? node::Format{} : config.inputs.front()) {}
  base::Result<std::unique_ptr<SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<Session>(params_);
  }
  node::Format output_format(std::size_t) const override {
    return Out == PacketKind::audio ? node::Format{Out, input_.rate_hz, input_.channels}
                                    : node::Format{Out, 0, 0};
  }
  std::optional<node::Pacing> pacing() const override {
    if constexpr (requires { Session::kPacing; }) return Session::kPacing;
    return std::nullopt;
  }

 private:
  node::Params params_;
  node::Format input_;
};

template <class Session, PacketKind Out = PacketKind::audio>
base::Result<std::unique_ptr<StageNode>> make(const StageConfig& config) {
  return std::make_unique<SimpleStage<Session, Out>>(config);
}

class Pass : public SessionNode {
 public:
  explicit Pass(const node::Params&) {}
  void process(Packet& packet, Context& context) noexcept override {
    context.emit(0, std::move(packet));
  }
};

class Twice final : public SessionNode {
 public:
  explicit Twice(const node::Params&) {}
  void process(Packet& packet, Context& context) noexcept override {
    Packet copy = packet;
    context.emit(0, std::move(copy));
    context.emit(0, std::move(packet));
  }
};

class Loop final : public SessionNode {
 public:
  explicit Loop(const node::Params&) {}
  void process(Packet& packet, Context& context) noexcept override {
    if (packet.port == 0) context.emit(0, std::move(packet));
  }
};

class ScriptedGate final : public SessionNode {
 public:
  explicit ScriptedGate(const node::Params&) {}

  void process(Packet& packet, Context& context) noexcept override {
    node::Speculation& speculation = *context.speculation();
    const auto command = static_cast<GateCommand>(
        static_cast<int>(packet.samples().empty() ? 0 : packet.samples()[0]));
    switch (command) {
      case GateCommand::open:
        if (!segment_) {
          if (!turn_) turn_ = speculation.open_turn();
          segment_ = speculation.open_segment(packet.from);
          from_ = packet.from;
        }
        break;
      case GateCommand::cancel:
        if (segment_)
          speculation.cancel_segment(segment_, from_, packet.from, media::CancelReason::too_short);
        segment_ = {};
        return;
      case GateCommand::eager:
        if (turn_ && guess_ == 0)
          guess_ = speculation.eager_end_of_turn(turn_, packet.from, packet.from);
        break;
      case GateCommand::resume:
        if (guess_ != 0) speculation.turn_resumed(turn_, std::exchange(guess_, 0));
        break;
      case GateCommand::end_turn:
        if (turn_) speculation.end_of_turn(turn_, guess_, packet.from, packet.from);
        turn_ = {};
        guess_ = 0;
        segment_ = {};
        break;
      case GateCommand::close: segment_ = {}; break;
      case GateCommand::interrupt:
        if (turn_.number > 1) speculation.interrupt({turn_.number - 1}, packet.from);
        break;
      case GateCommand::pass:
      case GateCommand::confirm: break;
    }
    if (!segment_) return;
    packet.lineage.add(segment_);
    packet.lineage.turn = turn_;
    context.emit(0, std::move(packet));
    if (command == GateCommand::confirm) speculation.confirm_segment(segment_);
  }

  void on_end(Context& context) noexcept override {
    node::Speculation& speculation = *context.speculation();
    if (segment_) speculation.cancel_segment(segment_, from_, from_, media::CancelReason::closed);
    if (turn_) speculation.end_of_turn(turn_, guess_, from_, from_);
    segment_ = {};
    turn_ = {};
  }

 private:
  base::SegmentId segment_;
  base::TurnId turn_;
  base::Revision guess_ = 0;
  base::MediaTime from_{0};
};

// A node that hangs cannot be told anything through its own interface; that is the point.
std::atomic<bool> hung_released{false};
std::atomic<int> hung_now{0};

void hang() noexcept {
  hung_now.fetch_add(1);
  while (!hung_released.load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  hung_now.fetch_sub(1);
}

/// Stands in for a recogniser: "heard N" for the N packets of the turn that still stand. Answering
/// is what it defers.
class Answer final : public SessionNode {
 public:
  explicit Answer(const node::Params&) {}
  void process(Packet& packet, Context&) noexcept override { heard_.push_back(packet.lineage); }
  void on_control(const media::Control& control, Context& context) noexcept override {
    if (control.type == ControlType::eager_end_of_turn) wanted_ = control.revision;
    if (control.type == ControlType::turn_resumed) answered_ = 0;
    if (control.type == ControlType::end_of_turn) {
      ends_ = true;
      // What was said to the guess may hang on something that was cancelled since.
      if (answered_ != control.revision || !context.live(said_)) wanted_ = control.revision;
      if (wanted_ == 0) end();
    }
  }
  [[nodiscard]] bool deferred() const noexcept override { return wanted_ != 0; }
  void run(Context& context, std::size_t together) noexcept {
    answer(context, std::exchange(wanted_, 0), together);
    if (ends_) end();
  }

 private:
  void answer(Context& context, base::Revision revision, std::size_t together) noexcept {
    if (context.stop_requested()) return;
    said_ = {};
    int packets = 0;
    for (const media::Lineage& lineage : heard_) {
      if (!context.live(lineage)) continue;
      context.make_room(said_);
      if (said_.merge(lineage)) ++packets;
    }
    answered_ = revision;
    if (packets == 0) return;
    Packet text =
        node::text_packet(context, "heard " + std::to_string(packets), media::TextRole::complete);
    text.lineage = said_;
    text.last = true;
    text.value = static_cast<float>(together);
    context.emit(0, std::move(text));
  }
  void end() noexcept {
    heard_.clear();
    answered_ = 0;
    ends_ = false;
  }
  std::vector<media::Lineage> heard_;
  media::Lineage said_;
  base::Revision answered_ = 0;
  base::Revision wanted_ = 0;  ///< deferred: the answer to this
  bool ends_ = false;          ///< and then the turn is over
};

/// Says each text, and with how many sessions together: "hello/3". Text that begins with "-" is
/// said at once, without deferring; "fail" fails, "fail all" fails for every session of the call,
/// and "hang" hangs.
class Choir final : public SessionNode {
 public:
  explicit Choir(const node::Params&) {}
  void process(Packet& packet, Context& context) noexcept override {
    text_ = std::string(packet.text());
    if (text_.starts_with("-")) {
      say(context, text_);
      text_.clear();
    }
  }
  [[nodiscard]] bool deferred() const noexcept override { return !text_.empty(); }
  [[nodiscard]] bool breaks_all() const noexcept { return text_ == "fail all"; }
  void run(Context& context, std::size_t together) noexcept {
    const std::string text = std::exchange(text_, {});
    if (context.stop_requested()) return;
    if (text == "fail") return context.failed("could not say it");
    if (text == "hang") hang();
    say(context, text + "/" + std::to_string(together));
  }
  void break_down(Context& context) noexcept {
    text_.clear();
    context.failed("the whole call failed");
  }

 private:
  static void say(Context& context, const std::string& text) noexcept {
    context.emit(0, node::text_packet(context, text, media::TextRole::complete));
  }
  std::string text_;
};

/// A stage that runs its sessions together; markers make them defer, and data if `DataDefers`.
template <class Session, bool DataDefers>
class TogetherStage final : public StageNode {
 public:
  explicit TogetherStage(const StageConfig& config) : params_(config.params) {}
  base::Result<std::unique_ptr<SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<Session>(params_);
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {PacketKind::text, 0, 0};
  }
  void run_together(std::span<node::Work> works) noexcept override {
    bool broken = false;
    if constexpr (requires(Session& session) { session.breaks_all(); })
      for (const node::Work& work : works)
        broken = broken || static_cast<Session*>(work.node)->breaks_all();
    for (const node::Work& work : works) {
      Session& session = *static_cast<Session*>(work.node);
      if constexpr (requires { session.break_down(*work.context); }) {
        if (broken) {
          session.break_down(*work.context);
          continue;
        }
      }
      session.run(*work.context, works.size());
    }
  }
  [[nodiscard]] bool defers(const Packet& packet) const noexcept override {
    if (packet.is_marker()) return !DataDefers;
    return DataDefers && !packet.text().starts_with("-");
  }

 private:
  node::Params params_;
};

template <class Session, bool DataDefers>
base::Result<std::unique_ptr<StageNode>> make_together(const StageConfig& config) {
  return std::make_unique<TogetherStage<Session, DataDefers>>(config);
}

class Speak final : public SessionNode {
 public:
  explicit Speak(const node::Params& params) : pieces_(params.integer("pieces")) {}
  void process(Packet&, Context& context) noexcept override {
    for (std::int64_t i = 0; i < pieces_; ++i) {
      if (context.stop_requested()) return;
      Packet audio = node::audio_packet(context, 320, 16'000);
      for (float& sample : audio.payload.writable_as<float>()) sample = 0.25F;
      audio.last = i + 1 == pieces_;
      context.emit(0, std::move(audio));
    }
  }

 private:
  std::int64_t pieces_;
};

class Hang final : public SessionNode {
 public:
  explicit Hang(const node::Params&) {}
  void process(Packet& packet, Context& context) noexcept override {
    hang();
    context.emit(0, std::move(packet));
  }
};

/// Fails for text with "fail" in it, and passes on the other.
class Picky final : public SessionNode {
 public:
  explicit Picky(const node::Params&) {}
  void process(Packet& packet, Context& context) noexcept override {
    if (packet.text().find("fail") != std::string_view::npos)
      return context.failed("could not say it");
    context.emit(0, std::move(packet));
  }
};

class PacedSinkNode final : public Pass {
 public:
  using Pass::Pass;
  static constexpr node::Pacing kPacing{};
};

constexpr Capabilities kInline{.queue_capacity = 50};
constexpr Capabilities kBlocking{
    .parallelizable = true, .queue_capacity = 50, .overflow = node::OverflowPolicy::block};
constexpr Capabilities kSink{.queue_capacity = 100};

constexpr Contract kSource{
    .type = "source", .summary = "for tests", .role = Role::source, .outputs = kAudioOut};
constexpr Contract kTextSource{
    .type = "text_source", .summary = "for tests", .role = Role::source, .outputs = kTextOut};
constexpr Contract kPass{.type = "pass",
                         .summary = "for tests",
                         .inputs = kAudioIn,
                         .outputs = kAudioOut,
                         .capabilities = kInline,
                         .max_outputs = 1};
constexpr Contract kPoolPass{.type = "pool_pass",
                             .summary = "for tests",
                             .inputs = kAudioIn,
                             .outputs = kAudioOut,
                             .capabilities = kInline,
                             .placement = node::Placement::pool,
                             .max_outputs = 1};
constexpr Contract kTextPass{.type = "text_pass",
                             .summary = "for tests",
                             .inputs = kTextIn,
                             .outputs = kTextOut,
                             .capabilities = kBlocking,
                             .max_outputs = 1};
constexpr Contract kPoolText{.type = "pool_text",
                             .summary = "for tests",
                             .inputs = kTextIn,
                             .outputs = kTextOut,
                             .capabilities = kBlocking,
                             .placement = node::Placement::pool,
                             .max_outputs = 1};
constexpr Contract kTwice{.type = "twice",
                          .summary = "for tests",
                          .inputs = kAudioIn,
                          .outputs = kAudioOut,
                          .capabilities = kInline,
                          .max_outputs = 2};
constexpr Contract kJoin{.type = "join",
                         .summary = "for tests",
                         .inputs = kJoinIn,
                         .outputs = kAudioOut,
                         .capabilities = kInline,
                         .max_outputs = 1};
constexpr Contract kLoop{.type = "loop",
                         .summary = "for tests",
                         .inputs = kLoopIn,
                         .outputs = kAudioOut,
                         .capabilities = kInline,
                         .max_outputs = 1};
constexpr Contract kGate{.type = "scripted_gate",
                         .summary = "for tests",
                         .inputs = kAudioIn,
                         .outputs = kAudioOut,
                         .capabilities = kInline,
                         .inline_only = true,
                         .max_outputs = 1,
                         .speculates = true};
constexpr Contract kAnswer{.type = "answer",
                           .summary = "for tests",
                           .inputs = kAudioIn,
                           .outputs = kTextOut,
                           .capabilities = kBlocking,
                           .placement = node::Placement::pool,
                           .across_sessions = true,
                           .max_outputs = 1,
                           .virtual_cost = {.first_us = 50'000, .per_unit_us = 1'000}};
constexpr Contract kChoir{.type = "choir",
                          .summary = "for tests",
                          .inputs = kTextIn,
                          .outputs = kTextOut,
                          .capabilities = {.parallelizable = false,
                                           .batch_aware = true,
                                           .queue_capacity = 50,
                                           .overflow = node::OverflowPolicy::block},
                          .placement = node::Placement::pool,
                          .across_sessions = true,
                          .max_outputs = 1,
                          .virtual_cost = {.first_us = 100'000, .per_session_us = 10'000}};
constexpr Contract kSpeak{.type = "speak",
                          .summary = "for tests",
                          .inputs = kTextIn,
                          .outputs = kAudioOut,
                          .params = kSpeakParams,
                          .capabilities = kBlocking,
                          .placement = node::Placement::pool,
                          .max_outputs = 1,
                          .virtual_cost = {.first_us = 20'000, .per_unit_us = 500}};
constexpr Contract kHang{.type = "hang",
                         .summary = "for tests",
                         .inputs = kAudioIn,
                         .outputs = kAudioOut,
                         .capabilities = kInline,
                         .placement = node::Placement::pool,
                         .pool_only = true,
                         .max_outputs = 1};
constexpr Contract kHangText{.type = "hang_text",
                             .summary = "for tests",
                             .inputs = kTextIn,
                             .outputs = kTextOut,
                             .capabilities = kBlocking,
                             .placement = node::Placement::pool,
                             .pool_only = true,
                             .max_outputs = 1};
constexpr Contract kPicky{.type = "picky",
                          .summary = "for tests",
                          .inputs = kTextIn,
                          .outputs = kTextOut,
                          .capabilities = kBlocking,
                          .placement = node::Placement::pool,
                          .max_outputs = 1};
constexpr Contract kSinkContract{.type = "sink",
                                 .summary = "for tests",
                                 .role = Role::sink,
                                 .inputs = kAudioIn,
                                 .outputs = kAudioOut,
                                 .capabilities = kSink,
                                 .max_outputs = 1};
constexpr Contract kTextSink{.type = "text_sink",
                             .summary = "for tests",
                             .role = Role::sink,
                             .inputs = kTextIn,
                             .outputs = kTextOut,
                             .capabilities = kBlocking,
                             .max_outputs = 1};
constexpr Contract kPacedSink{.type = "paced_sink",
                              .summary = "for tests",
                              .role = Role::sink,
                              .inputs = kAudioIn,
                              .outputs = kAudioOut,
                              .capabilities = kBlocking,
                              .max_outputs = 1};

/// "a+b"; what a text has in it makes it throw, fail, or make what it should not.
base::Result<Packet> join_with_plus(std::span<const Packet> inputs, node::PayloadSource& payloads) {
  std::string text;
  for (const Packet& input : inputs) text += (text.empty() ? "" : "+") + std::string(input.text());
  const auto has = [&](std::string_view word) { return text.find(word) != std::string::npos; };
  // As foreign code would throw.
  if (has("throw all")) std::rethrow_exception(std::make_exception_ptr(7));
  if (has("throw"))
    std::rethrow_exception(std::make_exception_ptr(std::runtime_error("no more plus signs")));
  if (has("refuse")) return base::fail(base::Code::bad_argument, "these do not go together");
  if (has("hang")) hang();
  if (has("vanish")) text.clear();
  if (has("grow")) text.assign(base::limits::kTextPacketBytes + 1, 'x');
  Packet joined;
  joined.kind = has("sing") ? PacketKind::audio : PacketKind::text;
  joined.lineage.turn = {99};  // not for it to say
  joined.deadline = base::Instant{};
  joined.payload = payloads.acquire(text.size());
  std::memcpy(joined.payload.writable().data(), text.data(), text.size());
  return joined;
}

}  // namespace

void add_test_nodes(node::Registry& registry) {
  registry.add({&kSource, make<Pass>});
  registry.add({&kTextSource, make<Pass, PacketKind::text>});
  registry.add({&kPass, make<Pass>});
  registry.add({&kPoolPass, make<Pass>});
  registry.add({&kTextPass, make<Pass, PacketKind::text>});
  registry.add({&kPoolText, make<Pass, PacketKind::text>});
  registry.add({&kTwice, make<Twice>});
  registry.add({&kJoin, make<Pass>});
  registry.add({&kLoop, make<Loop>});
  registry.add({&kGate, make<ScriptedGate>});
  registry.add({&kAnswer, make_together<Answer, false>});
  registry.add({&kChoir, make_together<Choir, true>});
  registry.add({&kSpeak, make<Speak>});
  registry.add({&kHang, make<Hang>});
  registry.add({&kHangText, make<Hang, PacketKind::text>});
  registry.add({&kPicky, make<Picky, PacketKind::text>});
  registry.add({&kSinkContract, make<Pass>});
  registry.add({&kTextSink, make<Pass, PacketKind::text>});
  registry.add({&kPacedSink, make<PacedSinkNode>});
  registry.add_merge(
      {.name = "plus", .kind = PacketKind::text, .summary = "for tests", .join = join_with_plus});
}

void release_hung_nodes() {
  hung_released.store(true);
}
void hold_hung_nodes() {
  hung_released.store(false);
}
int hung_calls() {
  return hung_now.load();
}

std::shared_ptr<const graph::Plan> test_plan(std::string_view text,
                                             const node::Registry& registry) {
  const auto report = [](const std::vector<base::Error>& errors) {
    std::string all;
    for (const base::Error& error : errors) all += error.text() + "; ";
    base::check_failed("test_plan", all.c_str(), __FILE__, __LINE__);
  };
  const auto spec = manifest::load_text(
      text, "test.yaml", [](const std::string&) { return std::optional<std::string>{}; });
  if (!spec) report(spec.error());
  auto plan = graph::build_plan(*spec, registry);
  if (!plan) report(plan.error());
  return std::move(*plan);
}

std::shared_ptr<const graph::Plan> test_plan(std::string_view text) {
  // Plans point at the node types they were made from, so these live as long as the program.
  static const node::Registry registry = [] {
    node::Registry made;
    add_test_nodes(made);
    return made;
  }();
  return test_plan(text, registry);
}

}  // namespace millrace::testing
