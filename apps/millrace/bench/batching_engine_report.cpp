#include "apps/millrace/bench/batching_engine_report.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>
#include <utility>

namespace millrace::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t kFull = 8;
constexpr std::array<const char*, 21> kNames{"engine_curve",
                                             "engine_fixed_us",
                                             "engine_per_input_us",
                                             "engine_bound_b8",
                                             "engine_curve_gain_b8",
                                             "engine_voice_curve",
                                             "engine_voice_fixed_us",
                                             "engine_voice_per_input_us",
                                             "engine_voice_bound_b8",
                                             "engine_gain",
                                             "engine_gain_fraction_of_bound",
                                             "engine_gain_of_bound",
                                             "engine_cpu_gain",
                                             "engine_saturated",
                                             "engine_sustained_batched_per_s",
                                             "engine_sustained_unbatched_per_s",
                                             "engine_sustained_gain",
                                             "engine_requests_per_s",
                                             "engine_p95_us",
                                             "engine_low_load_p50_ratio",
                                             "engine_rates"};

/// JSON has no number for never: null.
Json number(double value, double digits) {
  return std::isfinite(value) ? Json(std::round(value * digits) / digits) : Json(nullptr);
}

/// Puts figures; what is null becomes a stub with its reason.
class EngineFigures {
 public:
  explicit EngineFigures(Json& figures) : figures_(figures) {}

  void put(const char* name, Json value, std::string note) {
    if (value.is_null()) figures_["stubs"].push_back(name);
    figures_[name] = std::move(value);
    figures_["notes"][name] = std::move(note);
  }

 private:
  Json& figures_;
};

Json curve_json(const EngineCurve& curve) {
  Json out = Json::array();
  for (const CurvePoint& point : curve.points)
    out.push_back({{"batch", point.batch},
                   {"least_us", number(point.least_ms * 1e3, 1.0)},
                   {"median_us", number(point.median_ms * 1e3, 1.0)},
                   {"gain", number(curve.measured_gain(point.batch).value_or(1.0), 1e4)}});
  return out;
}

Json rates_json(const PlanReach& reach) {
  Json out = Json::array();
  for (const TriedRate& tried : reach.sustained.tried)
    out.push_back({{"per_s", number(tried.per_second, 1e2)}, {"p95_ms", number(tried.p95_ms, 10)}});
  return out;
}

Json saturated_json(const PlanReach& reach) {
  return {{"per_s", number(reach.saturated_per_s, 1e2)},
          {"mean_batch", number(reach.saturated_batch, 1e2)},
          {"cpu_us_per_request", number(reach.saturated_cpu_ms * 1e3, 1.0)}};
}

Json best_rate(const PlanReach& reach) {
  return reach.sustained.best ? number(reach.sustained.best->per_second, 1e2) : Json(nullptr);
}

std::optional<double> sustained_gain(const EngineStudy& study) {
  const auto& with = study.batched.sustained.best;
  const auto& without = study.unbatched.sustained.best;
  if (!with || !without) return std::nullopt;
  return with->per_second / without->per_second;
}

/// The gain over what batches of the size that really ran could gain by the fitted curve.
double of_bound_at(const EngineStudy& study, double batch) {
  return study.gain() / study.recogniser.fit.bound(std::max(batch, 1.0));
}

void add_curves(EngineFigures& put, const EngineStudy& study) {
  const EngineCurve& asr = study.recogniser;
  put.put("engine_curve", curve_json(asr),
          fmt::format("moonshine_asr: one call of transcribe_together with `batch` recorded "
                      "numbers, wall clock, call to return; {} runs over {} prompts each, the "
                      "sizes in turn, one run before them not counted",
                      asr.runs, asr.inputs));
  put.put("engine_fixed_us", number(asr.fit.fixed_ms * 1e3, 1.0),
          "a of T(b) = a + c b, least squares through the least times of engine_curve");
  put.put("engine_per_input_us", number(asr.fit.each_ms * 1e3, 1.0), "c of the same");
  put.put("engine_bound_b8", number(asr.fit.bound(kFull), 1e4), "(a + c) / (a/8 + c)");
  put.put("engine_curve_gain_b8", number(asr.measured_gain(kFull).value_or(NAN), 1e4),
          "8 T(1) / T(8) as measured, without the line");
  const EngineCurve& voice = study.voice;
  put.put("engine_voice_curve", curve_json(voice),
          fmt::format("flite_tts (slt): one synthesis of `batch` short sentences joined to one "
                      "text; {} runs over {} sentences",
                      voice.runs, voice.inputs));
  put.put("engine_voice_fixed_us", number(voice.fit.fixed_ms * 1e3, 1.0), "a of the voice");
  put.put("engine_voice_per_input_us", number(voice.fit.each_ms * 1e3, 1.0), "c of the voice");
  put.put("engine_voice_bound_b8", number(voice.fit.bound(kFull), 1e4),
          "a negative a is noise, and counts as none: 1");
}

void add_throughput(EngineFigures& put, const EngineStudy& study) {
  put.put("engine_gain", number(study.gain(), 1e4),
          fmt::format("requests done per second over one at a time (batch_aware: false), {} under "
                      "way at any time, two stretches of {} s each in the order with, without, "
                      "without, with; a request is a session that gets a whole prompt and the end "
                      "of its input",
                      kSaturating, study.effort.saturation_s));
  put.put("engine_gain_fraction_of_bound",
          number(study.gain() / study.recogniser.fit.bound(kFull), 1e4),
          "engine_gain over engine_bound_b8");
  put.put("engine_gain_of_bound", number(of_bound_at(study, study.batched.saturated_batch), 1e4),
          "engine_gain over the bound at the mean batch of engine_saturated");
  put.put(
      "engine_saturated",
      {{"batched", saturated_json(study.batched)}, {"unbatched", saturated_json(study.unbatched)}},
      "the two rates of engine_gain, and the requests in a call");
  put.put(
      "engine_cpu_gain", number(study.cpu_gain(), 1e4),
      "processor time of a request one at a time over that with batches, in the same stretches, "
      "without the generator's thread: what a busy machine touches less");
  const auto& best = study.batched.sustained.best;
  put.put("engine_sustained_batched_per_s", best_rate(study.batched),
          fmt::format("highest Poisson rate of {} tried, {} s each, with P95 < 300 ms",
                      study.effort.rates, study.effort.rate_s));
  put.put("engine_sustained_unbatched_per_s", best_rate(study.unbatched), "the same");
  put.put("engine_sustained_gain", number(sustained_gain(study).value_or(NAN), 1e4),
          "one over the other");
  put.put("engine_requests_per_s", best_rate(study.batched), "engine_sustained_batched_per_s");
  put.put("engine_p95_us", best ? number(best->p95_ms * 1e3, 1.0) : Json(nullptr),
          "at engine_sustained_batched_per_s; t0 the planned instant of the request, t1 its words "
          "leaving the graph");
}

void add_low_load(EngineFigures& put, Json& figures, const EngineStudy& study) {
  const auto p50 = [](const PlanReach& reach) {
    return quantile(reach.low_load_ms, 0.5).value_or(NAN);
  };
  put.put(
      "engine_low_load_p50_ratio", number(study.low_load_p50_ratio().value_or(NAN), 1e4),
      fmt::format("batched {:.1f} ms over {:.1f} ms one at a time, Poisson at {:.2f} requests a "
                  "second, {} requests each; t0 and t1 of engine_p95_us; the same arrivals, in "
                  "the order with, without, without, with",
                  p50(study.batched), p50(study.unbatched), study.low_load_per_s,
                  study.batched.low_load_ms.size()));
  if (study.low_load_ratio)
    figures["engine_low_load_p50_ratio_ci"] = Json::array(
        {number(study.low_load_ratio->low, 1e4), number(study.low_load_ratio->high, 1e4)});
  put.put("engine_rates",
          {{"batched", rates_json(study.batched)}, {"unbatched", rates_json(study.unbatched)}},
          "the rates tried, in their order; p95_ms null: over 5 % were never done");
}

void add_counts(Json& figures, const EngineStudy& study) {
  figures["engine_requests"] = study.requests;
  figures["engine_unanswered"] = study.unanswered;
  figures["engine_wordless"] = study.wordless;
  figures["engine_failures"] = study.failures;
  figures["engine_open_session_p50_us"] = number(study.opened_p50_us, 1.0);
  figures["engine_started_late_p99_us"] = number(study.started_late_p99_ms * 1e3, 1.0);
  figures["notes"]["engine_open_session_p50_us"] =
      "sessions are opened before they are needed: in no latency";
  figures["notes"]["engine_started_late_p99_us"] =
      "the generator behind its plan; inside every latency, which counts from the plan";
}

void describe(std::back_insert_iterator<std::string> line, const char* what,
              const EngineCurve& curve) {
  fmt::format_to(line, "{}: T(b) = {:.2f} + {:.2f} b ms, bound at 8: {:.3f}\n", what,
                 curve.fit.fixed_ms, curve.fit.each_ms, curve.fit.bound(kFull));
  for (const CurvePoint& point : curve.points)
    fmt::format_to(line, "  b = {}: {:>7.2f} ms (median {:.2f}), {:.2f} ms each, gain {:.3f}\n",
                   point.batch, point.least_ms, point.median_ms, point.least_ms / point.batch,
                   curve.measured_gain(point.batch).value_or(1.0));
}

void describe(std::back_insert_iterator<std::string> line, const char* what,
              const PlanReach& reach) {
  fmt::format_to(line,
                 "  {:<14} {:>6.1f}/s saturated, {:>4.1f} in a call, {:.1f} ms of a core each; ",
                 what, reach.saturated_per_s, reach.saturated_batch, reach.saturated_cpu_ms);
  if (reach.sustained.best) {
    fmt::format_to(line, "{:.1f}/s with P95 {:.0f} ms, {:.1f} in a call",
                   reach.sustained.best->per_second, reach.sustained.best->p95_ms,
                   reach.sustained_batch);
  } else {
    fmt::format_to(line, "no rate that was tried kept P95 < 300 ms");
  }
  fmt::format_to(line, "; P50 with little to do {:.1f} ms\n",
                 quantile(reach.low_load_ms, 0.5).value_or(NAN));
}

}  // namespace

void add_engine_figures(Json& figures, const std::optional<EngineStudy>& study) {
  EngineFigures put(figures);
  if (!study) {
    for (const char* name : kNames) put.put(name, nullptr, "not asked for: --only policy");
    return;
  }
  add_curves(put, *study);
  add_throughput(put, *study);
  add_low_load(put, figures, *study);
  add_counts(figures, *study);
}

std::string engine_table(const EngineStudy& study) {
  std::string out = "real engines, wall clock\n\n";
  auto line = std::back_inserter(out);
  describe(line, "recogniser", study.recogniser);
  describe(line, "voice", study.voice);
  fmt::format_to(line, "\nwhole engine, one spoken number a request\n");
  describe(line, "batched", study.batched);
  describe(line, "one at a time", study.unbatched);
  fmt::format_to(line,
                 "  gain {:.3f} saturated ({:.1f} % of the bound at 8, {:.1f} % of that at "
                 "{:.1f})",
                 study.gain(), 100.0 * study.gain() / study.recogniser.fit.bound(kFull),
                 100.0 * of_bound_at(study, study.batched.saturated_batch),
                 study.batched.saturated_batch);
  fmt::format_to(line, ", {:.3f} in processor time", study.cpu_gain());
  if (const auto gain = sustained_gain(study))
    fmt::format_to(line, ", {:.3f} with P95 < 300 ms", *gain);
  if (const auto ratio = study.low_load_p50_ratio())
    fmt::format_to(line, "\n  P50 with little to do, over one at a time: {:.3f}", *ratio);
  if (study.low_load_ratio)
    fmt::format_to(line, " ({:.3f} to {:.3f})", study.low_load_ratio->low,
                   study.low_load_ratio->high);
  fmt::format_to(line,
                 "\n  {} requests, {} unanswered, {} without words, {} failures; opening a session "
                 "takes {:.0f} us; the generator was {:.1f} ms late at P99\n",
                 study.requests, study.unanswered, study.wordless, study.failures,
                 study.opened_p50_us, study.started_late_p99_ms);
  return out;
}

}  // namespace millrace::app
