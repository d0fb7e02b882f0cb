#include "apps/millrace/bench/command.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/millrace/bench/batching_command.hpp"
#include "apps/millrace/bench/conditions.hpp"
#include "apps/millrace/bench/latency_report.hpp"
#include "apps/millrace/bench/speculation_report.hpp"
#include "apps/millrace/number_between.hpp"
#include "apps/millrace/report.hpp"
#include "apps/millrace/run.hpp"

namespace millrace::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kExamples = R"(
Examples:
  millrace bench latency --sessions 100 --seconds 60
  millrace bench latency --sessions 500 --phases aligned --json
  millrace bench latency --pipeline examples/voice_reply.yaml --seconds 60
      decision to response as well; what each figure means: docs/benchmarks/latency.md)";

constexpr const char* kSpeculationExamples = R"(
Examples:
  millrace bench speculation --json > speculation.json
  millrace bench speculation --quick
      a minute of it; what each figure means: docs/benchmarks/speculation.md
  millrace bench speculation --only load --sessions 200 --seconds 60)";

void print_json(const std::string& bench, Json figures, Json about) {
  Json out;
  out["bench"] = bench;
  out["schema"] = 1;
  out["figures"] = std::move(figures);
  out["conditions"] = std::move(about);
  fmt::print("{}\n", out.dump());
}

std::vector<PhasePattern> patterns(const std::string& phases) {
  if (phases == "spread") return {PhasePattern::spread};
  if (phases == "aligned") return {PhasePattern::aligned};
  return {PhasePattern::spread, PhasePattern::aligned};
}

int bench_latency(const LatencyOptions& options) {
  auto speech = options.input.empty() ? SpeechLoop::prompts() : SpeechLoop::file(options.input);
  if (!speech) return report(speech.error());
  const auto plan = latency_plan(options.pipeline, options.sessions);
  if (!plan) return report(plan.error());
  Json about = conditions();  // the load of the machine before this adds its own
  about["pipeline"] = options.pipeline.empty() ? "built in" : options.pipeline;
  about["input"] = speech->source();
  std::vector<LatencyCounts> measured;
  Progress progress;
  for (const PhasePattern pattern : patterns(options.phases)) {
    auto counts = measure_latency(*plan, *speech, options, pattern, [&](double seconds) {
      progress.show(fmt::format("{}: {:.0f} of {:.0f} s", name(pattern), seconds, options.seconds));
    });
    if (!counts) return report(counts.error());
    if (!measured.empty()) counts->memory_bytes.reset();
    measured.push_back(std::move(*counts));
  }
  if (options.json) {
    print_json("latency", latency_figures(measured, **plan), std::move(about));
  } else {
    fmt::print("{}", latency_table(measured, **plan));
  }
  if (bound_kept(measured, options.max_p99_us)) return kGood;
  fmt::print(stderr, "millrace: the P99 is over --max-p99-us {}\n", *options.max_p99_us);
  return kBoundMissed;
}

void add_latency(CLI::App& bench, int& exit_code) {
  auto options = std::make_shared<LatencyOptions>();  // shared: with the callback below
  CLI::App* command = bench.add_subcommand(
      "latency", "Frame due to gate decision, in real time, with the null control beside it");
  command->footer(kExamples);
  command->add_option("-n,--sessions", options->sessions, "Sessions at once, 48 kHz speech each")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("-s,--seconds", options->seconds, "Speech measured in each pattern")
      ->check(number_between(0.1, 1e6))
      ->capture_default_str();
  command
      ->add_option("--phases", options->phases,
                   "When frames are due: spread over the 20 ms, aligned, or one after the other")
      ->check(CLI::IsMember({"spread", "aligned", "both"}))
      ->capture_default_str();
  command->add_option("--pipeline", options->pipeline,
                      "Manifest with an audio_input and a gate (default: resample, VAD, gate)");
  command->add_option("-i,--input", options->input, "WAV file (default: Debian's prompts)");
  command->add_flag("--json", options->json, "One JSON object instead of the table");
  command->add_option("--max-p99-us", options->max_p99_us, "Exit with 3 when a P99 is over this")
      ->check(CLI::NonNegativeNumber);
  command->callback([options, &exit_code] { exit_code = bench_latency(*options); });
}

int bench_speculation(const SpeculationOptions& options) {
  Json about = conditions();
  about["input"] = options.prompts;
  about["sessions"] = options.sessions;
  about["only"] = options.only;
  about["quick"] = options.quick;
  Progress progress;
  auto counts = measure_speculation(options, [&](const std::string& what) { progress.show(what); });
  progress.clear();
  if (!counts) return report(counts.error());
  about["load_average_after"] = conditions()["load_average"];
  if (options.json) {
    print_json("speculation", speculation_figures(*counts), std::move(about));
  } else {
    fmt::print("{}", speculation_table(*counts));
  }
  return kGood;
}

void add_speculation(CLI::App& bench, int& exit_code) {
  auto options = std::make_shared<SpeculationOptions>();  // shared: with the callback below
  CLI::App* command = bench.add_subcommand(
      "speculation", "The same audio with speculation and without: gain, waste, cancel to silence");
  command->footer(kSpeculationExamples);
  command->add_option("-n,--sessions", options->sessions, "Loaded sessions that are cancelled")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("-s,--seconds", options->seconds, "Of load, over both phase patterns")
      ->check(number_between(2.0, 1e6))
      ->capture_default_str();
  command->add_option("--files", options->files, "Files put together for the end-of-turn curve")
      ->check(CLI::Range(2, 1000))
      ->capture_default_str();
  command
      ->add_option("--only", options->only,
                   "policy, theory: on the virtual clock; load, reply: in real time")
      ->check(CLI::IsMember({"all", "policy", "theory", "load", "reply"}))
      ->capture_default_str();
  command->add_flag("--quick", options->quick,
                    "Fewer files, settings and seconds: a look, not figures to publish");
  command->add_option("--prompts", options->prompts, "Folder of recorded sentences, WAV")
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object instead of the table");
  command->callback([options, &exit_code] { exit_code = bench_speculation(*options); });
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  CLI::App* bench = app.add_subcommand("bench", "Measure the engine on this machine");
  bench->require_subcommand(1);
  add_latency(*bench, exit_code);
  add_bench_batching(*bench, exit_code);
  add_speculation(*bench, exit_code);
}

}  // namespace millrace::app
