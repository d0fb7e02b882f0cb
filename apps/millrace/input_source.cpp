#include "apps/millrace/input_source.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "apps/millrace/report.hpp"
#include "millrace/base/utf8.hpp"

namespace millrace::app {

namespace {

constexpr std::string_view kAudioInput = "audio_input";
constexpr std::string_view kTextInput = "text_input";

std::optional<std::uint32_t> source_of(const graph::Plan& plan, std::string_view type) {
  for (const std::uint32_t source : plan.sources)
    if (plan.stages[source].contract().type == type) return source;
  return std::nullopt;
}

bool is_named_text(const std::filesystem::path& path) {
  return std::ranges::equal(
      path.extension().string(), std::string_view(".txt"), [](char a, char b) {
        return base::lower_case(static_cast<unsigned char>(a)) == static_cast<unsigned char>(b);
      });
}

base::Result<InputSource> open_text(const std::string& input, const nodes::FileOptions& options,
                                    const graph::Stage& stage, const std::string& pipeline) {
  const auto paths = nodes::split_joined(input);
  auto source = nodes::TextSource::open_joined(
      paths, {.line = options.frame, .line_ends = stage.params.text("lines") == "pieces"});
  if (source) return InputSource(std::move(*source));
  base::Error error = source.error();
  // Who names a file .txt knows that text is wanted.
  if (error.code == base::Code::bad_peer_data && !std::ranges::all_of(paths, is_named_text))
    error.message += fmt::format(" ('{}' of pipeline '{}' is a text_input)", stage.id, pipeline);
  return std::unexpected(std::move(error));
}

base::Result<void> check_rate(const nodes::FileSource& source, const std::string& input,
                              const graph::Plan& plan, std::uint32_t stage) {
  const auto wanted = plan.stages[stage].params.integer("rate_hz");
  if (wanted != 0 && wanted != source.rate_hz())
    return base::fail(
        base::Code::bad_peer_data,
        fmt::format(
            "the audio is {} Hz; expected {} Hz, as rate_hz of '{}' says (leave rate_hz out, "
            "and put an audio_resample behind it, to take any rate)",
            source.rate_hz(), wanted, plan.stages[stage].id),
        input);
  for (const graph::Edge& edge : plan.edges) {
    if (edge.from != stage) continue;
    const node::PortDecl& port = plan.stages[edge.to].contract().inputs[edge.to_port];
    if (port.rate_hz != 0 && port.rate_hz != source.rate_hz())
      return base::fail(
          base::Code::bad_peer_data,
          fmt::format("the audio is {} Hz, but '{}' takes {} Hz; put an audio_resample with "
                      "rate_hz: {} between '{}' and '{}'",
                      source.rate_hz(), plan.stages[edge.to].id, port.rate_hz, port.rate_hz,
                      plan.stages[stage].id, plan.stages[edge.to].id),
          input);
  }
  return {};
}

base::Result<InputSource> open_audio(const std::string& input, const nodes::FileOptions& options,
                                     const graph::Plan& plan, std::uint32_t stage) {
  const auto paths = nodes::split_joined(input);
  if (!options.raw && std::ranges::any_of(paths, is_named_text))
    return base::fail(base::Code::bad_peer_data,
                      fmt::format("is text, expected a WAV file: '{}' of pipeline '{}' is an "
                                  "audio_input (a text_input takes text)",
                                  plan.stages[stage].id, plan.name),
                      input);
  auto source = paths.size() == 1 ? nodes::FileSource::open(paths.front(), options)
                                  : nodes::FileSource::open_joined(paths, options);
  if (!source) return std::unexpected(source.error());
  if (const auto good = check_rate(*source, input, plan, stage); !good)
    return std::unexpected(good.error());
  return InputSource(std::move(*source));
}

}  // namespace

std::optional<media::Packet> InputSource::next(rt::PayloadPool& pool) {
  return std::visit([&](auto& source) { return source.next(pool); }, source_);
}

std::string InputSource::warning() const {
  return std::visit([](const auto& source) { return source.warning(); }, source_);
}

base::Result<std::uint32_t> input_stage(const graph::Plan& plan) {
  const auto audio = source_of(plan, kAudioInput);
  const auto text = source_of(plan, kTextInput);
  if (audio && text)
    return base::fail(base::Code::bad_manifest,
                      fmt::format("--input goes into one source, but '{}' takes audio and '{}' "
                                  "text; expected an audio_input or a text_input, not both",
                                  plan.stages[*audio].id, plan.stages[*text].id),
                      plan.name);
  if (audio) return *audio;
  if (text) return *text;
  return base::fail(base::Code::bad_manifest,
                    "the pipeline has no audio_input and no text_input for --input to go into",
                    plan.name);
}

bool takes_text(const graph::Plan& plan, std::uint32_t stage) {
  return plan.stages[stage].contract().type == kTextInput;
}

base::Result<InputSource> open_input(const std::string& input, const nodes::FileOptions& options,
                                     const graph::Plan& plan) {
  const auto stage = input_stage(plan);
  if (!stage) return std::unexpected(stage.error());
  auto source = takes_text(plan, *stage) ? open_text(input, options, plan.stages[*stage], plan.name)
                                         : open_audio(input, options, plan, *stage);
  if (!source) return std::unexpected(named_by_user(std::move(source.error())));
  return source;
}

}  // namespace millrace::app
