#include <algorithm>
#include <utility>

#include "millrace/engine/shard.hpp"

// The stages that run the jobs of several sessions together: a job waits in its lane until the
// Batcher gives it a place in a call, and takes in what comes meanwhile.
namespace millrace::engine {

using base::DropReason;
using base::Instant;
using graph::Stage;
using media::Packet;

namespace {
/// Packets that a job without anything to defer gathers before it goes out: so many fewer jobs, and
/// so much memory that they hold.
constexpr std::size_t kMostHeld = 16;
}  // namespace

bool Shard::sweep_together(const Stage& stage) noexcept {
  BatchStage& batch = *batches_[stage.index];
  bool more = false;
  for (SessionState* session : sessions_) {
    deliver_controls(*session, stage);
    more = take_results(*session, stage) || more;
  }
  for (SessionState* session : sessions_)
    if (session->slots[stage.index].lane->idle()) offer_job(batch, *session, stage);
  watch_deadlines(batch, stage);
  start_together(batch, stage);
  stats_[stage.index]->set_queue_depth(batch.waiting());
  return more;
}

void Shard::offer_job(BatchStage& batch, SessionState& session, const Stage& stage) noexcept {
  gather_job(session, stage);
  const bool expired = drop_dead_packets(session, stage);
  Lane& lane = *session.slots[stage.index].lane;
  BatchStage::Place* place = batch.offered(session);
  if (place != nullptr && expired) {
    batch.remove(*place);  // what it waited for may be gone, and its deadline is that one's
    place = nullptr;
  }
  if (const Packet* const what = what_defers(session, stage)) {
    if (place == nullptr && what->deadline <= now_)
      return expire_job(session, stage, DropReason::deadline);
    if (place == nullptr && batch.has_room(session)) batch.offer(session, *what, now_);
    return;
  }
  if (place != nullptr) batch.remove(*place);  // what it waited for was withdrawn
  // Only the timer does not wait for the call that runs: nothing else could run beside it, and the
  // lane is free for the next one.
  const bool worth = std::any_of(lane.job().begin(), lane.job().end(),
                                 [](const Packet& packet) { return packet.is_marker(); }) ||
                     lane.job().size() >= kMostHeld || lane.has_controls();
  const bool natural = lane.timer() <= now_ || (worth && !batch.in_flight());
  send_job(session, stage, natural, Lane::Fate::run);
}

// True: some were past their deadline. What only lies there until something defers (audio before
// the end of its turn) has none to keep.
bool Shard::drop_dead_packets(SessionState& session, const Stage& stage) noexcept {
  const node::StageNode& node = *stages_->nodes[stage.index];
  bool expired = false;
  const auto too_old = [&](const Packet& packet) {
    return std::any_of(stage.in_edges.begin(), stage.in_edges.end(), [&](std::uint32_t e) {
      const auto& max_age = plan_.edges[e].queue.max_age;
      return plan_.edges[e].to_port == packet.port && max_age && now_ - packet.enqueued > *max_age;
    });
  };
  std::erase_if(session.slots[stage.index].lane->job(), [&](const Packet& packet) {
    if (packet.is_marker()) return false;
    const bool withdrawn = !session.shared->ledger.live(packet.lineage);
    const bool late = !withdrawn && packet.deadline <= now_ && node.defers(packet);
    if (!withdrawn && !late && !too_old(packet)) return false;
    expired = expired || late;
    drop_input(session, stage,
               withdrawn ? DropReason::cancelled
               : late    ? DropReason::deadline
                         : DropReason::max_age);
    return true;
  });
  return expired;
}

// The first packet of the next job that makes the session defer. A marker of a guess that was
// withdrawn makes nobody work.
const Packet* Shard::what_defers(const SessionState& session, const Stage& stage) const noexcept {
  const node::StageNode& node = *stages_->nodes[stage.index];
  const std::vector<Packet>& job = session.slots[stage.index].lane->job();
  const auto found = std::find_if(job.begin(), job.end(), [&](const Packet& packet) {
    return session.shared->ledger.live(packet.lineage) && node.defers(packet);
  });
  return found == job.end() ? nullptr : &*found;
}

void Shard::start_together(BatchStage& batch, const Stage& stage) noexcept {
  for (const policy::BatchDrop& drop : batch.decide(now_)) {
    const BatchStage::Place place = batch.place(drop.id);
    if (place.packet.deadline > now_)
      tell_given_up(*place.session, stage, place.packet, policy::GiveUp::drop);
    batch.give_back(drop.id);
    expire_job(*place.session, stage, drop.reason);
  }
  if (batch.ready() == nullptr) return;
  const std::span<const policy::BatchItem> inputs = batch.inputs();
  for (const policy::BatchItem& item : inputs) batch.release_job(item.id);
  batch.started();
  watches_[stage.index]->begin(
      now_, batch.batcher().curve().cost(static_cast<std::uint32_t>(inputs.size())), {});
  stats_[stage.index]->record_batch(inputs.size());
  SessionState* first = nullptr;  // its lane is posted, and runs the others with it
  for (const policy::BatchItem& item : inputs) {
    SessionState& session = *batch.place(item.id).session;
    if (!posts_job(session, stage.index, true)) {
      end_job(batch, session, stage, nullptr);
      continue;
    }
    log_batch(session, stage, {.inputs = inputs.size(), .packets = 1});
    begin_job(session, stage, Lane::Fate::run);
    if (first == nullptr) {
      first = &session;
    } else {
      first->slots[stage.index].lane->run_with(session.slots[stage.index].lane);
    }
  }
  if (first != nullptr) executor_.post(first->slots[stage.index].lane);
}

// Its deadline has passed, or is out of reach: nothing of it is worked on, but its markers go on.
void Shard::expire_job(SessionState& session, const Stage& stage, DropReason reason) noexcept {
  drop_input(session, stage, reason);
  send_job(session, stage, true, Lane::Fate::expired);
}

// The job of `session` in a call is over (null: gives nothing), and with the last one the call.
void Shard::end_job(BatchStage& batch, const SessionState& session, const Stage& stage,
                    const LaneResult* done) noexcept {
  if (const auto over = batch.job_over(session, done))
    end_call(batch, stage, over->took, over->worked);
}

}  // namespace millrace::engine
