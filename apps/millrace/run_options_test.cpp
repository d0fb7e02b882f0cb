#include "apps/millrace/run_options.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "apps/millrace/report.hpp"

namespace millrace::app {
namespace {

// shared: as load_plan() gives it
std::shared_ptr<const graph::Plan> example(const std::string& name) {
  auto plan = load_plan(std::string(MILLRACE_SOURCE_DIR) + "/examples/" + name + ".yaml");
  EXPECT_TRUE(plan.has_value());
  return plan.value_or(nullptr);
}

RunOptions options(std::vector<std::string> inputs, std::vector<std::string> outputs = {}) {
  RunOptions made;
  made.pipeline = "p.yaml";
  made.inputs = std::move(inputs);
  made.outputs = std::move(outputs);
  return made;
}

TEST(Inputs, ACommaMakesASessionEach) {
  EXPECT_EQ(split_inputs("a.wav"), (std::vector<std::string>{"a.wav"}));
  EXPECT_EQ(split_inputs("a.wav,b.wav+c.wav"), (std::vector<std::string>{"a.wav", "b.wav+c.wav"}));
}

TEST(Inputs, AFileWithACommaInItsNameIsOneInput) {
  const std::filesystem::path path =
      std::filesystem::path(::testing::TempDir()) / "millrace one, two.wav";
  std::ofstream(path) << "x";

  EXPECT_EQ(split_inputs(path.string()), (std::vector<std::string>{path.string()}));
}

TEST(SessionTasks, RepeatEveryInputAndNumberTheOutputs) {
  RunOptions wanted = options({"a.wav", "b.wav"}, {"dir/out.wav", "said.txt"});
  wanted.sessions = 2;

  const auto tasks = session_tasks(wanted);

  ASSERT_EQ(tasks.size(), 4U);
  EXPECT_EQ(tasks[0].name, "s1");
  EXPECT_EQ(tasks[0].wav, "dir/out.wav");
  EXPECT_EQ(tasks[0].text, "said.txt");
  EXPECT_EQ(tasks[1].input, "b.wav");
  EXPECT_EQ(tasks[1].wav, "dir/out-s2.wav");
  EXPECT_EQ(tasks[2].input, "a.wav");
  EXPECT_EQ(tasks[3].text, "said-s4.txt");
}

TEST(FileOptions, TakeTheFrameOfThePipelineUnlessToldOtherwise) {
  const auto plan = example("plain_vad");
  RunOptions wanted = options({"a.wav"});

  const auto own = file_options(wanted, *plan);
  wanted.frame_ms = 31.0;
  wanted.gap_ms = -12.5;
  const auto told = file_options(wanted, *plan);

  ASSERT_TRUE(own && told);
  EXPECT_EQ(own->frame, base::MediaTime{20'000});
  EXPECT_EQ(told->frame, base::MediaTime{31'000});
  EXPECT_EQ(told->gap, base::MediaTime{-12'500});
  EXPECT_FALSE(told->raw);
}

TEST(FileOptions, RefuseAnEncodingThatNobodyKnows) {
  RunOptions wanted = options({"a.raw"});
  wanted.raw_rate_hz = 8000;
  wanted.raw_encoding = "u7";

  const auto files = file_options(wanted, *example("plain_vad"));

  ASSERT_FALSE(files.has_value());
  EXPECT_EQ(files.error().code, base::Code::bad_argument);
  EXPECT_NE(files.error().text().find("s16, s24 or f32"), std::string::npos);
}

TEST(Files, OutputsThatThePipelineHasSinksForAreTaken) {
  const auto plan = example("voice_reply");

  EXPECT_TRUE(check_files(options({"a.wav"}, {"o.wav", "o.txt"}), *plan).has_value());
  EXPECT_TRUE(check_files(options({"a.wav"}), *plan).has_value());
}

TEST(Files, AnOutputWithoutASinkIsRefused) {
  const auto audio_only = check_files(options({"a.wav"}, {"o.txt"}), *example("plain_vad"));
  const auto text_only = check_files(options({"a.wav"}, {"o.wav"}), *example("turns"));

  ASSERT_FALSE(audio_only.has_value());
  EXPECT_NE(audio_only.error().text().find("no text"), std::string::npos);
  ASSERT_FALSE(text_only.has_value());
  EXPECT_NE(text_only.error().text().find("no audio"), std::string::npos);
}

TEST(Files, NothingThatTheRunReadsIsWrittenOver) {
  const auto plan = example("voice_reply");
  RunOptions log_over_output = options({"a.wav"}, {"o.wav"});
  log_over_output.events = "./o.wav";

  EXPECT_FALSE(check_files(options({"a.wav+b.wav"}, {"./b.wav"}), *plan).has_value());
  EXPECT_FALSE(check_files(options({"a.wav"}, {"p.yaml"}), *plan).has_value());
  EXPECT_FALSE(check_files(log_over_output, *plan).has_value());
}

TEST(Files, NorIsWhatAFurtherSessionWritesUnderANameOfItsOwn) {
  const auto plan = example("voice_reply");
  RunOptions over_input = options({"k-s2.wav"}, {"k.wav"});
  EXPECT_TRUE(check_files(over_input, *plan).has_value());
  over_input.sessions = 3;
  RunOptions over_record = options({"a.wav"}, {"z.wav"});
  over_record.sessions = 2;
  over_record.record = "z-s2.wav";
  RunOptions over_events = over_record;
  over_events.record.clear();
  over_events.events = "z-s2.wav";

  EXPECT_FALSE(check_files(over_input, *plan).has_value());
  EXPECT_FALSE(check_files(over_record, *plan).has_value());
  EXPECT_FALSE(check_files(over_events, *plan).has_value());
}

TEST(Files, AHardLinkIsTheFileItself) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / "millrace_hard_link_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string in = (folder / "in.wav").string();
  const std::string link = (folder / "hard.wav").string();
  std::ofstream(in) << "speech";
  std::filesystem::create_hard_link(in, link);

  EXPECT_FALSE(check_files(options({in}, {link}), *example("voice_reply")).has_value());
  std::filesystem::remove_all(folder);
}

TEST(Files, ADeviceMayBeNamedTwice) {
  RunOptions wanted = options({"a.wav"}, {"/dev/null"});
  wanted.events = "/dev/null";

  EXPECT_TRUE(check_files(wanted, *example("plain_vad")).has_value());
}

TEST(Files, TwoOutputsOfAKindAndEmptyNamesAreRefused) {
  const auto plan = example("voice_reply");

  EXPECT_FALSE(check_files(options({"a.wav"}, {"o.wav", "p.wav"}), *plan).has_value());
  EXPECT_FALSE(check_files(options({"a.wav"}, {"o.wav", ""}), *plan).has_value());
  EXPECT_FALSE(check_files(options({"a.wav", ""}), *plan).has_value());
}

}  // namespace
}  // namespace millrace::app
