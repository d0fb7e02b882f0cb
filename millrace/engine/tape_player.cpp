#include "millrace/engine/tape_player.hpp"

#include <utility>

namespace millrace::engine {

using base::Instant;
using What = TapeEntry::What;

TapePlayer::TapePlayer(std::vector<TapeEntry> entries, std::deque<ForeignControl> foreign,
                       Drain drain)
    : entries_(std::move(entries)), foreign_(std::move(foreign)), drain_(std::move(drain)) {}

std::optional<TapePlayer::Step> TapePlayer::next_step() {
  if (cut_) return std::nullopt;
  // The shard has asked for less than it took when it was recorded.
  if (next_ < entries_.size() && !is_step(entries_[next_].what)) part();
  if (next_ == entries_.size()) return std::nullopt;
  Step step{entries_[next_].what, Instant{base::Duration{entries_[next_].value}}, {}};
  ++next_;
  now_ = step.at;
  while (next_ < entries_.size() &&
         (entries_[next_].what == What::adopt || entries_[next_].what == What::release))
    step.commands.push_back(entries_[next_++]);
  if (parted_) give_rest_of_step();
  return step;
}

void TapePlayer::add_input(std::uint64_t session, InputPacket&& input) {
  inputs_[session].waiting.push_back(std::move(input));
}

void TapePlayer::part() {
  if (!parted_) parted_ = now_;
  give_rest_of_step();
}

void TapePlayer::give_rest_of_step() {
  for (; next_ < entries_.size() && !is_step(entries_[next_].what); ++next_) {
    if (entries_[next_].what == What::input) ++inputs_[entries_[next_].session].due;
    if (entries_[next_].what == What::foreign) ++foreign_due_;
  }
}

bool TapePlayer::expects(What what, std::uint64_t session, std::uint32_t stage) const noexcept {
  if (next_ == entries_.size()) return false;
  const TapeEntry& entry = entries_[next_];
  return entry.what == what && entry.session == session && entry.stage == stage;
}

bool TapePlayer::input(std::uint64_t session, std::uint32_t stage, InputPacket& input) {
  if (!parted_ && !expects(What::input, session, stage)) return false;
  Inputs& inputs = inputs_[session];
  if (inputs.waiting.empty()) return false;
  if (!parted_) {
    ++next_;
  } else if (inputs.due == 0) {
    return false;
  } else {
    --inputs.due;
  }
  input = std::move(inputs.waiting.front());
  inputs.waiting.pop_front();
  return true;
}

bool TapePlayer::foreign_waits(std::uint16_t at) const noexcept {
  if (foreign_.empty()) return false;
  if (parted_) return foreign_due_ > 0;
  return next_ < entries_.size() && entries_[next_].what == What::foreign &&
         entries_[next_].stage == at;
}

bool TapePlayer::foreign(std::uint16_t at, ForeignControl& foreign) {
  if (!foreign_waits(at)) return false;
  if (parted_) {
    --foreign_due_;
  } else {
    ++next_;
  }
  foreign = std::move(foreign_.front());
  foreign_.pop_front();
  return true;
}

bool TapePlayer::result(SessionState& session, std::uint32_t stage, Lane& lane, LaneResult& result,
                        Instant now) {
  if (parted_) return lane.pop_result(result, now);
  if (!expects(What::result, session.number, stage)) return false;
  // When it was recorded the worker may have handed it over after the tick had begun.
  if (!lane.pop_result(result, Instant{base::Duration::max()})) {
    cut_ = true;
    return false;
  }
  ++next_;
  return true;
}

bool TapePlayer::post(std::uint64_t session, std::uint32_t stage, bool natural) {
  if (parted_) return natural;
  if (!expects(What::post, session, stage)) return false;
  ++next_;
  return true;
}

bool TapePlayer::room(SessionState& session, std::uint32_t stage, std::int64_t asked) {
  if (parted_ || !expects(What::no_room, session.number, stage) || entries_[next_].value != asked)
    return true;
  ++next_;
  return false;
}

base::Duration TapePlayer::compute(std::uint64_t session, base::Duration natural) {
  if (parted_ || !expects(What::compute, session, 0)) return natural;
  return base::Duration{entries_[next_++].value};
}

}  // namespace millrace::engine
