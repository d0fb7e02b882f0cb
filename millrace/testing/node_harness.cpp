#include "millrace/testing/node_harness.hpp"

#include <algorithm>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::testing {
namespace {

/// More timers than this at one instant: the node asks for "now" for ever.
constexpr int kTimersAtOnce = 1000;

}  // namespace

/// The Context of one call. What a node does through it is the harness's work, so it is exempt from
/// the guard: only what the node itself allocates counts.
class NodeHarness::CallContext final : public node::Context {
 public:
  /// `input`: what the call is about, kept here because a node may move from it.
  CallContext(NodeHarness& harness, const media::Packet& input) : harness_(&harness) {
    input_.lineage = input.lineage;
    input_.due = input.due;
    input_.deadline = input.deadline;
    input_.from = input.from;
    input_.to = input.to;
  }

  [[nodiscard]] base::Instant now() const noexcept override { return harness_->now(); }
  void emit(std::size_t port, media::Packet&& packet) noexcept override {
    const rt::RtExempt exempt;
    harness_->keep(port, std::move(packet), input_);
  }
  [[nodiscard]] rt::Payload acquire(std::size_t size_bytes) noexcept override {
    const rt::RtExempt exempt;
    return harness_->pool_.acquire(size_bytes);
  }
  [[nodiscard]] bool live(const media::Lineage& lineage) const noexcept override {
    return harness_->ledger_.live(lineage);
  }
  [[nodiscard]] bool stop_requested() const noexcept override {
    return harness_->stop_.stop_requested() || !live(input_.lineage);
  }
  void make_room(media::Lineage& lineage) const noexcept override {
    harness_->ledger_.make_room(lineage);
  }
  void set_timer(base::Instant at) noexcept override {
    harness_->timed_ = true;
    harness_->timer_ = at;
  }
  void send(media::Control&& control) noexcept override {
    const rt::RtExempt exempt;
    if (media::is_aligned(control.type)) harness_->violated("send() takes urgent messages only");
    harness_->sent_.push_back(std::move(control));
  }
  [[nodiscard]] node::Speculation* speculation() noexcept override {
    return harness_->contract_->speculates ? &harness_->speculation_ : nullptr;
  }
  void failed(std::string_view what) noexcept override {
    const rt::RtExempt exempt;
    harness_->failures_.emplace_back(what);
  }

 private:
  NodeHarness* harness_;
  media::Packet input_;
};

base::Result<std::unique_ptr<NodeHarness>> NodeHarness::create(const node::NodeType& type,
                                                               HarnessOptions options) {
  options.inputs.resize(type.contract->inputs.size());
  for (std::size_t port = 0; port < options.inputs.size(); ++port)
    options.inputs[port].kind = type.contract->inputs[port].kind;
  base::Result<node::Params> params = params_for(*type.contract, options.params, options.id);
  if (!params) return std::unexpected(params.error());

  std::unique_ptr<NodeHarness> harness{new NodeHarness(*type.contract, std::move(options))};
  auto stage = type.create({.id = harness->options_.id,
                            .params = std::move(*params),
                            .inputs = harness->options_.inputs});
  if (!stage) return std::unexpected(stage.error());
  harness->stage_ = std::move(*stage);
  if (base::Result<void> opened = harness->open(); !opened) return std::unexpected(opened.error());
  return harness;
}

base::Result<std::unique_ptr<NodeHarness>> NodeHarness::open_another(std::string session) {
  HarnessOptions options = options_;
  options.session = std::move(session);
  std::unique_ptr<NodeHarness> other{new NodeHarness(*contract_, std::move(options))};
  other->stage_ = stage_;
  if (base::Result<void> opened = other->open(); !opened) return std::unexpected(opened.error());
  return other;
}

NodeHarness::NodeHarness(const node::Contract& contract, HarnessOptions options)
    : contract_(&contract),
      options_(std::move(options)),
      speculation_(ledger_, [this](const media::Control& control) { keep_marker(control); }),
      out_(contract.outputs.size()),
      emitted_in_call_(contract.outputs.size()) {}

NodeHarness::~NodeHarness() {
  node_.reset();
  MR_CHECK(violations_.empty() || violations_read_,
           "a node that breaks its contract is noticed by its test");
}

base::Result<void> NodeHarness::open() {
  auto opened = stage_->open_session({.session = options_.session, .seed = options_.seed});
  if (!opened) return std::unexpected(opened.error());
  node_ = std::move(*opened);
  return {};
}

void NodeHarness::call(const std::function<void(node::Context&)>& work,
                       const media::Packet* input) {
  CallContext context{*this, input != nullptr ? *input : media::Packet{}};
  emitted_in_call_.assign(out_.size(), 0);
  if (!options_.in_rt) {
    work(context);
    while (node_->deferred()) {
      node::Work deferred{.node = node_.get(), .packets = {}, .context = &context};
      stage_->run_together({&deferred, 1});
    }
    return;
  }

  const std::uint64_t allocations = rt::rt_allocations();
  const std::uint64_t locks = rt::rt_locks();
  {
    const rt::RtScope scope;
    work(context);
  }
  allocations_ += rt::rt_allocations() - allocations;
  locks_ += rt::rt_locks() - locks;
}

void NodeHarness::push(media::Packet packet) {
  if (stage_->batches()) {
    Batched one{this, std::move(packet)};
    return push_together({&one, 1});
  }
  call([&](node::Context& context) { node_->process(packet, context); }, &packet);
}

void NodeHarness::push_together(std::span<Batched> batch) {
  MR_CHECK(!batch.empty(), "a batch has at least one packet");
  std::vector<CallContext> contexts;
  contexts.reserve(batch.size());
  std::vector<node::Work> works;
  for (Batched& one : batch) {
    MR_CHECK(one.session->stage_ == batch[0].session->stage_, "a batch is of one stage");
    one.session->emitted_in_call_.assign(one.session->out_.size(), 0);
    contexts.emplace_back(*one.session, one.packet);
    works.push_back({.node = one.session->node_.get(),
                     .packets = {&one.packet, 1},
                     .context = &contexts.back(),
                     .packet_index = 0});
  }
  NodeHarness& first = *batch[0].session;
  first.call([&](node::Context&) { first.stage_->process_batch(works); }, nullptr);
}

media::Packet NodeHarness::packet(media::PacketKind kind, std::uint8_t port,
                                  const media::Lineage& lineage) {
  media::Packet made;
  made.kind = kind;
  made.port = port;
  made.lineage = lineage;
  made.due = now();
  made.enqueued = now();
  return made;
}

void NodeHarness::push_audio(std::uint8_t port, std::span<const float> interleaved,
                             base::MediaTime from, std::int32_t rate_hz,
                             const media::Lineage& lineage, std::int16_t channels) {
  media::Packet audio = packet(media::PacketKind::audio, port, lineage);
  audio.rate_hz = rate_hz;
  audio.channels = channels;
  audio.frames =
      static_cast<std::uint32_t>(interleaved.size() / static_cast<std::size_t>(channels));
  audio.from = from;
  audio.to = from + base::media_time(audio.frames, rate_hz);
  audio.payload = pool_.copy_of(std::as_bytes(interleaved));
  push(std::move(audio));
}

void NodeHarness::push_text(std::uint8_t port, std::string_view text, media::TextRole role,
                            const media::Lineage& lineage) {
  media::Packet made = packet(media::PacketKind::text, port, lineage);
  made.role = role;
  made.last = role == media::TextRole::complete;
  made.payload = pool_.copy_of(std::as_bytes(std::span{text.data(), text.size()}));
  push(std::move(made));
}

void NodeHarness::push_tensor(std::uint8_t port, float value, base::MediaTime from,
                              base::MediaTime to, const media::Lineage& lineage) {
  media::Packet tensor = packet(media::PacketKind::tensor, port, lineage);
  tensor.value = value;
  tensor.from = from;
  tensor.to = to;
  push(std::move(tensor));
}

void NodeHarness::push_control(const media::Control& control) {
  switch (control.type) {
    case media::ControlType::cancel_speculation: ledger_.cancel(control.segment); break;
    case media::ControlType::confirm_speculation: ledger_.confirm(control.segment); break;
    case media::ControlType::interrupt: ledger_.interrupt(control.turn); break;
    case media::ControlType::turn_resumed: ledger_.withdraw(control.turn, control.revision); break;
    case media::ControlType::end_of_turn: ledger_.commit(control.turn, control.revision); break;
    default: break;
  }
  call([&](node::Context& context) { node_->on_control(control, context); }, nullptr);
}

void NodeHarness::cancel(base::SegmentId segment) {
  media::Control control;
  control.type = media::ControlType::cancel_speculation;
  control.segment = segment;
  push_control(control);
}

void NodeHarness::confirm(base::SegmentId segment) {
  media::Control control;
  control.type = media::ControlType::confirm_speculation;
  control.segment = segment;
  push_control(control);
}

void NodeHarness::interrupt(base::TurnId turn) {
  media::Control control;
  control.type = media::ControlType::interrupt;
  control.turn = turn;
  push_control(control);
}

void NodeHarness::marker(media::ControlType type, base::TurnId turn, base::Revision revision,
                         base::MediaTime at, base::MediaTime audio_until) {
  MR_CHECK(media::is_aligned(type), "only aligned messages have a place in the data");
  media::Control control;
  control.type = type;
  control.turn = turn;
  control.revision = revision;
  control.at = at;
  control.audio_until = audio_until;
  push_control(control);
  keep_marker(control);
}

void NodeHarness::advance_to(base::Instant to) {
  for (int fired = 0; timed_ && timer_ <= to; ++fired) {
    if (fired == kTimersAtOnce) {
      violated("the node asks for a timer again and again without waiting");
      break;
    }
    clock_.advance_to(timer_);
    timed_ = false;
    call([&](node::Context& context) { node_->on_timer(context); }, nullptr);
  }
  clock_.advance_to(to);
}

void NodeHarness::end() {
  call([&](node::Context& context) { node_->on_end(context); }, nullptr);
}

void NodeHarness::on_emit(std::function<void(const media::Packet&)> observer) {
  observer_ = std::move(observer);
}

void NodeHarness::keep(std::size_t port, media::Packet&& packet, const media::Packet& input) {
  if (port >= out_.size()) return violated("emitted on a port that the contract does not declare");
  if (packet.kind != contract_->outputs[port].kind)
    violated("emitted a packet of another kind than the port's");
  if (stop_.stop_requested() || !ledger_.live(input.lineage) || !ledger_.live(packet.lineage)) {
    ++after_stop_;
    return;
  }
  if (!packet.lineage.merge(input.lineage)) {
    ledger_.make_room(packet.lineage);
    if (!packet.lineage.merge(input.lineage))
      return violated("emitted a packet whose lineage finds no room");
  }
  if (packet.due == base::Instant{}) packet.due = input.due;
  packet.deadline = std::min(packet.deadline, input.deadline);
  if (packet.to == base::MediaTime{0}) {
    packet.from = input.from;
    packet.to = input.to;
  }
  const bool in_sweep = contract_->placement == node::Placement::inline_;
  if (++emitted_in_call_[port] > contract_->max_outputs && in_sweep)
    violated("emitted more packets than max_outputs in one call");
  out_[port].push_back(std::move(packet));
  if (observer_) observer_(out_[port].back());
}

void NodeHarness::keep_marker(const media::Control& control) {
  const rt::RtExempt exempt;
  for (std::vector<media::Packet>& port : out_) {
    media::Packet marker;
    marker.kind = media::PacketKind::control;
    marker.control_type = control.type;
    marker.id = control.id;
    marker.lineage.turn = control.turn;
    marker.lineage.revision = control.revision;
    marker.from = control.at;
    marker.to = control.audio_until;
    port.push_back(marker);
  }
}

void NodeHarness::violated(std::string what) {
  violations_.push_back(std::move(what));
}

const std::vector<std::string>& NodeHarness::violations() const noexcept {
  violations_read_ = true;
  return violations_;
}

const std::vector<media::Packet>& NodeHarness::out(std::size_t port) const {
  MR_CHECK(port < out_.size(), "a test asks for a port that the contract declares");
  return out_[port];
}

std::vector<media::Packet> NodeHarness::data(std::size_t port) const {
  std::vector<media::Packet> found;
  for (const media::Packet& packet : out(port))
    if (!packet.is_marker()) found.push_back(packet);
  return found;
}

std::vector<std::string> NodeHarness::texts(std::size_t port) const {
  std::vector<std::string> found;
  for (const media::Packet& packet : out(port))
    if (packet.kind == media::PacketKind::text) found.emplace_back(packet.text());
  return found;
}

std::vector<float> NodeHarness::samples(std::size_t port) const {
  std::vector<float> found;
  for (const media::Packet& packet : out(port)) {
    if (packet.kind != media::PacketKind::audio) continue;
    const std::span<const float> block = packet.samples();
    found.insert(found.end(), block.begin(), block.end());
  }
  return found;
}

void NodeHarness::clear() {
  for (std::vector<media::Packet>& port : out_) port.clear();
}

media::Lineage hanging_on(base::SegmentId segment) {
  media::Lineage lineage;
  lineage.add(segment);
  return lineage;
}

media::Lineage hanging_on(base::TurnId turn, base::Revision revision) {
  media::Lineage lineage;
  lineage.turn = turn;
  lineage.revision = revision;
  return lineage;
}

}  // namespace millrace::testing
