#include "apps/millrace/learned_costs.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "millrace/testing/test_nodes.hpp"

namespace millrace::app {
namespace {

namespace fs = std::filesystem;

manifest::Environment environment(std::map<std::string, std::string> words) {
  return [words = std::move(words)](const std::string& name) -> std::optional<std::string> {
    const auto found = words.find(name);
    return found == words.end() ? std::nullopt : std::optional(found->second);
  };
}

std::string usual(std::map<std::string, std::string> words) {
  const auto file = CostFile::usual(environment(std::move(words)));
  return file ? file->path().string() : "none";
}

LearnedCost batched() {
  return {.when = "2026-11-28T18:30:00Z",
          .calls = 21,
          .avg_us = 45'000.5,
          .runs = 20,
          .fixed_us = 40'000.0,
          .per_input_us = 3'000.0};
}

LearnedCost plain() {
  return {.when = "2026-11-28T18:30:00Z",
          .calls = 310,
          .avg_us = 12.5,
          .runs = 0,
          .fixed_us = std::nullopt,
          .per_input_us = std::nullopt};
}

class Costs : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(::testing::TempDir()) /
              (std::string("millrace_costs_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }
  void put(const std::string& text) {
    fs::create_directories(folder_);
    std::ofstream(file().path()) << text;
  }
  [[nodiscard]] CostFile file() const { return CostFile(folder_ / "costs.json"); }
  [[nodiscard]] std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }

  fs::path folder_;
};

TEST(CostFile, LivesWhereTheEnvironmentSays) {
  EXPECT_EQ(usual({{"MILLRACE_STATE_DIR", "/s"}, {"XDG_STATE_HOME", "/x"}, {"HOME", "/h"}}),
            "/s/costs.json");
  EXPECT_EQ(usual({{"XDG_STATE_HOME", "/x"}, {"HOME", "/h"}}), "/x/millrace/costs.json");
  EXPECT_EQ(usual({{"XDG_STATE_HOME", "x"}, {"HOME", "/h"}}),
            "/h/.local/state/millrace/costs.json");
  EXPECT_EQ(usual({{"MILLRACE_STATE_DIR", ""}, {"HOME", "/h"}}),
            "/h/.local/state/millrace/costs.json");
  EXPECT_EQ(usual({}), "none");
}

TEST_F(Costs, AreReadAsTheyWereWritten) {
  const LearnedCosts costs{{"flite_tts", batched()}, {"pass", plain()}};

  ASSERT_TRUE(file().write(costs).has_value());

  EXPECT_EQ(*file().read(), costs);
  EXPECT_EQ(files(), 1U);  // no temporary file is left
}

TEST_F(Costs, AreEmptyBeforeTheFirstRun) {
  EXPECT_TRUE(file().read()->empty());
}

TEST_F(Costs, ReplaceTheFileAsAWhole) {
  ASSERT_TRUE(file().write({{"a", plain()}, {"b", plain()}}).has_value());
  ASSERT_TRUE(file().write({{"a", batched()}}).has_value());

  EXPECT_EQ(*file().read(), (LearnedCosts{{"a", batched()}}));
}

TEST_F(Costs, OfADamagedFileAreAnErrorThatNamesIt) {
  for (const char* text :
       {"", "{", "[]", "{}", R"({"version":2,"node_types":{}})", R"({"version":1})",
        R"({"version":1,"node_types":[]})", R"({"version":1,"node_types":{"a":3}})",
        R"({"version":1,"node_types":{"a":{"when":"now"}}})",
        R"({"version":1,"node_types":{"a":{"when":"now","avg_us":-1}}})",
        R"({"version":1,"node_types":{"a":{"when":1,"avg_us":1}}})"}) {
    put(text);
    const auto costs = file().read();
    ASSERT_FALSE(costs.has_value()) << text;
    EXPECT_EQ(costs.error().code, base::Code::bad_peer_data) << text;
    EXPECT_EQ(costs.error().where, file().path().string());
  }
}

TEST_F(Costs, OfAHugeFileAreNotRead) {
  put(std::string((1 << 20) + 1, ' '));

  EXPECT_FALSE(file().read().has_value());
}

TEST_F(Costs, IgnoreHalfACurve) {
  put(R"({"version":1,"node_types":{"a":{"when":"now","avg_us":5,"runs":3,"fixed_us":7}}})");

  const auto costs = file().read();

  ASSERT_TRUE(costs.has_value());
  EXPECT_FALSE(costs->at("a").fixed_us.has_value());
  EXPECT_EQ(costs->at("a").runs, 3U);
}

TEST_F(Costs, ThatCannotBeWrittenAreAnErrorAndLeaveNothing) {
  put("");
  const CostFile below_a_file(file().path() / "costs.json");

  const auto written = below_a_file.write({{"a", plain()}});

  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, base::Code::unavailable);
  EXPECT_EQ(files(), 1U);
}

TEST_F(Costs, DoNotReplaceAFolderOfTheSameName) {
  fs::create_directories(file().path() / "inside");

  EXPECT_FALSE(file().write({{"a", plain()}}).has_value());
  EXPECT_EQ(files(), 1U);
}

const graph::Plan& plan() {
  static const auto made = testing::test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: a, type: pass}
  - {id: b, type: pass}
  - {id: out, type: sink}
edges:
  - {from: mic, to: a}
  - {from: a, to: b}
  - {from: b, to: out}
)");
  return *made;
}

std::vector<StageFigures> figures() {
  std::vector<StageFigures> stages(plan().stages.size());
  stages[1].calls = 5;
  stages[1].avg_us = 10.0;
  stages[2].calls = 50;
  stages[2].avg_us = 20.0;
  return stages;
}

TEST(Learn, TakesTheBusiestStageOfAType) {
  LearnedCosts costs;

  learn(costs, plan(), figures(), "now");

  ASSERT_EQ(costs.size(), 1U);  // source and sink were not called
  EXPECT_EQ(costs.at("pass").calls, 50U);
  EXPECT_EQ(costs.at("pass").avg_us, 20.0);
  EXPECT_EQ(costs.at("pass").when, "now");
  EXPECT_FALSE(costs.at("pass").fixed_us.has_value());
}

TEST(Learn, KeepsWhatThisRunDidNotMeasure) {
  LearnedCosts costs{{"pass", plain()}, {"flite_tts", batched()}};

  learn(costs, plan(), figures(), "now");

  EXPECT_EQ(costs.at("pass").when, "now");
  EXPECT_EQ(costs.at("flite_tts"), batched());
}

TEST(Learn, TakesTheCurveOnlyWhenItsPartsCanBeToldApart) {
  auto stages = figures();
  stages[2].cost = {.runs = 9, .identified = false, .fixed_us = 1.0, .per_input_us = 2.0};
  LearnedCosts costs;

  learn(costs, plan(), stages, "now");
  EXPECT_EQ(costs.at("pass").runs, 9U);
  EXPECT_FALSE(costs.at("pass").fixed_us.has_value());
  stages[2].cost.identified = true;
  learn(costs, plan(), stages, "later");

  EXPECT_EQ(costs.at("pass").fixed_us, 1.0);
  EXPECT_EQ(costs.at("pass").per_input_us, 2.0);
}

TEST(CostText, SaysWhatIsKnown) {
  LearnedCost same_size = batched();
  same_size.fixed_us = same_size.per_input_us = std::nullopt;
  const LearnedCosts costs{{"tts", batched()}, {"pass", plain()}, {"alike", same_size}};

  EXPECT_EQ(cost_text(costs, "other"), "  not measured yet: run a pipeline with it\n");
  EXPECT_EQ(cost_text(costs, "pass"),
            "  avg_processing_us 12.5 (moving average over 310 calls, 2026-11-28T18:30:00Z)\n");
  EXPECT_NE(cost_text(costs, "tts").find("40000 + 3000 b us (learned from 20 runs)"),
            std::string::npos);
  EXPECT_NE(cost_text(costs, "alike").find("all 20 runs were of the same size"), std::string::npos);
}

}  // namespace
}  // namespace millrace::app
