#include "millrace/metrics/turn_ledger.hpp"

namespace millrace::metrics {

std::string_view name(TurnPart part) noexcept {
  switch (part) {
    case TurnPart::endpoint_wait: return "endpoint_wait";
    case TurnPart::queue_wait: return "queue_wait";
    case TurnPart::pool_wait: return "pool_wait";
    case TurnPart::compute: return "compute";
    case TurnPart::aggregation: return "aggregation";
    case TurnPart::ipc: return "ipc";
    case TurnPart::pacing: return "pacing";
  }
  return "pacing";
}

base::Duration TurnRecord::attributed() const noexcept {
  base::Duration sum{0};
  for (const PartTime& part : parts) sum += part.spent;
  return sum;
}

base::Duration TurnRecord::spent(PartId id) const noexcept {
  for (const PartTime& part : parts)
    if (part.id == id) return part.spent;
  return base::Duration{0};
}

void TurnLedger::begin(base::TurnId turn, base::Instant at) noexcept {
  record_.turn = turn;
  record_.began = at;
  record_.ended = at;
  record_.parts.clear();
  cursor_ = at;
  open_ = true;
}

void TurnLedger::mark(PartId id, base::Instant until) noexcept {
  if (!open_ || until <= cursor_) return;
  book(id, until - cursor_);
  cursor_ = until;
}

void TurnLedger::mark(PartId id, base::Instant from, base::Instant until) noexcept {
  if (until <= from) return;
  skip(from);
  mark(id, until);
}

void TurnLedger::skip(base::Instant until) noexcept {
  if (open_ && until > cursor_) cursor_ = until;
}

TurnRecord TurnLedger::end(base::Instant at) noexcept {
  record_.ended = at > cursor_ ? at : cursor_;
  cursor_ = record_.ended;
  open_ = false;
  return record_;
}

void TurnLedger::book(PartId id, base::Duration span) noexcept {
  for (PartTime& part : record_.parts)
    if (part.id == id) {
      part.spent += span;
      return;
    }
  // Full: the stretch is crossed all the same, and so ends up in unattributed().
  static_cast<void>(record_.parts.push_back({id, span}));
}

}  // namespace millrace::metrics
