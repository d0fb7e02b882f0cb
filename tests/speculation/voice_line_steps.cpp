#include <array>
#include <cstdint>

#include "tests/speculation/explorer.hpp"
#include "tests/speculation/voice_line.hpp"

// What the explorer sees of the line: its steps, its invariants, and which of its states are one.
namespace millrace::tests {

using policy::SegmentState;
using policy::SpeculationLedger;

namespace {

enum Action : int {
  kSpeech,
  kSilence,
  kFinish,
  kInline,
  kStart,
  kJobDone,
  kTakeResult,
  kRelease,
  kWrite,
  kCancel1,
  kCancel2,
  kInterrupt1,
  kInterrupt2,
  kConfirm1,
  kConfirm2,
  kFail2,
  kGuess,
  kResume,
  kEnd,
};

constexpr std::array<const char*, VoiceLine::kActions> kNames{"speech",
                                                              "silence",
                                                              "end of input",
                                                              "inline stage",
                                                              "job starts",
                                                              "job is done",
                                                              "take result",
                                                              "release",
                                                              "carrier writes",
                                                              "cancel segment 1",
                                                              "cancel segment 2",
                                                              "interrupt turn 1",
                                                              "interrupt turn 2",
                                                              "confirm segment 1",
                                                              "confirm segment 2",
                                                              "segment 2 fails",
                                                              "guess",
                                                              "resume",
                                                              "end of turn"};

}  // namespace

// ------------------------------------------------------------------------------

bool VoiceLine::idle_action(int action) {
  return action >= kCancel1 && action <= kInterrupt2;
}

bool VoiceLine::enabled(int action) const {
  switch (action) {
    case kSpeech:
    case kSilence:
      if (free_hand()) return free_hand_enabled(action);
      return !finished_ && steps_ < bounds_.steps && room_at_source() &&
             (turn_ != 0 || truth_.turns_opened < bounds_.turns);
    case kFinish: return !finished_;
    case kInline: return !inline_queue_.empty() && room_in_pool_queue();
    case kStart: return job_.empty() && !pool_queue_.empty() && !results_.full();
    case kJobDone: return !job_.empty();
    case kTakeResult: return !results_.empty() && !held_.full();
    case kRelease: return outbox_.empty() && next_to_release() >= 0;
    case kWrite: return !outbox_.empty();
    // At every moment: too early, in time, too late, and again. Where one changes nothing the state
    // is the one before it, and is not visited twice.
    case kCancel1:
    case kCancel2:
    case kInterrupt1:
    case kInterrupt2: return true;
    default: return free_hand() && free_hand_enabled(action);
  }
}

bool VoiceLine::free_hand_enabled(int action) const {
  if (finished_ || !room_at_source()) return false;
  const auto speculative = [this](int segment) {
    return truth_.segments[static_cast<std::size_t>(segment)] == SegmentState::speculative;
  };
  switch (action) {
    case kSpeech:
      return steps_ < bounds_.steps && truth_.segments_opened > 0 &&
             (turn_ != 0 || truth_.turns_opened < bounds_.turns);
    case kSilence: return truth_.segments_opened < kSegments;
    case kConfirm1:
    case kConfirm2: return speculative(action - kConfirm1 + 1);
    case kFail2: return speculative(2);
    case kGuess: return turn_ != 0 && standing_ == 0 && truth_.turns[turn_].given < kGuesses;
    case kResume:
    case kEnd: return standing_ != 0;
    default: return false;
  }
}

std::string_view VoiceLine::apply(int action) {
  taken_.push_back(static_cast<std::uint8_t>(action));
  switch (action) {
    case kSpeech:
    case kSilence:
      if (free_hand())
        free_hand_does(action);
      else
        window(action == kSpeech ? 0.9F : 0.0F);
      break;
    case kFinish: finish(); break;
    case kInline: run_inline(); break;
    case kStart: start_job(); break;
    case kJobDone: finish_job(); break;
    case kTakeResult:
      held_.push_back(results_[0]);
      results_.erase(0);
      break;
    case kRelease: release(); break;
    case kWrite: write(); break;
    case kCancel1:
    case kCancel2:
      settle(static_cast<std::uint32_t>(action - kCancel1 + 1), SegmentState::cancelled);
      break;
    case kInterrupt1:
    case kInterrupt2: interrupt(static_cast<std::uint32_t>(action - kInterrupt1 + 1)); break;
    default: free_hand_does(action); break;
  }
  return violation_;
}

void VoiceLine::free_hand_does(int action) {
  switch (action) {
    case kSpeech:  // a block under the segment that was opened last
      ++steps_;
      open_turn();
      segment_ = truth_.segments_opened;
      emit_audio();
      break;
    case kSilence: (void)open_segment(); break;
    case kConfirm1:
    case kConfirm2:
      settle(static_cast<std::uint32_t>(action - kConfirm1 + 1), SegmentState::confirmed);
      break;
    case kFail2: settle(2, SegmentState::failed); break;
    case kGuess:
      standing_ = static_cast<std::uint8_t>(guess());
      marker(Item::Kind::eager, standing_);
      break;
    case kResume:
      withdraw(turn_, standing_);
      marker(Item::Kind::resumed, standing_);
      standing_ = 0;
      break;
    case kEnd:
      commit(turn_, standing_);
      marker(Item::Kind::end, standing_);
      standing_ = 0;
      turn_ = 0;
      break;
    default: break;
  }
}

std::string_view VoiceLine::check() const {
  const SpeculationLedger& asked = ledger();
  for (std::uint32_t s = 1; s <= kSegments; ++s)
    if (asked.state({s}) != truth_.segments[s])
      return "I6 a segment is what was decided about it, for good";
  std::uint32_t found = 0;
  bool twice = false;
  const auto count = [&](const auto& line) {
    for (const Item& item : line) {
      twice = twice || (found & item.units) != 0;
      found |= item.units;
      if (asked.live(item.lineage()) == truth_.dead(item) && !item.marker()) twice = true;
    }
  };
  count(inline_queue_);
  count(pool_queue_);
  count(job_);
  count(results_);
  count(held_);
  count(outbox_);
  if (twice || found != in_flight_)
    return "I5 every block is in one place, has left, or was dropped by name";
  if (finished_)
    for (std::uint32_t s = 1; s <= truth_.segments_opened; ++s)
      if (truth_.segments[s] == SegmentState::speculative)
        return "I6 every segment has its end when the input has";
  if (over() && in_flight_ != 0) return "I9 nothing is still borrowed when all is over";
  return {};
}

std::uint32_t VoiceLine::reached() const {
  std::uint32_t seen = milestones_;
  const auto mark = [&seen](bool there, Milestone milestone) {
    if (there) seen |= milestone;
  };
  const std::uint32_t both = 1U << 1 | 1U << 2;
  mark(truth_.segments_opened == kSegments, kTwoSegments);
  mark(truth_.turns_opened == kTurns, kTwoTurns);
  mark(truth_.turns[1].given >= kGuesses, kThreeGuesses);
  for (const Item& item : pool_queue_) mark(item.segments == both, kMerged);
  for (const Item& item : held_) mark(item.segments == both, kMerged);
  mark(truth_.turns[1].out != 0, kReplyLeft);
  mark(held_.full() && results_.full(), kBacklog);
  return seen;
}

bool VoiceLine::over() const {
  return finished_ && inline_queue_.empty() && pool_queue_.empty() && job_.empty() &&
         results_.empty() && held_.empty() && outbox_.empty();
}

std::uint64_t VoiceLine::fingerprint() const {
  Fingerprint print;
  // What a gate and a clock will do follows from what they show and from what is kept here of them;
  // their counters do not matter.
  const policy::Voice voice = gate_.voice();
  print.add(static_cast<std::uint64_t>(voice.state));
  print.add(static_cast<std::uint64_t>(voice.began.count()));
  print.add(static_cast<std::uint64_t>(voice.last_heard.count()));
  print.add(static_cast<std::uint64_t>(gate_.sent_until().count()));
  print.add((gate_.sending() ? 1U : 0U) | (clock_.open() ? 2U : 0U) | (clock_.silent() ? 4U : 0U) |
            (eager_made_ ? 8U : 0U) | (finished_ ? 16U : 0U));
  print.add(static_cast<std::uint64_t>(clock_.silence().count()));
  print.add(static_cast<std::uint64_t>(clock_.silence_since().count()));
  print.add(std::uint64_t{steps_} | std::uint64_t{segment_} << 8 | std::uint64_t{turn_} << 16 |
            std::uint64_t{standing_} << 24 | std::uint64_t{gathered_} << 32 |
            std::uint64_t{node_turn_} << 40 | std::uint64_t{node_standing_} << 48 |
            std::uint64_t{node_replied_} << 56);
  for (std::uint32_t s = 1; s <= kSegments; ++s)
    print.add(static_cast<std::uint64_t>(truth_.segments[s]));
  for (const Truth::Turn& turn : truth_.turns)
    print.add(std::uint64_t{turn.given} | std::uint64_t{turn.withdrawn} << 8 |
              std::uint64_t{turn.committed} << 16 | std::uint64_t{turn.interrupted} << 24 |
              std::uint64_t{turn.last_out} << 32 | std::uint64_t{turn.out} << 40);
  print.add(std::uint64_t{truth_.segments_opened} | std::uint64_t{truth_.turns_opened} << 8);
  // A block is its rank among those in flight: which ones were there before it changes nothing.
  const auto rank = [this](std::uint32_t units) {
    std::uint64_t ranks = 0;
    int place = 0;
    for (std::uint32_t rest = in_flight_; rest != 0; rest &= rest - 1, ++place)
      if ((units & rest & (~rest + 1)) != 0) ranks |= std::uint64_t{1} << place;
    return ranks;
  };
  const auto add = [&](const auto& line) {
    print.add(line.size());
    for (const Item& item : line)
      print.add(static_cast<std::uint64_t>(item.kind) | std::uint64_t{item.segments} << 8 |
                std::uint64_t{item.turn} << 16 | std::uint64_t{item.revision} << 24 |
                rank(item.units) << 32);
  };
  add(inline_queue_);
  add(pool_queue_);
  add(job_);
  add(results_);
  add(held_);
  add(outbox_);
  return print.value();
}

std::vector<std::string> VoiceLine::trace() const {
  std::vector<std::string> names;
  for (const std::uint8_t action : taken_) names.emplace_back(kNames[action]);
  return names;
}

}  // namespace millrace::tests
