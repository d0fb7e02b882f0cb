#include "nodes/smart_turn/smart_turn.hpp"

#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/media/convert.hpp"
#include "nodes/smart_turn/smart_turn_model.hpp"

namespace millrace::nodes {
namespace {

using base::MediaTime;
using media::Packet;

constexpr std::int32_t kRate = SmartTurnModel::kRateHz;

constexpr std::array<node::PortDecl, 1> kInputs{{
    {.name = "audio",
     .kind = media::PacketKind::audio,
     .summary = "the turn so far, in pieces; the last one is marked",
     .rate_hz = kRate,
     .channels = 1},
}};
constexpr std::array<node::PortDecl, 1> kOutputs{{
    {.name = "turn",
     .kind = media::PacketKind::tensor,
     .summary = "probability that the turn is complete at the end of that audio"},
}};
constexpr std::array<node::ParamDecl, 1> kParams{{
    {.name = "model",
     .kind = node::ParamKind::text,
     .initial = "",
     .summary = "folder with the models; empty: where ./dev setup puts them"},
}};
constexpr node::Contract kContract{
    .type = "smart_turn",
    .summary = "hears whether somebody has finished or only takes a breath",
    .inputs = kInputs,
    .outputs = kOutputs,
    .params = kParams,
    // Sixteen pieces of 0.5 s are the longest question there is: one that comes while others wait
    // is always whole, and pushes out the oldest ones.
    .capabilities = {.parallelizable = true,
                     .batch_aware = false,
                     .queue_capacity = 16,
                     .overflow = node::OverflowPolicy::drop_oldest},
    .placement = node::Placement::pool,
    .pool_only = true,
    .virtual_cost = {.first_us = 55'000, .per_unit_us = 0},
    .resets = "a question begins: audio from before the break is forgotten",
};

class SmartTurnSession final : public node::SessionNode {
 public:
  explicit SmartTurnSession(SmartTurnModel model) : model_(std::move(model)) {}

  void process(Packet& packet, node::Context& context) noexcept override {
    if (!takes(packet, context)) return;
    gather(packet, context);
    if (!packet.last) return;
    if (audio_.empty()) return context.failed("a question without audio was refused");
    answer(context);
    audio_.clear();
  }

 private:
  bool takes(const Packet& packet, node::Context& context) noexcept {
    const bool fits = packet.kind == media::PacketKind::audio && packet.rate_hz == kRate &&
                      packet.channels == 1 && packet.samples().size() == packet.frames;
    if (!fits && !refusing_)
      context.failed("audio is refused: 16 kHz mono expected, as long as its header says");
    refusing_ = !fits;
    return fits;
  }

  /// Adds a piece to the question, or begins a new one where it does not follow. Only the end
  /// counts for the model, so no more than that is kept.
  void gather(const Packet& packet, node::Context& context) noexcept {
    const bool follows = !audio_.empty() && !packet.discontinuity &&
                         std::abs((packet.from - to_).count()) <= 1'000'000 / kRate;
    if (!follows) {
      audio_.clear();
      hangs_on_ = {};
      from_ = packet.from;
    }
    const std::span<const float> samples = packet.samples();
    audio_.insert(audio_.end(), samples.begin(), samples.end());
    // One NaN would make all of it sound like silence, and silence like the end of a turn.
    media::convert::scrub(std::span(audio_).last(samples.size()));
    to_ = packet.to;
    if (audio_.size() > SmartTurnModel::kFrames) {
      const std::size_t over = audio_.size() - SmartTurnModel::kFrames;
      audio_.erase(audio_.begin(), audio_.begin() + static_cast<std::ptrdiff_t>(over));
      from_ = to_ - base::media_time(SmartTurnModel::kFrames, kRate);
    }
    if (hangs_on_.merge(packet.lineage)) return;
    context.make_room(hangs_on_);
    if (!hangs_on_.merge(packet.lineage))
      context.failed("a question hangs on more unconfirmed segments than a packet can name");
  }

  void answer(node::Context& context) noexcept {
    if (!context.live(hangs_on_) || context.stop_requested()) return;
    const base::Result<float> probability = model_.probability(audio_);
    if (!probability)
      return context.failed("a question was not answered: " + probability.error().message);
    Packet out;
    out.kind = media::PacketKind::tensor;
    out.value = *probability;
    out.from = from_;
    out.to = to_;
    out.lineage = hangs_on_;
    context.emit(0, std::move(out));
  }

  SmartTurnModel model_;      ///< scratch memory of its own; the weights are everybody's
  std::vector<float> audio_;  ///< of the question so far; at most 8 s and a piece
  MediaTime from_{0};
  MediaTime to_{0};
  media::Lineage hangs_on_;
  bool refusing_ = false;  ///< a wrong format was told of
};

class SmartTurnStage final : public node::StageNode {
 public:
  explicit SmartTurnStage(inference::ModelStore store) : store_(std::move(store)) {}

  /// Finds the model, and keeps its weights between sessions.
  base::Result<void> load() {
    auto model = SmartTurnModel::create(store_);
    if (!model) return std::unexpected(model.error());
    kept_ = std::move(*model);
    return {};
  }

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    auto model = SmartTurnModel::create(store_);
    if (!model) return std::unexpected(model.error());
    return std::make_unique<SmartTurnSession>(std::move(*model));
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::tensor};
  }

 private:
  inference::ModelStore store_;
  std::optional<SmartTurnModel> kept_;
};

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  const std::string& folder = config.params.text("model");
  auto stage = std::make_unique<SmartTurnStage>(inference::ModelStore::locate(
      folder.empty() ? std::nullopt : std::optional<std::filesystem::path>(folder)));
  if (auto loaded = stage->load(); !loaded)
    return base::fail(loaded.error().code, loaded.error().text(), config.id);
  return stage;
}

}  // namespace

const node::NodeType& smart_turn_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
