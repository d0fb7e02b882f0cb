#include "apps/millrace/bench/batching_engine.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "apps/millrace/bench/batching_world.hpp"

namespace millrace::app {
namespace {

using Told = std::function<void(const std::string&)>;

constexpr std::uint64_t kSeed = 20'261'128;
// Of what a plan reaches when it is saturated: P95 < 300 ms is lost somewhere between.
constexpr double kLowestRate = 0.35;
constexpr double kHighestRate = 1.08;

/// Both plans, and what is measured on them.
class EngineRun {
 public:
  EngineRun(const EngineEffort& effort, const Told& progress) : progress_(progress) {
    study_.effort = effort;
  }

  base::Result<EngineStudy> run();

 private:
  base::Result<void> curves();
  base::Result<void> start();
  base::Result<void> saturate();
  base::Result<void> saturate_once(bool batched);
  base::Result<void> sustain();
  base::Result<void> try_rate(bool batched, RateSearch& search);
  base::Result<void> low_load();
  void count(const LoadRecord& record, bool open_loop);
  EngineUnderLoad& engine(bool batched) { return batched ? *batched_ : *unbatched_; }
  PlanReach& reach(bool batched) { return batched ? study_.batched : study_.unbatched; }

  const Told& progress_;
  std::vector<DigitPrompt> prompts_;
  EngineStudy study_;
  std::optional<EngineUnderLoad> batched_;
  std::optional<EngineUnderLoad> unbatched_;
  std::vector<double> opened_us_;
  std::vector<double> started_late_ms_;
};

const char* name_of(bool batched) {
  return batched ? "batched" : "one at a time";
}

base::Result<EngineStudy> EngineRun::run() {
  for (const auto part : {&EngineRun::curves, &EngineRun::start, &EngineRun::saturate,
                          &EngineRun::sustain, &EngineRun::low_load})
    if (auto done = (this->*part)(); !done) return std::unexpected(std::move(done.error()));
  study_.opened_p50_us = quantile(opened_us_, 0.5).value_or(0.0);
  study_.started_late_p99_ms = quantile(started_late_ms_, 0.99).value_or(0.0);
  return std::move(study_);
}

base::Result<void> EngineRun::curves() {
  progress_("what batches of the recogniser cost");
  auto prompts = digit_prompts();
  if (!prompts) return std::unexpected(std::move(prompts.error()));
  prompts_ = std::move(*prompts);
  auto recogniser = measure_recogniser(prompts_, study_.effort.runs);
  if (!recogniser) return std::unexpected(std::move(recogniser.error()));
  study_.recogniser = std::move(*recogniser);
  progress_("what batches of the voice cost");
  auto voice = measure_voice(study_.effort.runs);
  if (!voice) return std::unexpected(std::move(voice.error()));
  study_.voice = std::move(*voice);
  return {};
}

base::Result<void> EngineRun::start() {
  for (const bool batched : {true, false}) {
    auto engine = EngineUnderLoad::start(batched, prompts_);
    if (!engine) return std::unexpected(std::move(engine.error()));
    (batched ? batched_ : unbatched_).emplace(std::move(*engine));
  }
  return {};
}

base::Result<void> EngineRun::saturate() {
  for (const bool batched : {true, false, false, true})
    if (auto done = saturate_once(batched); !done) return done;
  return {};
}

base::Result<void> EngineRun::saturate_once(bool batched) {
  progress_(fmt::format("saturated, {}", name_of(batched)));
  const double until = kSaturationWarmUp + study_.effort.saturation_s;
  auto record = engine(batched).closed_loop(kSaturating, until);
  if (!record) return std::unexpected(std::move(record.error()));
  count(*record, false);
  // Each plan has two stretches.
  reach(batched).saturated_per_s +=
      done_per_second(record->done_s, kSaturationWarmUp, until).value_or(0.0) / 2.0;
  reach(batched).saturated_cpu_ms += record->cpu_ms_each() / 2.0;
  reach(batched).saturated_batch += record->mean_batch() / 2.0;
  return {};
}

/// The searches take turns: the machine may be another one a minute later.
base::Result<void> EngineRun::sustain() {
  const double bound_ms = static_cast<double>(base::to_us(kInTime)) / 1e3;
  const auto search_for = [&](bool batched) {
    const double capacity = reach(batched).saturated_per_s;
    return RateSearch(kLowestRate * capacity, kHighestRate * capacity, bound_ms);
  };
  RateSearch with = search_for(true);
  RateSearch without = search_for(false);
  for (std::size_t step = 0; step < study_.effort.rates; ++step) {
    const bool first = step % 2 == 0;
    for (const bool batched : {first, !first})
      if (auto tried = try_rate(batched, batched ? with : without); !tried) return tried;
  }
  study_.batched.sustained = with.found();
  study_.unbatched.sustained = without.found();
  return {};
}

base::Result<void> EngineRun::try_rate(bool batched, RateSearch& search) {
  progress_(fmt::format("{:.1f} requests a second, {}", search.rate(), name_of(batched)));
  const auto planned = poisson_schedule(search.rate(), study_.effort.rate_s, kSeed);
  auto record = engine(batched).open_loop(planned);
  if (!record) return std::unexpected(std::move(record.error()));
  count(*record, true);
  if (search.came_to(record->p(0.95))) reach(batched).sustained_batch = record->mean_batch();
  return {};
}

/// Each plan gets the same requests at the same instants as the other.
base::Result<void> EngineRun::low_load() {
  study_.low_load_per_s = study_.effort.low_load * study_.unbatched.saturated_per_s;
  constexpr std::array<std::pair<bool, std::uint64_t>, 4> kOrder{
      {{true, 1}, {false, 1}, {false, 2}, {true, 2}}};
  for (const auto& [batched, part] : kOrder) {
    progress_(fmt::format("little to do, {}", name_of(batched)));
    const auto planned =
        poisson_schedule(study_.low_load_per_s, study_.effort.low_load_s, kSeed + part);
    auto record = engine(batched).open_loop(planned);
    if (!record) return std::unexpected(std::move(record.error()));
    count(*record, true);
    std::vector<double>& all = reach(batched).low_load_ms;
    all.insert(all.end(), record->latency_ms.begin(), record->latency_ms.end());
  }
  const auto median = [](const std::vector<double>& all, const std::vector<std::size_t>& drawn) {
    std::vector<double> values;
    for (const std::size_t i : drawn) values.push_back(all[i]);
    return quantile(std::move(values), 0.5).value_or(0.0);
  };
  study_.low_load_ratio =
      bootstrap(study_.batched.low_load_ms.size(),
                [&](const std::vector<std::size_t>& drawn) -> std::optional<double> {
                  const double under = median(study_.unbatched.low_load_ms, drawn);
                  if (under <= 0.0) return std::nullopt;
                  return median(study_.batched.low_load_ms, drawn) / under;
                });
  return {};
}

void EngineRun::count(const LoadRecord& record, bool open_loop) {
  study_.requests += record.latency_ms.size();
  study_.unanswered += record.latency_ms.size() - record.done_s.size();
  study_.wordless += record.wordless;
  study_.failures += record.failures;
  opened_us_.insert(opened_us_.end(), record.opened_us.begin(), record.opened_us.end());
  if (!open_loop) return;
  started_late_ms_.insert(started_late_ms_.end(), record.started_late_ms.begin(),
                          record.started_late_ms.end());
}

}  // namespace

EngineEffort EngineEffort::quick() {
  return {.runs = 2, .saturation_s = 2.0, .rate_s = 3.0, .rates = 3, .low_load_s = 3.0};
}

double EngineStudy::gain() const noexcept {
  return unbatched.saturated_per_s > 0.0 ? batched.saturated_per_s / unbatched.saturated_per_s
                                         : 0.0;
}

double EngineStudy::cpu_gain() const noexcept {
  return batched.saturated_cpu_ms > 0.0 ? unbatched.saturated_cpu_ms / batched.saturated_cpu_ms
                                        : 0.0;
}

std::optional<double> EngineStudy::low_load_p50_ratio() const {
  const auto with = quantile(batched.low_load_ms, 0.5);
  const auto without = quantile(unbatched.low_load_ms, 0.5);
  if (!with || !without || *without <= 0.0) return std::nullopt;
  return *with / *without;
}

base::Result<EngineStudy> measure_engine(const EngineEffort& effort,
                                         const std::function<void(const std::string&)>& progress) {
  return EngineRun(effort, progress).run();
}

}  // namespace millrace::app
