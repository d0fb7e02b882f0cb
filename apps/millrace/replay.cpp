#include "apps/millrace/replay.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>

#include "apps/millrace/replay_run.hpp"
#include "apps/millrace/report.hpp"
#include "millrace/base/printable.hpp"
#include "millrace/inference/model_store.hpp"

namespace millrace::app {

namespace {

constexpr std::size_t kRowsIdentical = 12;
constexpr std::size_t kRowsOfPipelines = 200;

constexpr const char* kExamples = R"(
Examples:
  millrace run examples/turns.yaml --input call.wav --record call.rec
  millrace replay call.rec
      runs the recorded session again on virtual time, and compares every decision
  millrace replay call.rec --pipeline other.yaml
      what another pipeline would have decided about the same audio
  millrace replay call.rec --events e.jsonl --output out.wav
      what left and what happened, as 'run' writes it
Exit codes: 0 all decisions are identical (with --pipeline: compared), 1 they differ or the work
failed, 2 bad usage, recording or manifest, 130 interrupted.)";

struct ReplayOptions {
  std::string recording;
  std::string pipeline;
  std::string outputs;
  std::string events;
};

void warn_of_models(const Recording& recording) {
  for (const inference::ModelFile& model : inference::known_models()) {
    const auto then = recording.models.find(std::string(model.name));
    if (then == recording.models.end() || then->second == model.sha256) continue;
    warn(
        fmt::format("model '{}' is another one than when this was recorded; where it has a say, "
                    "decisions may differ",
                    model.name));
  }
}

void warn_of_gaps(const Recording& recording, const std::string& path) {
  if (recording.cut_at)
    warn(fmt::format("{}: cut off at byte {}; what was recorded until then is replayed", path,
                     *recording.cut_at));
  if (!recording.tape_complete)
    warn(
        fmt::format("{}: the recorder fell behind the run; what was recorded until then is "
                    "replayed",
                    path));
  if (recording.events_lost > 0)
    warn(fmt::format("{}: {} events of the run were lost before they could be recorded", path,
                     recording.events_lost));
}

double seconds_of(const Recording& recording) {
  double seconds = 0.0;
  for (const RecordedSession& session : recording.sessions)
    if (!session.inputs.empty()) {
      base::MediaTime until{0};
      for (const RecordedInput& input : session.inputs)
        until = std::max(until, input.input.packet.to);
      seconds += static_cast<double>(until.count()) / 1e6;
    }
  return seconds;
}

void print_head(const Recording& recording, const graph::Plan& plan) {
  const std::size_t sessions = recording.sessions.size();
  fmt::print("{}: {} session{}, {:.1f} s of input, recorded {}\n", plan.name, sessions,
             sessions == 1 ? "" : "s", seconds_of(recording),
             recording.virtual_time ? "on virtual time" : "in real time");
}

/// The decisions of all sessions, compared.
base::Result<Comparison> compare(const Recording& recording, const Replayed& replayed,
                                 bool exactly) {
  const bool cut = recording.cut_at.has_value() || !recording.tape_complete;
  Comparison all;
  for (std::size_t i = 0; i < recording.sessions.size(); ++i) {
    const RecordedSession& session = recording.sessions[i];
    auto one = exactly ? compare_exactly(session.name, session.events, replayed.events[i], cut)
                       : compare_pipelines(session.name, session.events, replayed.events[i]);
    if (!one) return one;
    all.add(std::move(*one));
  }
  return all;
}

int tell_identity(const Comparison& compared, const Replayed& replayed) {
  const std::size_t differ = compared.differences.size();
  if (replayed.parted)
    fmt::print("At {:.3f} s the replay wanted something else than the run had taken.\n",
               std::chrono::duration<double>(replayed.parted->since_start).count());
  if (replayed.jobs_parted > 0)
    fmt::print("{} pieces of work on the pool went another way than when they were recorded.\n",
               replayed.jobs_parted);
  if (differ == 0) {
    if (compared.same == 0) {
      fmt::print("no decision was recorded: there is nothing to compare\n");
    } else {
      fmt::print("{} decisions, all identical\n", compared.same);
    }
    return kGood;
  }
  fmt::print("{} decisions identical, {} differ; the first:\n{}", compared.same, differ,
             base::printable(difference_table(compared.differences, kRowsIdentical)));
  return kFailed;
}

int tell_difference(const Comparison& compared) {
  fmt::print("{}{} decisions the same, {} changed, {} only in the record, {} only in the replay\n",
             base::printable(difference_table(compared.differences, kRowsOfPipelines)),
             compared.same, compared.changed, compared.only_recorded, compared.only_replayed);
  return kGood;
}

/// The manifest to replay with: the recorded one, unless another is asked for.
base::Result<ManifestText> manifest_for(const ReplayOptions& options, const Recording& recording) {
  if (options.pipeline.empty()) return recording.manifest;
  return read_manifest(options.pipeline);
}

RunOptions run_options(const ReplayOptions& options, const Recording& recording) {
  RunOptions run;
  run.pipeline = options.pipeline;
  run.inputs = {options.recording};
  if (!options.outputs.empty()) run.outputs = split_outputs(options.outputs);
  run.events = options.events;
  run.fast = true;
  run.sessions = static_cast<std::int64_t>(recording.sessions.size());
  return run;
}

int replay(const ReplayOptions& options) {
  auto recording = read_recording(options.recording);
  if (!recording) return report(recording.error());
  if (!options.pipeline.empty())  // a mistake in it is told of in full
    if (const auto plan = load_plan(options.pipeline); !plan) return report(plan.error());
  const auto manifest = manifest_for(options, *recording);
  if (!manifest) return report(manifest.error());
  const auto plan = plan_of(*manifest);
  if (!plan) return report(plan.error());
  const auto stage = input_stage(**plan);
  if (!stage) return report(stage.error());
  const bool same = *manifest == recording->manifest;
  if (!same)
    for (RecordedSession& session : recording->sessions)
      for (RecordedInput& input : session.inputs) input.input.stage = *stage;
  if (const auto good = check_inputs(*recording, **plan); !good) return report(good.error());
  const RunOptions run = run_options(options, *recording);
  if (const auto good = check_files(run, **plan); !good) return report(good.error());
  auto log = EventLog::open(run.events, **plan, true);
  if (!log) return report(log.error());
  warn_of_gaps(*recording, options.recording);
  warn_of_models(*recording);
  RunState state{.options = run,
                 .plan = *plan,
                 .files = {},
                 .stage = *stage,
                 .log = std::move(*log),
                 .tasks = session_tasks(run),
                 .summaries = {},
                 .stages = {},
                 .figures = {},
                 .recorder = nullptr,
                 .prints_texts = false,
                 .code = kGood};
  for (std::size_t i = 0; i < recording->sessions.size(); ++i)
    state.tasks[i].name = recording->sessions[i].name;
  catch_interrupts();
  print_head(*recording, **plan);
  const bool steps = same && !recording->virtual_time;
  const auto replayed = steps ? replay_steps(state, *recording) : replay_inputs(state, *recording);
  if (!replayed) return report(replayed.error());
  if (const auto closed = state.log.close(); !closed)
    state.code = std::max(state.code, report(closed.error()));
  if (interrupted()) return kInterrupted;
  const auto compared = compare(*recording, *replayed, same);
  if (!compared) return report(compared.error());
  const int told = same ? tell_identity(*compared, *replayed) : tell_difference(*compared);
  return std::max(state.code, told);
}

}  // namespace

void add_replay(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ReplayOptions>();  // shared: with the callback below
  CLI::App* replay_app =
      app.add_subcommand("replay", "Run a recorded session again, and compare what was decided");
  replay_app->footer(kExamples);
  replay_app->add_option("recording", options->recording, "What 'millrace run --record' wrote")
      ->required();
  replay_app->add_option("-p,--pipeline", options->pipeline,
                         "Another manifest: shows what it decides differently");
  replay_app->add_option("-o,--output", options->outputs,
                         "WAV file for the audio, .txt file for the texts, or both with a comma");
  replay_app->add_option("-e,--events", options->events, "Event log, one JSON object a line");
  replay_app->callback([options, &exit_code] { exit_code = replay(*options); });
}

}  // namespace millrace::app
