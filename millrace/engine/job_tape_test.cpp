#include "millrace/engine/job_tape.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <span>
#include <vector>

#include "millrace/engine/lane_for_test.hpp"
#include "millrace/engine/varint.hpp"

namespace millrace::engine {
namespace {

using Asked = JobTape::Asked;

class KeptTapes final : public JobTapes {
 public:
  void put(const JobName& job, std::string&& tape) override { kept[job] = std::move(tape); }
  std::optional<std::string_view> get(const JobName& job) override {
    const auto found = kept.find(job);
    return found == kept.end() ? std::nullopt : std::optional<std::string_view>(found->second);
  }
  std::map<JobName, std::string> kept;
};

media::Control message() {
  media::Control control;
  control.type = media::ControlType::custom;
  control.id = std::numeric_limits<std::uint64_t>::max();
  control.turn = base::TurnId{7};
  control.from = base::MediaTime{-5};
  control.value = std::numeric_limits<std::int64_t>::min();
  control.sent = {base::Duration{123}};
  control.body = rt::Payload::copy_of(std::as_bytes(std::span("hint", 4)));
  return control;
}

TEST(Varint, GivesBackEveryNumber) {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{63}, std::int64_t{-64}, std::int64_t{64},
        std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
    std::string bytes;
    put_varint(bytes, value);
    std::string_view rest = bytes;
    EXPECT_EQ(take_varint(rest), value);
    EXPECT_TRUE(rest.empty());
  }
}

TEST(Varint, HasNoneInBytesThatEndTooSoonOrNever) {
  std::string_view cut = "\x80\x80";
  EXPECT_EQ(take_varint(cut), std::nullopt);
  std::string_view endless = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
  EXPECT_EQ(take_varint(endless), std::nullopt);
}

TEST(JobTape, PlaysTheAnswersOfTheJobThatWasRecorded) {
  const auto tapes = std::make_shared<KeptTapes>();
  JobTape recorder(JobTape::Mode::record, tapes, 3, 2);
  media::Lineage lineage;
  lineage.add(base::SegmentId{11});
  media::Control control = message();
  recorder.begin();
  EXPECT_EQ(recorder.answer(Asked::now, std::int64_t{5'000}), 5'000);
  EXPECT_TRUE(recorder.answer(Asked::live, true));
  recorder.answer(lineage);
  recorder.answer(control);
  (void)recorder.answer(Asked::handed, std::int64_t{-1});
  (void)recorder.answer(Asked::handed, std::int64_t{6'000});
  recorder.end();

  JobTape player(JobTape::Mode::play, tapes, 3, 2);
  player.begin();
  media::Lineage other;
  media::Control told;

  EXPECT_EQ(player.answer(Asked::now, std::int64_t{1}), 5'000);
  EXPECT_TRUE(player.answer(Asked::live, false));
  player.answer(other);
  player.answer(told);
  EXPECT_EQ(player.answer(Asked::handed, std::int64_t{2}), -1);
  EXPECT_EQ(player.answer(Asked::handed, std::int64_t{2}), 6'000);
  EXPECT_EQ(other, lineage);
  EXPECT_EQ(told.id, control.id);
  EXPECT_EQ(told.turn, control.turn);
  EXPECT_EQ(told.from, control.from);
  EXPECT_EQ(told.value, control.value);
  EXPECT_EQ(told.sent, control.sent);
  EXPECT_EQ(told.body.size_bytes(), 4U);
  player.end();
  EXPECT_EQ(player.parted(), 0U);
}

TEST(JobTape, AnswersAsThingsAreOnceTheJobAsksSomethingElse) {
  const auto tapes = std::make_shared<KeptTapes>();
  JobTape recorder(JobTape::Mode::record, tapes, 1, 1);
  recorder.begin();
  (void)recorder.answer(Asked::live, true);
  recorder.end();

  JobTape player(JobTape::Mode::play, tapes, 1, 1);
  player.begin();

  EXPECT_FALSE(player.answer(Asked::stop, false));
  EXPECT_FALSE(player.answer(Asked::live, false));
  player.end();
  EXPECT_EQ(player.parted(), 1U);
}

TEST(JobTape, CountsAJobThatAsksLessThanWhenItWasRecorded) {
  const auto tapes = std::make_shared<KeptTapes>();
  JobTape recorder(JobTape::Mode::record, tapes, 1, 1);
  recorder.begin();
  (void)recorder.answer(Asked::live, true);
  recorder.end();

  JobTape player(JobTape::Mode::play, tapes, 1, 1);
  player.begin();
  player.end();

  EXPECT_EQ(player.parted(), 1U);
}

TEST(JobTape, RunsAJobThatHasNoTapeAsItIs) {
  JobTape player(JobTape::Mode::play, std::make_shared<KeptTapes>(), 1, 1);
  player.begin();

  EXPECT_FALSE(player.playing());
  EXPECT_EQ(player.answer(Asked::now, std::int64_t{9}), 9);
  player.end();
  EXPECT_EQ(player.parted(), 0U);
}

TEST(JobTape, SurvivesEveryCutAndEveryOtherByteInATape) {
  const auto tapes = std::make_shared<KeptTapes>();
  JobTape recorder(JobTape::Mode::record, tapes, 1, 1);
  media::Lineage lineage;
  for (std::uint32_t i = 1; i <= 5; ++i) lineage.add(base::SegmentId{i});
  const auto ask = [&](JobTape& tape) {
    media::Control control = message();
    media::Lineage asked = lineage;
    tape.begin();
    (void)tape.answer(Asked::now, std::int64_t{1'000'000});
    tape.answer(asked);
    tape.answer(control);
    (void)tape.answer(Asked::handed, std::int64_t{2'000'000});
    tape.end();
  };
  ask(recorder);
  const std::string whole = tapes->kept.begin()->second;
  std::vector<std::string> broken;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    broken.push_back(whole.substr(0, i));
    for (const int flip : {0x01, 0x40, 0x80, 0xFF}) {
      broken.push_back(whole);
      broken.back()[i] = static_cast<char>(broken.back()[i] ^ flip);
    }
  }

  for (const std::string& tape : broken) {
    tapes->kept[{1, 1, 0}] = tape;
    JobTape player(JobTape::Mode::play, tapes, 1, 1);
    ask(player);
    EXPECT_LE(player.parted(), 1U);
  }
}

TEST(Lane, GivesTheSameResultsAtTheSameInstantsFromATape) {
  const auto tapes = std::make_shared<KeptTapes>();
  const auto run = [&](Lane::Time time, JobTape::Mode mode, bool cancelled) {
    LaneRig rig(time);
    const base::SegmentId segment = rig.session->ledger.open(policy::SegmentKind::onset);
    const auto lane = rig.lane(passing());
    lane->set_tape(std::make_unique<JobTape>(mode, tapes, 1, 0));
    rig.clock.advance_to(base::Instant{std::chrono::milliseconds(40)});
    lane->job().push_back(LaneRig::packet(1.0F, segment));
    lane->job().push_back(LaneRig::packet(2.0F));
    if (cancelled) (void)rig.session->ledger.cancel(segment);
    lane->start(false, media::kNoDeadline);
    lane->run(base::Instant{std::chrono::seconds(9)});
    std::vector<std::pair<float, base::Instant>> results;
    LaneResult result;
    while (lane->pop_result(result, base::Instant{base::Duration::max()}))
      if (result.what == LaneResult::What::packet)
        results.emplace_back(result.packet.value, result.at);
    return results;
  };

  // Recorded while the segment was cancelled, replayed when it is not (yet).
  const auto recorded = run(Lane::Time::real, JobTape::Mode::record, true);
  const auto replayed = run(Lane::Time::virtual_, JobTape::Mode::play, false);

  ASSERT_EQ(recorded.size(), 1U);
  EXPECT_EQ(replayed, recorded);
}

}  // namespace
}  // namespace millrace::engine
