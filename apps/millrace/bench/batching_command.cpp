#include "apps/millrace/bench/batching_command.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "apps/millrace/bench/batching_engine_report.hpp"
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
  millrace bench batching --only engine
  millrace bench batching --quick --requests 500 --seeds 1
      a quick look; what each figure means: docs/benchmarks/batching.md)";

base::Result<std::optional<EngineStudy>> engines(const BatchingOptions& options,
                                                 Progress& progress) {
  if (!options.runs("engine")) return std::nullopt;
  return measure_engine(options.quick ? EngineEffort::quick() : EngineEffort{},
                        [&](const std::string& what) { progress.show(what); });
}

int bench_batching(const BatchingOptions& options) {
  nlohmann::ordered_json about = conditions();  // the load before this adds its own
  about["only"] = options.only;
  about["quick"] = options.quick;
  Progress progress;
  const auto measured = engines(options, progress);
  if (!measured) {
    progress.clear();
    return report(measured.error());
  }
  std::optional<BatchingStudy> policies;
  if (options.runs("policy"))
    policies = study_batching(options, [&](double done) {
      progress.show(fmt::format("{:.0f} % of the traces", 100.0 * done));
    });
  progress.clear();
  about["load_average_after"] = conditions()["load_average"];
  if (!options.json) {
    if (policies) fmt::print("{}", batching_table(*policies));
    if (policies && *measured) fmt::print("\n");
    if (*measured) fmt::print("{}", engine_table(**measured));
    return kGood;
  }
  nlohmann::ordered_json out;
  out["bench"] = "batching";
  out["schema"] = 1;
  out["figures"] = batching_figures(policies, *measured);
  out["conditions"] = std::move(about);
  fmt::print("{}\n", out.dump());
  return kGood;
}

}  // namespace

void add_bench_batching(CLI::App& bench, int& exit_code) {
  auto options = std::make_shared<BatchingOptions>();  // shared: with the callback below
  CLI::App* command = bench.add_subcommand(
      "batching",
      "The batcher against other policies in virtual time, and real engines with batches and "
      "without");
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
  command
      ->add_option("--only", options->only,
                   "policy: in virtual time; engine: the recogniser and the voice in real time")
      ->check(CLI::IsMember({"all", "policy", "engine"}))
      ->capture_default_str();
  command->add_flag("--quick", options->quick,
                    "Fewer runs and seconds of the real engines: a look, not figures to publish");
  command->add_flag("--json", options->json, "One JSON object instead of the table");
  command->callback([options, &exit_code] { exit_code = bench_batching(*options); });
}

}  // namespace millrace::app
