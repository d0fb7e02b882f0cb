#include "millrace/engine/job_tape.hpp"

#include <span>
#include <utility>

#include "millrace/engine/varint.hpp"

namespace millrace::engine {

void JobTape::begin() {
  last_ns_ = 0;
  tape_.clear();
  if (mode_ == Mode::record) return;
  const auto tape = tapes_->get(job_);
  playing_ = tape.has_value();
  rest_ = tape.value_or(std::string_view{});
}

void JobTape::end() {
  if (mode_ == Mode::record) {
    tapes_->put(job_, std::move(tape_));
    tape_ = {};
  } else if (playing_ && !rest_.empty()) {
    part();
  }
  playing_ = false;
  ++job_.number;
}

void JobTape::part() {
  playing_ = false;
  rest_ = {};
  ++parted_;
}

void JobTape::write(Asked asked, std::int64_t value) {
  tape_.push_back(static_cast<char>(asked));
  put_varint(tape_, value);
}

std::optional<std::int64_t> JobTape::read(Asked asked) {
  if (rest_.empty() || rest_.front() != static_cast<char>(asked)) {
    part();
    return std::nullopt;
  }
  rest_.remove_prefix(1);
  const auto value = take_varint(rest_);
  if (!value) part();
  return value;
}

std::int64_t JobTape::answer(Asked asked, std::int64_t actual) {
  // Instants follow one another closely; a withdrawn result (-1) has none.
  const bool instant = asked == Asked::now || (asked == Asked::handed && actual >= 0);
  if (mode_ == Mode::record) {
    if (asked == Asked::handed) write(asked, actual < 0 ? 0 : 1);
    if (asked == Asked::handed && actual < 0) return actual;
    write(instant ? Asked::now : asked, instant ? actual - last_ns_ : actual);
    if (instant) last_ns_ = actual;
    return actual;
  }
  if (!playing_) return actual;
  if (asked == Asked::handed) {
    const auto given = read(asked);
    if (!given) return actual;
    if (*given == 0) return -1;
    asked = Asked::now;
  }
  const auto value = read(asked);
  if (!value) return actual;
  if (asked != Asked::now) return *value;
  // Unsigned, so that a tape that lies cannot overflow.
  constexpr std::uint64_t kLatest = (std::uint64_t{1} << 61) - 1;
  const auto sum = static_cast<std::uint64_t>(last_ns_) + static_cast<std::uint64_t>(*value);
  last_ns_ = static_cast<std::int64_t>(sum & kLatest);
  return last_ns_;
}

void JobTape::answer(media::Lineage& lineage) {
  const std::int64_t count =
      answer(Asked::room, static_cast<std::int64_t>(lineage.segments.size()));
  if (mode_ == Mode::record) {
    for (const base::SegmentId segment : lineage.segments)
      write(Asked::segment, static_cast<std::int64_t>(segment.number));
    return;
  }
  if (!playing_) return;
  media::Lineage told = lineage;
  told.segments.clear();
  for (std::int64_t i = 0; i < count; ++i) {
    const auto segment = read(Asked::segment);
    if (!segment) return;
    if (!told.add(base::SegmentId{static_cast<std::uint32_t>(*segment)})) return part();
  }
  lineage = told;
}

void JobTape::answer(media::Control& control) {
  const auto field = [this](auto value) { return answer(Asked::field, std::int64_t{value}); };
  const auto count = [&](base::MediaTime& time) { time = base::MediaTime{field(time.count())}; };
  const std::int64_t type = field(static_cast<std::int64_t>(control.type));
  const std::int64_t reason = field(static_cast<std::int64_t>(control.reason));
  if (type < 0 || type > static_cast<std::int64_t>(media::ControlType::end_of_input) ||
      reason < 0 || reason > static_cast<std::int64_t>(media::CancelReason::closed)) {
    if (playing_) part();
    return;
  }
  control.type = static_cast<media::ControlType>(type);
  control.reason = static_cast<media::CancelReason>(reason);
  control.id = static_cast<std::uint64_t>(field(static_cast<std::int64_t>(control.id)));
  control.segment.number = static_cast<std::uint32_t>(field(control.segment.number));
  control.turn.number = static_cast<std::uint32_t>(field(control.turn.number));
  control.revision = static_cast<base::Revision>(field(control.revision));
  count(control.from);
  count(control.to);
  count(control.at);
  count(control.audio_until);
  count(control.played);
  control.value = field(control.value);
  control.timestamp_us = field(control.timestamp_us);
  control.sent = base::Instant{base::Duration{field(control.sent.since_start.count())}};
  answer_body(control);
}

void JobTape::answer_body(media::Control& control) {
  const std::int64_t size =
      answer(Asked::body, static_cast<std::int64_t>(control.body.size_bytes()));
  if (mode_ == Mode::record) {
    const auto bytes = control.body.bytes();
    tape_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return;
  }
  if (!playing_) return;
  if (size < 0 || static_cast<std::uint64_t>(size) > rest_.size()) return part();
  const auto body = rest_.substr(0, static_cast<std::size_t>(size));
  rest_.remove_prefix(body.size());
  control.body.reset();
  if (!body.empty())
    control.body = rt::Payload::copy_of(std::as_bytes(std::span(body.data(), body.size())));
}

}  // namespace millrace::engine
