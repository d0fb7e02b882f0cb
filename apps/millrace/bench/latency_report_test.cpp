#include "apps/millrace/bench/latency_report.hpp"

#include <gtest/gtest.h>

#include "millrace/metrics/log_linear.hpp"

namespace millrace::app {
namespace {

using Json = nlohmann::ordered_json;

metrics::Distribution of(std::initializer_list<std::uint64_t> values, std::uint64_t times = 1) {
  metrics::Distribution all;
  for (const std::uint64_t value : values) {
    all.add(metrics::log_linear::bucket_of(value), times);
    all.add_totals(value * times, value);
  }
  return all;
}

const graph::Plan& plan() {
  static const auto made = latency_plan("", 1);
  return **made;
}

/// Ten seconds of two sessions, every decision 500 us after its frame was due.
LatencyCounts ten_seconds() {
  LatencyCounts counts;
  counts.sessions = 2;
  counts.latency = of({500'000}, 620);
  counts.null = of({100'000}, 2000);
  counts.windows_due = 625;
  counts.windows_late = 3;
  counts.blocks = 1000;
  counts.wake_ups = 5000;
  counts.allocations = 10;
  counts.memory_bytes = 4'000'000;
  counts.wall = std::chrono::seconds(10);
  counts.system_cpu = std::chrono::milliseconds(500);
  counts.generator_cpu = std::chrono::milliseconds(100);
  return counts;
}

bool is_stub(const Json& figures, const std::string& name) {
  for (const Json& stub : figures["stubs"])
    if (stub == name) return figures["notes"].contains(name);
  return false;
}

TEST(LatencyFigures, AreTheCountsOverTheirTime) {
  const Json figures = latency_figures(ten_seconds(), plan());

  EXPECT_EQ(figures["sessions"], 2);
  EXPECT_EQ(figures["p50_us"], 500.0);
  EXPECT_EQ(figures["max_us"], 500.0);
  EXPECT_EQ(figures["windows_due"], 625);
  EXPECT_EQ(figures["windows_late"], 3);
  EXPECT_EQ(figures["windows_lost"], 5);
  EXPECT_EQ(figures["cpu_cores"], 0.05);
  EXPECT_EQ(figures["generator_cpu_cores"], 0.01);
  EXPECT_EQ(figures["cpu_seconds_per_session_hour"], 90.0);
  EXPECT_EQ(figures["wakeups_per_s"], 500.0);
  EXPECT_EQ(figures["allocs_per_block"], 0.01);
  EXPECT_EQ(figures["rss_bytes_per_session"], 2'000'000);
}

TEST(LatencyFigures, ExcessIsWhatTheControlDoesNotExplain) {
  const Json figures = latency_figures(ten_seconds(), plan());

  EXPECT_EQ(figures["null_p99_us"], 100.0);
  EXPECT_EQ(figures["excess_p99_us"], 400.0);
}

TEST(LatencyFigures, ExcessMayBeNegative) {
  LatencyCounts counts = ten_seconds();
  counts.null = of({900'000}, 100);

  EXPECT_EQ(latency_figures(counts, plan())["excess_p99_us"], -400.0);
}

TEST(LatencyFigures, WithoutAControlThereIsNoExcess) {
  LatencyCounts counts = ten_seconds();
  counts.null = {};

  const Json figures = latency_figures(counts, plan());

  EXPECT_TRUE(figures["null_p99_us"].is_null());
  EXPECT_TRUE(figures["excess_p99_us"].is_null());
}

TEST(LatencyFigures, TooFewSamplesGiveNoP999AndANotedP99) {
  const Json figures = latency_figures(ten_seconds(), plan());

  EXPECT_TRUE(figures["p999_us"].is_null());
  EXPECT_TRUE(is_stub(figures, "p999_us"));
  EXPECT_TRUE(is_stub(figures, "excess_p999_us"));
  EXPECT_FALSE(figures["p99_us"].is_null());
  EXPECT_TRUE(figures["notes"].contains("p99_us"));
}

TEST(LatencyFigures, EnoughSamplesGiveAll) {
  LatencyCounts counts = ten_seconds();
  counts.latency = of({500'000}, kSamplesForP999);
  counts.null = of({100'000}, kSamplesForP999);

  const Json figures = latency_figures(counts, plan());

  EXPECT_EQ(figures["p999_us"], 500.0);
  EXPECT_EQ(figures["excess_p999_us"], 400.0);
  EXPECT_FALSE(figures["notes"].contains("p99_us"));
}

TEST(LatencyFigures, NothingDecidedIsNullAndLost) {
  LatencyCounts counts = ten_seconds();
  counts.latency = {};

  const Json figures = latency_figures(counts, plan());

  EXPECT_TRUE(figures["p50_us"].is_null());
  EXPECT_TRUE(is_stub(figures, "p99_us"));
  EXPECT_EQ(figures["windows_lost"], 625);
}

TEST(LatencyFigures, AllocationsThatNobodyWatchesAreNull) {
  LatencyCounts counts = ten_seconds();
  counts.allocations.reset();

  const Json figures = latency_figures(counts, plan());

  EXPECT_TRUE(figures["allocs_per_block"].is_null());
  EXPECT_TRUE(is_stub(figures, "allocs_per_block"));
}

TEST(LatencyFigures, TurnsAreNullUntilOneIsAnswered) {
  LatencyCounts counts = ten_seconds();
  const Json silent = latency_figures(counts, plan());
  counts.response = of({100'000'000, 200'000'000});
  counts.acoustic = of({700'000'000, 800'000'000});

  const Json spoken = latency_figures(counts, plan());

  EXPECT_TRUE(silent["decision_to_response_p99_us"].is_null());
  EXPECT_TRUE(is_stub(silent, "acoustic_to_response_p50_us"));
  EXPECT_EQ(spoken["turns"], 2);
  EXPECT_EQ(spoken["decision_to_response_p99_us"], 200'000.0);
  EXPECT_NEAR(spoken["acoustic_to_response_p50_us"], 700'000.0, 700'000.0 * 0.016);
  EXPECT_FALSE(is_stub(spoken, "acoustic_to_response_p50_us"));
}

TEST(LatencyFigures, OfBothPatternsAreThoseOfTheWorstWithTheMemoryOfTheFirst) {
  std::vector<LatencyCounts> both{ten_seconds(), ten_seconds()};
  both[1].pattern = PhasePattern::aligned;
  both[1].latency = of({2'000'000}, 625);
  both[1].memory_bytes.reset();

  const Json figures = latency_figures(both, plan());

  EXPECT_EQ(figures["phase"], "aligned");
  EXPECT_EQ(figures["p99_us"], 2000.0);
  EXPECT_EQ(figures["rss_bytes_per_session"], 2'000'000);
  EXPECT_FALSE(is_stub(figures, "rss_bytes_per_session"));
  EXPECT_EQ(figures["phases"]["spread"]["p99_us"], 500.0);
  EXPECT_EQ(figures["phases"]["aligned"]["p99_us"], 2000.0);
  EXPECT_TRUE(is_stub(figures["phases"]["aligned"], "rss_bytes_per_session"));
}

TEST(LatencyTable, HasAColumnForEachPattern) {
  std::vector<LatencyCounts> both{ten_seconds(), ten_seconds()};
  both[1].pattern = PhasePattern::aligned;

  const std::string table = latency_table(both, plan());

  EXPECT_NE(table.find("spread"), std::string::npos);
  EXPECT_NE(table.find("aligned"), std::string::npos);
  EXPECT_NE(table.find("note: p999_us"), std::string::npos);
}

TEST(LatencyBound, IsMissedByAnyPatternAndByNothingDecided) {
  std::vector<LatencyCounts> both{ten_seconds(), ten_seconds()};
  both[1].latency = of({2'000'000}, 625);

  EXPECT_TRUE(bound_kept(both, std::nullopt));
  EXPECT_TRUE(bound_kept(both, 2000.0));
  EXPECT_FALSE(bound_kept(both, 1999.0));
  both[0].latency = {};
  EXPECT_FALSE(bound_kept(both, 2000.0));
}

}  // namespace
}  // namespace millrace::app
