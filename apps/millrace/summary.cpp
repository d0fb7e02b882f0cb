#include "apps/millrace/summary.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "millrace/base/printable.hpp"

namespace millrace::app {

using base::MediaTime;
using engine::Event;
using engine::EventType;

namespace {

// Sessions whose utterances are listed one by one; of more, only the totals are shown.
constexpr std::size_t kListed = 4;
constexpr std::size_t kTextShown = 48;

double ms(MediaTime t) {
  return static_cast<double>(t.count()) / 1000.0;
}
double ms(base::Duration d) {
  return static_cast<double>(d.count()) / 1e6;
}
double us(std::uint64_t ns) {
  return static_cast<double>(ns) / 1000.0;
}

// Cuts at a character, not inside one (UTF-8 continuation bytes are 10xxxxxx).
std::string shortened(const std::string& text) {
  if (text.size() <= kTextShown) return text;
  std::size_t end = kTextShown;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

std::size_t SessionSummary::count(char outcome) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(utterances_.begin(), utterances_.end(),
                    [&](const Utterance& utterance) { return utterance.outcome == outcome; }));
}

SessionSummary::Utterance* SessionSummary::find(std::uint32_t segment) noexcept {
  for (auto it = utterances_.rbegin(); it != utterances_.rend(); ++it)
    if (it->segment == segment) return &*it;
  return nullptr;
}

void SessionSummary::add(const Event& event, const graph::Plan& plan) {
  switch (event.type) {
    case EventType::speculation_started:
      utterances_.push_back({.segment = event.segment.number,
                             .outcome = '?',
                             .from = event.from,
                             .to = event.from,
                             .decided = std::nullopt,
                             .started = event.at_media});
      break;
    case EventType::speculation_confirmed:
      if (Utterance* utterance = find(event.segment.number)) {
        utterance->outcome = '+';
        utterance->decided = event.at_media;
      }
      break;
    case EventType::speculation_cancelled:
      if (Utterance* utterance = find(event.segment.number)) {
        utterance->outcome = '-';
        utterance->decided = event.at_media;
        utterance->to = event.to;
      }
      break;
    case EventType::speech_ended:
      if (!utterances_.empty()) utterances_.back().to = event.at;
      break;
    case EventType::interrupt: ++interruptions_; break;
    case EventType::output:
      if (event.kind == media::PacketKind::text && event.final) {
        const auto chars = event.body.as<char>();
        const base::TurnId turn = event.lineage.turn ? event.lineage.turn : event.about_turn;
        words_.push_back(
            {turn.number, plan.stages[event.stage].id, std::string(chars.data(), chars.size())});
      }
      break;
    case EventType::turn: {
      Turn turn{.turn = event.lineage.turn.number,
                .revision = event.lineage.revision,
                .total = event.total,
                .endpoint_wait = {},
                .unattributed = event.total,
                .parts = {}};
      for (const metrics::PartTime& part : event.body.as<metrics::PartTime>()) {
        turn.unattributed -= part.spent;
        if (part.id.part == metrics::TurnPart::endpoint_wait) {
          turn.endpoint_wait = part.spent;
          continue;
        }
        std::string name(metrics::name(part.id.part));
        if (part.id.part == metrics::TurnPart::compute) name = plan.stages[part.id.node].id;
        turn.parts.emplace_back(std::move(name), part.spent);
      }
      turns_.push_back(std::move(turn));
      break;
    }
    case EventType::failed: {
      const auto chars = event.body.as<char>();
      failures_.push_back(plan.stages[event.stage].id + ": " +
                          std::string(chars.data(), chars.size()));
      break;
    }
    default: break;
  }
}

namespace {

using Counts = std::vector<std::pair<std::string, std::uint64_t>>;

void add_count(Counts& counts, std::string_view name, std::uint64_t count) {
  if (count == 0) return;
  const auto known = std::find_if(counts.begin(), counts.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  if (known == counts.end()) {
    counts.emplace_back(name, count);
  } else {
    known->second += count;
  }
}

std::string listed(const Counts& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}", name, count);
  }
  return text;
}

void add_cost(StageFigures& to, const graph::Stage& stage, const metrics::NodeStats& stats) {
  const std::uint64_t calls = stats.calls();
  if (calls > 0) {
    const auto before = static_cast<double>(to.calls);
    const auto more = static_cast<double>(calls);
    to.avg_us = (to.avg_us * before + stats.avg_processing_us() * more) / (before + more);
    to.calls += calls;
  }
  if (!stage.batching) return;
  to.strategy = manifest::name(stage.batching->merge.kind);
  if (stage.batching->custom != nullptr) to.strategy += " " + stage.batching->custom->name;
  to.batches += stats.batches();
  to.batched += stats.batched();
  to.batch_max = std::max(to.batch_max, stats.batch_size_max());
  const metrics::BatchCost cost = stats.cost();
  if (cost.runs > to.cost.runs) to.cost = cost;
}

}  // namespace

void add_figures(std::vector<StageFigures>& figures, const graph::Plan& plan,
                 const engine::Shard& shard) {
  figures.resize(plan.stages.size());
  for (const graph::Stage& stage : plan.stages) {
    const metrics::NodeStats& stats = shard.stats(stage.index);
    StageFigures& to = figures[stage.index];
    to.node = stage.id;
    if (stats.in() >= to.in) {
      const metrics::Distribution latency = stats.latency_ever().distribution();
      to.p50_ns = latency.quantile(0.50);
      to.p95_ns = latency.quantile(0.95);
      to.p99_ns = latency.quantile(0.99);
    }
    to.in += stats.in();
    add_cost(to, stage, stats);
    to.queue_max = std::max(to.queue_max, stats.queue_depth_max());
    for (std::size_t reason = 0; reason < base::kDropReasons; ++reason) {
      const auto which = static_cast<base::DropReason>(reason);
      add_count(to.dropped, base::name(which), stats.dropped(which));
    }
    to.merged += stats.merged();
    to.kept_separate += stats.kept_separate();
    to.merges_failed += stats.merges_failed();
    to.deadline_warnings += stats.deadline_warnings();
    for (std::size_t action = 0; action < policy::kGiveUps; ++action)
      add_count(to.given_up, policy::name(static_cast<policy::GiveUp>(action)),
                stats.given_up(action));
  }
}

namespace {

void add_utterances(std::string& out, const SessionSummary& session) {
  auto line = std::back_inserter(out);
  fmt::format_to(line, "\nsession {}\n", session.name());
  if (!session.utterances().empty()) {
    fmt::format_to(line, "  {:>7}  {:>15}  {:<11} {:>18}\n", "segment", "audio (s)", "speculation",
                   "gain over waiting");
    for (const SessionSummary::Utterance& utterance : session.utterances()) {
      const char* outcome = utterance.outcome == '+'   ? "confirmed"
                            : utterance.outcome == '-' ? "cancelled"
                                                       : "open";
      const double from = ms(utterance.from) / 1000.0;
      const double to = ms(utterance.to) / 1000.0;
      std::string gain = "-";
      if (utterance.outcome == '+' && utterance.decided)
        gain = fmt::format("{:.0f} ms", ms(*utterance.decided - utterance.started));
      fmt::format_to(line, "  {:>7}  {:>6.2f} - {:>6.2f}  {:<11} {:>18}\n", utterance.segment, from,
                     to, outcome, gain);
    }
  }
  for (const SessionSummary::Words& words : session.words())
    fmt::format_to(line, "  turn {:>2}  {}: {}\n", words.turn, words.node,
                   base::printable(shortened(words.text)));
  for (const SessionSummary::Turn& turn : session.turns()) {
    fmt::format_to(line, "  turn {:>2}  end of speech to reply {:.1f} ms = endpoint wait {:.1f}",
                   turn.turn, ms(turn.total), ms(turn.endpoint_wait));
    for (const auto& [name, time] : turn.parts)
      if (time >= std::chrono::microseconds(50))
        fmt::format_to(line, " + {} {:.1f}", name, ms(time));
    fmt::format_to(line, " + unattributed {:.1f}\n", ms(turn.unattributed));
  }
  if (session.interruptions() > 0)
    fmt::format_to(line, "  {} interruptions\n", session.interruptions());
  for (const std::string& failure : session.failures())
    fmt::format_to(line, "  failed  {}\n", base::printable(failure));
}

void add_totals(std::string& out, const std::vector<SessionSummary>& sessions) {
  std::size_t confirmed = 0;
  std::size_t cancelled = 0;
  std::size_t failures = 0;
  std::vector<double> gains;
  std::vector<double> replies;
  for (const SessionSummary& session : sessions) {
    confirmed += session.confirmed();
    cancelled += session.cancelled();
    failures += session.failures().size();
    for (const SessionSummary::Utterance& utterance : session.utterances())
      if (utterance.outcome == '+' && utterance.decided)
        gains.push_back(ms(*utterance.decided - utterance.started));
    for (const SessionSummary::Turn& turn : session.turns()) replies.push_back(ms(turn.total));
  }
  const auto median = [](std::vector<double>& values) {
    if (values.empty()) return 0.0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
  };
  auto line = std::back_inserter(out);
  fmt::format_to(line, "\nin all   {} segments confirmed, {} cancelled", confirmed, cancelled);
  if (!gains.empty()) fmt::format_to(line, "; median gain {:.0f} ms", median(gains));
  if (!replies.empty())
    fmt::format_to(line, "; {} replies, median {:.0f} ms after the end of speech", replies.size(),
                   median(replies));
  if (failures > 0) fmt::format_to(line, "; {} failures", failures);
  out += '\n';
}

void add_stages(std::string& out, const std::vector<StageFigures>& stages) {
  auto line = std::back_inserter(out);
  fmt::format_to(line, "\n{:<16} {:>10} {:>9} {:>9} {:>9} {:>9}  {}\n", "node", "packets", "P50 us",
                 "P95 us", "P99 us", "queue max", "dropped");
  for (const StageFigures& stage : stages) {
    const std::string dropped = listed(stage.dropped);
    fmt::format_to(line, "{:<16} {:>10} {:>9.0f} {:>9.0f} {:>9.0f} {:>9}  {}\n", stage.node,
                   stage.in, us(stage.p50_ns), us(stage.p95_ns), us(stage.p99_ns), stage.queue_max,
                   dropped.empty() ? "0" : dropped);
  }
  for (const StageFigures& stage : stages) {
    Counts merges;
    add_count(merges, "joined in a full queue", stage.merged);
    add_count(merges, "kept separate", stage.kept_separate);
    add_count(merges, "merges failed", stage.merges_failed);
    if (!merges.empty()) fmt::format_to(line, "{}: {}\n", stage.node, listed(merges));
  }
  for (const StageFigures& stage : stages) {
    if (stage.deadline_warnings == 0 && stage.given_up.empty()) continue;
    const std::string given_up = listed(stage.given_up);
    fmt::format_to(line, "{}: {} inputs would be late; given up: {}\n", stage.node,
                   stage.deadline_warnings, given_up.empty() ? "nothing" : given_up);
  }
}

void add_costs(std::string& out, const std::vector<StageFigures>& stages) {
  if (std::none_of(stages.begin(), stages.end(),
                   [](const StageFigures& stage) { return stage.calls > 0; }))
    return;
  auto line = std::back_inserter(out);
  fmt::format_to(line, "\n{:<16} {:>10} {:>10} {:>8} {:>6} {:>4} {:>9} {:>9} {:>6}  {}\n", "cost",
                 "calls", "avg us", "batches", "inputs", "max", "a us", "c us", "runs", "merge");
  for (const StageFigures& stage : stages) {
    if (stage.calls == 0) continue;
    fmt::format_to(line, "{:<16} {:>10} {:>10.1f}", stage.node, stage.calls, stage.avg_us);
    if (stage.strategy.empty()) {
      fmt::format_to(line, " {:>8} {:>6} {:>4} {:>9} {:>9} {:>6}  -\n", "-", "-", "-", "-", "-",
                     "-");
      continue;
    }
    const double mean = stage.batches == 0 ? 0.0
                                           : static_cast<double>(stage.batched) /
                                                 static_cast<double>(stage.batches);
    const bool known = stage.cost.identified;
    fmt::format_to(line, " {:>8} {:>6.2f} {:>4} {:>9} {:>9} {:>6}  {}\n", stage.batches, mean,
                   stage.batch_max, known ? fmt::format("{:.0f}", stage.cost.fixed_us) : "-",
                   known ? fmt::format("{:.0f}", stage.cost.per_input_us) : "-", stage.cost.runs,
                   stage.strategy);
  }
}

}  // namespace

std::string summary_text(const std::vector<SessionSummary>& sessions,
                         const std::vector<StageFigures>& stages, const RunFigures& run) {
  std::string out;
  if (sessions.size() <= kListed)
    for (const SessionSummary& session : sessions) add_utterances(out, session);
  add_totals(out, sessions);
  add_stages(out, stages);
  add_costs(out, stages);
  auto line = std::back_inserter(out);
  const std::string played = run.text_lines ? fmt::format("{} lines of text", *run.text_lines)
                                            : fmt::format("{:.1f} s of audio", run.audio_seconds);
  fmt::format_to(line, "\n{} session{}, {} in {:.1f} s", run.sessions, run.sessions == 1 ? "" : "s",
                 played, run.wall_seconds);
  if (run.virtual_time) {
    fmt::format_to(line, " (virtual time: latencies above are simulated, not measured)\n");
    return out;
  }
  const double cores = run.wall_seconds > 0.0 ? run.cpu_seconds / run.wall_seconds : 0.0;
  fmt::format_to(line, "; load {:.2f} cores", cores);
  if (!run.text_lines && run.audio_seconds > 0.0)
    fmt::format_to(line, ", {:.1f} CPU s per session-hour",
                   run.cpu_seconds / run.audio_seconds * 3600.0);
  fmt::format_to(
      line, ", {:.0f} wake-ups/s\n",
      run.wall_seconds > 0.0 ? static_cast<double>(run.wake_ups) / run.wall_seconds : 0.0);
  if (run.decisions > 0)
    fmt::format_to(
        line, "frame due to gate decision: P50 {:.2f} ms, P99 {:.2f} ms over {} windows\n",
        us(run.decision_p50_ns) / 1000.0, us(run.decision_p99_ns) / 1000.0, run.decisions);
  fmt::format_to(line,
                 "late decisions (over 20 ms) {}, frames refused at the door {}, events lost {}\n",
                 run.late, run.refused, run.events_lost);
  if (run.sessions_refused + run.sessions_unadmitted > 0)
    fmt::format_to(line, "sessions refused {} (all places taken), {} (overload)\n",
                   run.sessions_refused, run.sessions_unadmitted);
  if (run.allocations) fmt::format_to(line, "allocations on the audio path {}\n", *run.allocations);
  return out;
}

}  // namespace millrace::app
