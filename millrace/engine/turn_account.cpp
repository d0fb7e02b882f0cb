#include <algorithm>
#include <utility>

#include "millrace/engine/shard.hpp"

// Where the time of a turn went, from the end of the speech to the first thing that answered it.
namespace millrace::engine {

using base::Instant;
using graph::Stage;

void Shard::begin_account(SessionState& session, base::TurnId turn, base::Revision revision,
                          base::MediaTime at) noexcept {
  TurnAccount& account = session.account;
  account.turn = turn;
  account.revision = revision;
  // Audio arrives as it is spoken: what came after `at` took that long to come.
  const base::Duration since = session.audio_arrived - at;
  account.ledger.begin(turn, now_ - std::max(since, base::Duration{0}));
  account.ledger.mark({metrics::TurnPart::endpoint_wait, 0}, now_);
}

void Shard::account_work(SessionState& session, const Stage& stage, const media::Lineage& lineage,
                         Instant started, Instant ended) noexcept {
  if (lineage.revision != 0) session.guess_compute += ended - started;
  TurnAccount& account = session.account;
  if (!account.ledger.open() || lineage.turn != account.turn) return;
  const auto waited = stage.placement == node::Placement::pool ? metrics::TurnPart::pool_wait
                                                               : metrics::TurnPart::queue_wait;
  account.ledger.mark({waited, 0}, started);
  account.ledger.mark(metrics::compute_of(static_cast<std::uint16_t>(stage.index)), ended);
}

void Shard::account_output(SessionState& session, const media::Packet& packet) noexcept {
  TurnAccount& account = session.account;
  if (!account.ledger.open() || packet.lineage.turn != account.turn) return;
  if (packet.lineage.revision != account.revision) return;
  if (audio_sink_ && packet.kind != media::PacketKind::audio) return;
  account.ledger.mark({metrics::TurnPart::queue_wait, 0}, now_);
  const metrics::TurnRecord record = account.ledger.end(now_);
  Event event;
  event.type = EventType::turn;
  event.lineage.turn = record.turn;
  event.lineage.revision = account.revision;
  event.total = record.total();
  event.body = session.shared->payloads->copy_of(
      std::as_bytes(std::span(record.parts.begin(), record.parts.size())));
  log(session, std::move(event));
}

}  // namespace millrace::engine
