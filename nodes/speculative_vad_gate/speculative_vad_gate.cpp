#include "nodes/speculative_vad_gate/speculative_vad_gate.hpp"

#include <array>

#include "millrace/node/gate_core.hpp"

namespace millrace::nodes {
namespace {

constexpr policy::OnsetMode kMode = policy::OnsetMode::speculative;

constexpr std::array<node::PortDecl, 3> kOutputs{{
    {.name = "speculative_audio",
     .kind = media::PacketKind::audio,
     .summary = "speech, before it is certain",
     .alias = "audio"},
    {.name = "for_confirmation",
     .kind = media::PacketKind::audio,
     .summary = "everything that came, for a VAD behind the gate"},
    {.name = "turn_check",
     .kind = media::PacketKind::audio,
     .summary = "the turn so far when silence begins, for a turn model; the last piece is marked",
     .with_param = "turn_model"},
}};

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  return node::make_gate(config, kMode);
}

}  // namespace

const node::NodeType& speculative_vad_gate_type() {
  static const node::Contract kContract{
      .type = "speculative_vad_gate",
      .summary = "sends speech on at once, and withdraws what was none",
      .inputs = node::gate_inputs(),
      .outputs = kOutputs,
      .params = node::gate_params(kMode),
      .capabilities = {.parallelizable = true,
                       .batch_aware = false,
                       .queue_capacity = 100,
                       .overflow = node::OverflowPolicy::drop_oldest},
      .inline_only = true,
      .max_outputs = node::kGateMaxOutputs,
      .speculates = true,
      .resets = "the ring: audio from before a gap is not sent any more",
  };
  static const node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
