#include "apps/millrace/bench/speculation_reply.hpp"

#include <algorithm>
#include <memory>

#include "apps/millrace/bench/null_control.hpp"
#include "apps/millrace/block_feed.hpp"
#include "apps/millrace/registry.hpp"
#include "apps/millrace/run_options.hpp"
#include "millrace/engine/engine.hpp"
#include "millrace/engine/virtual_runner.hpp"
#include "millrace/manifest/load.hpp"
#include "millrace/rt/doorbell.hpp"

namespace millrace::app {
namespace {

using base::Duration;
using base::Instant;
using base::MediaTime;
using engine::EventType;

constexpr std::int32_t kRateHz = LabelledSpeech::kRateHz;
constexpr std::int64_t kBlockFrames = kRateHz / 50;
// A reply may still be spoken so long after the caller's last word.
constexpr Duration kPatience = std::chrono::seconds(20);

std::string manifest_of(bool eager) {
  return std::string(R"(version: v1
metadata: {name: bench-speculation-reply}
nodes:
  - {id: mic, type: audio_input, params: {rate_hz: 16000}}
  - {id: vad, type: silero_vad}
  - {id: gate, type: speculative_vad_gate, params: {turn: balanced, eager: )") +
         (eager ? "true" : "false") + R"(}}
  - {id: asr, type: moonshine_asr, queue: {capacity: 500, policy: block}}
  - {id: reply, type: reply, params: {default: "I heard: {text}"}}
  - {id: sentences, type: text_collector}
  - {id: tts, type: flite_tts}
  - {id: speaker, type: audio_output, queue: {capacity: 500, policy: block}}
  - {id: transcript, type: text_output}
edges:
  - {from: mic, to: vad}
  - {from: mic, to: gate.audio}
  - {from: vad, to: gate.vad}
  - {from: gate.speculative_audio, to: asr}
  - {from: asr, to: reply}
  - {from: asr, to: transcript}
  - {from: reply, to: sentences}
  - {from: sentences, to: tts}
  - {from: tts.audio, to: speaker}
executor: {pool_threads: 2}
)";
}

/// The block of `speech` from frame `at` on; none at the end.
std::optional<media::Packet> block_at(const LabelledSpeech& speech, std::int64_t at,
                                      rt::PayloadPool& pool) {
  const auto frames = static_cast<std::int64_t>(speech.samples.size());
  if (at >= frames) return std::nullopt;
  const std::int64_t to = std::min(at + kBlockFrames, frames);
  media::Packet packet;
  packet.rate_hz = kRateHz;
  packet.frames = static_cast<std::uint32_t>(to - at);
  packet.from = base::media_time(at, kRateHz);
  packet.to = base::media_time(to, kRateHz);
  packet.payload = pool.acquire(packet.frames * sizeof(float));
  if (!packet.payload) return packet;
  std::copy(speech.samples.begin() + at, speech.samples.begin() + to,
            packet.payload.writable_as<float>().begin());
  return packet;
}

/// A file as the input of a session on the virtual clock.
class SpeechFeed final : public engine::InputFeed {
 public:
  SpeechFeed(const LabelledSpeech& speech, std::uint32_t stage, rt::PayloadPool& pool)
      : speech_(speech), stage_(stage), pool_(pool), next_(block_at(speech, 0, pool)) {}

  [[nodiscard]] Instant due() const noexcept override {
    if (next_) return Instant{next_->to};
    return ended_ ? Instant{Duration::max()} : last_;
  }
  [[nodiscard]] engine::InputPacket take() noexcept override {
    if (!next_) {
      ended_ = true;
      return {stage_, end_of_input()};
    }
    last_ = Instant{next_->to};
    engine::InputPacket input{stage_, std::move(*next_)};
    at_ += kBlockFrames;
    next_ = block_at(speech_, at_, pool_);
    return input;
  }

 private:
  const LabelledSpeech& speech_;
  std::uint32_t stage_;
  rt::PayloadPool& pool_;
  std::optional<media::Packet> next_;
  std::int64_t at_ = 0;
  Instant last_{};
  bool ended_ = false;
};

class WatchTap final : public engine::OutputTap {
 public:
  explicit WatchTap(TurnWatch& watch) : watch_(watch) {}
  void output(const engine::OutputPacket& output) override { watch_.output(output); }
  void event(const engine::Event& event) override { watch_.event(event); }

 private:
  TurnWatch& watch_;
};

/// What one side of a pair (with guesses or without) came to on some files.
struct Side {
  std::vector<SessionTurns> sessions;
  std::uint64_t eagers = 0;
  std::uint64_t withdrawn = 0;
  Duration wasted{0};
  Duration pool_compute{0};
};

void add_session(Side& side, const TurnWatch& watch, Instant begin,
                 const policy::BudgetCounters& budget) {
  side.sessions.push_back({begin, watch.turns()});
  side.eagers += watch.eagers();
  side.withdrawn += watch.withdrawn();
  side.wasted += std::chrono::microseconds(budget.wasted_us);
}

void add_pool_compute(Side& side, const graph::Plan& plan, const engine::Shard& shard) {
  for (const graph::Stage& stage : plan.stages) {
    if (stage.placement != node::Placement::pool) continue;
    const auto sum = shard.stats(stage.index).latency_ever().distribution().sum();
    side.pool_compute += Duration{static_cast<std::int64_t>(sum)};
  }
}

base::Result<void> run_virtual(std::shared_ptr<const graph::Plan> plan,
                               const LabelledSpeech& speech, Side& side) {
  auto runner = engine::VirtualRunner::create(plan, 1);
  if (!runner) return std::unexpected(std::move(runner.error()));
  SpeechFeed feed(speech, *input_stage(*plan), (*runner)->payloads());
  TurnWatch watch(plan->find("speaker")->index);
  WatchTap tap(watch);
  auto session = (*runner)->open("s1", feed, tap);
  if (!session) return std::unexpected(std::move(session.error()));
  (*runner)->run();
  add_session(side, watch, Instant{}, (*session)->budget.counters());
  add_pool_compute(side, *plan, (*runner)->shard());
  return {};
}

/// The files of one block, side by side in real time.
class RealSide {
 public:
  explicit RealSide(std::span<const LabelledSpeech> files) : files_(files) {}

  base::Result<void> run(std::shared_ptr<const graph::Plan> plan, Side& side,
                         const std::function<void()>& progress) {
    if (auto opened = open(plan); !opened) return opened;
    feed(progress);
    for (Fed& fed : sessions_) {
      fed.handle->close();
      drain(fed);
      add_session(side, fed.watch, fed.begin, fed.handle->budget());
    }
    add_pool_compute(side, *plan, engine_->shard(0));
    sessions_.clear();
    return {};
  }

 private:
  struct Fed {
    std::unique_ptr<engine::SessionHandle> handle;
    TurnWatch watch;
    Instant begin{};
    bool told_end = false;
  };

  base::Result<void> open(const std::shared_ptr<const graph::Plan>& plan) {
    source_ = *input_stage(*plan);
    auto engine = engine::Engine::start(plan);
    if (!engine) return std::unexpected(std::move(engine.error()));
    engine_ = std::move(*engine);
    clock_start_ = std::chrono::steady_clock::now() - engine_->clock().now().since_start;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      auto handle = engine_->open("s" + std::to_string(i + 1));
      if (!handle) return std::unexpected(std::move(handle.error()));
      sessions_.push_back(
          {.handle = std::move(*handle), .watch = TurnWatch(plan->find("speaker")->index)});
    }
    const Instant first = engine_->clock().now() + std::chrono::milliseconds(20);
    for (std::size_t i = 0; i < sessions_.size(); ++i)
      sessions_[i].begin = first + std::chrono::milliseconds(5 * static_cast<std::int64_t>(i));
    return {};
  }

  void feed(const std::function<void()>& progress) {
    Instant last_input{};
    for (std::int64_t at = 0;; at += kBlockFrames) {
      const MediaTime until = base::media_time(at + kBlockFrames, kRateHz);
      std::size_t ended = 0;
      for (std::size_t i = 0; i < sessions_.size(); ++i) {
        Fed& fed = sessions_[i];
        sleep_until(fed.begin + Duration{until});
        if (push(fed, files_[i], at)) last_input = engine_->clock().now();
        drain(fed);
        if (fed.handle->ended()) ++ended;
      }
      if (at % (kBlockFrames * 50) == 0) progress();
      if (ended == sessions_.size()) return;
      if (engine_->clock().now() - last_input > kPatience) return;
    }
  }

  bool push(Fed& fed, const LabelledSpeech& speech, std::int64_t at) {
    auto packet = block_at(speech, at, fed.handle->payloads());
    if (packet) {
      packet->due = fed.begin + Duration{packet->to};
      if (packet->payload) (void)fed.handle->push(source_, std::move(*packet));
      return true;
    }
    if (!fed.told_end) fed.told_end = fed.handle->end_input(source_);
    return false;
  }

  static void drain(Fed& fed) {
    engine::Event event;
    while (fed.handle->next_event(event)) fed.watch.event(event);
    engine::OutputPacket output;
    while (fed.handle->next_output(output)) fed.watch.output(output);
  }

  void sleep_until(Instant at) {
    while (engine_->clock().now() < at) bell_.wait_until(clock_start_ + at.since_start);
  }

  std::span<const LabelledSpeech> files_;
  std::uint32_t source_ = 0;
  std::unique_ptr<engine::Engine> engine_;
  std::vector<Fed> sessions_;
  std::chrono::steady_clock::time_point clock_start_;
  rt::Doorbell bell_;
};

void add_pairs(ReplyCounts& counts, const Side& eager, const Side& waiting) {
  counts.eagers += eager.eagers;
  counts.withdrawn += eager.withdrawn;
  counts.wasted += eager.wasted;
  counts.pool_compute += eager.pool_compute;
  for (std::size_t i = 0; i < eager.sessions.size(); ++i) {
    const auto pairs = pair_turns(eager.sessions[i], waiting.sessions[i]);
    counts.turns += eager.sessions[i].turns.size();
    counts.unpaired += eager.sessions[i].turns.size() - pairs.size();
    counts.pairs.insert(counts.pairs.end(), pairs.begin(), pairs.end());
    for (const AnsweredTurn& turn : eager.sessions[i].turns)
      if (turn.held && turn.replied)
        counts.release_us.push_back(static_cast<double>((*turn.replied - turn.ended).count()) /
                                    1e3);
  }
}

}  // namespace

void TurnWatch::event(const engine::Event& event) {
  const std::uint32_t turn = event.lineage.turn.number;
  switch (event.type) {
    case EventType::eager_end_of_turn:
      eager_[{turn, event.lineage.revision}] = event.logged;
      return;
    case EventType::turn_resumed: ++withdrawn_; return;
    case EventType::end_of_turn: {
      AnsweredTurn& ended = turns_[turn];
      ended.at = event.at;
      ended.ended = event.logged;
      const auto guess = eager_.find({turn, event.lineage.revision});
      if (guess != eager_.end()) ended.eager = guess->second;
      return;
    }
    case EventType::output: {
      const auto answered = turns_.find(turn);
      const bool first = answered != turns_.end() && !answered->second.replied;
      if (first && event.stage == speaker_ && event.state == media::PacketState::confirmed)
        answered->second.replied = event.logged;
      return;
    }
    default: return;
  }
}

void TurnWatch::output(const engine::OutputPacket& output) {
  if (output.stage == speaker_)
    queued_.emplace(output.packet.lineage.turn.number, output.packet.enqueued);
}

std::vector<AnsweredTurn> TurnWatch::turns() const {
  std::vector<AnsweredTurn> found;
  for (const auto& [number, turn] : turns_) {
    found.push_back(turn);
    const auto queued = queued_.find(number);
    found.back().held = queued != queued_.end() && queued->second < turn.ended;
  }
  return found;
}

std::optional<Duration> ReplyPair::theory() const {
  if (!hang) return std::nullopt;
  return std::min(*hang, compute);
}

std::vector<ReplyPair> pair_turns(const SessionTurns& eager, const SessionTurns& waiting) {
  std::vector<ReplyPair> pairs;
  for (const AnsweredTurn& ours : eager.turns) {
    const auto theirs = std::find_if(waiting.turns.begin(), waiting.turns.end(),
                                     [&](const AnsweredTurn& turn) { return turn.at == ours.at; });
    if (theirs == waiting.turns.end() || !ours.replied || !theirs->replied) continue;
    ReplyPair pair;
    pair.saving = (*theirs->replied - waiting.begin) - (*ours.replied - eager.begin);
    if (ours.eager) pair.hang = ours.ended - *ours.eager;
    pair.compute = *theirs->replied - theirs->ended;
    pairs.push_back(pair);
  }
  return pairs;
}

base::Result<std::shared_ptr<const graph::Plan>> reply_plan(bool eager) {
  auto spec =
      manifest::load_text(manifest_of(eager), "bench speculation", manifest::process_environment());
  if (!spec) return std::unexpected(std::move(spec.error().front()));
  auto plan = graph::build_plan(*spec, registry());
  if (!plan) return std::unexpected(std::move(plan.error().front()));
  return std::shared_ptr<const graph::Plan>(std::move(*plan));
}

base::Result<ReplyCounts> replies_virtual(std::span<const LabelledSpeech> files,
                                          const std::function<void(std::size_t)>& progress) {
  auto with = reply_plan(true);
  if (!with) return std::unexpected(std::move(with.error()));
  auto without = reply_plan(false);
  if (!without) return std::unexpected(std::move(without.error()));
  Side eager;
  Side waiting;
  for (std::size_t i = 0; i < files.size(); ++i) {
    progress(i);
    if (auto ran = run_virtual(*with, files[i], eager); !ran)
      return std::unexpected(std::move(ran.error()));
    if (auto ran = run_virtual(*without, files[i], waiting); !ran)
      return std::unexpected(std::move(ran.error()));
  }
  ReplyCounts counts;
  add_pairs(counts, eager, waiting);
  return counts;
}

base::Result<ReplyCounts> replies_real(std::span<const LabelledSpeech> files,
                                       const std::function<void(double)>& progress) {
  auto with = reply_plan(true);
  if (!with) return std::unexpected(std::move(with.error()));
  auto without = reply_plan(false);
  if (!without) return std::unexpected(std::move(without.error()));
  ReplyCounts counts;
  metrics::Histogram null;
  const base::RealClock clock;
  const auto tell = [&] {
    progress(std::chrono::duration<double>(clock.now().since_start).count());
  };
  const std::size_t half = (files.size() + 1) / 2;
  for (std::size_t block = 0; block < 2; ++block) {
    const auto part = files.subspan(block * half, block == 0 ? half : files.size() - half);
    if (part.empty()) continue;
    Side eager;
    Side waiting;
    for (int turn = 0; turn < 2; ++turn) {
      const bool now_eager = (turn == 0) == (block == 0);
      if (auto done = run_null_control(std::chrono::seconds(1), null); !done)
        return std::unexpected(std::move(done.error()));
      auto ran =
          RealSide(part).run(now_eager ? *with : *without, now_eager ? eager : waiting, tell);
      if (!ran) return std::unexpected(std::move(ran.error()));
    }
    add_pairs(counts, eager, waiting);
  }
  counts.null = null.distribution();
  return counts;
}

}  // namespace millrace::app
