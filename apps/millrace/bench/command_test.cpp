#include "apps/millrace/bench/command.hpp"

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

Ran bench(const std::string& arguments) {
  CLI::App app{"test"};
  Ran ran;
  add_bench(app, ran.code);
  ::testing::internal::CaptureStdout();
  try {
    app.parse("bench " + arguments);
  } catch (const CLI::ParseError& error) {
    ran.refusal = error.what();
  }
  ran.printed = ::testing::internal::GetCapturedStdout();
  return ran;
}

TEST(BenchCommand, RefusesWhatItDoesNotKnow) {
  EXPECT_FALSE(bench("").refusal.empty());
  EXPECT_FALSE(bench("speed").refusal.empty());
  EXPECT_FALSE(bench("latency --sessions 0").refusal.empty());
  EXPECT_FALSE(bench("latency --sessions many").refusal.empty());
  EXPECT_FALSE(bench("latency --seconds 0").refusal.empty());
  EXPECT_FALSE(bench("latency --max-p99-us -1").refusal.empty());
  EXPECT_NE(bench("latency --phases random").refusal.find("spread"), std::string::npos);
}

TEST(BenchCommand, EndsWithTwoForAPipelineThatIsNotThere) {
  const Ran ran = bench("latency --pipeline /nowhere/p.yaml");

  EXPECT_TRUE(ran.refusal.empty());
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.code, -1);
  EXPECT_TRUE(ran.printed.empty());
}

TEST(BenchCommand, EndsBadlyForAnInputThatIsNotThere) {
  const Ran ran = bench("latency --input /nowhere/a.wav");

  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.code, -1);
}

TEST(BenchCommand, PrintsOneJsonObjectAndEndsWithThreeWhenTheBoundIsMissed) {
  const Ran ran = bench("latency --seconds 0.32 --phases spread --json --max-p99-us 0");

  EXPECT_EQ(ran.code, kBoundMissed);
  const auto out = nlohmann::json::parse(ran.printed);
  EXPECT_EQ(out["bench"], "latency");
  EXPECT_EQ(out["schema"], 1);
  EXPECT_EQ(out["figures"]["sessions"], 1);
  EXPECT_EQ(out["figures"]["phase"], "spread");
  EXPECT_TRUE(out["figures"]["phases"].contains("spread"));
  EXPECT_FALSE(out["figures"]["phases"].contains("aligned"));
  EXPECT_TRUE(out["conditions"].contains("load_average"));
}

}  // namespace
}  // namespace millrace::app
