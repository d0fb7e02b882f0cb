#include "millrace/engine/replay_runner.hpp"

#include <algorithm>
#include <utility>

#include "millrace/base/check.hpp"

namespace millrace::engine {

using base::Instant;

base::Result<std::unique_ptr<ReplayRunner>> ReplayRunner::create(
    std::shared_ptr<const graph::Plan> plan, std::size_t max_sessions, RecordedShard shard,
    std::shared_ptr<JobTapes> tapes) {
  auto stages = make_stages(plan);
  if (!stages) return std::unexpected(std::move(stages.error()));
  std::unique_ptr<ReplayRunner> runner(new ReplayRunner());
  runner->plan_ = plan;
  runner->payloads_ = std::make_shared<rt::PayloadPool>();
  runner->engines_ = make_engines(*plan);
  runner->tapes_ = std::move(tapes);
  runner->stages_ = std::move(*stages);
  runner->player_ = std::make_unique<TapePlayer>(
      std::move(shard.entries), std::move(shard.foreign),
      [self = runner.get()](SessionState& session) { self->drain(session); });
  runner->shard_ = std::make_unique<Shard>(runner->stages_, runner->engines_, runner->clock_,
                                           runner->pool_, max_sessions);
  runner->shard_->play_from(*runner->player_);
  return runner;
}

// The shard still looks at its sessions when it goes, so it goes before them.
ReplayRunner::~ReplayRunner() {
  shard_.reset();
}

base::Result<void> ReplayRunner::add(std::string name, std::uint64_t number,
                                     std::vector<InputPacket> inputs, OutputTap& tap) {
  if (auto given = provision_.cover(*payloads_, peers_.size() + 1); !given) return given;
  auto session = make_session({.name = std::move(name),
                               .number = number,
                               .stages = stages_,
                               .engines = engines_,
                               .payloads = payloads_,
                               .clock = &clock_,
                               .keep_alive = {},
                               .bell = nullptr,
                               .tapes = tapes_,
                               .time = Lane::Time::virtual_});
  if (!session) return std::unexpected(std::move(session.error()));
  for (InputPacket& input : inputs) player_->add_input(number, std::move(input));
  peers_.push_back({std::move(*session), &tap});
  return {};
}

void ReplayRunner::command(const TapeEntry& entry) {
  for (Peer& peer : peers_) {
    if (static_cast<std::uint32_t>(peer.session->number) != entry.session) continue;
    // A record that lies may tell of it twice, or out of order.
    const bool adopt = entry.what == TapeEntry::What::adopt;
    if (peer.told != (adopt ? Told::nothing : Told::came)) return;
    peer.told = adopt ? Told::came : Told::went;
    const bool taken =
        adopt ? shard_->adopt(peer.session.get()) : shard_->release(peer.session.get());
    MR_CHECK(taken, "the ring of commands has room for every session coming and going");
    return;
  }
}

void ReplayRunner::run(const std::function<bool()>& stop) {
  while (!(stop && stop())) {
    const auto step = player_->next_step();
    if (!step) break;
    clock_.advance_to(std::max(step->at, clock_.now()));
    for (const TapeEntry& entry : step->commands) command(entry);
    if (step->what == TapeEntry::What::sweep) {
      shard_->sweep();
    } else {
      shard_->control_pass();
    }
    pool_.run_posted(clock_.now(), player_->parted().has_value(), *tapes_);
    for (Peer& peer : peers_) drain(*peer.session);
  }
  for (Peer& peer : peers_) drain(*peer.session);
}

void ReplayRunner::Pool::run_posted(Instant now, bool without_tape, JobTapes& tapes) {
  for (const std::shared_ptr<Lane>& lane : std::exchange(posted_, {})) {
    // The record ends in this job: nothing of it ever came back.
    const auto on_tape = [&tapes](const std::shared_ptr<Lane>& one) {
      return one->tape() != nullptr && tapes.get(one->tape()->job()).has_value();
    };
    const auto others = lane->others();
    if (without_tape || on_tape(lane) || std::any_of(others.begin(), others.end(), on_tape))
      lane->run(now);
  }
}

void ReplayRunner::drain(SessionState& session) {
  const auto peer = std::find_if(peers_.begin(), peers_.end(),
                                 [&](const Peer& p) { return p.session.get() == &session; });
  if (peer == peers_.end()) return;
  Event event;
  while (session.events.try_pop(event)) peer->tap->event(event);
  OutputPacket output;
  while (session.outbox.try_pop(output)) peer->tap->output(output);
}

std::uint64_t ReplayRunner::jobs_parted() const noexcept {
  std::uint64_t parted = 0;
  for (const Peer& peer : peers_)
    for (const Slot& slot : peer.session->slots)
      if (slot.lane != nullptr && slot.lane->tape() != nullptr)
        parted += slot.lane->tape()->parted();
  return parted;
}

}  // namespace millrace::engine
