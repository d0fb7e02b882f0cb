#include "tests/speculation/voice_line.hpp"

#include <array>
#include <bit>
#include <chrono>
#include <memory>

#include "tests/speculation/explorer.hpp"

namespace millrace::tests {

using base::MediaTime;
using policy::FenceDecision;
using policy::SegmentState;
using policy::SpeculationLedger;
using policy::Verdict;

namespace {

constexpr MediaTime kStep = std::chrono::milliseconds{10};
constexpr std::int32_t kRate = 16'000;
constexpr std::uint32_t kQueue = 2;
constexpr std::uint32_t kMarkers = 2;  ///< how many the source may be ahead of a queue's reader

// The smallest spans in which everything can happen: a guess before the gate ends the speech, a
// resume inside a segment and one by a new segment, a blip in the silence.
constexpr policy::OnsetParams kOnset{.lookback = MediaTime{0},
                                     .lookahead = kStep,
                                     .min_speech = 2 * kStep,
                                     .min_silence = 2 * kStep,
                                     .pad = MediaTime{0},
                                     .threshold = 0.5F,
                                     .negative_threshold = 0.5F};

}  // namespace

media::Lineage Item::lineage() const {
  media::Lineage lineage;
  for (std::uint32_t s = 1; s <= kSegments; ++s)
    if ((segments >> s & 1U) != 0) lineage.add({s});
  lineage.turn = {turn};
  lineage.revision = revision;
  return lineage;
}

bool Truth::dead(const Item& item) const {
  for (std::uint32_t s = 1; s <= kSegments; ++s) {
    if ((item.segments >> s & 1U) == 0) continue;
    if (segments[s] != SegmentState::speculative && segments[s] != SegmentState::confirmed)
      return true;
  }
  const Turn& t = turns[item.turn];
  if (item.turn != 0 && t.interrupted) return true;
  if (item.revision == 0) return false;
  return item.revision <= t.withdrawn || (t.committed != 0 && t.committed != item.revision);
}

bool Truth::committed(const Item& item) const {
  for (std::uint32_t s = 1; s <= kSegments; ++s)
    if ((item.segments >> s & 1U) != 0 && segments[s] != SegmentState::confirmed) return false;
  return item.revision == 0 || turns[item.turn].committed == item.revision;
}

VoiceLine::VoiceLine(const Bounds& bounds, const Fence& fence)
    : bounds_(bounds),
      fence_(fence),
      gate_(kOnset, policy::OnsetMode::speculative, kRate, kStep),
      clock_([] {
        policy::TurnParams params = policy::TurnParams::fixed(kStep, 3 * kStep);
        params.pad = MediaTime{0};
        return params;
      }()) {}

// The ledger
// ---------------------------------------------------------------------------------------

struct VoiceLine::Replayed {
  SpeculationLedger ledger;
  base::InlineVector<std::uint16_t, 48> ops;  ///< what was done to it
};

Verdict VoiceLine::perform(SpeculationLedger& ledger, Op op, std::uint32_t a, std::uint32_t b) {
  switch (op) {
    case Op::open:
      return ledger.open(policy::SegmentKind::onset) ? Verdict::applied : Verdict::unknown;
    case Op::confirm: return ledger.confirm({a});
    case Op::cancel: return ledger.cancel({a});
    case Op::fail: return ledger.fail({a});
    case Op::open_turn: return ledger.open_turn() ? Verdict::applied : Verdict::unknown;
    case Op::guess: return ledger.guess({a}) != 0 ? Verdict::applied : Verdict::unknown;
    case Op::withdraw: return ledger.withdraw({a}, b);
    case Op::commit: return ledger.commit({a}, b);
    case Op::interrupt: return ledger.interrupt({a});
  }
  return Verdict::unknown;
}

VoiceLine::Replayed& VoiceLine::replayed() const {
  // States that follow each other share most of what was done: a few ledgers are kept around, each
  // used again where it fits and made anew where it does not.
  static std::array<std::unique_ptr<Replayed>, 512> kept;
  static Replayed* last = nullptr;
  if (last != nullptr && last->ops == ops_) return *last;
  Fingerprint print;
  for (const std::uint16_t op : ops_) print.add(op);
  std::unique_ptr<Replayed>& place = kept[print.value() % kept.size()];
  if (place && place->ops == ops_) return *(last = place.get());
  place = std::make_unique<Replayed>();
  for (const std::uint16_t op : ops_)
    (void)perform(place->ledger, static_cast<Op>(op >> 8), op >> 4 & 0xFU, op & 0xFU);
  place->ops = ops_;
  return *(last = place.get());
}

const SpeculationLedger& VoiceLine::ledger() const {
  return replayed().ledger;
}

Verdict VoiceLine::ask(Op op, std::uint32_t a, std::uint32_t b) {
  Replayed& now = replayed();
  const Verdict verdict = perform(now.ledger, op, a, b);
  if (verdict != Verdict::applied) return verdict;
  if (!ops_.push_back(static_cast<std::uint16_t>(static_cast<std::uint32_t>(op) << 8 | a << 4 | b)))
    broke("the model's own log is full");
  now.ops = ops_;
  return verdict;
}

std::uint32_t VoiceLine::open_segment() {
  ask(Op::open);
  const std::uint32_t number = ++truth_.segments_opened;
  truth_.segments[number] = SegmentState::speculative;
  if (ledger().last_segment().number != number) broke("segment numbers are given out in order");
  return number;
}

Verdict VoiceLine::expected_of_segment(std::uint32_t segment, SegmentState to) const {
  const SegmentState now = truth_.segments[segment];
  if (now == SegmentState::unknown) return Verdict::unknown;
  if (now == to) return Verdict::duplicate;
  return now == SegmentState::speculative ? Verdict::applied : Verdict::too_late;
}

void VoiceLine::settle(std::uint32_t segment, SegmentState to) {
  const Verdict expected = expected_of_segment(segment, to);
  const Op op = to == SegmentState::confirmed   ? Op::confirm
                : to == SegmentState::cancelled ? Op::cancel
                                                : Op::fail;
  const Verdict verdict = ask(op, segment);
  if (verdict != expected) broke("I3 a repeat is a duplicate, and after the end it is too late");
  if (verdict == Verdict::applied) truth_.segments[segment] = to;
}

void VoiceLine::open_turn() {
  if (turn_ != 0) return;
  ask(Op::open_turn);
  turn_ = ++truth_.turns_opened;
}

std::uint32_t VoiceLine::guess() {
  const std::uint32_t revision = ++truth_.turns[turn_].given;
  ask(Op::guess, turn_);
  if (ledger().last_revision({turn_}) != revision) broke("I4 a new guess has the next revision");
  return revision;
}

void VoiceLine::withdraw(std::uint32_t turn, std::uint32_t revision) {
  Truth::Turn& t = truth_.turns[turn];
  if (ask(Op::withdraw, turn, revision) != Verdict::applied)
    broke("I8 a guess that stands can be withdrawn");
  t.withdrawn = static_cast<std::uint8_t>(revision);
}

void VoiceLine::commit(std::uint32_t turn, std::uint32_t revision) {
  Truth::Turn& t = truth_.turns[turn];
  if (ask(Op::commit, turn, revision) != Verdict::applied)
    broke("I8 a turn ends with the guess that stands, or with a new one");
  t.committed = static_cast<std::uint8_t>(revision);
}

void VoiceLine::interrupt(std::uint32_t turn) {
  const Verdict expected = turn > truth_.turns_opened       ? Verdict::unknown
                           : truth_.turns[turn].interrupted ? Verdict::duplicate
                                                            : Verdict::applied;
  const Verdict verdict = ask(Op::interrupt, turn);
  if (verdict != expected) broke("I3 an interrupt acts once");
  if (verdict != Verdict::applied) return;
  for (std::uint32_t t = 1; t <= turn; ++t) truth_.turns[t].interrupted = true;
  if (turn_ != 0 && turn_ <= turn) {
    clock_.abandon();
    turn_ = 0;
    standing_ = 0;
  }
}

// The source
// ---------------------------------------------------------------------------------------

bool VoiceLine::room_at_source() const {
  std::uint32_t data = 0;
  for (const Item& item : inline_queue_) data += item.marker() ? 0 : 1;
  return data < kQueue && inline_queue_.size() < kQueue + kMarkers;
}

bool VoiceLine::room_in_pool_queue() const {
  return pool_queue_.size() < kQueue + kMarkers;
}

void VoiceLine::emit_audio() {
  const std::uint32_t unit = 1U << units_++;
  in_flight_ |= unit;
  inline_queue_.push_back(
      {.segments = static_cast<std::uint8_t>(segment_ != 0 ? 1U << segment_ : 0),
       .turn = turn_,
       .units = unit});
}

void VoiceLine::marker(Item::Kind kind, std::uint32_t revision) {
  inline_queue_.push_back(
      {.kind = kind, .turn = turn_, .revision = static_cast<std::uint8_t>(revision)});
}

void VoiceLine::carry_out(const policy::OnsetActions& actions) {
  for (const policy::OnsetAction& action : actions) {
    switch (action.kind) {
      case policy::OnsetActionKind::open:
        if (truth_.segments_opened == kSegments) {
          gate_.refuse();
          break;
        }
        open_turn();
        segment_ = static_cast<std::uint8_t>(open_segment());
        break;
      case policy::OnsetActionKind::confirm: settle(segment_, SegmentState::confirmed); break;
      case policy::OnsetActionKind::cancel:
        // A client may have been first: then this one is the repeat.
        settle(segment_, SegmentState::cancelled);
        segment_ = 0;
        break;
      case policy::OnsetActionKind::speech_ended: segment_ = 0; break;
      case policy::OnsetActionKind::split: broke("nothing outgrows the ring here"); break;
      case policy::OnsetActionKind::release:
      case policy::OnsetActionKind::speech_started: break;
    }
  }
}

void VoiceLine::drain_clock() {
  while (const auto event = clock_.next()) {
    switch (event->kind) {
      case policy::TurnEventKind::eager_end_of_turn:
        if (standing_ != 0) broke("I8 one guess stands at a time");
        eager_made_ = true;
        if (truth_.turns[turn_].given >= kGuesses) {
          clock_.guessed(0);
          break;
        }
        standing_ = static_cast<std::uint8_t>(guess());
        clock_.guessed(standing_);
        marker(Item::Kind::eager, standing_);
        break;
      case policy::TurnEventKind::turn_resumed:
        if (event->revision != standing_ || standing_ == 0)
          broke("I8 turn_resumed names the guess that stands");
        withdraw(turn_, event->revision);
        marker(Item::Kind::resumed, event->revision);
        standing_ = 0;
        break;
      case policy::TurnEventKind::end_of_turn: {
        if (event->revision != standing_) broke("I8 end_of_turn names the guess that stands");
        const std::uint32_t revision = standing_ != 0 ? standing_ : guess();
        commit(turn_, revision);
        marker(Item::Kind::end, revision);
        standing_ = 0;
        turn_ = 0;
        break;
      }
    }
  }
}

void VoiceLine::window(float probability) {
  const MediaTime from = steps_ * kStep;
  ++steps_;
  if (probability > 0.5F) eager_made_ = false;
  carry_out(gate_.window(from, from + kStep, probability));
  carry_out(gate_.audio(from + kStep));
  // What a refused open releases at its confirm belongs to a turn all the same.
  if (gate_.sending()) {
    open_turn();
    emit_audio();
  }
  clock_.step(from + kStep, gate_.voice());
  drain_clock();
}

void VoiceLine::finish() {
  finished_ = true;
  if (bounds_.driver == Driver::machines) {
    const policy::Voice voice = gate_.voice();
    carry_out(gate_.finish());
    clock_.step(steps_ * kStep, {.began = voice.began, .last_heard = voice.last_heard});
    clock_.finish(steps_ * kStep);
    drain_clock();
    return;
  }
  for (std::uint32_t s = 1; s <= truth_.segments_opened; ++s)
    if (truth_.segments[s] == SegmentState::speculative) settle(s, SegmentState::failed);
  if (standing_ != 0) commit(turn_, standing_);
  if (standing_ != 0) marker(Item::Kind::end, standing_);
  standing_ = 0;
}

// The line
// -----------------------------------------------------------------------------------------

void VoiceLine::drop(const Item& item) {
  if ((item.units & ~in_flight_) != 0) broke("I2 a block is dropped once");
  in_flight_ &= ~item.units;
}

void VoiceLine::run_inline() {
  const Item item = inline_queue_[0];
  inline_queue_.erase(0);
  if (!item.marker() && !ledger().live(item.lineage())) {
    drop(item);
    return;
  }
  into_pool_queue(item);
}

void VoiceLine::into_pool_queue(const Item& item) {
  const policy::QueueBounds bounds{.policy = policy::OverflowPolicy::merge_on_overflow,
                                   .capacity = kQueue,
                                   .max_bytes = 1000,
                                   .markers = 9,
                                   .max_age = {}};
  for (;;) {
    policy::QueueLoad load;
    for (const Item& queued : pool_queue_) ++(queued.marker() ? load.markers : load.packets);
    const bool mergeable = !pool_queue_.empty() && pool_queue_.back().kind == item.kind &&
                           pool_queue_.back().turn == item.turn;
    const policy::QueueDecision decision = policy::decide_arrival(
        bounds, load, {.bytes = 1, .marker = item.marker(), .mergeable = mergeable});
    switch (decision.action) {
      case policy::QueueAction::accept: pool_queue_.push_back(item); return;
      case policy::QueueAction::merge:
        pool_queue_.back().segments |= item.segments;
        pool_queue_.back().units |= item.units;
        return;
      case policy::QueueAction::drop_oldest:
        milestones_ |= kOverflow;
        for (std::size_t i = 0; i < pool_queue_.size(); ++i) {
          if (pool_queue_[i].marker()) continue;
          drop(pool_queue_[i]);
          pool_queue_.erase(i);
          break;
        }
        break;
      default: broke("I5 a queue that merges neither blocks nor refuses"); return;
    }
  }
}

void VoiceLine::start_job() {
  const Item item = pool_queue_[0];
  pool_queue_.erase(0);
  if (!item.marker() && !ledger().live(item.lineage())) {
    drop(item);
    return;
  }
  job_.push_back(item);
}

void VoiceLine::finish_job() {
  const Item item = job_[0];
  job_.clear();
  if (item.turn != node_turn_) {
    node_turn_ = item.turn;
    gathered_ = node_standing_ = node_replied_ = 0;
  }
  switch (item.kind) {
    case Item::Kind::audio:
      gathered_ |= item.segments;
      if (ledger().live(item.lineage())) {
        results_.push_back(item);
        break;
      }
      milestones_ |= kStoppedAtReturn;
      drop(item);
      break;
    case Item::Kind::eager:
      if (node_standing_ != 0) broke("I8 a node sees one guess at a time");
      node_standing_ = item.revision;
      reply(item.turn, item.revision);
      break;
    case Item::Kind::resumed:
      if (node_standing_ != item.revision) broke("I8 turn_resumed only after eager_end_of_turn");
      node_standing_ = 0;
      break;
    case Item::Kind::end:
      if (node_standing_ != 0 && node_standing_ != item.revision)
        broke("I8 end_of_turn carries the guess that it confirms");
      if (node_replied_ != item.revision) reply(item.turn, item.revision);
      gathered_ = node_standing_ = 0;
      break;
    case Item::Kind::reply: broke("the recogniser gets no replies"); break;
  }
}

void VoiceLine::reply(std::uint32_t turn, std::uint32_t revision) {
  Item made{.kind = Item::Kind::reply,
            .turn = static_cast<std::uint8_t>(turn),
            .revision = static_cast<std::uint8_t>(revision)};
  // What was withdrawn meanwhile is no longer part of what was said.
  for (std::uint32_t s = 1; s <= kSegments; ++s) {
    const auto bit = static_cast<std::uint8_t>(1U << s);
    if ((gathered_ & bit) != 0 && ledger().live(Item{.segments = bit}.lineage()))
      made.segments |= bit;
  }
  node_replied_ = made.revision;
  if (ledger().live(made.lineage())) results_.push_back(made);
}

int VoiceLine::next_to_release() const {
  for (std::size_t i = 0; i < held_.size(); ++i) {
    if (fence_.boundary(ledger(), held_[i].lineage()) != FenceDecision::hold)
      return static_cast<int>(i);
    if (fence_.in_order) break;
  }
  return -1;
}

void VoiceLine::release() {
  const auto i = static_cast<std::size_t>(next_to_release());
  const Item item = held_[i];
  held_.erase(i);
  if (fence_.boundary(ledger(), item.lineage()) == FenceDecision::drop)
    drop(item);
  else
    outbox_.push_back(item);
}

void VoiceLine::write() {
  const Item item = outbox_[0];
  outbox_.clear();
  const FenceDecision decision = fence_.exit(ledger(), item.lineage());
  if (decision == FenceDecision::hold) broke("what was released is never unconfirmed again");
  if (decision != FenceDecision::pass) {
    milestones_ |= kStoppedAtExit;
    drop(item);
    return;
  }
  if (truth_.dead(item)) broke("I1 nothing withdrawn leaves");
  if (!truth_.committed(item)) broke("I7 nothing leaves before its commit");
  if (item.kind == Item::Kind::reply) {
    Truth::Turn& turn = truth_.turns[item.turn];
    if (item.revision < turn.last_out) broke("I4 revisions never go back");
    if ((turn.out >> item.revision & 1U) != 0) broke("I2 a reply leaves once");
    turn.last_out = item.revision;
    turn.out = static_cast<std::uint8_t>(turn.out | 1U << item.revision);
    return;
  }
  if ((item.units & ~in_flight_) != 0) broke("I2 a block leaves once");
  in_flight_ &= ~item.units;
  const std::uint32_t newest = std::bit_floor(item.units);
  if ((in_flight_ & (newest - 1)) != 0) broke("I2 what is committed leaves in order");
}

}  // namespace millrace::tests
