#include <gtest/gtest.h>

#include <cstdio>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "millrace/inference/speech_for_test.hpp"
#include "nodes/moonshine_asr/moonshine_model.hpp"

namespace millrace::nodes {
namespace {

namespace speech = inference::speech_for_test;

using Results = std::vector<std::optional<base::Result<Transcript>>>;

const MoonshineModel& model() {
  static const auto made = MoonshineModel::create(inference::ModelStore::locate());
  if (!made) ADD_FAILURE() << made.error().text();
  return made.value();
}

const std::vector<float>& samples(const std::string& name) {
  static std::map<std::string, std::vector<float>> known;
  const auto [it, fresh] = known.try_emplace(name);
  if (fresh) it->second = speech::prompt(name);
  return it->second;
}

const Transcript& alone(const std::string& name) {
  static std::map<std::string, Transcript> known;
  const auto [it, fresh] = known.try_emplace(name);
  if (fresh) it->second = model().transcribe(samples(name)).value();
  return it->second;
}

Results together(std::span<const TranscribeRequest> requests) {
  Results results(requests.size());
  model().transcribe_together(requests, [&](std::size_t i, auto&& result) {
    EXPECT_FALSE(results.at(i)) << i << " was told twice";
    results.at(i) = std::move(result);
  });
  for (std::size_t i = 0; i < results.size(); ++i) EXPECT_TRUE(results[i]) << i << " was not told";
  return results;
}

bool same_words(const base::Result<Transcript>& heard, const std::string& name) {
  return heard && speech::words(heard->text) == speech::words(alone(name).text);
}

/// 1 to 6 s.
const std::vector<std::string> kPrompts{"digits/7",
                                        "agent-pass",
                                        "agent-alreadyon",
                                        "all-circuits-busy-now",
                                        "vm-nobodyavail",
                                        "cannot-complete-as-dialed",
                                        "check-number-dial-again",
                                        "conf-adminmenu-162"};

TEST(TranscribeTogether, GivesCopiesTheTokensOfOneAlone) {
  const std::vector<TranscribeRequest> requests(5, {.mono16k = samples("agent-pass")});

  for (const auto& heard : together(requests)) {
    ASSERT_TRUE(*heard);
    EXPECT_EQ((*heard)->tokens, alone("agent-pass").tokens);
    EXPECT_EQ((*heard)->text, alone("agent-pass").text);
    EXPECT_EQ((*heard)->steps, alone("agent-pass").steps);
  }
}

TEST(TranscribeTogether, GivesPromptsOfManyLengthsTheWordsOfEachAlone) {
  std::vector<TranscribeRequest> requests;
  for (const auto& name : kPrompts) requests.push_back({.mono16k = samples(name)});

  const auto results = together(requests);

  // Company rounds the quantised decoder otherwise, which may decide between two words that are
  // about as likely. How often for these eight depends on the processor: on most, never.
  std::size_t differing = 0;
  for (std::size_t i = 0; i < kPrompts.size(); ++i) {
    ASSERT_TRUE(*results[i]) << (*results[i]).error().text();
    if (same_words(*results[i], kPrompts[i])) continue;
    ++differing;
    std::printf("%s: '%s', alone '%s'\n", kPrompts[i].c_str(), (*results[i])->text.c_str(),
                alone(kPrompts[i]).text.c_str());
  }
  EXPECT_LE(differing, 1U);
}

TEST(TranscribeTogether, CountsTheStepsOfEachRequest) {
  std::vector<TranscribeControl> controls(3);
  std::array<std::uint32_t, 3> stepped{};
  const std::array<std::uint32_t, 3> limits{2, 5, 0};
  std::vector<TranscribeRequest> requests;
  for (std::size_t i = 0; i < 3; ++i)
    requests.push_back({.mono16k = samples("agent-pass"),
                        .options = {.max_steps = limits[i], .stepped = [&, i] { ++stepped[i]; }},
                        .control = &controls[i]});

  const auto results = together(requests);

  const std::array<std::uint32_t, 3> expected{2, 5, alone("agent-pass").steps};
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(*results[i]);
    EXPECT_EQ((*results[i])->steps, expected[i]);
    EXPECT_EQ(controls[i].steps(), expected[i]);
    EXPECT_EQ(stepped[i], expected[i]);
    EXPECT_EQ((*results[i])->truncated, i < 2);
  }
}

TEST(TranscribeTogether, TellsEachResultWhenItIsThere) {
  TranscribeControl of_long;
  const std::array<TranscribeRequest, 2> requests{
      {{.mono16k = samples("conf-adminmenu-162"), .control = &of_long},
       {.mono16k = samples("conf-adminmenu-162"), .options = {.max_steps = 4}}}};
  std::vector<std::size_t> order;
  std::vector<std::uint32_t> steps_of_long;

  model().transcribe_together(requests, [&](std::size_t i, auto&&) {
    order.push_back(i);
    steps_of_long.push_back(of_long.steps());
  });

  EXPECT_EQ(order, (std::vector<std::size_t>{1, 0}));
  EXPECT_LE(steps_of_long[0], 4U);
  EXPECT_GT(steps_of_long[1], 4U);
}

TEST(TranscribeTogether, DoesNotLetShortOnesWaitForTheEncoderOfALongOne) {
  TranscribeControl of_long;
  const std::vector<float> long_silence(20 * MoonshineModel::kRateHz, 0.0F);
  const std::array<TranscribeRequest, 2> requests{{{.mono16k = long_silence,
                                                    .options = {.max_steps = 1},
                                                    .stop = [] { return true; },
                                                    .control = &of_long},
                                                   {.mono16k = samples("digits/7")}}};
  std::vector<std::size_t> order;

  model().transcribe_together(requests, [&](std::size_t i, auto&&) { order.push_back(i); });

  EXPECT_EQ(order, (std::vector<std::size_t>{1, 0}));
}

TEST(TranscribeTogether, LeavesTheOthersWhenOneIsStoppedWhereverThatIs) {
  const std::string name = "agent-pass";
  const std::uint32_t last = alone(name).steps - 1;
  for (const std::uint32_t stop_after : {0U, 1U, last / 2, last}) {
    TranscribeControl control;
    std::vector<TranscribeRequest> requests(4, {.mono16k = samples(name)});
    requests[1].control = &control;
    requests[1].stop = [&] { return control.steps() >= stop_after; };

    const auto results = together(requests);

    ASSERT_FALSE(*results[1]) << stop_after;
    EXPECT_EQ((*results[1]).error().code, base::Code::cancelled);
    EXPECT_LE(control.steps(), stop_after);
    EXPECT_EQ(control.steps_after_stop(), stop_after > 0 ? 1U : 0U);
    for (const std::size_t i : {0U, 2U, 3U})
      EXPECT_EQ((*results[i]).value().tokens, alone(name).tokens) << stop_after;
  }
}

TEST(TranscribeTogether, RunsAtMostOneStepAfterAStopThatComesWithinAStep) {
  const std::string name = "agent-pass";
  for (const std::uint32_t stop_after : {1U, 3U, 7U}) {
    bool stop = false;
    TranscribeControl control;
    std::vector<TranscribeRequest> requests(3, {.mono16k = samples(name)});
    requests[2].control = &control;
    requests[2].stop = [&] { return std::exchange(stop, control.steps() >= stop_after); };

    const auto results = together(requests);

    EXPECT_FALSE(*results[2]);
    EXPECT_EQ(control.steps(), stop_after + 1);
    for (const std::size_t i : {0U, 1U})
      EXPECT_EQ((*results[i]).value().tokens, alone(name).tokens) << stop_after;
  }
}

TEST(TranscribeTogether, GoesOnWithDifferentPromptsWhenSomeLeave) {
  const std::array<std::string, 5> names{"agent-pass", "agent-alreadyon", "all-circuits-busy-now",
                                         "check-number-dial-again", "cannot-complete-as-dialed"};
  std::vector<TranscribeControl> controls(names.size());
  std::vector<TranscribeRequest> requests;
  for (std::size_t i = 0; i < names.size(); ++i)
    requests.push_back({.mono16k = samples(names[i]), .control = &controls[i]});
  requests[0].stop = [&] { return controls[0].steps() == 2; };
  requests[3].stop = [&] { return controls[3].steps() == 4; };

  const auto results = together(requests);

  EXPECT_FALSE(*results[0]);
  EXPECT_FALSE(*results[3]);
  std::size_t same = 0;
  for (const std::size_t i : {1U, 2U, 4U}) same += same_words(*results[i], names[i]) ? 1U : 0U;
  EXPECT_GE(same, 2U) << "a mixed-up row would say another one's words";
}

TEST(TranscribeTogether, EndsTheTerminatedOneOnlyAndIsUsableAgain) {
  TranscribeControl ended;
  TranscribeControl other;
  std::vector<TranscribeRequest> requests(3, {.mono16k = samples("agent-pass")});
  requests[0].control = &ended;
  requests[1].control = &other;
  requests[1].options.stepped = [&] {
    if (other.steps() == 3) ended.terminate();
  };

  const auto results = together(requests);

  EXPECT_EQ((*results[0]).error().code, base::Code::cancelled);
  EXPECT_LE(ended.steps(), 3U);
  EXPECT_EQ((*results[1]).value().tokens, alone("agent-pass").tokens);
  EXPECT_EQ((*results[2]).value().tokens, alone("agent-pass").tokens);

  ended.reset();
  EXPECT_TRUE(*together(std::span(requests).first(1))[0]);
}

TEST(TranscribeTogether, LeavesTheOthersWhenOneIsEmptyOrNoAudio) {
  const std::vector<float> broken(MoonshineModel::kRateHz, std::numeric_limits<float>::quiet_NaN());
  const std::vector<TranscribeRequest> requests{{.mono16k = samples("agent-pass")},
                                                {.mono16k = {}},
                                                {.mono16k = broken},
                                                {.mono16k = samples("agent-pass")}};

  const auto results = together(requests);

  EXPECT_EQ((*results[1]).value().text, "");
  EXPECT_EQ((*results[1]).value().steps, 0U);
  ASSERT_FALSE(*results[2]);
  EXPECT_EQ((*results[2]).error().code, base::Code::bad_argument);
  for (const std::size_t i : {0U, 3U})
    EXPECT_EQ((*results[i]).value().tokens, alone("agent-pass").tokens);
}

TEST(TranscribeTogether, HearsAllPiecesOfALongRequestBesideAShortOne) {
  std::vector<float> audio;
  while (audio.size() <= MoonshineModel::kMaxPieceFrames) {
    const auto& more = samples("conf-adminmenu-162");
    audio.insert(audio.end(), more.begin(), more.end());
    audio.insert(audio.end(), MoonshineModel::kRateHz, 0.0F);
  }
  ASSERT_EQ(MoonshineModel::pieces(audio).size(), 2U);
  const DecodeOptions options{.max_steps = 12};  // of each piece: enough to tell them apart
  const auto expected = model().transcribe(audio, options);
  ASSERT_EQ(expected.value().steps, 24U);
  const std::array<TranscribeRequest, 2> requests{
      {{.mono16k = audio, .options = options}, {.mono16k = samples("agent-pass")}}};

  const auto results = together(requests);

  // Too different to share a step, so nothing is rounded otherwise.
  EXPECT_EQ((*results[0]).value().text, expected->text);
  EXPECT_EQ((*results[0]).value().tokens, expected->tokens);
  EXPECT_EQ((*results[1]).value().tokens, alone("agent-pass").tokens);
}

TEST(TranscribeTogether, TellsNothingWhenNothingIsAsked) {
  EXPECT_TRUE(together({}).empty());
}

}  // namespace
}  // namespace millrace::nodes
