#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "apps/millrace/nodes_command.hpp"
#include "apps/millrace/report.hpp"
#include "apps/millrace/run.hpp"
#include "apps/millrace/session_output.hpp"
#include "apps/millrace/validate.hpp"
#include "millrace/media/wav.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/testing/test_nodes.hpp"

namespace millrace::app {
namespace {

/// A pipeline without a model, so that it runs anywhere: what comes in goes out at another rate.
constexpr const char* kThrough = R"(
version: v1
metadata: {name: through}
nodes:
  - {id: mic, type: audio_input}
  - {id: resample, type: audio_resample, params: {rate_hz: 16000, quality: low}}
  - {id: speaker, type: audio_output}
edges:
  - {from: mic, to: resample}
  - {from: resample, to: speaker}
)";

struct Ran {
  int code = -1;  ///< -1: the command did not run
  std::string refusal;
  std::string printed;
  std::string errors;
};

/// A folder with through.yaml and half a second of tone.wav in it.
class Program : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              (std::string("millrace_") +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    setenv("MILLRACE_STATE_DIR", path("state").c_str(), 1);
    std::ofstream(path("through.yaml")) << kThrough;
    auto wav = media::WavWriter::create(path("tone.wav"), 48'000, 1);
    ASSERT_TRUE(wav.has_value());
    ASSERT_TRUE(wav->write(std::vector<float>(24'000, 0.25F)).has_value());
    ASSERT_TRUE(wav->close().has_value());
  }
  void TearDown() override {
    unsetenv("MILLRACE_STATE_DIR");
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_ / name).string();
  }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream file(path(name));
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
  }
  static Ran program(std::vector<std::string> arguments) {
    CLI::App app{"test"};
    Ran ran;
    add_run(app, ran.code);
    add_validate(app, ran.code);
    add_nodes(app, ran.code);
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    try {
      app.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      ran.refusal = error.what();
    }
    ran.printed = ::testing::internal::GetCapturedStdout();
    ran.errors = ::testing::internal::GetCapturedStderr();
    return ran;
  }

  std::filesystem::path folder_;
};

TEST_F(Program, RefusesArgumentsThatMakeNoSense) {
  EXPECT_FALSE(program({"run"}).refusal.empty());
  EXPECT_FALSE(program({"run", "p.yaml"}).refusal.empty());
  for (const auto& [option, value] : std::vector<std::pair<std::string, std::string>>{
           {"--sessions", "0"},
           {"--sessions", "many"},
           {"--frame-ms", "0"},
           {"--gap-ms", "soon"},
           {"--loop", "0"},
           {"--seconds", "-1"},
           {"--raw-rate", "4000"},
           {"--raw-channels", "0"},
       }) {
    const Ran ran = program({"run", "p.yaml", "--input", "a.wav", option, value});
    EXPECT_FALSE(ran.refusal.empty()) << option << " " << value;
    EXPECT_EQ(ran.code, -1);
  }
  EXPECT_FALSE(
      program({"run", "p.yaml", "--input", "a.wav", "--fast", "--realtime"}).refusal.empty());
}

TEST_F(Program, GivesEverySessionTheEventsOfASingleOne) {
  const Ran ran = program({"run", path("through.yaml"), "--input", path("tone.wav"), "--fast",
                           "--sessions", "2", "--events", path("e.jsonl")});

  ASSERT_EQ(ran.code, kGood) << ran.errors;
  std::istringstream lines(text("e.jsonl"));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, R"({"event":"log","version":1,"pipeline":"through","time":"virtual"})");
  std::vector<std::string> first;
  std::vector<std::string> second;
  while (std::getline(lines, line)) {
    const std::size_t at = line.find("\"s2\"");
    if (at == std::string::npos) {
      first.push_back(line);
    } else {
      second.push_back(line.replace(at, 4, "\"s1\""));
    }
  }
  EXPECT_GE(first.size(), 25U);
  EXPECT_EQ(first, second);
}

TEST_F(Program, WritesTheAudioOfEverySessionAndCutsTheFramesAsTold) {
  const Ran ran = program({"run", path("through.yaml"), "--input", path("tone.wav"), "--fast",
                           "--sessions", "2", "--frame-ms", "31", "--output", path("out.wav")});

  ASSERT_EQ(ran.code, kGood) << ran.errors;
  for (const char* name : {"out.wav", "out-s2.wav"}) {
    const auto wav = media::WavReader::open(path(name));
    ASSERT_TRUE(wav.has_value()) << name;
    EXPECT_EQ(wav->rate_hz(), 16'000);
    EXPECT_NEAR(static_cast<double>(*wav->frames()), 8'000.0, 100.0);
  }
}

TEST_F(Program, PlaysAnInputAgainUntilTheTimeIsUp) {
  const Ran ran = program(
      {"run", path("through.yaml"), "--input", path("tone.wav"), "--fast", "--seconds", "1.2"});

  EXPECT_EQ(ran.code, kGood);
  EXPECT_NE(ran.printed.find("1 session, 1.2 s of audio"), std::string::npos) << ran.printed;
}

TEST_F(Program, FinishesTheOtherInputsOfARunWithABadOne) {
  std::ofstream(path("letter.wav")) << "Dear Sir or Madam";

  const Ran ran = program({"run", path("through.yaml"), "--fast", "--input",
                           path("letter.wav") + "," + path("tone.wav"), "--output", path("o.wav")});

  EXPECT_EQ(ran.code, kBadInput);
  EXPECT_EQ(std::count(ran.errors.begin(), ran.errors.end(), '\n'), 1) << ran.errors;
  EXPECT_NE(ran.errors.find("letter.wav"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path("o.wav")));
  EXPECT_TRUE(std::filesystem::exists(path("o-s2.wav")));
}

TEST_F(Program, RunsAtThePaceOfTheAudioToo) {
  const Ran ran = program({"run", path("through.yaml"), "--input", path("tone.wav"), "--sessions",
                           "3", "--seconds", "0.1", "--events", path("e.jsonl")});

  ASSERT_EQ(ran.code, kGood) << ran.errors;
  EXPECT_NE(text("e.jsonl").find(R"("time":"real")"), std::string::npos);
  EXPECT_NE(ran.printed.find("3 sessions, 0.3 s of audio"), std::string::npos) << ran.printed;
  EXPECT_EQ(ran.printed.find("allocations on the audio path") != std::string::npos,
            rt::allocations_watched());
}

TEST_F(Program, WritesNothingOverItsOwnInput) {
  const auto before = std::filesystem::file_size(path("tone.wav"));

  const Ran ran = program({"run", path("through.yaml"), "--input", path("tone.wav"), "--output",
                           path("tone.wav"), "--fast"});

  EXPECT_EQ(ran.code, kBadInput);
  EXPECT_EQ(std::filesystem::file_size(path("tone.wav")), before);
}

TEST_F(Program, ValidatesEveryExample) {
  for (const char* name : {"barge_in", "plain_vad", "speculative_vad", "turns", "voice_reply"}) {
    const Ran ran =
        program({"validate", std::string(MILLRACE_SOURCE_DIR) + "/examples/" + name + ".yaml"});
    EXPECT_EQ(ran.code, kGood) << ran.errors;
    EXPECT_NE(ran.printed.find("latency by design"), std::string::npos);
  }
}

TEST_F(Program, ValidateGivesProgramsTheEdgesWithFormatAndQueue) {
  const Ran ran = program({"validate", path("through.yaml"), "--json"});

  EXPECT_EQ(ran.code, kGood);
  EXPECT_NE(ran.printed.find(R"("valid":true)"), std::string::npos);
  EXPECT_NE(ran.printed.find(R"("format":"audio 16000 Hz)"), std::string::npos) << ran.printed;
  EXPECT_NE(ran.printed.find(R"("policy":"drop_oldest")"), std::string::npos);
}

TEST_F(Program, ValidateTellsEveryMistakeWithItsPlace) {
  std::ofstream(path("bad.yaml")) << "version: v1\nnodes:\n  - {id: mic, type: audio_inptu}\n"
                                     "  - {id: out, type: audio_ouptut}\nedges: []\n";

  const Ran ran = program({"validate", path("bad.yaml"), "--json"});

  EXPECT_EQ(ran.code, kBadInput);
  EXPECT_NE(ran.errors.find("bad.yaml:3:"), std::string::npos);
  EXPECT_NE(ran.errors.find("bad.yaml:4:"), std::string::npos);
  EXPECT_NE(ran.printed.find(R"("valid":false)"), std::string::npos);
  EXPECT_NE(ran.printed.find(R"("code":"bad_manifest")"), std::string::npos);
}

TEST_F(Program, ShowsANodeTypeByEitherSpellingAndGuessesATypo) {
  const Ran shown = program({"nodes", "show", "SpeculativeVADGate"});
  const Ran typo = program({"nodes", "show", "silero_vda"});

  EXPECT_EQ(shown.code, kGood);
  EXPECT_EQ(shown.printed.rfind("speculative_vad_gate: ", 0), 0U);
  EXPECT_EQ(typo.code, kBadInput);
  EXPECT_NE(typo.errors.find("silero_vad'"), std::string::npos) << typo.errors;
}

TEST_F(Program, ShowsWhatANodeCostInTheLastRunInRealTime) {
  const std::vector<std::string> show{"nodes", "show", "audio_resample"};
  std::vector<std::string> run{"run", path("through.yaml"), "--input", path("tone.wav"), "--fast"};
  ASSERT_EQ(program(run).code, kGood);
  EXPECT_NE(program(show).printed.find("not measured yet: run a pipeline with it"),
            std::string::npos);

  run.back() = "--realtime";
  const Ran ran = program(run);
  const Ran shown = program(show);

  ASSERT_EQ(ran.code, kGood) << ran.errors;
  EXPECT_EQ(ran.errors, "");
  EXPECT_NE(ran.printed.find("\ncost "), std::string::npos) << ran.printed;
  EXPECT_EQ(shown.code, kGood);
  EXPECT_NE(shown.printed.find("learned on this machine\n  avg_processing_us "), std::string::npos)
      << shown.printed;
}

TEST_F(Program, WarnsOfCostsThatCannotBeReadAndWritesThemAnew) {
  std::filesystem::create_directories(path("state"));
  std::ofstream(path("state/costs.json")) << "Dear Sir or Madam";

  const Ran before = program({"nodes", "show", "audio_resample"});
  const Ran ran = program({"run", path("through.yaml"), "--input", path("tone.wav")});
  const Ran after = program({"nodes", "show", "audio_resample"});

  EXPECT_EQ(before.code, kGood);
  EXPECT_NE(before.errors.find("warning"), std::string::npos);
  EXPECT_NE(before.printed.find("not measured yet"), std::string::npos);
  EXPECT_EQ(ran.code, kGood);
  EXPECT_NE(ran.errors.find("costs.json"), std::string::npos);
  EXPECT_EQ(after.errors, "");
  EXPECT_NE(after.printed.find("avg_processing_us"), std::string::npos);
}

TEST_F(Program, RunsAsWellWhereCostsCannotBeKept) {
  setenv("MILLRACE_STATE_DIR", path("through.yaml").c_str(), 1);  // a file, not a folder

  const Ran ran = program({"run", path("through.yaml"), "--input", path("tone.wav")});

  EXPECT_EQ(ran.code, kGood);
  EXPECT_NE(ran.errors.find("warning"), std::string::npos) << ran.errors;
}

// ---- what a session leaves behind -------------------------------------------------------------

std::shared_ptr<const graph::Plan> sinks() {
  return testing::test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: near, type: sink}
  - {id: far, type: sink}
  - {id: ask, type: text_source}
  - {id: words, type: text_sink}
edges:
  - {from: mic, to: near}
  - {from: mic, to: far}
  - {from: ask, to: words}
)");
}

engine::OutputPacket packet(const graph::Plan& plan, const std::string& node) {
  engine::OutputPacket output;
  for (const graph::Stage& stage : plan.stages)
    if (stage.id == node) output.stage = stage.index;
  output.packet.state = media::PacketState::confirmed;
  return output;
}

engine::OutputPacket words(const graph::Plan& plan, const std::string& text) {
  engine::OutputPacket output = packet(plan, "words");
  output.packet.kind = media::PacketKind::text;
  output.packet.role = media::TextRole::complete;
  output.packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const char>(text)));
  return output;
}

engine::OutputPacket block(const graph::Plan& plan, const std::string& node) {
  const std::vector<float> samples(160, 0.5F);
  engine::OutputPacket output = packet(plan, node);
  output.packet.kind = media::PacketKind::audio;
  output.packet.rate_hz = 16'000;
  output.packet.channels = 1;
  output.packet.frames = 160;
  output.packet.payload = rt::Payload::copy_of(std::as_bytes(std::span(samples)));
  return output;
}

class Outputs : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    auto log = EventLog::open("", *plan_, true);
    ASSERT_TRUE(log.has_value());
    state_.emplace(RunState{.options = options_,
                            .plan = plan_,
                            .files = {},
                            .stage = 0,
                            .log = std::move(*log),
                            .tasks = {},
                            .summaries = {},
                            .stages = {},
                            .figures = {},
                            .progress = {},
                            .code = 0});
  }

  std::shared_ptr<const graph::Plan> plan_ = sinks();
  RunOptions options_;
  std::optional<RunState> state_;
};

TEST_F(Outputs, AudioGoesToAFileForEachSink) {
  SessionOutput output({.name = "s1", .input = "", .wav = path("out.wav"), .text = ""}, 1, *state_);

  output.output(block(*plan_, "near"));
  output.output(block(*plan_, "far"));
  output.output(block(*plan_, "far"));
  ASSERT_TRUE(output.close());

  EXPECT_EQ(media::WavReader::open(path("out.wav"))->frames(), 160U);
  EXPECT_EQ(media::WavReader::open(path("out-far.wav"))->frames(), 320U);
}

TEST_F(Outputs, TextsGoToTheirFileOnceTheyAreFinalAndConfirmed) {
  SessionOutput output({.name = "s1", .input = "", .wav = "", .text = path("o.txt")}, 1, *state_);
  engine::OutputPacket partial = words(*plan_, "thank");
  partial.packet.role = media::TextRole::partial;
  engine::OutputPacket guess = words(*plan_, "Thank you maybe.");
  guess.packet.state = media::PacketState::speculative;

  output.output(partial);
  output.output(guess);
  output.output(words(*plan_, "Thank you."));
  ASSERT_TRUE(output.close());

  EXPECT_EQ(text("o.txt"), "Thank you.\n");
}

TEST_F(Outputs, TextsWithoutAFileArePrinted) {
  SessionOutput output({.name = "s1", .input = "", .wav = "", .text = ""}, 1, *state_);

  ::testing::internal::CaptureStdout();
  output.output(words(*plan_, "Thank you."));

  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "s1  words: Thank you.\n");
}

TEST_F(Outputs, AFileThatCannotBeWrittenIsToldOnce) {
  ::testing::internal::CaptureStderr();
  SessionOutput output({.name = "s1", .input = "", .wav = "/nowhere/o.wav", .text = ""}, 1,
                       *state_);

  output.output(block(*plan_, "near"));
  output.output(block(*plan_, "near"));

  EXPECT_FALSE(output.close());
  const std::string told = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(std::count(told.begin(), told.end(), '\n'), 1) << told;
  EXPECT_NE(told.find("/nowhere/o.wav"), std::string::npos);
}

}  // namespace
}  // namespace millrace::app
