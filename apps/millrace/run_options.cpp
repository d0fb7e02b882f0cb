#include "apps/millrace/run_options.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>
#include <span>
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
  // Two names may be one file by a hard link.
  return resolved(path) == resolved(other) || std::filesystem::equivalent(path, other, ignored);
}

/// Files that the sessions of the run write.
std::vector<std::string> written_by_sessions(const RunOptions& options, const graph::Plan& plan) {
  std::vector<std::string> files;
  for (const SessionTask& task : session_tasks(options)) {
    if (!task.text.empty()) files.push_back(task.text);
    for (const AudioTarget& target : audio_targets(task, plan)) files.push_back(target.path);
  }
  return files;
}

base::Result<void> differs(const std::string& path, std::span<const std::string> others) {
  for (const std::string& other : others)
    if (same_file(path, other))
      return base::fail(base::Code::bad_argument,
                        "this run also uses the file for something else; expected another name to "
                        "write to",
                        path);
  return {};
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

/// Options that mean nothing to the kind of input that the plan takes.
base::Result<void> check_kind(const RunOptions& options, const graph::Plan& plan,
                              std::uint32_t stage) {
  const bool text = takes_text(plan, stage);
  const auto refuse = [&](const char* option) {
    return base::fail(base::Code::bad_argument,
                      fmt::format("is for {}, but '{}' of pipeline '{}' takes {}",
                                  text ? "audio" : "text", plan.stages[stage].id, plan.name,
                                  text ? "text; expected --line-ms" : "audio; expected --frame-ms"),
                      option);
  };
  if (!text && options.line_ms) return refuse("--line-ms");
  if (text && options.frame_ms) return refuse("--frame-ms");
  if (text && options.raw_rate_hz) return refuse("--raw-rate");
  if (text && options.gap_ms != 0.0) return refuse("--gap-ms");
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
    for (const std::filesystem::path& part : nodes::split_joined(input)) {
      if (part.empty())
        return base::fail(
            base::Code::bad_argument,
            fmt::format("an empty name beside a + in '{}'; expected FILE+FILE", input), "--input");
      others.push_back(part.string());
    }
  }
  // Sessions may be thousands: their names differ by construction, but for a sink that is called
  // like a session.
  const std::vector<std::string> written = written_by_sessions(options, plan);
  std::set<std::string> names;
  for (const std::string& path : written) {
    if (const auto good = differs(path, others); !good) return good;
    if (!names.insert(path).second && same_file(path, path)) return differs(path, {{path}});
  }
  others.insert(others.end(), written.begin(), written.end());
  for (const std::string& path : {options.events, options.record}) {
    if (path.empty()) continue;
    if (const auto good = differs(path, others); !good) return good;
    others.push_back(path);
  }
  return {};
}

std::string with_suffix(const std::string& path, const std::string& suffix) {
  std::filesystem::path made(path);
  made.replace_filename(made.stem().string() + "-" + suffix + made.extension().string());
  return made.string();
}

std::vector<AudioTarget> audio_targets(const SessionTask& task, const graph::Plan& plan) {
  std::vector<AudioTarget> targets;
  if (task.wav.empty()) return targets;
  for (const std::uint32_t sink : sinks_of(plan, media::PacketKind::audio))
    targets.push_back(
        {sink, targets.empty() ? task.wav : with_suffix(task.wav, plan.stages[sink].id)});
  return targets;
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

base::Result<nodes::FileOptions> file_options(const RunOptions& options, const graph::Plan& plan) {
  nodes::FileOptions files;
  const auto stage = input_stage(plan);
  if (!stage) return std::unexpected(stage.error());
  if (const auto good = check_kind(options, plan, *stage); !good)
    return std::unexpected(good.error());
  if (takes_text(plan, *stage)) {
    const double line_ms = options.line_ms.value_or(plan.stages[*stage].params.number("line_ms"));
    files.frame = base::MediaTime{std::llround(line_ms * 1000.0)};
    return files;
  }
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

}  // namespace millrace::app
