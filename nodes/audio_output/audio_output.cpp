#include "nodes/audio_output/audio_output.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "millrace/base/limits.hpp"

namespace millrace::nodes {
namespace {

constexpr std::array<node::PortDecl, 1> kInputs{{
    {.name = "audio", .kind = media::PacketKind::audio, .summary = "any audio"},
}};
constexpr std::array<node::PortDecl, 1> kOutputs{{
    {.name = "out", .kind = media::PacketKind::audio, .summary = "what leaves the graph"},
}};
constexpr std::array<node::ParamDecl, 3> kParams{{
    {.name = "pace",
     .kind = node::ParamKind::boolean,
     .initial = "false",
     .summary = "let audio out at the speed it is heard, not as fast as it is made"},
    {.name = "cushion_ms",
     .kind = node::ParamKind::number,
     .unit = "ms",
     .minimum = 0,
     .maximum = 1000,
     .initial = "0",
     .summary = "with pace: audio gathered before the first of a reply leaves"},
    {.name = "cushion_max_ms",
     .kind = node::ParamKind::number,
     .unit = "ms",
     .minimum = 0,
     .maximum = 1000,
     .initial = "200",
     .summary = "with pace: how far the cushion may grow when a reply comes haltingly"},
}};
constexpr node::Contract kContract{
    .type = "audio_output",
    .summary = "where audio leaves the graph",
    .role = node::Role::sink,
    .inputs = kInputs,
    .outputs = kOutputs,
    .params = kParams,
    .capabilities = {.parallelizable = true,
                     .batch_aware = false,
                     .queue_capacity = 100,
                     .overflow = node::OverflowPolicy::drop_oldest},
    .max_outputs = 1,
    .resets = "nothing: the mark of a discontinuity leaves with the block",
};

bool is_sound(const media::Packet& packet) noexcept {
  return packet.rate_hz >= base::limits::kMinRateHz && packet.rate_hz <= base::limits::kMaxRateHz &&
         packet.channels >= 1 && packet.channels <= base::limits::kMaxChannels &&
         packet.samples().size() ==
             std::size_t{packet.frames} * static_cast<std::size_t>(packet.channels);
}

class AudioOutputSession final : public node::SessionNode {
 public:
  void process(media::Packet& packet, node::Context& context) noexcept override {
    if (packet.kind != media::PacketKind::audio)
      return context.failed("a packet that is no audio was refused");
    if (!is_sound(packet))
      return context.failed(
          "a block was refused: 8 to 48 kHz, 1 to 8 channels and as many samples as its header "
          "says expected");
    // An empty block still leaves when it says that the reply is over.
    if (packet.frames == 0 && !packet.last) return;
    context.emit(0, std::move(packet));
  }
};

class AudioOutputStage final : public node::StageNode {
 public:
  AudioOutputStage(node::Format format, std::optional<node::Pacing> pacing)
      : format_(format), pacing_(pacing) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<AudioOutputSession>();
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override { return format_; }
  [[nodiscard]] base::MediaTime latency() const override {
    return pacing_ ? pacing_->cushion : base::MediaTime{0};
  }
  [[nodiscard]] std::optional<node::Pacing> pacing() const override { return pacing_; }

 private:
  node::Format format_;
  std::optional<node::Pacing> pacing_;
};

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  const bool pace = config.params.boolean("pace");
  if (!pace && (config.params.given("cushion_ms") || config.params.given("cushion_max_ms")))
    return base::fail(base::Code::bad_manifest,
                      "a cushion acts only with 'pace: true', which is not given", config.id);
  node::Pacing pacing{.cushion = config.params.milliseconds("cushion_ms"),
                      .cushion_max = config.params.milliseconds("cushion_max_ms")};
  if (config.params.given("cushion_max_ms") && pacing.cushion_max < pacing.cushion)
    return base::fail(base::Code::bad_manifest,
                      "'cushion_max_ms' is smaller than 'cushion_ms': the same or more expected",
                      config.id);
  pacing.cushion_max = std::max(pacing.cushion_max, pacing.cushion);
  return std::make_unique<AudioOutputStage>(
      config.inputs.empty() ? node::Format{} : config.inputs[0],
      pace ? std::optional{pacing} : std::nullopt);
}

}  // namespace

const node::NodeType& audio_output_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
