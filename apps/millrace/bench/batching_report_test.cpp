#include "apps/millrace/bench/batching_report.hpp"

#include <gtest/gtest.h>

#include <string>

namespace millrace::app {
namespace {

/// A study in which ours has `ours` in time everywhere, a fixed wait `theirs`, and both a median.
BatchingStudy made_up(double ours, double theirs) {
  BatchingStudy study;
  for (const BatchCost& cost : kBatchCosts) {
    for (const TraceKind kind : kTraceKinds) {
      for (const auto& [policy, in_time, p50] : {std::tuple{"ours", ours, 40.0},
                                                 {"unbatched", 0.2, 50.0},
                                                 {"fixed_5ms", theirs, 45.0},
                                                 {"offline_optimum", 1.0, 0.0}}) {
        BatchingRow row{policy, cost.name, name(kind), {}};
        for (const double load : kBatchLoads)
          row.cells.push_back({.load = load,
                               .offered_per_s = 100.0,
                               .in_time_per_s = 100.0 * in_time,
                               .in_time = in_time,
                               .p50_ms = p50,
                               .p95_ms = std::nullopt,
                               .mean_batch = 3.0});
        study.rows.push_back(row);
      }
    }
    study.machines.push_back({cost,
                              cost.bound(8),
                              {{"ours", 50.0, 2.0, 40.0}, {"unbatched", 25.0, 1.0, 20.0}},
                              {{0.5, 1.0, 0.97, 0.91}}});
  }
  return study;
}

TEST(BatchingReport, HasTheNamedFigures) {
  const auto figures = batching_figures(made_up(0.9, 0.8), std::nullopt);

  EXPECT_EQ(figures["bound_gain"], 2.9091);
  EXPECT_EQ(figures["gain"], 2.0);
  EXPECT_NEAR(figures["gain_fraction_of_bound"].get<double>(), 2.0 / 5.375, 1e-4);
  EXPECT_EQ(figures["low_load_p50_ratio"], 0.8);
  EXPECT_NEAR(figures["best_fixed_wait_advantage"].get<double>(), 0.8 / 0.9 - 1.0, 1e-4);
  EXPECT_EQ(figures["requests_per_s"], 90.0);
  EXPECT_EQ(figures["fairness"], 0.97);
  EXPECT_TRUE(figures["p95_us"].is_null()) << "fewer than 95 % were ever done";
  EXPECT_EQ(figures["policies"].size(), 4U * 3U * 4U);
}

TEST(BatchingReport, SaysPlainlyWhichPartWasNotMeasured) {
  const auto policies = batching_figures(made_up(0.9, 0.8), std::nullopt);
  const auto engines = batching_figures(std::nullopt, EngineStudy{});

  EXPECT_TRUE(policies["engine_gain"].is_null());
  EXPECT_FALSE(policies["gain"].is_null());
  EXPECT_TRUE(engines["gain"].is_null());
  EXPECT_EQ(engines["engine_gain"], 0.0);
  for (const auto& figures : {policies, engines})
    for (const auto& stub : figures["stubs"])
      EXPECT_TRUE(figures["notes"].contains(stub.get<std::string>())) << stub;
  EXPECT_NE(policies["stubs"].size(), 0U);
  EXPECT_NE(engines["stubs"].size(), 0U);
}

TEST(BatchingReport, SaysThatThePoliciesRanInVirtualTime) {
  EXPECT_TRUE(batching_table(made_up(0.9, 0.8)).starts_with("policies, virtual time"));
}

TEST(BatchingReport, ListsLossesButNeitherTheOptimumNorWhatIsNone) {
  EXPECT_TRUE(batching_losses(made_up(0.9, 0.8)).empty());
  const auto losses = batching_losses(made_up(0.9, 0.95));

  ASSERT_EQ(losses.size(), 3U * 4U);
  EXPECT_EQ(losses.front().policy, "fixed_5ms");
  EXPECT_EQ(losses.front().figure, "in_time");
  EXPECT_NEAR(losses.front().advantage, 0.95 / 0.9 - 1.0, 1e-9);
  EXPECT_NE(batching_table(made_up(0.9, 0.95)).find("losses (12)"), std::string::npos);
}

}  // namespace
}  // namespace millrace::app
