#include "millrace/engine/engine.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/engine/open_session.hpp"
#include "millrace/rt/platform/this_thread.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::engine {

using base::Instant;

namespace {
// A shard that takes no control for that long hangs in a node.
constexpr int kControlPatienceMs = 1000;
constexpr base::Duration kLoadEvery = std::chrono::milliseconds(250);

AdmissionSettings settings_of(const manifest::ExecutorSpec& executor) {
  // 0 where the system does not say: then only shards and pool bound the load.
  const auto machine = static_cast<double>(std::thread::hardware_concurrency());
  const auto threads = static_cast<double>(executor.shards + executor.pool_threads);
  return {.enabled = executor.admission.enabled,
          .bound = static_cast<double>(executor.admission.max_load_percent) / 100.0,
          .shards = static_cast<double>(executor.shards),
          .pool_threads = static_cast<double>(executor.pool_threads),
          .cores = machine > 0.0 ? std::min(machine, threads) : threads};
}
}  // namespace

// ---------------------------------------------------------------------------- SessionHandle

SessionHandle::SessionHandle(Engine& engine, std::unique_ptr<SessionState> session,
                             std::size_t shard)
    : engine_(engine), session_(std::move(session)), shard_(shard) {}

SessionHandle::~SessionHandle() {
  close();
}

bool SessionHandle::push(std::uint32_t stage, media::Packet&& packet) noexcept {
  InputPacket input{stage, std::move(packet)};
  input.packet.enqueued = engine_.clock().now();
  if (input.packet.due == Instant{}) input.packet.due = input.packet.enqueued;
  if (!session_->inbox.try_push(std::move(input))) {
    ++refused_;
    return false;
  }
  engine_.shards_[shard_]->shard->bell().wake(Wake::data);
  return true;
}

bool SessionHandle::end_input(std::uint32_t stage) noexcept {
  media::Packet marker;
  marker.kind = media::PacketKind::control;
  marker.control_type = media::ControlType::end_of_input;
  if (!session_->inbox.try_push({stage, std::move(marker)})) return false;
  engine_.shards_[shard_]->shard->bell().wake(Wake::data);
  return true;
}

bool SessionHandle::next_output(OutputPacket& output) noexcept {
  if (!session_->outbox.try_pop(output)) return false;
  // A sink may wait for this room.
  if (session_->outbox.size() + 8 > session_->outbox.capacity() / 2)
    engine_.shards_[shard_]->shard->bell().wake(Wake::data);
  return true;
}

bool SessionHandle::next_event(Event& event) noexcept {
  return session_->events.try_pop(event);
}

bool SessionHandle::control(media::Control control) noexcept {
  control.sent = engine_.clock().now();
  Shard& shard = *engine_.shards_[shard_]->shard;
  const bool must = changes_ledger(control.type);
  ForeignControl foreign{.session = session_->number, .control = std::move(control)};
  for (int waited = 0; !shard.post_control(std::move(foreign)); ++waited) {
    if (!must || waited == kControlPatienceMs) {
      shard.count_refused_control();
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

bool SessionHandle::ended() const noexcept {
  return session_->ended.load(std::memory_order_acquire);
}

void SessionHandle::close() noexcept {
  if (closed_) return;
  closed_ = true;
  Engine::ShardThread& shard = *engine_.shards_[shard_];
  while (!shard.shard->release(session_.get()))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  while (!session_->released.load(std::memory_order_acquire))
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  shard.sessions.fetch_sub(1, std::memory_order_relaxed);
  engine_.open_.fetch_sub(1, std::memory_order_relaxed);
  engine_.admission_->leave(engine_.clock().now());
}

// ----------------------------------------------------------------------------------- Engine

base::Result<std::unique_ptr<Engine>> Engine::start(std::shared_ptr<const graph::Plan> plan,
                                                    RunTape* tape, LoadSource load) {
  std::unique_ptr<Engine> engine(new Engine());
  engine->plan_ = plan;
  engine->payloads_ = std::make_shared<rt::PayloadPool>();
  engine->timing_ = std::make_shared<Timing>();
  engine->timing_->engines = make_engines(*plan);
  engine->admission_ = std::make_unique<AdmissionControl>(settings_of(plan->executor));
  if (tape != nullptr) engine->job_tapes_ = tape->jobs;
  const auto max_sessions = static_cast<std::size_t>(plan->executor.max_sessions);
  const std::size_t pool_stages = static_cast<std::size_t>(std::count_if(
      plan->stages.begin(), plan->stages.end(),
      [](const graph::Stage& stage) { return stage.placement == node::Placement::pool; }));
  auto pool = WorkerPool::start(static_cast<std::uint32_t>(plan->executor.pool_threads),
                                std::max<std::size_t>(1, pool_stages * max_sessions));
  if (!pool) return std::unexpected(std::move(pool.error()));
  engine->pool_ = std::move(*pool);
  for (std::int64_t i = 0; i < plan->executor.shards; ++i) {
    auto stages = make_stages(plan);
    if (!stages) return std::unexpected(std::move(stages.error()));
    auto shard = std::make_unique<ShardThread>();
    shard->shard = std::make_unique<Shard>(*stages, engine->timing_->engines,
                                           engine->timing_->clock, *engine->pool_, max_sessions);
    if (tape != nullptr) {
      tape->shards.push_back(std::make_unique<ShardTape>());
      shard->shard->record_on(*tape->shards.back());
    }
    engine->stages_.push_back(std::move(*stages));
    engine->shards_.push_back(std::move(shard));
  }
  for (std::size_t i = 0; i < engine->shards_.size(); ++i) {
    ShardThread& self = *engine->shards_[i];
    try {
      self.thread = std::thread([&running = *engine, &self, i] { running.run_shard(self, i); });
    } catch (const std::exception& error) {
      return base::fail(base::Code::unavailable,
                        std::string("no thread for a shard: ") + error.what());
    }
  }
  if (auto measured = engine->start_housekeeping(std::move(load)); !measured)
    return std::unexpected(std::move(measured.error()));
  return engine;
}

base::Result<void> Engine::start_housekeeping(LoadSource load) {
  const bool own = !load;
  load_source_ = own ? LoadSource([this] { return read_load(); }) : std::move(load);
  if (!own || !plan_->executor.admission.enabled) return {};
  for (const auto& shard : shards_) shard_clocks_.emplace_back(shard->thread.native_handle());
  pool_clocks_ = pool_->clocks();
  auto thread = rt::Thread::start("housekeeping", [this] {
    while (!stopping_.load(std::memory_order_acquire)) {
      housekeeping_bell_.wait_for(kLoadEvery);
      observe_load();
    }
  });
  if (!thread) return std::unexpected(std::move(thread.error()));
  housekeeping_ = std::move(*thread);
  return {};
}

LoadReading Engine::read_load() const {
  const Totals done = totals();
  LoadReading reading{.at = clock().now(),
                      .inputs = done.shards.inputs,
                      .late = done.shards.late,
                      .decisions = done.shards.decisions};
  for (const rt::ThreadClock& clock : shard_clocks_) reading.shard_cpu += clock.used();
  for (const rt::ThreadClock& clock : pool_clocks_) reading.pool_cpu += clock.used();
  return reading;
}

Engine::~Engine() {
  MR_CHECK(open_.load() == 0, "every session handle is gone before its engine");
  stopping_.store(true, std::memory_order_release);
  housekeeping_bell_.ring();
  housekeeping_.join();  // before the threads whose clocks it reads
  for (const auto& shard : shards_) {
    shard->shard->bell().wake(Wake::command);
    shard->shard->bell().bell().ring();
    if (shard->thread.joinable()) shard->thread.join();
  }
  if (pool_ != nullptr) pool_->stop(std::chrono::seconds(2));
}

base::Result<std::unique_ptr<SessionHandle>> Engine::open(std::string name) {
  const auto max_sessions = static_cast<std::size_t>(plan_->executor.max_sessions);
  if (open_.fetch_add(1, std::memory_order_relaxed) >= max_sessions) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    refused_.fetch_add(1, std::memory_order_relaxed);
    return base::fail(base::Code::overloaded,
                      "all " + std::to_string(max_sessions) +
                          " sessions of executor.max_sessions are open; close one, or raise it",
                      name);
  }
  if (auto admitted = admission_->enter(clock().now(), name); !admitted) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    return std::unexpected(std::move(admitted.error()));
  }
  auto opened = open_admitted(std::move(name));
  if (!opened) {
    open_.fetch_sub(1, std::memory_order_relaxed);
    admission_->leave(clock().now());
  }
  return opened;
}

base::Result<std::unique_ptr<SessionHandle>> Engine::open_admitted(std::string name) {
  const auto least =
      std::min_element(shards_.begin(), shards_.end(), [](const auto& a, const auto& b) {
        return a->sessions.load(std::memory_order_relaxed) <
               b->sessions.load(std::memory_order_relaxed);
      });
  const auto index = static_cast<std::size_t>(least - shards_.begin());
  ShardThread& shard = **least;
  base::Result<void> given;
  {
    const rt::MutexLock lock(provision_mutex_);
    given = provision_.cover(*payloads_, open_.load(std::memory_order_relaxed));
  }
  if (!given) return std::unexpected(std::move(given.error()));
  auto session = make_session({.name = std::move(name),
                               .number = next_number_.fetch_add(1, std::memory_order_relaxed),
                               .stages = stages_[index],
                               .engines = timing_->engines,
                               .payloads = payloads_,
                               .clock = &timing_->clock,
                               .keep_alive = timing_,
                               .bell = shard.shard->shared_bell(),
                               .tapes = job_tapes_,
                               .time = Lane::Time::real});
  if (!session) return std::unexpected(std::move(session.error()));
  shard.sessions.fetch_add(1, std::memory_order_relaxed);
  SessionState* state = session->get();
  std::unique_ptr<SessionHandle> handle(new SessionHandle(*this, std::move(*session), index));
  const bool adopted = shard.shard->adopt(state);
  MR_CHECK(adopted, "the ring of commands has room for every session coming and going");
  return handle;
}

void Engine::run_shard(ShardThread& self, std::size_t index) noexcept {
  rt::platform::name_this_thread("shard-" + std::to_string(index));
  (void)rt::request_priority(rt::Priority::favoured);
  Shard& shard = *self.shard;
  WakeBell& bell = shard.bell();
  const std::int64_t tick = plan_->executor.tick_us * 1000;
  const base::Clock& clock = timing_->clock;
  const auto start = std::chrono::steady_clock::now() - clock.now().since_start;
  Instant last{base::Duration{-1}};
  bool more = false;
  while (!stopping_.load(std::memory_order_acquire)) {
    const Instant now = clock.now();
    const std::uint32_t reasons = bell.reasons();
    if (has(reasons, Wake::control)) {
      bell.take(static_cast<std::uint32_t>(Wake::control));
      shard.control_pass();
      more = true;
    }
    Instant due = shard.next_timer();
    if (more || reasons != 0) {
      // Everything that arrives within a tick is taken by one sweep, at the tick's end.
      const std::int64_t ns = now.since_start.count();
      Instant boundary = tick == 0 ? now : Instant{base::Duration{(ns + tick - 1) / tick * tick}};
      if (tick != 0 && boundary <= last) boundary = last + base::Duration{tick};
      due = std::min(due, boundary);
    }
    if (due > now) {
      const auto forever = now + base::Duration{std::chrono::seconds(1)};
      bell.bell().wait_until(start + std::min(due, forever).since_start);
      if (due > clock.now()) continue;
    }
    bell.take(~std::uint32_t{0} & ~static_cast<std::uint32_t>(Wake::control));
    last = due;
    more = shard.sweep();
  }
}

Engine::Totals Engine::totals() const noexcept {
  Totals totals;
  totals.sessions_refused = refused_.load(std::memory_order_relaxed);
  totals.sessions_unadmitted = admission_->figures().refused;
  for (const auto& self : shards_) {
    const Shard::Stats stats = self->shard->counters();
    totals.shards.sweeps += stats.sweeps;
    totals.shards.inputs += stats.inputs;
    totals.shards.batch_calls += stats.batch_calls;
    totals.shards.batch_works += stats.batch_works;
    totals.shards.late += stats.late;
    totals.shards.decisions += stats.decisions;
    totals.shards.abandoned_lanes += stats.abandoned_lanes;
    totals.shards.controls_unknown += stats.controls_unknown;
    totals.shards.controls_refused += stats.controls_refused;
    totals.wake_ups += self->shard->bell().wake_ups();
  }
  return totals;
}

}  // namespace millrace::engine
