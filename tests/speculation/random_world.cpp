#include "tests/speculation/random_world.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

namespace millrace::testing {

using base::Rng;

namespace {

constexpr std::array<std::string_view, 5> kPolicies{"drop_oldest", "drop_newest", "block",
                                                    "merge_on_overflow", "latest_only"};

/// Writes nodes and edges down; every stage it adds has the audio or text of the one before.
class Writer {
 public:
  explicit Writer(Rng& rng) : rng_(rng) {}

  std::string add(std::string_view type, std::string extra = {}, bool queued = true) {
    const std::string id = "n" + std::to_string(next_++);
    nodes_ += "  - {id: " + id + ", type: " + std::string(type);
    if (queued) nodes_ += queue();
    if (!extra.empty()) nodes_ += ", " + extra;
    nodes_ += "}\n";
    return id;
  }
  void edge(const std::string& from, const std::string& to) {
    edges_ += "  - {from: " + from + ", to: " + to + "}\n";
  }
  std::string cost() {
    if (rng_.below(3) == 0) return {};
    return "capabilities: {virtual_cost: {first_us: " + std::to_string(rng_.below(30'000)) +
           ", per_unit_us: " + std::to_string(rng_.below(2'000)) + "}}";
  }
  /// As cost(), or behind the wrapper, where it runs with other sessions.
  std::string cost_together() {
    if (rng_.below(2) == 0) return cost();
    return "capabilities: {parallelizable: false, batch_aware: true, virtual_cost: {first_us: " +
           std::to_string(rng_.below(60'000)) +
           ", per_session_us: " + std::to_string(rng_.below(20'000)) + "}}";
  }
  std::string release() { return rng_.below(3) == 0 ? "release: speculative" : ""; }

  [[nodiscard]] std::string text() const {
    return "version: v1\nnodes:\n  - {id: mic, type: source}\n"
           "  - {id: gate, type: scripted_gate, queue: {policy: block, capacity: 8}}\n" +
           nodes_ + "edges:\n  - {from: mic, to: gate}\n" + edges_;
  }

 private:
  std::string queue() {
    if (rng_.below(4) == 0) return {};
    std::string text = ", queue: {policy: " + std::string(kPolicies[rng_.below(kPolicies.size())]);
    text += ", capacity: " + std::to_string(2 + rng_.below(rng_.below(2) == 0 ? 4 : 40));
    if (rng_.below(5) == 0) text += ", max_bytes: " + std::to_string(200 + rng_.below(4'000));
    if (rng_.below(6) == 0) text += ", max_age_ms: " + std::to_string(1 + rng_.below(400));
    return text + "}";
  }

  Rng& rng_;
  int next_ = 0;
  std::string nodes_;
  std::string edges_;
};

std::string audio_stage(Rng& rng, Writer& out, const std::string& from) {
  constexpr std::array<std::string_view, 4> kTypes{"pass", "pool_pass", "twice", "pool_pass"};
  const std::string_view type = kTypes[rng.below(kTypes.size())];
  const std::string id = out.add(type, type == "pool_pass" ? out.cost() : "");
  out.edge(from, id);
  return id;
}

std::string chain(Rng& rng, Writer& out, std::string from, std::uint64_t longest) {
  for (std::uint64_t i = rng.below(longest + 1); i > 0; --i) from = audio_stage(rng, out, from);
  return from;
}

std::string diamond(Rng& rng, Writer& out, const std::string& from) {
  const std::string left = chain(rng, out, audio_stage(rng, out, from), 1);
  const std::string right = chain(rng, out, audio_stage(rng, out, from), 1);
  const std::string join = out.add("join");
  out.edge(left, join + ".a");
  out.edge(right, join + ".b");
  return join;
}

std::string feedback(Writer& out, const std::string& from) {
  const std::string loop = out.add("loop");
  const std::string echo = out.add("pass");
  out.edge(from, loop + ".in");
  out.edge(loop, echo);
  out.edge(echo, loop + ".back");
  return echo;
}

void audio_sink(Rng& rng, Writer& out, const std::string& from) {
  out.edge(from, out.add(rng.below(3) == 0 ? "paced_sink" : "sink", out.release()));
}

void dialogue(Rng& rng, Writer& out, const std::string& from) {
  const std::string asr = out.add("answer", out.cost_together());
  out.edge(from, asr);
  std::string words = asr;
  if (rng.below(2) == 0) {
    words = out.add(rng.below(2) == 0 ? "text_pass" : "pool_text");
    out.edge(asr, words);
  }
  const std::string tts =
      out.add("speak", "params: {pieces: " + std::to_string(1 + rng.below(12)) + "}");
  out.edge(words, tts);
  audio_sink(rng, out, rng.below(2) == 0 ? chain(rng, out, tts, 1) : tts);
  if (rng.below(2) == 0) out.edge(asr, out.add("text_sink", out.release()));
}

media::Packet spoken(base::MediaTime from, GateCommand command, int tag) {
  const std::array<float, 32> samples{static_cast<float>(command), static_cast<float>(tag)};
  media::Packet packet;
  packet.rate_hz = 16'000;
  packet.frames = 32;
  packet.from = from;
  packet.to = from + base::MediaTime{2'000};
  packet.payload = rt::Payload::copy_of(std::as_bytes(std::span(samples)));
  return packet;
}

/// What the gate will be in when it has followed the script so far.
struct Told {
  bool open = false;
  bool confirmed = false;
  bool turn = false;
};

GateCommand next_command(Rng& rng, Caller caller, Told& told) {
  const std::uint64_t r = rng.below(100);
  if (!told.open) {
    if (caller == Caller::dialogue && r < 60) return GateCommand::pass;
    if (caller != Caller::flood && r >= 90 && told.turn) {
      told = {};
      return r >= 96 ? GateCommand::end_turn : GateCommand::interrupt;
    }
    if (caller == Caller::mixed && r >= 80) return GateCommand::resume;
    told.open = told.turn = true;
    return GateCommand::open;
  }
  if (!told.confirmed) {
    const std::uint64_t cancel = caller == Caller::flood ? 85 : 30;
    if (r < cancel) {
      told.open = false;
      return GateCommand::cancel;
    }
    if (r >= 90) {
      told.confirmed = true;
      return GateCommand::confirm;
    }
    return caller == Caller::dialogue && r > 85 ? GateCommand::eager : GateCommand::pass;
  }
  if (r < 30) return GateCommand::pass;
  if (r < 55) return GateCommand::eager;
  if (r < 75) return GateCommand::resume;
  if (r < 80) return GateCommand::interrupt;
  told.open = told.confirmed = false;
  if (r < 88) return GateCommand::close;
  told.turn = false;
  return GateCommand::end_turn;
}

}  // namespace

std::string random_manifest(Rng& rng) {
  Writer out(rng);
  const std::uint64_t branches = 1 + rng.below(2);
  for (std::uint64_t i = 0; i < branches; ++i) {
    std::string at = "gate";
    switch (rng.below(5)) {
      case 0: at = diamond(rng, out, at); break;
      case 1: at = feedback(out, at); break;
      case 2: break;
      default: at = chain(rng, out, at, 3); break;
    }
    if (rng.below(3) == 0) {
      audio_sink(rng, out, at);
    } else {
      dialogue(rng, out, at);
    }
  }
  constexpr std::array<int, 4> kTicks{1000, 1000, 0, 5000};
  return out.text() + "executor: {pool_threads: " + std::to_string(1 + rng.below(4)) +
         ", tick_us: " + std::to_string(kTicks[rng.below(kTicks.size())]) + "}\n" +
         "speculation: {max_speculative_turns_per_minute: " + (rng.below(8) == 0 ? "3" : "100000") +
         ", max_wasted_ms_per_minute: 60000}\n";
}

void write_random_script(Rng& rng, ScriptFeed& feed, std::uint32_t mic, int packets, Caller caller,
                         int tag) {
  Told told;
  base::MediaTime at{0};
  for (int i = 0; i < packets; ++i) {
    const GateCommand command = next_command(rng, caller, told);
    media::Packet packet = spoken(at, command, tag);
    at = packet.to;
    feed.add(base::Instant{at}, mic, std::move(packet));
    // Callers breathe: what was made for them gets a chance to leave.
    if (caller != Caller::flood && rng.below(20) == 0)
      at += std::chrono::milliseconds(rng.below(300));
  }
  if (told.open)
    feed.add(base::Instant{at}, mic,
             spoken(at, told.confirmed ? GateCommand::close : GateCommand::confirm, tag));
  feed.end(mic);
}

media::Control random_control(Rng& rng, const engine::SessionState& session) {
  const policy::SpeculationLedger& ledger = session.shared->ledger;
  constexpr std::array<media::ControlType, 8> kTypes{
      media::ControlType::cancel_speculation, media::ControlType::cancel_speculation,
      media::ControlType::cancel_speculation, media::ControlType::confirm_speculation,
      media::ControlType::interrupt,          media::ControlType::custom,
      media::ControlType::batch_hint,         media::ControlType::end_of_turn};
  media::Control control;
  control.type = kTypes[rng.below(kTypes.size())];
  // The segment that is open now, one of the last few, or one that was never given out.
  const std::uint32_t last = ledger.last_segment().number;
  const auto back = static_cast<std::uint32_t>(rng.below(4));
  control.segment = {rng.below(8) == 0 ? last + 1 + back : last - std::min(back, last)};
  if (control.type == media::ControlType::interrupt && rng.below(2) == 0)
    control.turn = {static_cast<std::uint32_t>(rng.below(ledger.last_turn().number + 3))};
  if (rng.below(4) == 0) {
    control.from = base::MediaTime{static_cast<std::int64_t>(rng.below(2'000))};
    control.to = base::MediaTime{static_cast<std::int64_t>(rng.below(2'000))};
  }
  control.id = rng.below(3) == 0 ? 1 + rng.below(20) : 0;
  return control;
}

namespace {

/// Where the packets of a session that does not end stand.
std::string what_waits(const engine::SessionState& session) {
  std::string text = session.name + " waits:";
  for (std::size_t e = 0; e < session.queues.size(); ++e) {
    const engine::EdgeQueue& queue = session.queues[e];
    if (queue.empty()) continue;
    const graph::Edge& edge = session.plan->edges[e];
    text += " " + session.plan->stages[edge.from].id + "->" + session.plan->stages[edge.to].id +
            " " + std::to_string(queue.size()) + "+" +
            std::to_string(queue.config().markers - queue.marker_room()) + "m";
  }
  for (const graph::Stage& stage : session.plan->stages) {
    const engine::Slot& slot = session.slots[stage.index];
    text += " " + stage.id + (slot.ended ? ":ended" : ":open");
    if (slot.has_result) text += ":result";
    if (slot.lane != nullptr && !slot.lane->idle()) text += ":busy";
    if (!slot.arrivals.empty()) text += ":arrivals " + std::to_string(slot.arrivals.size());
  }
  return text;
}

}  // namespace

std::vector<std::string> broken_in(VirtualWorld& world) {
  std::vector<std::string> broken = world.broken();
  const auto& sessions = world.runner().sessions();
  for (std::size_t s = 0; s < sessions.size(); ++s) {
    if (!sessions[s]->ended.load()) broken.push_back(what_waits(*sessions[s]));
    const policy::SpeculationLedger& ledger = sessions[s]->shared->ledger;
    for (std::uint32_t n = 1; n <= ledger.last_segment().number; ++n)
      if (ledger.state({n}) == policy::SegmentState::speculative)
        broken.push_back("I6: segment " + std::to_string(n) + " of session " + std::to_string(s) +
                         " never ended");
    const CheckedTap& tap = world.tap(s);
    for (const engine::OutputPacket& output : tap.outputs) {
      const auto samples = output.packet.samples();
      // What `speak` says is 0.25 throughout; everything else carries its session's tag.
      if (output.packet.kind != media::PacketKind::audio || samples.size() < 2) continue;
      const bool own = samples[1] == static_cast<float>(s + 1) || samples[1] == 0.25F;
      if (!own) broken.push_back("I10: session " + std::to_string(s) + " heard another");
    }
  }
  return broken;
}

std::uint64_t seed_of_run(std::uint64_t otherwise) {
  const char* given = std::getenv("MILLRACE_SEED");
  const std::uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 0) : otherwise;
  std::printf("seed %llu (MILLRACE_SEED repeats it)\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace millrace::testing
