#include "apps/millrace/run_options.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "millrace/base/limits.hpp"
#include "millrace/media/convert.hpp"

namespace millrace::app {

namespace {

bool is_text(const std::string& path) {
  return std::filesystem::path(path).extension() == ".txt";
}

/// Whether writing `path` would destroy what another use of `other` needs. Devices take anything.
bool same_file(const std::string& path, const std::string& other) {
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) return false;
  const auto resolved = [&](const std::string& written) {
    // A name that is not there yet stays relative unless it is made absolute first.
    return std::filesystem::weakly_canonical(std::filesystem::absolute(written, ignored), ignored);
  };
  return resolved(path) == resolved(other);
}

base::Result<void> check_outputs(const RunOptions& options, const graph::Plan& plan) {
  for (const std::string& output : options.outputs) {
    const media::PacketKind kind =
        is_text(output) ? media::PacketKind::text : media::PacketKind::audio;
    if (output.empty())
      return base::fail(base::Code::bad_argument, "an empty name; expected OUT.wav or OUT.txt",
                        "--output");
    if (sinks_of(plan, kind).empty())
      return base::fail(base::Code::bad_argument,
                        fmt::format("'{}' would hold {}, but pipeline '{}' lets no {} out", output,
                                    media::name(kind), plan.name, media::name(kind)),
                        "--output");
  }
  if (std::count_if(options.outputs.begin(), options.outputs.end(), is_text) > 1 ||
      std::count_if(options.outputs.begin(), options.outputs.end(),
                    [](const std::string& output) { return !is_text(output); }) > 1)
    return base::fail(base::Code::bad_argument, "expected at most one WAV and one .txt file",
                      "--output");
  return {};
}

}  // namespace

std::vector<std::uint32_t> sinks_of(const graph::Plan& plan, media::PacketKind kind) {
  std::vector<std::uint32_t> sinks;
  for (const std::uint32_t sink : plan.sinks)
    if (plan.stages[sink].contract().inputs.front().kind == kind) sinks.push_back(sink);
  return sinks;
}

base::Result<void> check_files(const RunOptions& options, const graph::Plan& plan) {
  if (const auto good = check_outputs(options, plan); !good) return good;
  std::vector<std::string> others{options.pipeline};
  for (const std::string& input : options.inputs) {
    if (input.empty())
      return base::fail(base::Code::bad_argument, "an empty name between the commas", "--input");
    for (const std::filesystem::path& part : nodes::split_joined(input))
      others.push_back(part.string());
  }
  std::vector<std::string> written = options.outputs;
  if (!options.events.empty()) written.push_back(options.events);
  for (const std::string& path : written) {
    for (const std::string& other : others)
      if (same_file(path, other))
        return base::fail(base::Code::bad_argument,
                          "this run also uses the file for something else; expected another name "
                          "to write to",
                          path);
    others.push_back(path);
  }
  return {};
}

std::string with_suffix(const std::string& path, const std::string& suffix) {
  std::filesystem::path made(path);
  made.replace_filename(made.stem().string() + "-" + suffix + made.extension().string());
  return made.string();
}

std::vector<std::string> split_inputs(const std::string& text) {
  std::error_code ignored;
  if (std::filesystem::exists(text, ignored)) return {text};
  return split_outputs(text);
}

std::vector<std::string> split_outputs(const std::string& text) {
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
      SessionTask task{.name = "s" + std::to_string(number), .input = input, .wav = {}, .text = {}};
      for (const std::string& output : options.outputs)
        (is_text(output) ? task.text : task.wav) =
            number == 1 ? output : with_suffix(output, task.name);
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
