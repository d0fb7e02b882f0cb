#include "apps/millrace/bench/batching_engine.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "apps/millrace/bench/batching_engine_report.hpp"

namespace millrace::app {
namespace {

using Json = nlohmann::ordered_json;

EngineCurve curve(double fixed, double each) {
  EngineCurve made{.points = {}, .fit = {}, .inputs = 16, .runs = 5};
  for (const std::uint32_t b : {1U, 2U, 4U, 8U})
    made.points.push_back({b, fixed + each * b, fixed + each * b + 1.0});
  made.fit = fit_curve(made.points);
  return made;
}

EngineStudy made_up() {
  EngineStudy study;
  study.recogniser = curve(10.0, 15.0);
  study.voice = curve(-0.5, 20.0);
  study.batched = {
      .saturated_per_s = 60.0,
      .saturated_cpu_ms = 16.0,
      .saturated_batch = 8.0,
      .sustained = {.best = TriedRate{55.0, 280.0},
                    .tried = {{55.0, 280.0}, {62.0, std::numeric_limits<double>::infinity()}}},
      .sustained_batch = 6.0,
      .low_load_ms = {26.0, 25.0, 27.0}};
  study.unbatched = {.saturated_per_s = 40.0,
                     .saturated_cpu_ms = 24.0,
                     .saturated_batch = 1.0,
                     .sustained = {.best = TriedRate{37.0, 250.0}, .tried = {{37.0, 250.0}}},
                     .sustained_batch = 1.0,
                     .low_load_ms = {25.0, 26.5, 24.0}};
  study.low_load_ratio = Interval{0.98, 1.06};
  study.requests = 5000;
  return study;
}

Json figures_of(const std::optional<EngineStudy>& study) {
  Json figures{{"stubs", Json::array()}, {"notes", Json::object()}};
  add_engine_figures(figures, study);
  return figures;
}

TEST(BatchingEngine, ComparesThroughputAndTheMedianWithLittleToDo) {
  EXPECT_DOUBLE_EQ(made_up().gain(), 1.5);
  EXPECT_DOUBLE_EQ(made_up().low_load_p50_ratio().value(), 26.0 / 25.0);
  EXPECT_DOUBLE_EQ(made_up().cpu_gain(), 1.5);
  EXPECT_EQ(EngineStudy{}.gain(), 0.0);
  EXPECT_EQ(EngineStudy{}.cpu_gain(), 0.0);
  EXPECT_FALSE(EngineStudy{}.low_load_p50_ratio());
}

TEST(BatchingEngine, HasTheNamedFigures) {
  const Json figures = figures_of(made_up());

  EXPECT_TRUE(figures["stubs"].empty());
  EXPECT_EQ(figures["engine_fixed_us"], 10'000);
  EXPECT_EQ(figures["engine_per_input_us"], 15'000);
  EXPECT_NEAR(figures["engine_bound_b8"].get<double>(), 25.0 / 16.25, 1e-4);
  EXPECT_NEAR(figures["engine_curve_gain_b8"].get<double>(), 8 * 25.0 / 130.0, 1e-4);
  EXPECT_EQ(figures["engine_gain"], 1.5);
  EXPECT_NEAR(figures["engine_gain_fraction_of_bound"].get<double>(), 1.5 / (25.0 / 16.25), 1e-4);
  EXPECT_EQ(figures["engine_gain_of_bound"], figures["engine_gain_fraction_of_bound"])
      << "calls of eight ran";
  EXPECT_EQ(figures["engine_sustained_batched_per_s"], 55.0);
  EXPECT_EQ(figures["engine_sustained_unbatched_per_s"], 37.0);
  EXPECT_NEAR(figures["engine_sustained_gain"].get<double>(), 55.0 / 37.0, 1e-4);
  EXPECT_EQ(figures["engine_p95_us"], 280'000);
  EXPECT_EQ(figures["engine_requests_per_s"], 55.0);
  EXPECT_NEAR(figures["engine_low_load_p50_ratio"].get<double>(), 1.04, 1e-4);
  EXPECT_EQ(figures["engine_low_load_p50_ratio_ci"], Json::array({0.98, 1.06}));
  EXPECT_EQ(figures["engine_requests"], 5000);
  EXPECT_EQ(figures["engine_saturated"]["unbatched"]["cpu_us_per_request"], 24'000);
  ASSERT_EQ(figures["engine_curve"].size(), 4U);
  EXPECT_EQ(figures["engine_curve"][3]["batch"], 8);
  EXPECT_EQ(figures["engine_curve"][3]["least_us"], 130'000);
  for (const auto& [name, value] : figures.items()) {
    if (!name.starts_with("engine_") || name.ends_with("_ci")) continue;
    EXPECT_FALSE(value.is_null()) << name;
  }
}

TEST(BatchingEngine, SaysThatAVoiceWhoseCallsCostNothingGainsNothing) {
  const Json figures = figures_of(made_up());

  EXPECT_EQ(figures["engine_voice_bound_b8"], 1.0);
  EXPECT_EQ(figures["engine_voice_fixed_us"], -500) << "as it was measured";
}

TEST(BatchingEngine, HasNoNumberForNever) {
  const Json figures = figures_of(made_up());

  EXPECT_EQ(figures["engine_rates"]["batched"][0]["p95_ms"], 280.0);
  EXPECT_TRUE(figures["engine_rates"]["batched"][1]["p95_ms"].is_null());
}

TEST(BatchingEngine, NamesWhatCouldNotBeTold) {
  EngineStudy slow = made_up();
  slow.unbatched.sustained.best.reset();
  const Json figures = figures_of(slow);

  EXPECT_EQ(figures["stubs"],
            Json::array({"engine_sustained_unbatched_per_s", "engine_sustained_gain"}));
  EXPECT_NE(engine_table(slow).find("no rate that was tried kept"), std::string::npos);
}

TEST(BatchingEngine, SaysPlainlyThatNoEngineWasMeasured) {
  const Json figures = figures_of(std::nullopt);
  const Json measured = figures_of(made_up());

  for (const auto& stub : figures["stubs"]) {
    const auto name = stub.get<std::string>();
    EXPECT_TRUE(figures[name].is_null()) << name;
    EXPECT_TRUE(figures["notes"].contains(name)) << name;
    EXPECT_TRUE(measured.contains(name)) << name;
  }
  EXPECT_GE(figures["stubs"].size(), 12U);
}

TEST(BatchingEngine, HasATableForAPerson) {
  const std::string table = engine_table(made_up());

  EXPECT_NE(table.find("T(b) = 10.00 + 15.00 b ms, bound at 8: 1.538"), std::string::npos) << table;
  EXPECT_NE(table.find("gain 1.500 saturated"), std::string::npos) << table;
  EXPECT_NE(table.find("1.486 with P95 < 300 ms"), std::string::npos) << table;
  EXPECT_NE(table.find("1.040 (0.980 to 1.060)"), std::string::npos) << table;
}

}  // namespace
}  // namespace millrace::app
