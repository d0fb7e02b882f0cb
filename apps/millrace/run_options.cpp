#include "apps/millrace/run_options.hpp"

#include <fmt/core.h>

#include <cmath>
#include <filesystem>
#include <utility>

#include "millrace/base/limits.hpp"
#include "millrace/media/convert.hpp"

namespace millrace::app {

std::vector<std::string> split_inputs(const std::string& text) {
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return {text};
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t comma = text.find(',', begin);
    parts.push_back(text.substr(begin, comma - begin));
    if (comma == std::string::npos) return parts;
    begin = comma + 1;
  }
}

std::vector<SessionTask> session_tasks(const RunOptions& options) {
  std::vector<SessionTask> tasks;
  for (std::int64_t copy = 0; copy < options.sessions; ++copy) {
    for (const std::string& input : options.inputs) {
      const std::size_t number = tasks.size() + 1;
      SessionTask task{.name = "s" + std::to_string(number), .input = input, .output = {}};
      if (!options.output.empty()) {
        const std::filesystem::path path(options.output);
        std::filesystem::path mine = path;
        if (number > 1)
          mine.replace_filename(path.stem().string() + "-" + task.name + path.extension().string());
        task.output = mine.string();
      }
      tasks.push_back(std::move(task));
    }
  }
  return tasks;
}

base::Result<std::uint32_t> input_stage(const graph::Plan& plan) {
  for (const std::uint32_t source : plan.sources)
    if (plan.stages[source].contract().type == "audio_input") return source;
  return base::fail(base::Code::bad_manifest,
                    "the pipeline has no audio_input for --input to go into", plan.name);
}

base::Result<nodes::FileOptions> file_options(const RunOptions& options, const graph::Plan& plan) {
  nodes::FileOptions files;
  const auto stage = input_stage(plan);
  if (!stage) return std::unexpected(stage.error());
  const double frame_ms = options.frame_ms.value_or(plan.stages[*stage].params.number("frame_ms"));
  files.frame = base::MediaTime{std::llround(frame_ms * 1000.0)};
  files.gap = base::MediaTime{std::llround(options.gap_ms * 1000.0)};
  if (options.raw_rate_hz) {
    const auto format = media::convert::sample_format(options.raw_encoding);
    if (!format)
      return base::fail(
          base::Code::bad_argument,
          fmt::format("'{}' is no sample format; expected s16, s24 or f32", options.raw_encoding),
          "--raw-encoding");
    files.raw = media::RawFormat{
        .format = *format, .rate_hz = *options.raw_rate_hz, .channels = options.raw_channels};
  }
  return files;
}

base::Result<nodes::FileSource> open_input(const std::string& input,
                                           const nodes::FileOptions& options,
                                           const graph::Plan& plan) {
  const auto paths = nodes::split_joined(input);
  auto source = paths.size() == 1 ? nodes::FileSource::open(paths.front(), options)
                                  : nodes::FileSource::open_joined(paths, options);
  if (!source) return source;
  const auto stage = input_stage(plan);
  if (!stage) return std::unexpected(stage.error());
  const auto wanted = plan.stages[*stage].params.integer("rate_hz");
  if (wanted != 0 && wanted != source->rate_hz())
    return base::fail(
        base::Code::bad_peer_data,
        fmt::format(
            "the audio is {} Hz; expected {} Hz, as rate_hz of '{}' says (leave rate_hz out, "
            "and put an audio_resample behind it, to take any rate)",
            source->rate_hz(), wanted, plan.stages[*stage].id),
        input);
  for (const graph::Edge& edge : plan.edges) {
    if (edge.from != *stage) continue;
    const node::PortDecl& port = plan.stages[edge.to].contract().inputs[edge.to_port];
    if (port.rate_hz != 0 && port.rate_hz != source->rate_hz())
      return base::fail(
          base::Code::bad_peer_data,
          fmt::format("the audio is {} Hz, but '{}' takes {} Hz; put an audio_resample with "
                      "rate_hz: {} between '{}' and '{}'",
                      source->rate_hz(), plan.stages[edge.to].id, port.rate_hz, port.rate_hz,
                      plan.stages[*stage].id, plan.stages[edge.to].id),
          input);
  }
  return source;
}

}  // namespace millrace::app
