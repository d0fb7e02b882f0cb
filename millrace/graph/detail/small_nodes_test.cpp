#include "millrace/graph/detail/small_nodes_test.hpp"

#include <array>
#include <utility>

namespace millrace::graph::for_test {
namespace {

using node::Capabilities;
using node::Contract;
using node::Format;
using node::NodeType;
using node::OverflowPolicy;
using node::ParamDecl;
using node::ParamKind;
using node::PortDecl;
using node::Role;
using node::StageConfig;
using node::StageNode;
using enum media::PacketKind;

/// A stage that is only planned, never run.
class Planned final : public StageNode {
 public:
  Planned(std::vector<Format> outputs, base::MediaTime latency)
      : outputs_(std::move(outputs)), latency_(latency) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return base::fail(base::Code::internal, "planned only");
  }
  Format output_format(std::size_t port) const override { return outputs_.at(port); }
  base::MediaTime latency() const override { return latency_; }

 private:
  std::vector<Format> outputs_;
  base::MediaTime latency_;
};

using Made = base::Result<std::unique_ptr<StageNode>>;

Made make(std::vector<Format> outputs, std::int64_t latency_us = 0) {
  return std::make_unique<Planned>(std::move(outputs), base::MediaTime{latency_us});
}

constexpr Format kText{text, 0, 0};

constexpr std::array<PortDecl, 1> kAudioOut{{{.name = "audio", .kind = audio, .summary = "sound"}}};
constexpr std::array<PortDecl, 1> kAudioIn{{{.name = "audio", .kind = audio, .summary = "sound"}}};
constexpr std::array<PortDecl, 1> kTextIn{{{.name = "text", .kind = text, .summary = "words"}}};
constexpr std::array<PortDecl, 1> kTextOut{{{.name = "text", .kind = text, .summary = "words"}}};
constexpr std::array<PortDecl, 1> kSpeechIn{
    {{.name = "audio", .kind = audio, .summary = "sound", .rate_hz = 16000, .channels = 1}}};

constexpr std::array<ParamDecl, 3> kInputParams{{
    {.name = "frame_ms",
     .kind = ParamKind::integer,
     .unit = "ms",
     .minimum = 1,
     .maximum = 100,
     .initial = "20"},
    {.name = "rate_hz", .kind = ParamKind::integer, .unit = "Hz"},
    {.name = "channels", .kind = ParamKind::integer, .initial = "1"},
}};
constexpr Contract kAudioInput{.type = "audio_input",
                               .summary = "planned only",
                               .role = Role::source,
                               .outputs = kAudioOut,
                               .params = kInputParams,
                               .capabilities = {.queue_capacity = 100}};

constexpr std::array<std::string_view, 3> kQualities{"low", "medium", "high"};
constexpr std::array<ParamDecl, 2> kResampleParams{{
    {.name = "rate_hz",
     .kind = ParamKind::integer,
     .unit = "Hz",
     .minimum = 8000,
     .maximum = 48000,
     .initial = "16000"},
    {.name = "quality", .kind = ParamKind::choice, .initial = "medium", .choices = kQualities},
}};
constexpr Contract kResample{.type = "audio_resample",
                             .summary = "planned only",
                             .inputs = kAudioIn,
                             .outputs = kAudioOut,
                             .params = kResampleParams};

constexpr std::array<PortDecl, 1> kVadOut{
    {{.name = "vad", .kind = tensor, .summary = "decisions"}}};
constexpr Contract kVad{.type = "silero_vad",
                        .summary = "planned only",
                        .inputs = kSpeechIn,
                        .outputs = kVadOut,
                        .capabilities = {.batch_aware = true}};

constexpr std::array<PortDecl, 2> kGateIn{{
    {.name = "audio", .kind = audio, .summary = "sound"},
    {.name = "vad", .kind = tensor, .summary = "decisions", .feedback = true},
}};
constexpr std::array<PortDecl, 2> kGateOut{{
    {.name = "speculative_audio", .kind = audio, .summary = "sound", .alias = "audio"},
    {.name = "for_confirmation", .kind = audio, .summary = "sound"},
}};
constexpr std::array<std::string_view, 4> kTurns{"fast", "balanced", "careful", "off"};
constexpr std::array<ParamDecl, 8> kGateParams{{
    {.name = "lookback_ms", .unit = "ms", .maximum = 1000, .initial = "150"},
    {.name = "lookahead_ms", .unit = "ms", .maximum = 1000, .initial = "50"},
    {.name = "min_speech_ms", .unit = "ms", .maximum = 5000, .initial = "250"},
    {.name = "min_silence_ms", .unit = "ms", .maximum = 5000, .initial = "100"},
    {.name = "pad_ms", .unit = "ms", .maximum = 1000, .initial = "30"},
    {.name = "threshold", .maximum = 1, .initial = "0.5"},
    {.name = "negative_threshold", .maximum = 1},
    {.name = "turn", .kind = ParamKind::choice, .initial = "balanced", .choices = kTurns},
}};
constexpr Contract kGate{.type = "speculative_vad_gate",
                         .summary = "planned only",
                         .inputs = kGateIn,
                         .outputs = kGateOut,
                         .params = kGateParams,
                         .capabilities = {.queue_capacity = 100},
                         .inline_only = true,
                         .max_outputs = 8,
                         .speculates = true};

constexpr Contract kAsr{
    .type = "moonshine_asr",
    .summary = "planned only",
    .alias = "asr",
    .inputs = kSpeechIn,
    .outputs = kTextOut,
    .capabilities = {.parallelizable = false, .overflow = OverflowPolicy::block},
    .placement = node::Placement::pool,
    .pool_only = true,
    .virtual_cost = {.first_us = 80'000, .per_unit_us = 1'000}};

constexpr std::array<ParamDecl, 2> kReplyParams{{
    {.name = "rules", .kind = ParamKind::json, .initial = "[]"},
    {.name = "default", .kind = ParamKind::text, .initial = "{text}"},
}};
constexpr Contract kReply{.type = "reply",
                          .summary = "planned only",
                          .inputs = kTextIn,
                          .outputs = kTextOut,
                          .params = kReplyParams,
                          .capabilities = {.overflow = OverflowPolicy::block}};

constexpr Contract kTts{.type = "flite_tts",
                        .summary = "planned only",
                        .alias = "tts",
                        .inputs = kTextIn,
                        .outputs = kAudioOut,
                        .capabilities = {.parallelizable = false,
                                         .batch_aware = true,
                                         .queue_capacity = 20,
                                         .overflow = OverflowPolicy::merge_on_overflow},
                        .gives_up = {.smaller_first_chunk = true}};

constexpr Contract kAudioOutput{.type = "audio_output",
                                .summary = "planned only",
                                .role = Role::sink,
                                .inputs = kAudioIn,
                                .capabilities = {.queue_capacity = 100}};
constexpr Contract kTextOutput{
    .type = "text_output",
    .summary = "planned only",
    .role = Role::sink,
    .inputs = kTextIn,
    .capabilities = {.queue_capacity = 100, .overflow = OverflowPolicy::block}};

constexpr std::array<ParamDecl, 1> kDelayParams{
    {{.name = "ms", .kind = ParamKind::number, .unit = "ms", .maximum = 10000, .initial = "0"}}};
constexpr Contract kDelay{.type = "delay",
                          .summary = "planned only",
                          .inputs = kAudioIn,
                          .outputs = kAudioOut,
                          .params = kDelayParams};

constexpr std::array<PortDecl, 3> kMixIn{{
    {.name = "a", .kind = audio, .summary = "sound"},
    {.name = "b", .kind = audio, .summary = "sound", .required = false},
    {.name = "level",
     .kind = tensor,
     .summary = "numbers",
     .required = false,
     .with_param = "leveled"},
}};
constexpr std::array<PortDecl, 2> kMixOut{{
    {.name = "audio", .kind = audio, .summary = "sound"},
    {.name = "loudness", .kind = audio, .summary = "sound", .with_param = "leveled"},
}};
constexpr std::array<ParamDecl, 1> kMixParams{
    {{.name = "leveled", .kind = ParamKind::boolean, .initial = "false"}}};
constexpr Contract kMix{.type = "mix",
                        .summary = "planned only",
                        .inputs = kMixIn,
                        .outputs = kMixOut,
                        .params = kMixParams,
                        .capabilities = {.overflow = OverflowPolicy::block}};

constexpr std::array<ParamDecl, 7> kTunedParams{{
    {.name = "enabled", .kind = ParamKind::boolean, .initial = "true"},
    {.name = "count", .kind = ParamKind::integer, .minimum = 1, .maximum = 100000, .initial = "3"},
    {.name = "gain_db",
     .kind = ParamKind::number,
     .unit = "dB",
     .minimum = -60,
     .maximum = 12.5,
     .initial = "-1.5"},
    {.name = "label", .kind = ParamKind::text, .initial = "plain"},
    {.name = "mode", .kind = ParamKind::choice, .initial = "low", .choices = kQualities},
    {.name = "table", .kind = ParamKind::json, .initial = "{}"},
    {.name = "voice", .kind = ParamKind::text, .required = true},
}};
constexpr Contract kTuned{.type = "tuned",
                          .summary = "planned only",
                          .inputs = kAudioIn,
                          .outputs = kAudioOut,
                          .params = kTunedParams};

constexpr std::array<ParamDecl, 2> kRefusingParams{{
    {.name = "model", .kind = ParamKind::text, .initial = "none.onnx"},
    {.name = "file", .kind = ParamKind::text},
}};
constexpr Contract kRefusing{.type = "refusing",
                             .summary = "planned only",
                             .inputs = kAudioIn,
                             .outputs = kAudioOut,
                             .params = kRefusingParams};

constexpr std::array<PortDecl, 1> kOptionalIn{
    {{.name = "audio", .kind = audio, .summary = "sound", .required = false}}};
constexpr Contract kIdle{
    .type = "idle", .summary = "planned only", .inputs = kOptionalIn, .outputs = kAudioOut};

Made audio_input(const StageConfig& config) {
  return make({{audio, static_cast<std::int32_t>(config.params.integer("rate_hz")),
                static_cast<std::int16_t>(config.params.integer("channels"))}});
}
Made resample(const StageConfig& config) {
  return make({{audio, static_cast<std::int32_t>(config.params.integer("rate_hz")),
                config.inputs[0].channels}},
              2000);
}
Made gate(const StageConfig& config) {
  return make({config.inputs[0], config.inputs[0]});
}
Made through(const StageConfig& config) {
  return make({config.inputs[0]});
}
Made delay(const StageConfig& config) {
  return make({config.inputs[0]}, config.params.milliseconds("ms").count());
}
Made refusing(const StageConfig& config) {
  if (!config.params.text("file").empty())
    return base::fail(base::Code::bad_argument, "no such voice", "file");
  return base::fail(base::Code::unavailable, "model file is not there",
                    config.params.text("model"));
}

node::Registry all_types() {
  node::Registry types;
  types.add({&kAudioInput, audio_input});
  types.add({&kResample, resample});
  types.add({&kVad, [](const StageConfig&) { return make({{tensor, 0, 0}}, 32000); }});
  types.add({&kGate, gate});
  types.add({&kAsr, [](const StageConfig&) { return make({kText}); }});
  types.add({&kReply, [](const StageConfig&) { return make({kText}); }});
  types.add({&kTts, [](const StageConfig&) { return make({{audio, 16000, 1}}); }});
  types.add({&kAudioOutput, [](const StageConfig&) { return make({}); }});
  types.add({&kTextOutput, [](const StageConfig&) { return make({}); }});
  types.add({&kDelay, delay});
  types.add({&kMix, through});
  types.add({&kTuned, through});
  types.add({&kRefusing, refusing});
  types.add({&kIdle, through});
  const auto first = [](std::span<const media::Packet> inputs,
                        node::PayloadSource&) -> base::Result<media::Packet> { return inputs[0]; };
  types.add_merge(
      {.name = "glue", .kind = media::PacketKind::text, .summary = "for tests", .join = first});
  types.add_merge(
      {.name = "mixdown", .kind = media::PacketKind::audio, .summary = "for tests", .join = first});
  return types;
}

std::uint32_t port_called(std::span<const PortDecl> ports, std::string_view name) {
  for (std::uint32_t i = 0; i < ports.size(); ++i)
    if (ports[i].name == name) return i;
  return static_cast<std::uint32_t>(ports.size());
}

}  // namespace

const node::Registry& registry() {
  static const node::Registry kTypes = all_types();
  return kTypes;
}

std::expected<std::unique_ptr<const Plan>, std::vector<base::Error>> planned(
    std::string_view text) {
  const auto none = [](const std::string&) { return std::optional<std::string>(); };
  const auto spec = manifest::load_text(text, "t.yaml", none);
  if (!spec) {
    ADD_FAILURE() << "the manifest layer refuses it: " << spec.error().front().text();
    return std::unexpected(spec.error());
  }
  return build_plan(*spec, registry());
}

std::unique_ptr<const Plan> good(std::string_view text) {
  auto plan = planned(text);
  if (plan) return std::move(*plan);
  for (const base::Error& error : plan.error()) ADD_FAILURE() << error.text();
  return std::make_unique<Plan>();
}

std::vector<std::string> wrong(std::string_view text) {
  const auto plan = planned(text);
  std::vector<std::string> messages;
  if (plan) {
    ADD_FAILURE() << "the plan was made";
    return messages;
  }
  for (const base::Error& error : plan.error()) messages.push_back(error.text());
  return messages;
}

std::vector<std::string> ids(const Plan& plan) {
  std::vector<std::string> all;
  for (const Stage& stage : plan.stages) all.push_back(stage.id);
  return all;
}

const Edge& edge(const Plan& plan, std::string_view name) {
  const std::size_t arrow = name.find('>');
  const std::string_view from = name.substr(0, arrow), to = name.substr(arrow + 1);
  const auto node_of = [](std::string_view end) { return end.substr(0, end.find('.')); };
  const auto port_of = [](std::string_view end) { return end.substr(end.find('.') + 1); };
  for (const Edge& each : plan.edges) {
    const Stage& source = plan.stages[each.from];
    const Stage& target = plan.stages[each.to];
    if (source.id == node_of(from) && target.id == node_of(to) &&
        each.from_port == port_called(source.contract().outputs, port_of(from)) &&
        each.to_port == port_called(target.contract().inputs, port_of(to)))
      return each;
  }
  static const Edge kNone{};
  ADD_FAILURE() << "no edge " << name;
  return kNone;
}

}  // namespace millrace::graph::for_test
