#include "apps/millrace/bench/speculation_policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace millrace::app {
namespace {

using base::MediaTime;

constexpr MediaTime kWindow{32'000};
// The lookback of the VAD's own window, and a step of the labels: an onset may be told so much
// before the label says.
constexpr MediaTime kOnsetSlack{300'000};
// Speech fades: the last syllable may lie below the thresholds so long before the label ends.
constexpr MediaTime kEndSlack{250'000};

double us(MediaTime span) {
  return static_cast<double>(span.count());
}

/// When audio began to flow, by the start of the speech it began with.
std::map<MediaTime, MediaTime> openings(std::span<const GateEvent> events) {
  std::map<std::uint32_t, MediaTime> opened;
  std::map<MediaTime, MediaTime> found;
  for (const GateEvent& event : events) {
    if (event.deed == GateDeed::opened) opened.emplace(event.number, event.now);
    if (event.deed == GateDeed::speech_started) found.emplace(event.at, opened.at(event.number));
  }
  return found;
}

std::optional<MediaTime> first_in(const std::map<MediaTime, MediaTime>& openings,
                                  const TimeSpan& utterance) {
  const auto at = openings.lower_bound(utterance.from - kOnsetSlack);
  if (at == openings.end() || at->first >= utterance.to) return std::nullopt;
  return at->second;
}

base::Result<std::vector<GateEvent>> replay_plain(GateSetup& setup, const TracedSpeech& file) {
  return replay_gate(setup, {.samples = file.speech.samples,
                             .trace = &file.trace,
                             .model = {},
                             .model_takes = MediaTime{0},
                             .goes_on_at = 0.35F});
}

bool is_stock(const TurnSetting& setting) {
  return !setting.turn_model && setting.threshold == 0.5 && setting.negative_threshold == 0.35;
}

std::vector<double> gains_of(const TurnPoint& point, const std::vector<std::size_t>& drawn) {
  std::vector<double> gains;
  for (const std::size_t i : drawn)
    gains.insert(gains.end(), point.files[i].gains_us.begin(), point.files[i].gains_us.end());
  return gains;
}

}  // namespace

base::Result<OnsetCounts> measure_onsets(std::string condition,
                                         std::span<const TracedSpeech> files) {
  auto eager = GateSetup::create("speculative_vad_gate", "{eager: false}");
  if (!eager) return std::unexpected(std::move(eager.error()));
  auto waiting = GateSetup::create("vad_gate", "{}");
  if (!waiting) return std::unexpected(std::move(waiting.error()));
  OnsetCounts counts{.condition = std::move(condition), .gains_us = {}};
  for (const TracedSpeech& file : files) {
    const auto speculative = replay_plain(*eager, file);
    if (!speculative) return std::unexpected(speculative.error());
    const auto plain = replay_plain(*waiting, file);
    if (!plain) return std::unexpected(plain.error());
    for (const GateEvent& event : *speculative) {
      if (event.deed == GateDeed::confirmed) ++counts.confirmed;
      if (event.deed == GateDeed::cancelled) ++counts.cancelled;
    }
    const auto early = openings(*speculative);
    const auto late = openings(*plain);
    for (const TimeSpan& utterance : file.speech.utterances) {
      ++counts.utterances;
      const auto ours = first_in(early, utterance);
      const auto theirs = first_in(late, utterance);
      if (ours && theirs) counts.gains_us.push_back(us(*theirs - *ours));
    }
  }
  return counts;
}

std::vector<TurnSetting> turn_settings(bool quick) {
  struct Thresholds {
    double threshold;
    double negative;
  };
  // The first are those of a manifest that says nothing.
  constexpr Thresholds kThresholds[] = {{0.5, 0.35}, {0.5, 0.2}, {0.5, 0.1}, {0.5, 0.5}};
  constexpr std::int64_t kEager[] = {50, 64, 96, 100, 150, 200, 300, 400, 500};
  constexpr std::int64_t kEnd[] = {200, 600};
  std::vector<TurnSetting> settings;
  for (const bool model : {false, true})
    for (const Thresholds& thresholds : kThresholds) {
      if (quick && &thresholds != kThresholds) continue;
      for (const std::int64_t end : kEnd)
        for (const std::int64_t eager : kEager)
          if (eager < end)
            settings.push_back({.eager_silence_ms = eager,
                                .end_of_turn_ms = end,
                                .threshold = thresholds.threshold,
                                .negative_threshold = thresholds.negative,
                                .turn_model = model});
    }
  return settings;
}

TurnFile turn_file(std::span<const GateEvent> events, const LabelledSpeech& speech,
                   const TurnSetting& setting) {
  const MediaTime fixed = (MediaTime{setting.end_of_turn_ms * 1000} + kWindow - MediaTime{1}) /
                          kWindow.count() * kWindow.count();
  TurnFile file;
  std::map<std::pair<std::uint32_t, std::uint32_t>, MediaTime> guessed;
  for (const GateEvent& event : events) {
    if (event.deed == GateDeed::eager) {
      ++file.eagers;
      guessed[{event.number, event.revision}] = event.now;
    }
    if (event.deed == GateDeed::resumed) ++file.withdrawn;
    if (event.deed != GateDeed::ended) continue;
    ++file.ended;
    const auto guess = guessed.find({event.number, event.revision});
    if (event.revision != 0 && guess != guessed.end()) {
      file.gains_us.push_back(us(event.now - guess->second));
      file.fixed_gains_us.push_back(us(event.at + fixed - guess->second));
    }
    // The labelled turn that this end is about: the last one that had begun.
    const auto later = std::find_if(speech.turns.begin(), speech.turns.end(),
                                    [&](const TimeSpan& turn) { return turn.from >= event.at; });
    if (later == speech.turns.begin()) continue;
    const MediaTime turn_end = std::prev(later)->to;
    if (event.at + kEndSlack < turn_end) {
      ++file.ended_early;
    } else {
      file.waits_us.push_back(us(event.now - turn_end));
    }
  }
  return file;
}

base::Result<TurnPoint> measure_turns(const TurnSetting& setting,
                                      std::span<const TracedSpeech> files, Verdicts& verdicts) {
  auto setup = GateSetup::create(
      "speculative_vad_gate",
      fmt::format("{{eager_silence_ms: {}, end_of_turn_ms: {}, threshold: {}, "
                  "negative_threshold: {}, turn_model: {}}}",
                  setting.eager_silence_ms, setting.end_of_turn_ms, setting.threshold,
                  setting.negative_threshold, setting.turn_model));
  if (!setup) return std::unexpected(std::move(setup.error()));
  TurnPoint point{.setting = setting, .files = {}};
  for (std::size_t i = 0; i < files.size(); ++i) {
    ReplayInput input{.samples = files[i].speech.samples,
                      .trace = &files[i].trace,
                      .model = {},
                      .model_takes = smart_turn_takes(),
                      .goes_on_at = static_cast<float>(setting.negative_threshold)};
    if (setting.turn_model)
      input.model = [&](std::int64_t from, std::int64_t to) {
        return verdicts.ask(i, files[i].speech.samples, from, to);
      };
    const auto events = replay_gate(*setup, input);
    if (!events) return std::unexpected(events.error());
    point.files.push_back(turn_file(*events, files[i].speech, setting));
  }
  return point;
}

TurnFile TurnPoint::sum() const {
  TurnFile all;
  const auto join = [](std::vector<double>& to, const std::vector<double>& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  for (const TurnFile& file : files) {
    all.eagers += file.eagers;
    all.withdrawn += file.withdrawn;
    all.ended += file.ended;
    all.ended_early += file.ended_early;
    join(all.gains_us, file.gains_us);
    join(all.fixed_gains_us, file.fixed_gains_us);
    join(all.waits_us, file.waits_us);
  }
  return all;
}

std::optional<double> TurnPoint::cancelled_fraction() const {
  const TurnFile all = sum();
  if (all.eagers == 0) return std::nullopt;
  return static_cast<double>(all.withdrawn) / static_cast<double>(all.eagers);
}

std::optional<Interval> TurnPoint::cancelled_interval() const {
  return bootstrap(files.size(),
                   [this](const std::vector<std::size_t>& drawn) -> std::optional<double> {
                     std::uint64_t eagers = 0;
                     std::uint64_t withdrawn = 0;
                     for (const std::size_t i : drawn) {
                       eagers += files[i].eagers;
                       withdrawn += files[i].withdrawn;
                     }
                     if (eagers == 0) return std::nullopt;
                     return static_cast<double>(withdrawn) / static_cast<double>(eagers);
                   });
}

std::optional<Interval> TurnPoint::gain_interval() const {
  return bootstrap(
      files.size(),
      [this](const std::vector<std::size_t>& drawn) {
        return quantile(gains_of(*this, drawn), 0.5);
      },
      300);
}

const TurnPoint* best_point(std::span<const TurnPoint> curve, std::int64_t end_of_turn_ms,
                            double gain_us, bool stock) {
  const TurnPoint* best = nullptr;
  for (const TurnPoint& point : curve) {
    if (point.setting.end_of_turn_ms != end_of_turn_ms) continue;
    if (stock && !is_stock(point.setting)) continue;
    const auto gain = quantile(point.sum().gains_us, 0.5);
    const auto cancelled = point.cancelled_fraction();
    if (!gain || !cancelled || *gain < gain_us) continue;
    if (best == nullptr || *cancelled < *best->cancelled_fraction()) best = &point;
  }
  return best;
}

}  // namespace millrace::app
