#include "millrace/engine/event.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace millrace::engine {
namespace {

// The names are what users grep their logs for: they are spelled out here so that a change is seen.
TEST(Event, EachTypeHasTheNameOfTheEventLog) {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(EventType::failed); ++i)
    names.emplace_back(name(static_cast<EventType>(i)));

  EXPECT_THAT(names, ::testing::ElementsAre(
                         "speculation_started", "speculation_confirmed", "speculation_cancelled",
                         "speech_started", "speech_ended", "eager_end_of_turn", "turn_resumed",
                         "end_of_turn", "interrupt", "playback_paused", "playback_resumed",
                         "output", "withheld", "dropped", "batch", "deadline_warning",
                         "deadline_action", "control", "turn", "budget", "failed"));
}

TEST(Event, EachStatusHasTheNameOfTheWireForm) {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(ControlStatus::overloaded); ++i)
    names.emplace_back(name(static_cast<ControlStatus>(i)));

  EXPECT_THAT(names,
              ::testing::ElementsAre("applied", "duplicate", "too_late", "rejected", "overloaded"));
}

TEST(Event, EachCodeOfAnAnswerHasAName) {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(ControlCode::lane_full); ++i)
    names.emplace_back(name(static_cast<ControlCode>(i)));

  EXPECT_THAT(names, ::testing::ElementsAre(
                         "", "repeated", "already_confirmed", "already_cancelled", "already_failed",
                         "already_interrupted", "unknown_segment", "unknown_turn", "unknown_node",
                         "bad_value", "bad_range", "outside_ring", "duplicate_id_other_content",
                         "too_large", "gate_only", "lane_full"));
}

}  // namespace
}  // namespace millrace::engine
