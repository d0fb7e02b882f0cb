#include "millrace/engine/virtual_runner.hpp"

#include <algorithm>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/engine/open_session.hpp"

namespace millrace::engine {

using base::Instant;

base::Result<std::unique_ptr<VirtualRunner>> VirtualRunner::create(
    std::shared_ptr<const graph::Plan> plan, std::size_t max_sessions) {
  auto stages = make_stages(plan);
  if (!stages) return std::unexpected(std::move(stages.error()));
  std::unique_ptr<VirtualRunner> runner(new VirtualRunner());
  runner->plan_ = plan;
  runner->payloads_ = std::make_shared<rt::PayloadPool>();
  runner->engines_ = make_engines(*plan);
  runner->pool_ =
      std::make_unique<VirtualPool>(static_cast<std::uint32_t>(plan->executor.pool_threads));
  runner->stages_ = std::move(*stages);
  runner->shard_ = std::make_unique<Shard>(runner->stages_, runner->engines_, runner->clock_,
                                           *runner->pool_, max_sessions);
  return runner;
}

// The shard still looks at its sessions when it goes, so it goes before them.
VirtualRunner::~VirtualRunner() {
  shard_.reset();
}

base::Result<SessionState*> VirtualRunner::open(std::string name, InputFeed& feed, OutputTap& tap) {
  if (auto given = provision_.cover(*payloads_, sessions_.size() + 1); !given)
    return std::unexpected(std::move(given.error()));
  auto session = make_session({.name = std::move(name),
                               .number = sessions_.size() + 1,
                               .stages = stages_,
                               .engines = engines_,
                               .payloads = payloads_,
                               .clock = &clock_,
                               .keep_alive = {},
                               .bell = nullptr,
                               .tapes = nullptr,
                               .time = Lane::Time::virtual_});
  if (!session) return std::unexpected(std::move(session.error()));
  sessions_.push_back(std::move(*session));
  peers_.push_back({&feed, &tap});
  const bool adopted = shard_->adopt(sessions_.back().get());
  MR_CHECK(adopted, "the ring of commands has room for every session of the runner");
  return sessions_.back().get();
}

bool VirtualRunner::control(ForeignControl control) noexcept {
  control.control.sent = clock_.now();
  if (!shard_->post_control(std::move(control))) {
    shard_->count_refused_control();
    return false;
  }
  shard_->control_pass();
  more_ = true;
  return true;
}

Instant VirtualRunner::tick_at_or_after(Instant at) const noexcept {
  const std::int64_t tick = plan_->executor.tick_us * 1000;
  if (tick == 0) return at;
  const std::int64_t ns = at.since_start.count();
  return {base::Duration{(ns + tick - 1) / tick * tick}};
}

void VirtualRunner::feed() {
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    while (peers_[i].feed->due() <= clock_.now()) {
      if (sessions_[i]->inbox.size() == sessions_[i]->inbox.capacity()) {
        more_ = true;  // the pressure reached the door: virtual input waits there
        break;
      }
      const Instant due = peers_[i].feed->due();
      InputPacket input = peers_[i].feed->take();
      input.packet.due = due;
      const bool taken = sessions_[i]->inbox.try_push(std::move(input));
      MR_CHECK(taken, "the inbox had room");
    }
  }
}

void VirtualRunner::drain() {
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    Event event;
    while (sessions_[i]->events.try_pop(event)) peers_[i].tap->event(event);
    OutputPacket output;
    while (sessions_[i]->outbox.try_pop(output)) peers_[i].tap->output(output);
  }
}

bool VirtualRunner::step() {
  Instant next{base::Duration::max()};
  bool open = false;
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    if (sessions_[i]->ended.load(std::memory_order_relaxed)) continue;
    open = true;
    // Input that found the door full is tried again at the next tick, not at its own instant.
    const Instant due = peers_[i].feed->due();
    if (due > clock_.now() || !started_) {
      next = std::min(next, due);
    } else {
      more_ = true;
    }
  }
  if (!open) return false;
  next = std::min({next, shard_->next_timer(), pool_->next(clock_.now())});
  const Instant soon =
      clock_.now() + base::Duration{std::max<std::int64_t>(plan_->executor.tick_us * 1000, 1000)};
  if (more_) next = std::min(next, soon);
  if (next == Instant{base::Duration::max()}) return false;
  clock_.advance_to(tick_at_or_after(std::max(next, clock_.now())));
  more_ = false;
  started_ = true;
  feed();
  pool_->run_due(clock_.now());
  more_ = shard_->sweep() || more_;
  // Jobs posted by this sweep start at once where a virtual worker is free.
  if (pool_->run_due(clock_.now())) more_ = true;
  drain();
  return true;
}

void VirtualRunner::run(const std::function<bool()>& stop) {
  while (!(stop && stop()) && step()) {
  }
}

}  // namespace millrace::engine
