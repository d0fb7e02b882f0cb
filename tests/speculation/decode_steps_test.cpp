#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/base/rng.hpp"
#include "millrace/engine/engine.hpp"
#include "millrace/inference/speech_for_test.hpp"
#include "millrace/testing/test_nodes.hpp"
#include "nodes/moonshine_asr/moonshine_asr.hpp"

// The recogniser as it ships, with its model, on the pool of a running engine. Whatever withdraws
// its work at whichever decode step: it does at most the step it is in. Waits are for what must
// come, however slow the machine is.
namespace millrace::testing {
namespace {

using engine::ControlStatus;
using engine::EventType;
using media::Control;
using media::ControlType;

constexpr std::uint64_t kNever = 0;

/// What the recogniser's decoder did since reset(), and where it waits.
struct Decoder {
  std::atomic<std::uint64_t> steps{0};
  std::atomic<std::uint64_t> meet_at{kNever};  ///< the step at which the host is told
  std::atomic<bool> wait_there{false};         ///< until the host says go_on
  std::atomic<bool> met{false};
  std::atomic<bool> go_on{false};
  std::atomic<std::uint64_t> at_guess{0};  ///< steps when the guess came to the recogniser
  std::atomic<bool> guess_done{false};
  std::atomic<std::uint64_t> at_resume{0};  ///< steps when it heard that the turn goes on
  std::atomic<bool> resumed{false};

  void reset(std::uint64_t step, bool wait) {
    steps = 0;
    meet_at = step;
    wait_there = wait;
    met = go_on = guess_done = resumed = false;
  }
  void stepped() {
    if (steps.fetch_add(1) + 1 != meet_at.load()) return;
    met = true;
    if (wait_there.load()) go_on.wait(false);
  }
};
Decoder decoder;

/// Notes when a message about the turn comes to the node and when it has been dealt with.
class Noted final : public node::SessionNode {
 public:
  explicit Noted(std::unique_ptr<node::SessionNode> node) : node_(std::move(node)) {}
  void process(media::Packet& packet, node::Context& context) noexcept override {
    node_->process(packet, context);
  }
  void on_control(const Control& control, node::Context& context) noexcept override {
    if (control.type == ControlType::eager_end_of_turn) decoder.at_guess = decoder.steps.load();
    if (control.type == ControlType::turn_resumed) {
      decoder.at_resume = decoder.steps.load();
      decoder.resumed = true;
    }
    node_->on_control(control, context);
    guess_ = control.type == ControlType::eager_end_of_turn;
    note_done();
  }
  void on_timer(node::Context& context) noexcept override { node_->on_timer(context); }
  void on_end(node::Context& context) noexcept override { node_->on_end(context); }
  [[nodiscard]] bool deferred() const noexcept override { return node_->deferred(); }
  [[nodiscard]] node::SessionNode& inner() noexcept { return *node_; }
  void note_done() noexcept {
    if (guess_ && !node_->deferred()) decoder.guess_done = true;
  }

 private:
  std::unique_ptr<node::SessionNode> node_;
  bool guess_ = false;  ///< the last message was a guess
};

class NotedStage final : public node::StageNode {
 public:
  explicit NotedStage(std::unique_ptr<node::StageNode> stage) : stage_(std::move(stage)) {}
  base::Result<std::unique_ptr<node::SessionNode>> open_session(
      const node::SessionInfo& info) override {
    auto node = stage_->open_session(info);
    if (!node) return node;
    return std::make_unique<Noted>(std::move(*node));
  }
  [[nodiscard]] node::Format output_format(std::size_t port) const override {
    return stage_->output_format(port);
  }
  void run_together(std::span<node::Work> works) noexcept override {
    std::vector<node::Work> inner(works.begin(), works.end());
    for (node::Work& work : inner) work.node = &static_cast<Noted*>(work.node)->inner();
    stage_->run_together(inner);
    for (const node::Work& work : works) static_cast<Noted*>(work.node)->note_done();
  }
  [[nodiscard]] bool defers(const media::Packet& packet) const noexcept override {
    return stage_->defers(packet);
  }

 private:
  std::unique_ptr<node::StageNode> stage_;
};

std::shared_ptr<const graph::Plan> recogniser_plan() {
  static const node::Registry registry = [] {
    node::Registry made;
    add_test_nodes(made);
    made.add(
        {nodes::moonshine_asr_type().contract,
         [](const node::StageConfig& config) -> base::Result<std::unique_ptr<node::StageNode>> {
           auto stage = nodes::make_moonshine_asr(config, [] { decoder.stepped(); });
           if (!stage) return stage;
           return std::make_unique<NotedStage>(std::move(*stage));
         }});
    return made;
  }();
  return test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: scripted_gate}
  - {id: asr, type: moonshine_asr, params: {partials_ms: 800}}
  - {id: out, type: text_sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: asr}
  - {from: asr, to: out}
executor: {pool_threads: 1}
)",
                   registry);
}

/// How the work is withdrawn.
enum class By { nothing, client_cancel, client_interrupt, gate_cancel, gate_resume };

/// One caller who says a sentence, guessed to be over at its end.
class Caller {
 public:
  Caller(engine::Engine& engine, std::span<const float> speech) : speech_(speech) {
    auto opened = engine.open("caller");
    if (opened) session_ = std::move(*opened);
  }
  [[nodiscard]] bool opened() const { return session_ != nullptr; }

  /// Runs the session to its end. Withdraws by `by` when the decoder has met the host. Returns the
  /// decoder's steps that came after the withdrawal was accepted.
  std::uint64_t run(By by) {
    while (!(by != By::nothing && decoder.met.load()) &&
           !(said_all() && decoder.guess_done.load())) {
      if (!said_all()) say_next();
      listen();
    }
    std::uint64_t before = decoder.steps.load();
    if (by != By::nothing) {
      withdraw(by);
      before = decoder.steps.load();
      decoder.go_on = true;
      decoder.go_on.notify_all();
    }
    // What the resumed turn still says is heard, and is no waste.
    if (by == By::gate_resume)
      while (!decoder.resumed.load()) listen();
    const std::uint64_t after_resume = decoder.at_resume.load();
    while (!session_->end_input(0)) listen();
    while (!session_->ended()) listen();
    listen();
    session_->close();
    return (by == By::gate_resume ? after_resume : decoder.steps.load()) - before;
  }
  [[nodiscard]] std::size_t texts_out() const { return texts_out_; }

 private:
  [[nodiscard]] bool said_all() const { return said_ > blocks(); }
  [[nodiscard]] int blocks() const { return static_cast<int>(speech_.size() / 320); }

  void say_next() {
    const GateCommand what = said_ == 0          ? GateCommand::open
                             : said_ == blocks() ? GateCommand::eager
                                                 : GateCommand::pass;
    if (say(what)) ++said_;
  }

  /// The next 20 ms; the gate reads its command from the first sample.
  bool say(GateCommand what) {
    media::Packet packet;
    packet.rate_hz = 16'000;
    packet.frames = 320;
    packet.from = base::MediaTime{20'000 * said_};
    packet.to = base::MediaTime{20'000 * (said_ + 1)};
    packet.payload = session_->payloads().acquire(320 * sizeof(float));
    const std::span<float> samples = packet.payload.writable_as<float>();
    for (std::size_t i = 0; i < samples.size(); ++i)
      samples[i] = said_ < blocks() ? speech_[static_cast<std::size_t>(said_) * 320 + i] : 0.0F;
    samples[0] = static_cast<float>(what);
    return session_->push(0, std::move(packet));
  }

  void listen() {
    engine::Event event;
    while (session_->next_event(event)) {
      accepted_ |= event.type == EventType::control && event.status == ControlStatus::applied;
      accepted_ |=
          event.type == EventType::speculation_cancelled || event.type == EventType::turn_resumed;
    }
    engine::OutputPacket output;
    while (session_->next_output(output)) ++texts_out_;
    // The decoder needs the core more than who waits for it.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }

  /// Returns when it has been accepted.
  void withdraw(By by) {
    accepted_ = false;
    if (by == By::gate_cancel || by == By::gate_resume) {
      while (!say(by == By::gate_cancel ? GateCommand::cancel : GateCommand::resume)) listen();
    } else {
      Control control;
      control.type =
          by == By::client_cancel ? ControlType::cancel_speculation : ControlType::interrupt;
      if (by == By::client_cancel) control.segment = {1};
      if (by == By::client_interrupt) control.turn = {1};
      while (!session_->control(control)) listen();
    }
    while (!accepted_) listen();
  }

  std::span<const float> speech_;
  std::unique_ptr<engine::SessionHandle> session_;
  int said_ = 0;
  bool accepted_ = false;
  std::size_t texts_out_ = 0;
};

TEST(DecodeSteps, ARecogniserDoesAtMostOneAfterItsWorkWasWithdrawn) {
  const std::vector<float> speech = inference::speech_for_test::prompt("auth-thankyou");
  ASSERT_FALSE(speech.empty());
  auto engine = engine::Engine::start(recogniser_plan());
  ASSERT_TRUE(engine.has_value()) << engine.error().text();
  decoder.reset(kNever, false);
  Caller undisturbed(**engine, speech);
  ASSERT_TRUE(undisturbed.opened());
  (void)undisturbed.run(By::nothing);
  const std::uint64_t whole = decoder.steps.load();
  const std::uint64_t partials = decoder.at_guess.load();
  ASSERT_GT(partials, 2U) << "partial texts are decoded too";
  ASSERT_GT(whole, partials + 2);

  base::Rng rng(20'261'128);
  constexpr By kWays[] = {By::client_cancel, By::client_interrupt, By::gate_cancel,
                          By::gate_resume};
  for (int i = 0; i < 12; ++i) {
    const By by = kWays[i % 4];
    const std::uint64_t first = by == By::gate_resume ? partials + 1 : 1;
    const std::uint64_t step = first + rng.below(whole - first);
    // Every other time the decoder stands still until the withdrawal is accepted.
    const bool still = (i / 4) % 2 == 0;
    decoder.reset(step, still);
    Caller caller(**engine, speech);
    ASSERT_TRUE(caller.opened());

    const std::uint64_t after = caller.run(by);

    EXPECT_LE(after, 1U) << "way " << i % 4 << " at step " << step << " of " << whole;
    if (still) {
      EXPECT_EQ(after, 0U) << "way " << i % 4 << " at step " << step;
    }
    EXPECT_EQ(caller.texts_out(), 0U);
  }
}

}  // namespace
}  // namespace millrace::testing
