#include "apps/millrace/run.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <csignal>  // banned-ok(system-header): Ctrl-C is the program's own business
#include <cstdio>
#include <ctime>
#include <string>
#include <utility>

#include "apps/millrace/learned_costs.hpp"
#include "apps/millrace/number_between.hpp"
#include "apps/millrace/report.hpp"
#include "millrace/base/limits.hpp"
#include "millrace/base/platform/terminal.hpp"

namespace millrace::app {

namespace {

// A signal handler may do no more than set these, and ask for the time.
volatile std::sig_atomic_t interrupt_seen = 0;
volatile std::time_t interrupt_at = 0;
// A terminal and a parent may both pass on one Ctrl-C: only one that comes later asks again.
constexpr std::time_t kAskedAgainSeconds = 2;

// The first ends the run in order. Where even that hangs (a pipe that nobody writes to), one more
// ends the program as if nobody had caught it.
void on_interrupt(int signal) {
  const std::time_t now = std::time(nullptr);
  if (interrupt_seen == 0) {
    interrupt_at = now;
    interrupt_seen = 1;
  } else if (now - interrupt_at >= kAskedAgainSeconds) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

// What went wrong inside must be seen where only errors are looked at.
void tell_of_failures(const std::vector<SessionSummary>& sessions) {
  std::size_t failures = 0;
  const std::string* first = nullptr;
  for (const SessionSummary& session : sessions) {
    if (session.failures().empty()) continue;
    if (first == nullptr) first = &session.failures().front();
    failures += session.failures().size();
  }
  if (first == nullptr) return;
  warn(failures == 1 ? *first : fmt::format("{} failures; the first: {}", failures, *first));
}

constexpr const char* kExamples = R"(
Examples:
  millrace run examples/speculative_vad.yaml --input call.wav --events e.jsonl --fast
      the same events every time: virtual time, as fast as the machine can
  millrace run examples/voice_reply.yaml --input call.wav --output reply.wav
      at the pace of the audio; the table at the end says what each reply cost
  millrace run examples/barge_in.yaml --input question.wav+stop.wav --gap-ms 900
      one caller: the second file starts 900 ms after the first ends
  millrace run examples/turns.yaml --input call.wav --record call.rec
      everything that is needed to make the same decisions again: millrace replay call.rec
  millrace run examples/speculative_vad.yaml --input a.wav,b.wav --sessions 50 --realtime
      100 callers at once: 50 of each file
  millrace run examples/read_aloud.yaml --input sentences.txt --line-ms 5 --output out.wav
      a text, line by line, read aloud
Exit codes: 0 good, 1 the work failed, 2 bad usage, input or manifest, 130 interrupted.
Ctrl-C ends a run in order: files are whole. One more, two seconds later, ends it at once.)";

base::Result<std::unique_ptr<Recorder>> open_recorder(const RunOptions& options) {
  if (options.record.empty()) return nullptr;
  const auto manifest = read_manifest(options.pipeline);
  if (!manifest) return std::unexpected(manifest.error());
  return Recorder::open(options.record, *manifest, options.fast);
}

int run(const RunOptions& options) {
  auto plan = load_plan(options.pipeline);
  if (!plan) return report(plan.error());
  const auto stage = input_stage(**plan);
  if (!stage) return report(stage.error());
  auto files = file_options(options, **plan);
  if (!files) return report(files.error());
  if (const auto good = check_files(options, **plan); !good) return report(good.error());
  auto log = EventLog::open(options.events, **plan, options.fast);
  if (!log) return report(log.error());
  auto recorder = open_recorder(options);
  if (!recorder) return report(recorder.error());
  RunState state{.options = options,
                 .plan = *plan,
                 .files = *files,
                 .stage = *stage,
                 .log = std::move(*log),
                 .tasks = session_tasks(options),
                 .summaries = {},
                 .stages = {},
                 .figures = {},
                 .recorder = std::move(*recorder),
                 .progress = {},
                 .code = kGood};
  catch_interrupts();
  if (options.fast) {
    run_fast(state);
  } else {
    run_realtime(state);
  }
  state.progress.clear();
  if (const auto closed = state.log.close(); !closed)
    state.code = std::max(state.code, report(closed.error()));
  if (state.recorder)
    if (const auto closed = state.recorder->close(); !closed)
      state.code = std::max(state.code, report(closed.error()));
  if (!state.summaries.empty())
    fmt::print("{}", summary_text(state.summaries, state.stages, state.figures));
  tell_of_failures(state.summaries);
  if (!options.fast && !state.stages.empty()) keep_costs(*state.plan, state.stages);
  return interrupted() ? kInterrupted : state.code;
}

}  // namespace

void add_input(RunState& state, const BlockFeed& blocks) {
  state.figures.audio_seconds += static_cast<double>(blocks.until().count()) / 1e6;
  if (takes_text(*state.plan, state.stage))
    state.figures.text_lines = state.figures.text_lines.value_or(0) + blocks.count();
}

void tell_of_input(RunState& state, const std::string& warning) {
  if (warning.empty()) return;
  warn(warning);
  state.code = std::max(state.code, kBadInput);
}

bool interrupted() noexcept {
  return interrupt_seen != 0;
}

void catch_interrupts() noexcept {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
#ifdef SIGHUP
  std::signal(SIGHUP, on_interrupt);
#endif
}

Progress::Progress() : terminal_(base::platform::error_is_terminal()) {}

Progress::~Progress() {
  clear();
}

void Progress::clear() {
  if (!shown_) return;
  shown_ = false;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

void Progress::print(const std::string& line) {
  clear();
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void Progress::show(const std::string& text) {
  const base::Instant now = clock_.now();
  if (!terminal_ || now < base::Instant{std::chrono::seconds(2)} ||
      now - last_ < std::chrono::milliseconds(200))
    return;
  last_ = now;
  shown_ = true;
  fmt::print(stderr, "\r\033[K{}", text);
  std::fflush(stderr);
}

void add_run(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RunOptions>();   // shared: with the callback below
  auto inputs = std::make_shared<std::string>();   // shared: likewise
  auto outputs = std::make_shared<std::string>();  // shared: likewise
  CLI::App* run_app = app.add_subcommand("run", "Run audio or text through a pipeline");
  run_app->footer(kExamples);
  run_app->add_option("pipeline", options->pipeline, "Manifest (YAML or JSON)")->required();
  run_app
      ->add_option("-i,--input", *inputs,
                   "WAV files, or text files for a text_input: a comma makes one session each, a + "
                   "joins files to one session")
      ->required();
  run_app->add_option("-o,--output", *outputs,
                      "WAV file for the audio, .txt file for the texts, or both with a comma; "
                      "further sessions get OUT-s2.wav, OUT-s3.wav, …");
  run_app->add_option("-e,--events", options->events, "Event log, one JSON object a line");
  run_app->add_option("--record", options->record,
                      "Record the run, for 'millrace replay': manifest, input, and what came when");
  auto* fast = run_app->add_flag("--fast", options->fast,
                                 "Virtual time: deterministic, as fast as the machine can");
  run_app->add_flag("--realtime", options->realtime, "At the pace of the audio (the default)")
      ->excludes(fast);
  run_app->add_option("-n,--sessions", options->sessions, "Sessions of each input")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  run_app
      ->add_option("--gap-ms", options->gap_ms,
                   "Silence between joined files; negative: they overlap")
      ->check(number_between(-600'000.0, 600'000.0))
      ->capture_default_str();
  run_app
      ->add_option("--frame-ms", options->frame_ms,
                   "Length of an input block (default: frame_ms of audio_input)")
      ->check(number_between(1.0, 1000.0));
  run_app
      ->add_option("--line-ms", options->line_ms,
                   "Time between two lines of a text (default: line_ms of text_input)")
      ->check(number_between(1.0, 60'000.0));
  run_app->add_option("--loop", options->loop, "Times that each input is played")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  run_app
      ->add_option("--seconds", options->seconds, "Play each input (again and again) for so long")
      ->check(number_between(0.01, 1e6));
  run_app
      ->add_option("--raw-rate", options->raw_rate_hz,
                   "The input has no header, and this rate in Hz")
      ->check(CLI::Range(base::limits::kMinRateHz, base::limits::kMaxRateHz));
  run_app->add_option("--raw-encoding", options->raw_encoding, "s16, s24 or f32, little endian")
      ->capture_default_str();
  run_app->add_option("--raw-channels", options->raw_channels, "Channels of the headerless input")
      ->check(CLI::Range(1, base::limits::kMaxChannels))
      ->capture_default_str();
  run_app->callback([options, inputs, outputs, &exit_code] {
    options->inputs = split_inputs(*inputs);
    if (!outputs->empty()) options->outputs = split_outputs(*outputs);
    exit_code = run(*options);
  });
}

}  // namespace millrace::app
