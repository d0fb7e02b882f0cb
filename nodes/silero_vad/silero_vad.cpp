#include "nodes/silero_vad/silero_vad.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "nodes/silero_vad/silero_model.hpp"

namespace millrace::nodes {
namespace {

using base::MediaTime;
using media::Packet;

constexpr std::size_t kWindow = SileroModel::kWindowFrames;
/// Windows that one block can complete: a block of 1 s, with 88 ms to spare.
constexpr std::uint32_t kMostWindows = 34;
constexpr std::uint32_t kMostFrames = kMostWindows * kWindow;

constexpr std::array<node::PortDecl, 1> kInputs{{
    {.name = "audio",
     .kind = media::PacketKind::audio,
     .summary = "blocks of any length up to 1 s",
     .rate_hz = SileroModel::kRateHz,
     .channels = 1},
}};
constexpr std::array<node::PortDecl, 1> kOutputs{{
    {.name = "vad",
     .kind = media::PacketKind::tensor,
     .summary = "for each window of 512 frames the probability that it is speech"},
}};
constexpr std::array<node::ParamDecl, 1> kParams{{
    {.name = "model",
     .kind = node::ParamKind::text,
     .initial = "",
     .summary = "folder with the models; empty: where ./dev setup puts them"},
}};
constexpr node::Contract kContract{
    .type = "silero_vad",
    .summary = "tells speech from everything else, window by window",
    .inputs = kInputs,
    .outputs = kOutputs,
    .params = kParams,
    .capabilities = {.parallelizable = true,
                     .batch_aware = true,
                     .queue_capacity = 50,
                     .overflow = node::OverflowPolicy::drop_oldest},
    .inline_only = true,  // one model with its scratch memory for all sessions of a shard
    .max_outputs = kMostWindows,
    .resets = "the window begun is dropped, and the network listens anew from the block's time",
};

class SileroStage;

/// One stream: the window that is being filled, and what the network remembers.
class SileroSession final : public node::SessionNode {
 public:
  explicit SileroSession(SileroStage& stage) : stage_(&stage) {}

  void process(Packet& packet, node::Context& context) noexcept override;
  void on_end(node::Context& context) noexcept override;

  /// A call of the stage begins: nothing of its packets was taken yet.
  void begin() noexcept { packet_ = taken_ = 0; }
  /// Takes audio until a window is whole; work.packet_index is the packet that made it so. False
  /// when the packets are used up.
  bool fill(node::Work& work) noexcept;
  [[nodiscard]] SileroWindow window() noexcept { return {window_.data(), &state_}; }
  /// Fills the window up with silence when audio waits in it. False: none does, or none that
  /// counts.
  bool fill_up(node::Context& context) noexcept;
  /// The whole window was decided (nothing: it could not be); the next one begins.
  void decided(std::optional<float> probability, node::Context& context) noexcept;

 private:
  bool takes(const Packet& packet, node::Context& context) noexcept;
  void follow(const Packet& packet) noexcept;
  void hang_on(const media::Lineage& lineage, node::Context& context) noexcept;

  SileroStage* stage_;  ///< outlives its sessions
  SileroState state_;
  std::array<float, kWindow> window_{};
  std::size_t held_ = 0;     ///< frames in window_
  std::int64_t at_ = 0;      ///< frame number of the first of them
  media::Lineage hangs_on_;  ///< what they came with
  base::Instant due_{};      ///< of the block that came last
  std::size_t packet_ = 0;   ///< in this call: the packet being taken ...
  std::size_t taken_ = 0;    ///< ... and how much of it was
  bool running_ = false;     ///< audio has come
  bool lost_ = false;        ///< the next window does not follow the one before
  bool refusing_ = false;    ///< a wrong format was told of
};

class SileroStage final : public node::StageNode {
 public:
  explicit SileroStage(SileroModel model) : model_(std::move(model)) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<SileroSession>(*this);
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::tensor};
  }
  [[nodiscard]] MediaTime latency() const override {
    return base::media_time(kWindow, SileroModel::kRateHz);
  }
  [[nodiscard]] bool batches() const override { return true; }
  void process_batch(std::span<node::Work> works) noexcept override;
  void end_batch(std::span<node::Work> works) noexcept override;

  [[nodiscard]] const SileroModel& model() const noexcept { return model_; }

 private:
  void add(node::Work& work) noexcept;
  void run() noexcept;
  [[nodiscard]] static SileroSession& session(const node::Work& work) noexcept {
    return static_cast<SileroSession&>(*work.node);
  }

  SileroModel model_;
  // Of one batch at a time, so no number of sessions needs more.
  std::array<SileroWindow, SileroModel::kMaxBatch> windows_{};
  std::array<node::Work*, SileroModel::kMaxBatch> works_{};
  std::size_t whole_ = 0;
};

/// In rounds: the windows of one session hang on each other and are decided one after another,
/// those of different sessions together.
void SileroStage::process_batch(std::span<node::Work> works) noexcept {
  for (const node::Work& work : works) session(work).begin();
  for (bool more = true; more;) {
    more = false;
    for (node::Work& work : works) {
      if (!session(work).fill(work)) continue;
      more = true;
      add(work);
    }
    run();
  }
}

void SileroStage::end_batch(std::span<node::Work> works) noexcept {
  for (node::Work& work : works) {
    if (session(work).fill_up(*work.context)) add(work);
  }
  run();
}

void SileroStage::add(node::Work& work) noexcept {
  windows_[whole_] = session(work).window();
  works_[whole_] = &work;
  if (++whole_ == windows_.size()) run();
}

void SileroStage::run() noexcept {
  const std::size_t count = std::exchange(whole_, 0);
  const bool done = model_.run(std::span(windows_).first(count)).has_value();
  for (std::size_t i = 0; i < count; ++i) {
    const node::Work& work = *works_[i];
    session(work).decided(done ? std::optional(windows_[i].probability) : std::nullopt,
                          *work.context);
  }
}

void SileroSession::process(Packet& packet, node::Context& context) noexcept {
  node::Work work{.node = this, .packets = {&packet, 1}, .context = &context};
  stage_->process_batch({&work, 1});
}

bool SileroSession::fill(node::Work& work) noexcept {
  for (; packet_ < work.packets.size(); ++packet_, taken_ = 0) {
    const Packet& packet = work.packets[packet_];
    work.packet_index = packet_;
    if (taken_ == 0) {
      if (!takes(packet, *work.context)) continue;
      follow(packet);
    }
    const std::span<const float> rest = packet.samples().subspan(taken_);
    if (rest.empty()) continue;
    const std::size_t frames = std::min(rest.size(), kWindow - held_);
    std::copy_n(rest.begin(), frames, window_.begin() + static_cast<std::ptrdiff_t>(held_));
    hang_on(packet.lineage, *work.context);
    held_ += frames;
    taken_ += frames;
    if (held_ == kWindow) return true;
  }
  return false;
}

bool SileroSession::takes(const Packet& packet, node::Context& context) noexcept {
  const bool fits = packet.kind == media::PacketKind::audio &&
                    packet.rate_hz == SileroModel::kRateHz && packet.channels == 1 &&
                    packet.from >= MediaTime{0} && packet.samples().size() == packet.frames &&
                    packet.frames <= kMostFrames;
  if (!fits && !refusing_)
    context.failed(
        "blocks are refused: 16 kHz mono audio of at most 1 s expected, as long as its "
        "header says");
  refusing_ = !fits;
  return fits;
}

/// Goes on with the stream, or begins it anew where `packet` does not follow.
void SileroSession::follow(const Packet& packet) noexcept {
  due_ = packet.due;
  const std::int64_t at = base::frame_at(packet.from, SileroModel::kRateHz);
  const std::int64_t next = at_ + static_cast<std::int64_t>(held_);
  if (running_ && !packet.discontinuity && std::abs(at - next) <= 1) return;
  lost_ = running_ || packet.discontinuity;
  running_ = true;
  state_.reset();
  held_ = 0;
  hangs_on_ = {};
  at_ = at;
}

void SileroSession::hang_on(const media::Lineage& lineage, node::Context& context) noexcept {
  if (hangs_on_.merge(lineage)) return;
  context.make_room(hangs_on_);
  if (!hangs_on_.merge(lineage))
    context.failed("a window hangs on more unconfirmed segments than a packet can name");
}

void SileroSession::decided(std::optional<float> probability, node::Context& context) noexcept {
  Packet out;
  out.kind = media::PacketKind::tensor;
  out.from = base::media_time(at_, SileroModel::kRateHz);
  at_ += static_cast<std::int64_t>(held_);
  out.to = base::media_time(at_, SileroModel::kRateHz);
  out.due = due_;
  out.lineage = std::exchange(hangs_on_, {});
  held_ = 0;
  if (!probability) {
    lost_ = true;
    return context.failed("a window was not decided: the model failed");
  }
  out.value = *probability;
  out.discontinuity = std::exchange(lost_, false);
  context.emit(0, std::move(out));
}

/// The last word may lie in a window that never gets whole: silence stands in for what is missing.
bool SileroSession::fill_up(node::Context& context) noexcept {
  if (held_ == 0 || !context.live(hangs_on_)) return false;
  std::fill(window_.begin() + static_cast<std::ptrdiff_t>(held_), window_.end(), 0.0F);
  return true;
}

void SileroSession::on_end(node::Context& context) noexcept {
  node::Work work{.node = this, .packets = {}, .context = &context};
  stage_->end_batch({&work, 1});
}

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  const std::string& folder = config.params.text("model");
  auto model = SileroModel::create(inference::ModelStore::locate(
      folder.empty() ? std::nullopt : std::optional<std::filesystem::path>(folder)));
  if (!model) return base::fail(model.error().code, model.error().text(), config.id);
  return std::make_unique<SileroStage>(*std::move(model));
}

}  // namespace

const node::NodeType& silero_vad_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

std::uint64_t silero_model_calls(const node::StageNode& stage) noexcept {
  return static_cast<const SileroStage&>(stage).model().calls();
}

}  // namespace millrace::nodes
