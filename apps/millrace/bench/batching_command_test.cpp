#include "apps/millrace/bench/batching_command.hpp"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>

namespace millrace::app {
namespace {

struct Ran {
  int code = -1;  ///< -1: the command did not run
  std::string refusal;
  std::string printed;
};

Ran batching(const std::string& arguments) {
  CLI::App app{"test"};
  Ran ran;
  add_bench_batching(app, ran.code);
  ::testing::internal::CaptureStdout();
  try {
    app.parse("batching " + arguments);
  } catch (const CLI::ParseError& error) {
    ran.refusal = error.what();
  }
  ran.printed = ::testing::internal::GetCapturedStdout();
  return ran;
}

TEST(BatchingCommand, RefusesWhatItCannotDo) {
  EXPECT_FALSE(batching("--requests 1").refusal.empty());
  EXPECT_FALSE(batching("--seeds 0").refusal.empty());
  EXPECT_FALSE(batching("--max-batch 1000").refusal.empty());
  EXPECT_FALSE(batching("--waits 5").refusal.empty());
  EXPECT_FALSE(batching("--only voice").refusal.empty());
}

TEST(BatchingCommand, PrintsOneJsonObject) {
  const Ran ran = batching("--only policy --requests 100 --seeds 1 --json");

  EXPECT_EQ(ran.code, 0);
  const auto out = nlohmann::json::parse(ran.printed);
  EXPECT_EQ(out["bench"], "batching");
  EXPECT_EQ(out["schema"], 1);
  for (const char* name :
       {"bound_gain", "gain", "gain_fraction_of_bound", "low_load_p50_ratio",
        "best_fixed_wait_advantage", "p95_us", "requests_per_s", "fairness", "policies"})
    EXPECT_TRUE(out["figures"].contains(name)) << name;
  EXPECT_EQ(out["figures"]["requests"], 100);
  EXPECT_TRUE(out["figures"]["engine_gain"].is_null()) << "not asked for";
  EXPECT_EQ(out["conditions"]["only"], "policy");
}

TEST(BatchingCommand, PrintsATableForAPerson) {
  const Ran ran = batching("--only policy --requests 100 --seeds 1");

  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.printed.find("memory_bound"), std::string::npos);
  EXPECT_NE(ran.printed.find("best fixed wait over ours"), std::string::npos);
}

}  // namespace
}  // namespace millrace::app
