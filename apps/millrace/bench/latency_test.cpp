#include "apps/millrace/bench/latency.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <numeric>

#include "apps/millrace/bench/conditions.hpp"
#include "apps/millrace/bench/latency_report.hpp"
#include "apps/millrace/bench/null_control.hpp"
#include "millrace/media/wav.hpp"
#include "millrace/metrics/log_linear.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::app {
namespace {

using Json = nlohmann::ordered_json;

/// A folder of this test's own.
std::filesystem::path scratch(const std::string& name) {
  const std::filesystem::path folder =
      std::filesystem::path(::testing::TempDir()) / ("millrace_bench_" + name);
  std::filesystem::create_directories(folder);
  return folder;
}

std::string written(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
  return path.string();
}

TEST(Stretches, AreWholeStepsOfEightBlocksThatAddUp) {
  for (const double seconds : {0.1, 0.16, 1.0, 5.0, 10.0, 61.3}) {
    const auto blocks = stretches(seconds, false);
    const std::int64_t sum = std::accumulate(blocks.begin(), blocks.end(), std::int64_t{0});
    EXPECT_GE(static_cast<double>(sum) * 0.02, seconds - 1e-9);
    EXPECT_LT(static_cast<double>(sum) * 0.02, seconds + 0.16);
    for (const std::int64_t stretch : blocks) {
      EXPECT_GT(stretch, 0);
      EXPECT_EQ(stretch % 8, 0);
      EXPECT_LE(stretch, 256);
    }
  }
}

TEST(Stretches, AreOneWhereTurnsMustNotBeCut) {
  EXPECT_EQ(stretches(60.0, true).size(), 1U);
  EXPECT_GT(stretches(60.0, false).size(), 10U);
}

TEST(Difference, HoldsOnlyWhatCameLater) {
  metrics::Distribution before;
  before.add(metrics::log_linear::bucket_of(1000), 3);
  before.add(metrics::log_linear::bucket_of(9'000'000), 1);
  before.add_totals(9'003'000, 9'000'000);
  metrics::Distribution after = before;
  after.add(metrics::log_linear::bucket_of(2000), 2);
  after.add_totals(4000, 2000);

  const metrics::Distribution more = difference(after, before);

  EXPECT_EQ(more.count(), 2U);
  EXPECT_EQ(more.sum(), 4000U);
  EXPECT_GE(more.max(), 2000U);
  EXPECT_LE(more.max(), 2000U * 65 / 64);
  EXPECT_EQ(difference(after, after).count(), 0U);
}

TEST(SpeechLoop, GoesOnFromTheStartAtItsEnd) {
  const auto path = scratch("loop") / "ramp.wav";
  auto writer = media::WavWriter::create(path, 48'000, 1);
  ASSERT_TRUE(writer.has_value());
  const std::vector<float> ramp{0.0F, 0.25F, 0.5F};
  ASSERT_TRUE(writer->write(ramp).has_value());
  ASSERT_TRUE(writer->close().has_value());
  const auto speech = SpeechLoop::file(path);
  ASSERT_TRUE(speech.has_value());

  std::vector<float> out(8);
  speech->copy(2, out);

  EXPECT_EQ(speech->frames(), 3U);
  EXPECT_EQ(out, (std::vector<float>{0.5F, 0.0F, 0.25F, 0.5F, 0.0F, 0.25F, 0.5F, 0.0F}));
}

TEST(SpeechLoop, BringsStereoOfAnyRateTo48kHzMono) {
  const auto path = scratch("stereo") / "a.wav";
  auto writer = media::WavWriter::create(path, 8'000, 2);
  ASSERT_TRUE(writer.has_value());
  std::vector<float> frames;
  for (int i = 0; i < 8'000; ++i) frames.insert(frames.end(), {0.5F, 0.0F});
  ASSERT_TRUE(writer->write(frames).has_value());
  ASSERT_TRUE(writer->close().has_value());

  const auto speech = SpeechLoop::file(path);

  ASSERT_TRUE(speech.has_value());
  EXPECT_EQ(speech->frames(), 48'000U);
  std::vector<float> middle(1);
  speech->copy(24'000, middle);
  EXPECT_NEAR(middle[0], 0.25F, 1e-3F);
}

TEST(SpeechLoop, SaysHowToGetSpeechWhereThereIsNone) {
  const auto none = SpeechLoop::prompts(scratch("none"));

  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, base::Code::unavailable);
  EXPECT_NE(none.error().text().find("./dev setup demo"), std::string::npos);
  EXPECT_NE(none.error().text().find("hello-world.wav"), std::string::npos);
}

TEST(SpeechLoop, RefusesAFileWithoutAudio) {
  const auto path = scratch("empty") / "empty.wav";
  auto writer = media::WavWriter::create(path, 16'000, 1);
  ASSERT_TRUE(writer.has_value());
  ASSERT_TRUE(writer->close().has_value());

  EXPECT_FALSE(SpeechLoop::file(path).has_value());
}

TEST(LatencyPlan, HasRoomForTheSessionsAskedFor) {
  const auto plan = latency_plan("", 4321);

  ASSERT_TRUE(plan.has_value());
  EXPECT_GE((*plan)->executor.max_sessions, 4321);
}

TEST(LatencyPlan, RefusesAPipelineWithoutAGate) {
  const auto path = written(scratch("plan") / "no_gate.yaml", R"(version: v1
nodes:
  - {id: mic, type: audio_input}
  - {id: out, type: audio_output}
edges:
  - {from: mic, to: out}
)");

  const auto plan = latency_plan(path, 1);

  ASSERT_FALSE(plan.has_value());
  EXPECT_NE(plan.error().front().text().find("no gate"), std::string::npos);
}

TEST(LatencyPlan, RefusesAPipelineThatDoesNotTake48kHz) {
  const auto path = written(scratch("plan") / "rate.yaml", R"(version: v1
nodes:
  - {id: mic, type: audio_input, params: {rate_hz: 16000}}
  - {id: vad, type: silero_vad}
  - {id: gate, type: speculative_vad_gate}
  - {id: out, type: audio_output}
edges:
  - {from: mic, to: vad}
  - {from: mic, to: gate.audio}
  - {from: vad, to: gate.vad}
  - {from: gate.speculative_audio, to: out}
)");

  const auto plan = latency_plan(path, 1);

  ASSERT_FALSE(plan.has_value());
  EXPECT_NE(plan.error().front().text().find("audio_resample behind 'mic'"), std::string::npos);
}

TEST(NullControl, StampsEveryDeadline) {
  metrics::Histogram late;

  ASSERT_TRUE(run_null_control(std::chrono::milliseconds(20), late).has_value());

  EXPECT_EQ(late.count(), 20U);
}

TEST(Conditions, SayWhatTheMachineIs) {
  const Json about = conditions();

  for (const char* key : {"cpu", "cores", "kernel", "load_average", "commit", "build", "time"})
    EXPECT_TRUE(about.contains(key)) << key;
  EXPECT_GT(about["cores"].get<int>(), 0);
}

TEST(MeasureLatency, GivesEveryFigureOfTwoSessions) {
  const auto speech = SpeechLoop::prompts();
  ASSERT_TRUE(speech.has_value()) << speech.error().text();
  const auto plan = latency_plan("", 2);
  ASSERT_TRUE(plan.has_value());
  LatencyOptions options;
  options.sessions = 2;
  options.seconds = 0.96;

  const auto counts =
      measure_latency(*plan, *speech, options, PhasePattern::aligned, [](double) {});

  ASSERT_TRUE(counts.has_value()) << counts.error().text();
  EXPECT_EQ(counts->windows_due, 60U);
  EXPECT_EQ(counts->blocks, 96U);
  EXPECT_GT(counts->null.count(), 0U);
  EXPECT_GT(counts->wall.count(), 0);
  EXPECT_GT(counts->wake_ups, 0U);
  EXPECT_EQ(counts->allocations.has_value(), rt::allocations_watched());
  const Json figures = latency_figures(*counts, **plan);
  for (const char* name : {"sessions",
                           "p50_us",
                           "p95_us",
                           "p99_us",
                           "p999_us",
                           "max_us",
                           "null_p99_us",
                           "excess_p99_us",
                           "excess_p999_us",
                           "windows_due",
                           "windows_late",
                           "windows_lost",
                           "cpu_cores",
                           "wakeups_per_s",
                           "allocs_per_block",
                           "rss_bytes_per_session",
                           "decision_to_response_p99_us",
                           "acoustic_to_response_p50_us",
                           "acoustic_to_response_p95_us",
                           "stubs"})
    EXPECT_TRUE(figures.contains(name)) << name;
}

}  // namespace
}  // namespace millrace::app
