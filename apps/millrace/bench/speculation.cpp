#include "apps/millrace/bench/speculation.hpp"

#include <fmt/format.h>

#include <utility>

namespace millrace::app {
namespace {

using Progress = std::function<void(const std::string&)>;

constexpr std::uint64_t kSeed = 2026;
constexpr std::size_t kTurnsPerFile = 3;
constexpr double kNoiseDb = 15.0;
// Sessions side by side, as many as two cores can recognise for.
constexpr std::size_t kReplyFiles = 4;

LabelledSpeech speech_of(const std::vector<SpokenPrompt>& prompts, std::uint64_t number) {
  // A generator of its own for each file: fewer files are the beginning of more.
  base::Rng rng(kSeed * 1000 + number);
  return make_labelled_speech(prompts, kTurnsPerFile, rng);
}

/// The part of the run on the virtual clock that replays what the VAD said.
class PolicyRun {
 public:
  PolicyRun(const SpeculationOptions& options, const Progress& progress, SpeculationCounts& counts)
      : options_(options), progress_(progress), counts_(counts) {}

  base::Result<void> run(const std::vector<SpokenPrompt>& prompts) {
    if (auto traced = trace(prompts); !traced) return traced;
    for (const auto& [name, files] :
         {std::pair{"clean", &clean_}, std::pair{"15 dB noise", &noisy_}}) {
      auto onsets = measure_onsets(name, *files);
      if (!onsets) return std::unexpected(std::move(onsets.error()));
      counts_.onsets.push_back(std::move(*onsets));
    }
    return sweep();
  }

 private:
  base::Result<void> trace(const std::vector<SpokenPrompt>& prompts) {
    // Kept while the settings are made, so that they share the VAD's weights.
    auto setup = GateSetup::create("speculative_vad_gate", "{}");
    if (!setup) return std::unexpected(std::move(setup.error()));
    setup_.emplace(std::move(*setup));
    const std::int64_t files =
        options_.quick ? std::min<std::int64_t>(options_.files, 8) : options_.files;
    for (std::int64_t i = 0; i < files; ++i) {
      progress_(fmt::format("VAD: file {} of {}", i + 1, files));
      const auto number = static_cast<std::uint64_t>(i);
      LabelledSpeech speech = speech_of(prompts, number);
      counts_.turns += speech.turns.size();
      counts_.audio_s += static_cast<double>(speech.samples.size()) / LabelledSpeech::kRateHz;
      LabelledSpeech noisy = speech;
      base::Rng rng(kSeed * 2000 + number);
      add_noise(noisy, i % 2 == 0 ? NoiseColour::white : NoiseColour::pink, kNoiseDb, rng);
      for (auto [made, to] : {std::pair{&speech, &clean_}, std::pair{&noisy, &noisy_}}) {
        auto trace = setup_->run_vad(made->samples);
        if (!trace) return std::unexpected(std::move(trace.error()));
        to->push_back({std::move(*made), std::move(*trace)});
      }
    }
    counts_.files = clean_.size();
    return {};
  }

  base::Result<void> sweep() {
    auto verdicts = smart_turn_verdicts();
    if (!verdicts) return std::unexpected(std::move(verdicts.error()));
    const std::vector<TurnSetting> settings = turn_settings(options_.quick);
    for (const TurnSetting& setting : settings) {
      progress_(
          fmt::format("end of turn: setting {} of {}", counts_.curve.size() + 1, settings.size()));
      auto point = measure_turns(setting, clean_, *verdicts);
      if (!point) return std::unexpected(std::move(point.error()));
      counts_.curve.push_back(std::move(*point));
    }
    counts_.verdicts = verdicts->computed();
    return {};
  }

  const SpeculationOptions& options_;
  const Progress& progress_;
  SpeculationCounts& counts_;
  std::optional<GateSetup> setup_;
  std::vector<TracedSpeech> clean_;
  std::vector<TracedSpeech> noisy_;
};

base::Result<void> run_load(const SpeculationOptions& options, const Progress& progress,
                            SpeculationCounts& counts) {
  auto speech = SpeechLoop::prompts(options.prompts);
  if (!speech) return std::unexpected(std::move(speech.error()));
  const double seconds = (options.quick ? std::min(options.seconds, 6.0) : options.seconds) / 2.0;
  for (const PhasePattern pattern : {PhasePattern::spread, PhasePattern::aligned}) {
    auto cancels = measure_cancels(*speech, options.sessions, seconds, pattern, [&](double done) {
      progress(fmt::format("{} sessions, {}: {:.0f} of {:.0f} s", options.sessions, name(pattern),
                           done, seconds));
    });
    if (!cancels) return std::unexpected(std::move(cancels.error()));
    counts.cancels.push_back(std::move(*cancels));
  }
  return {};
}

base::Result<void> run_replies(const SpeculationOptions& options,
                               const std::vector<SpokenPrompt>& prompts, const Progress& progress,
                               SpeculationCounts& counts) {
  std::vector<LabelledSpeech> files;
  const std::size_t wanted = options.quick ? kReplyFiles : 2 * kReplyFiles;
  for (std::size_t i = 0; i < wanted; ++i) files.push_back(speech_of(prompts, i));
  if (options.runs("theory")) {
    auto theory = replies_virtual(files, [&](std::size_t done) {
      progress(fmt::format("replies on the virtual clock: file {} of {}", done + 1, wanted));
    });
    if (!theory) return std::unexpected(std::move(theory.error()));
    counts.theory = std::move(*theory);
  }
  if (!options.runs("reply")) return {};
  auto replies = replies_real(files, [&](double seconds) {
    progress(fmt::format("replies in real time: {:.0f} s", seconds));
  });
  if (!replies) return std::unexpected(std::move(replies.error()));
  counts.replies = std::move(*replies);
  return {};
}

}  // namespace

base::Result<SpeculationCounts> measure_speculation(const SpeculationOptions& options,
                                                    const Progress& progress) {
  progress("reading the prompts");
  auto prompts = spoken_prompts(options.prompts);
  if (!prompts) return std::unexpected(std::move(prompts.error()));
  SpeculationCounts counts;
  // Real time first: what follows leaves the processor warm and the memory full.
  if (options.runs("load"))
    if (auto ran = run_load(options, progress, counts); !ran)
      return std::unexpected(std::move(ran.error()));
  if (options.runs("reply") || options.runs("theory"))
    if (auto ran = run_replies(options, *prompts, progress, counts); !ran)
      return std::unexpected(std::move(ran.error()));
  if (options.runs("policy"))
    if (auto ran = PolicyRun(options, progress, counts).run(*prompts); !ran)
      return std::unexpected(std::move(ran.error()));
  return counts;
}

}  // namespace millrace::app
