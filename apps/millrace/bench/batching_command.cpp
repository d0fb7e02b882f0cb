#include "apps/millrace/bench/batching_command.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "apps/millrace/bench/batching_report.hpp"
#include "apps/millrace/bench/conditions.hpp"
#include "apps/millrace/report.hpp"
#include "apps/millrace/run.hpp"

namespace millrace::app {
namespace {

constexpr const char* kExamples = R"(
Examples:
  millrace bench batching
  millrace bench batching --json > batching.json
  millrace bench batching --requests 500 --seeds 1
      a quick look; what each figure means: docs/benchmarks/batching.md)";

int bench_batching(const BatchingOptions& options) {
  Progress progress;
  const BatchingStudy study = study_batching(options, [&](double done) {
    progress.show(fmt::format("{:.0f} % of the traces", 100.0 * done));
  });
  if (!options.json) {
    fmt::print("{}", batching_table(study));
    return kGood;
  }
  nlohmann::ordered_json out;
  out["bench"] = "batching";
  out["schema"] = 1;
  out["figures"] = batching_figures(study);
  out["conditions"] = conditions();
  fmt::print("{}\n", out.dump());
  return kGood;
}

}  // namespace

void add_bench_batching(CLI::App& bench, int& exit_code) {
  auto options = std::make_shared<BatchingOptions>();  // shared: with the callback below
  CLI::App* command = bench.add_subcommand(
      "batching", "The batcher against other policies, in virtual time: goodput, P50, fairness");
  command->footer(kExamples);
  command->add_option("--requests", options->requests, "Requests of each trace")
      ->check(CLI::Range(100, 100'000))
      ->capture_default_str();
  command->add_option("--seeds", options->seeds, "Traces of each kind and load")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command->add_option("--max-batch", options->max_batch, "The most that run together")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object instead of the table");
  command->callback([options, &exit_code] { exit_code = bench_batching(*options); });
}

}  // namespace millrace::app
