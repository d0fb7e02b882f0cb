#include "apps/millrace/bench/speculation_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "apps/millrace/bench/latency_report.hpp"

namespace millrace::app {
namespace {

using Json = nlohmann::ordered_json;

// What the goal of the issue asks for, to be found on the curve.
constexpr std::int64_t kGoalEndMs = 200;
constexpr double kGoalGainUs = 100'000.0;

double rounded(double value, double digits) {
  return std::round(value * digits) / digits;
}

Json number(const std::optional<double>& value, double digits) {
  return value ? Json(rounded(*value, digits)) : Json(nullptr);
}

Json interval(const std::optional<Interval>& value, double digits) {
  if (!value) return nullptr;
  return Json::array({rounded(value->low, digits), rounded(value->high, digits)});
}

Json quantile_us(const metrics::Distribution& all, double q) {
  if (all.count() == 0) return nullptr;
  return rounded(static_cast<double>(all.quantile(q)) / 1000.0, 10.0);
}

Json fraction(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return nullptr;
  return rounded(static_cast<double>(part) / static_cast<double>(whole), 1e4);
}

/// The figures as they are gathered, with what is to be said about them.
class Figures {
 public:
  Json& operator[](const char* name) { return out_[name]; }
  void note(const std::string& name, std::string what) { notes_[name] = std::move(what); }
  /// `name` was not measured.
  void missing(const std::string& name, std::string why) {
    out_[name] = nullptr;
    stubs_.push_back(name);
    note(name, std::move(why));
  }
  /// A P99 below the samples that a claim needs says so.
  void p99(const std::string& name, const metrics::Distribution& all, const std::string& what) {
    if (all.count() == 0) return missing(name, "nothing to be timed happened");
    out_[name] = quantile_us(all, 0.99);
    note(name, fmt::format("{}; rests on {} samples{}", what, all.count(),
                           all.count() < kSamplesForP99
                               ? fmt::format(", a claim needs {}", kSamplesForP99)
                               : ""));
  }
  Json take() {
    out_["stubs"] = std::move(stubs_);
    out_["notes"] = std::move(notes_);
    return std::move(out_);
  }

 private:
  Json out_;
  Json stubs_ = Json::array();
  Json notes_ = Json::object();
};

Json onset_json(const OnsetCounts& onsets) {
  Json out;
  out["condition"] = onsets.condition;
  out["segments"] = onsets.confirmed + onsets.cancelled;
  out["cancelled"] = onsets.cancelled;
  out["cancelled_fraction"] = fraction(onsets.cancelled, onsets.confirmed + onsets.cancelled);
  out["utterances"] = onsets.utterances;
  out["pairs"] = onsets.gains_us.size();
  out["gain_p5_us"] = number(quantile(onsets.gains_us, 0.05), 1.0);
  out["gain_p50_us"] = number(quantile(onsets.gains_us, 0.50), 1.0);
  out["gain_ci_us"] = interval(bootstrap_median(onsets.gains_us), 1.0);
  return out;
}

void add_onsets(Figures& out, const SpeculationCounts& counts) {
  if (counts.onsets.empty()) {
    for (const char* name : {"onset_segments", "onset_cancelled_fraction", "onset_gain_p50_us"})
      out.missing(name, "this part was not run");
    return;
  }
  std::uint64_t segments = 0;
  std::uint64_t cancelled = 0;
  std::vector<double> gains;
  Json conditions = Json::array();
  for (const OnsetCounts& onsets : counts.onsets) {
    segments += onsets.confirmed + onsets.cancelled;
    cancelled += onsets.cancelled;
    gains.insert(gains.end(), onsets.gains_us.begin(), onsets.gains_us.end());
    conditions.push_back(onset_json(onsets));
  }
  out["onset_segments"] = segments;
  out["onset_cancelled_fraction"] = fraction(cancelled, segments);
  out["onset_gain_p50_us"] = number(quantile(gains, 0.5), 1.0);
  out["onset_conditions"] = std::move(conditions);
  out.note("onset_gain_p50_us",
           "virtual clock, paired by utterance: t0 audio begins to flow from speculative_vad_gate, "
           "t1 from vad_gate, on the same decisions of the VAD");
}

Json point_json(const TurnPoint& point) {
  const TurnFile all = point.sum();
  Json out;
  out["eager_silence_ms"] = point.setting.eager_silence_ms;
  out["threshold"] = point.setting.threshold;
  out["negative_threshold"] = point.setting.negative_threshold;
  out["end_of_turn_ms"] = point.setting.end_of_turn_ms;
  out["turn_model"] = point.setting.turn_model;
  out["gain_p50_us"] = number(quantile(all.gains_us, 0.5), 1.0);
  out["cancelled_fraction"] = number(point.cancelled_fraction(), 1e4);
  out["ci"] = interval(point.cancelled_interval(), 1e4);
  out["gain_ci_us"] = interval(point.gain_interval(), 1.0);
  out["gain_over_fixed_p50_us"] = number(quantile(all.fixed_gains_us, 0.5), 1.0);
  out["eagers"] = all.eagers;
  out["ended"] = all.ended;
  out["ended_early_fraction"] = fraction(all.ended_early, all.ended);
  out["end_wait_p50_us"] = number(quantile(all.waits_us, 0.5), 1.0);
  return out;
}

void add_curve(Figures& out, const SpeculationCounts& counts) {
  if (counts.curve.empty()) return out.missing("eot_curve", "this part was not run");
  Json curve = Json::array();
  for (const TurnPoint& point : counts.curve) curve.push_back(point_json(point));
  out["eot_curve"] = std::move(curve);
  out["eot_files"] = counts.files;
  out["eot_turns"] = counts.turns;
  out["eot_audio_s"] = rounded(counts.audio_s, 10.0);
  out["eot_verdicts"] = counts.verdicts;
  const TurnPoint* best = best_point(counts.curve, kGoalEndMs, kGoalGainUs, false);
  const TurnPoint* stock = best_point(counts.curve, kGoalEndMs, kGoalGainUs, true);
  out["eot_goal_point"] = best != nullptr ? point_json(*best) : Json(nullptr);
  out["eot_goal_point_stock"] = stock != nullptr ? point_json(*stock) : Json(nullptr);
  out.note("eot_curve",
           "virtual clock; gain: t0 the guess that stood, t1 the end of its turn; "
           "cancelled_fraction: guesses withdrawn over guesses; ci: bootstrap 95 % of it over "
           "files; gain_over_fixed: to where the silence would have lasted end_of_turn_ms");
  out.note("eot_goal_point",
           fmt::format("the point with the fewest guesses withdrawn of those with end_of_turn_ms "
                       "{} and a median gain of {} ms or more; chosen after the fact from all "
                       "points, on the files it is told for",
                       kGoalEndMs, kGoalGainUs / 1000.0));
}

Json cancel_json(const CancelCounts& counts) {
  Json out;
  out["phase"] = name(counts.pattern);
  out["sessions"] = counts.sessions;
  out["cancels"] = counts.cancels;
  out["interrupts"] = counts.interrupts;
  out["not_applied"] = counts.not_applied;
  for (const auto& [label, all] :
       {std::pair{"cancel_to_silence", &counts.silence},
        std::pair{"asked_to_silence", &counts.asked},
        std::pair{"confirm_to_release", &counts.release}, std::pair{"null", &counts.null},
        std::pair{"sweep", &counts.sweep}, std::pair{"longest_stage", &counts.stage}})
    for (const auto& [suffix, q] : {std::pair{"p50", 0.5}, std::pair{"p95", 0.95},
                                    std::pair{"p99", 0.99}, std::pair{"max", 1.0}})
      out[fmt::format("{}_{}_us", label, suffix)] = quantile_us(*all, q);
  out["longest_stage"] = counts.longest_stage;
  out["tick_us"] = base::to_us(counts.tick);
  out["packets"] = counts.packets;
  out["flushed"] = counts.flushed;
  out["stale"] = counts.stale;
  out["unmatched"] = counts.unmatched;
  out["events_lost"] = counts.events_lost;
  out["blocks_refused"] = counts.refused;
  return out;
}

void add_cancels(Figures& out, const SpeculationCounts& counts) {
  if (counts.cancels.empty()) {
    for (const char* name : {"release_overhead_p99_us", "cancel_to_silence_p99_us",
                             "asked_to_silence_p99_us", "null_p99_us", "stale_packets"})
      out.missing(name, "this part was not run");
    return;
  }
  metrics::Distribution silence;
  metrics::Distribution asked;
  metrics::Distribution release;
  metrics::Distribution null;
  std::uint64_t stale = 0;
  std::uint64_t packets = 0;
  std::uint64_t unsure = 0;
  Json phases = Json::array();
  for (const CancelCounts& one : counts.cancels) {
    silence.merge(one.silence);
    asked.merge(one.asked);
    release.merge(one.release);
    null.merge(one.null);
    stale += one.stale;
    packets += one.packets;
    unsure += one.unmatched + one.events_lost;
    phases.push_back(cancel_json(one));
  }
  out.p99("release_overhead_p99_us", release,
          "under load; t0 a segment is confirmed at the ledger, t1 the first packet that was held "
          "for it leaves the sink");
  out.p99("cancel_to_silence_p99_us", silence,
          "under load; t0 the ledger accepts a cancel or an interrupt, t1 its queues and the "
          "paced sink are flushed, or the last packet that hangs on it leaves, whichever is later");
  out.p99(
      "asked_to_silence_p99_us", asked,
      "under load; t0 the client calls control(), t1 as above: the wait for the shard is in it");
  out.p99("null_p99_us", null, "a thread that only sleeps, between the stretches of load");
  out["stale_packets"] = stale;
  out["stale_of_packets"] = packets;
  out["cancel_phases"] = std::move(phases);
  out.note("stale_packets",
           fmt::format("packets taken by the host, each matched with its line in the order of the "
                       "shard, that left after what they hang on was withdrawn{}",
                       unsure == 0 ? "" : fmt::format("; {} could not be matched", unsure)));
}

std::vector<double> savings_us(const ReplyCounts& counts) {
  std::vector<double> savings;
  for (const ReplyPair& pair : counts.pairs)
    savings.push_back(static_cast<double>(pair.saving.count()) / 1e3);
  return savings;
}

/// Savings over what theory allows, in all and the least of a single turn.
struct Share {
  std::optional<double> total;
  std::optional<double> least;
  std::size_t pairs = 0;
};
Share share_of_theory(const ReplyCounts& counts) {
  Share share;
  double saved = 0.0;
  double possible = 0.0;
  for (const ReplyPair& pair : counts.pairs) {
    const auto theory = pair.theory();
    if (!theory || theory->count() <= 0) continue;
    saved += static_cast<double>(pair.saving.count());
    possible += static_cast<double>(theory->count());
    const double one =
        static_cast<double>(pair.saving.count()) / static_cast<double>(theory->count());
    share.least = std::min(share.least.value_or(one), one);
    ++share.pairs;
  }
  if (possible > 0.0) share.total = saved / possible;
  return share;
}

void add_theory(Figures& out, const SpeculationCounts& counts) {
  if (!counts.theory) return out.missing("eot_saving_of_theory", "this part was not run");
  const Share share = share_of_theory(*counts.theory);
  if (!share.total) return out.missing("eot_saving_of_theory", "no guess stood");
  out["eot_saving_of_theory"] = number(share.total, 1e4);
  out["eot_saving_of_theory_min"] = number(share.least, 1e4);
  out["eot_saving_p50_us"] = number(quantile(savings_us(*counts.theory), 0.5), 1.0);
  out.note(
      "eot_saving_of_theory",
      fmt::format("virtual clock, costs as the nodes declare them; the sum of the savings over "
                  "that of min(hang, compute), {} turns; hang: guess to end of turn; compute: "
                  "end of turn to reply without guesses",
                  share.pairs));
}

void add_replies(Figures& out, const SpeculationCounts& counts) {
  if (!counts.replies) {
    out.missing("paired_saving_p50_us", "this part was not run");
    out.missing("wasted_compute_fraction", "this part was not run");
    return;
  }
  const ReplyCounts& replies = *counts.replies;
  const std::vector<double> savings = savings_us(replies);
  if (savings.empty()) {
    out.missing("paired_saving_p50_us", "no turn was answered both with guesses and without");
  } else {
    out["paired_saving_p50_us"] = number(quantile(savings, 0.5), 1.0);
    out["paired_saving_ci_us"] = interval(bootstrap_median(savings), 1.0);
    out["paired_saving_p5_us"] = number(quantile(savings, 0.05), 1.0);
    out["paired_turns"] = savings.size();
    out["unpaired_turns"] = replies.unpaired;
    out["paired_saving_of_theory"] = number(share_of_theory(replies).total, 1e4);
    out.note("paired_saving_p50_us",
             fmt::format("real time, real models, paired by turn: first committed reply audio with "
                         "eager guesses against without, from the same instant of the same audio; "
                         "{} pairs; order with, without, without, with",
                         savings.size()));
  }
  out["reply_release_p50_us"] = number(quantile(replies.release_us, 0.5), 10.0);
  out["reply_release_max_us"] = number(quantile(replies.release_us, 1.0), 10.0);
  out["reply_releases"] = replies.release_us.size();
  out["reply_null_p99_us"] = quantile_us(replies.null, 0.99);
  out["reply_eagers"] = replies.eagers;
  out["reply_cancelled_fraction"] = fraction(replies.withdrawn, replies.eagers);
  out.note("reply_release_p50_us",
           "real time; t0 the end of a turn at the ledger, t1 the reply that was held leaves");
  if (replies.pool_compute.count() <= 0)
    return out.missing("wasted_compute_fraction", "no pool node did anything");
  out["wasted_compute_fraction"] = rounded(static_cast<double>(replies.wasted.count()) /
                                               static_cast<double>(replies.pool_compute.count()),
                                           1e4);
  out.note(
      "wasted_compute_fraction",
      "real-time runs with guesses: results that had come when their guess was withdrawn, over "
      "all results of pool nodes, both by the engine's counters, from the start of the work to "
      "each result; work cut short before it gave a result is in neither");
}

std::string cell(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::string milliseconds(const Json& us) {
  return us.is_null() ? "-" : fmt::format("{:.0f}", us.get<double>() / 1000.0);
}

std::string percent(const Json& share) {
  return share.is_null() ? "-" : fmt::format("{:.1f}", share.get<double>() * 100.0);
}

std::string curve_table(const Json& curve) {
  std::string out = fmt::format("{:>6}{:>6}{:>7}{:>7}{:>10}{:>12}{:>16}{:>9}\n", "eager", "end",
                                "neg.", "model", "gain ms", "withdrawn %", "95 %", "early %");
  for (const Json& point : curve) {
    const Json& ci = point["ci"];
    const std::string range =
        ci.is_null() ? "-" : fmt::format("{} - {}", percent(ci[0]), percent(ci[1]));
    fmt::format_to(std::back_inserter(out), "{:>6}{:>6}{:>7}{:>7}{:>10}{:>12}{:>16}{:>9}\n",
                   cell(point["eager_silence_ms"]), cell(point["end_of_turn_ms"]),
                   cell(point["negative_threshold"]),
                   point["turn_model"].get<bool>() ? "on" : "off",
                   milliseconds(point["gain_p50_us"]), percent(point["cancelled_fraction"]), range,
                   percent(point["ended_early_fraction"]));
  }
  return out;
}

}  // namespace

Json speculation_figures(const SpeculationCounts& counts) {
  Figures out;
  add_onsets(out, counts);
  add_curve(out, counts);
  add_theory(out, counts);
  add_cancels(out, counts);
  add_replies(out, counts);
  return out.take();
}

std::string speculation_table(const SpeculationCounts& counts) {
  struct Row {
    const char* label;
    const char* figure;
  };
  constexpr Row kRows[] = {
      {"onset segments", "onset_segments"},
      {"  cancelled (fraction)", "onset_cancelled_fraction"},
      {"  gain over waiting, P50 (us)", "onset_gain_p50_us"},
      {"end of turn: saving of theory", "eot_saving_of_theory"},
      {"confirm to release, P99 (us)", "release_overhead_p99_us"},
      {"cancel to silence, P99 (us)", "cancel_to_silence_p99_us"},
      {"  from the client's call", "asked_to_silence_p99_us"},
      {"null control, P99 (us)", "null_p99_us"},
      {"stale packets", "stale_packets"},
      {"first reply audio, saving P50 (us)", "paired_saving_p50_us"},
      {"  95 % interval", "paired_saving_ci_us"},
      {"compute wasted (fraction)", "wasted_compute_fraction"},
  };
  Json figures = speculation_figures(counts);
  std::string out;
  for (const Row& row : kRows)
    fmt::format_to(std::back_inserter(out), "{:<38}{:>16}\n", row.label,
                   cell(figures.value(row.figure, Json(nullptr))));
  if (!figures["eot_curve"].is_null()) out += '\n' + curve_table(figures["eot_curve"]) + '\n';
  for (const auto& [about, note] : figures["notes"].items())
    fmt::format_to(std::back_inserter(out), "note: {}: {}\n", about, note.get<std::string>());
  return out;
}

}  // namespace millrace::app
