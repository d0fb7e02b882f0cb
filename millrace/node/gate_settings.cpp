#include "millrace/node/gate_settings.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::node {
namespace {

using base::MediaTime;

constexpr std::array<PortDecl, 3> kInputs{{
    {.name = "vad",
     .kind = media::PacketKind::tensor,
     .summary = "one probability of speech for each window",
     .feedback = true},
    {.name = "turn",
     .kind = media::PacketKind::tensor,
     .summary = "a turn model's probability that the turn is complete",
     .required = false,
     .feedback = true,
     .with_param = "turn_model"},
    {.name = "audio", .kind = media::PacketKind::audio, .summary = "everything that was heard"},
}};

constexpr std::array<std::string_view, 4> kTurnChoices{"balanced", "fast", "careful", "off"};

constexpr ParamDecl milliseconds(std::string_view name, double minimum, double maximum,
                                 std::string_view initial, std::string_view summary) {
  return {.name = name,
          .kind = ParamKind::number,
          .unit = "ms",
          .minimum = minimum,
          .maximum = maximum,
          .initial = initial,
          .summary = summary};
}

// The last two are about eager guesses.
constexpr std::array<ParamDecl, 16> kParams{{
    milliseconds("lookback_ms", 0, 500, "150", "audio sent from before the first window of speech"),
    milliseconds("lookahead_ms", 0, 500, "50", "how late a decision may come and still act"),
    milliseconds("min_speech_ms", 0, 2000, "250", "from the first window of speech to the confirm"),
    milliseconds("min_silence_ms", 20, 2000, "100", "silence that ends speech or cancels"),
    milliseconds("pad_ms", 0, 500, "30", "added to the end of speech"),
    milliseconds("vad_window_ms", 5, 200, "32", "the VAD's window: part of the ring's length"),
    {.name = "threshold",
     .kind = ParamKind::number,
     .minimum = 0.01,
     .maximum = 1,
     .initial = "0.5",
     .summary = "probability from which speech begins"},
    {.name = "negative_threshold",
     .kind = ParamKind::number,
     .minimum = 0.01,
     .maximum = 1,
     .initial = "0.35",
     .summary = "probability from which it goes on; not given: threshold - 0.15"},
    {.name = "turn",
     .kind = ParamKind::choice,
     .initial = "balanced",
     .choices = kTurnChoices,
     .summary = "silence to a guess and to the end of a turn: fast 100/300, balanced 200/600, "
                "careful 400/1000 ms; off: no turns"},
    milliseconds("end_of_turn_ms", 0, 10'000, "0", "silence that ends a turn; 0: as turn says"),
    {.name = "turn_model",
     .kind = ParamKind::boolean,
     .initial = "false",
     .summary = "send the turn's audio to turn_check when silence begins, and heed input turn"},
    {.name = "turn_model_range",
     .kind = ParamKind::number,
     .minimum = 1,
     .maximum = 5,
     .initial = "2",
     .summary = "how many times shorter or longer a turn model may make the silences"},
    {.name = "barge_in",
     .kind = ParamKind::boolean,
     .initial = "false",
     .summary = "speech pauses the reply being played, and interrupts it"},
    milliseconds("interrupt_min_ms", 0, 5000, "300", "with barge_in: speech that interrupts"),
    {.name = "eager",
     .kind = ParamKind::boolean,
     .initial = "true",
     .summary = "guess the end of a turn early, and withdraw the guess when speech goes on"},
    milliseconds("eager_silence_ms", 0, 5000, "0", "silence to the guess; 0: as turn says"),
}};
constexpr std::size_t kEagerParams = 2;

std::unexpected<base::Error> refuse(std::string message, const std::string& id) {
  return base::fail(base::Code::bad_manifest, std::move(message), id);
}

base::Result<policy::OnsetParams> onset_params(const Params& params, const std::string& id) {
  policy::OnsetParams onset;
  onset.lookback = params.milliseconds("lookback_ms");
  onset.lookahead = params.milliseconds("lookahead_ms");
  onset.min_speech = params.milliseconds("min_speech_ms");
  onset.min_silence = params.milliseconds("min_silence_ms");
  onset.pad = params.milliseconds("pad_ms");
  const double threshold = params.number("threshold");
  const double negative = params.number("negative_threshold");
  if (params.given("negative_threshold") && negative > threshold)
    return refuse("'negative_threshold' is above 'threshold': the same or less expected", id);
  onset.threshold = static_cast<float>(threshold);
  // Not below what a manifest may say: at 0 every window would be speech for ever.
  onset.negative_threshold = static_cast<float>(
      params.given("negative_threshold") ? negative : std::max(threshold - 0.15, 0.01));
  return onset;
}

MediaTime scaled(MediaTime span, double by) {
  return MediaTime{std::llround(static_cast<double>(span.count()) * by)};
}

base::Result<policy::TurnParams> turn_params(const Params& params, const GateSettings& settings,
                                             const std::string& id) {
  policy::TurnParams turn = policy::TurnParams::preset(params.text("turn")).value();
  MediaTime eager = turn.eager_silence;
  MediaTime end = turn.end_of_turn;
  if (params.number("end_of_turn_ms") > 0) end = params.milliseconds("end_of_turn_ms");
  turn.eager = false;
  if (settings.mode == policy::OnsetMode::speculative) {
    turn.eager = params.boolean("eager");
    if (params.number("eager_silence_ms") > 0) eager = params.milliseconds("eager_silence_ms");
    if (!turn.eager && params.given("eager_silence_ms"))
      return refuse("'eager_silence_ms' acts only with 'eager: true'", id);
    if (turn.eager && eager > end)
      return refuse(
          "the guess would come after the end of the turn: 'eager_silence_ms' of at most "
          "'end_of_turn_ms' expected",
          id);
  }
  if (end < settings.onset.min_silence)
    return refuse(
        "a turn would end before its speech: 'end_of_turn_ms' of at least "
        "'min_silence_ms' expected",
        id);
  const bool eager_enabled = turn.eager;
  turn = policy::TurnParams::fixed(eager, end);
  turn.eager = eager_enabled;
  turn.pad = settings.onset.pad;
  if (settings.turn_model) {
    const double range = params.number("turn_model_range");
    turn.eager_min = scaled(eager, 1.0 / range);
    turn.eager_max = scaled(eager, range);
    turn.end_min = std::max(scaled(end, 1.0 / range), settings.onset.min_silence);
    turn.end_max = scaled(end, range);
  }
  return turn;
}

}  // namespace

std::span<const PortDecl> gate_inputs() noexcept {
  return kInputs;
}

std::span<const ParamDecl> gate_params(policy::OnsetMode mode) noexcept {
  const std::span<const ParamDecl> all{kParams};
  return mode == policy::OnsetMode::speculative ? all : all.first(kParams.size() - kEagerParams);
}

base::Result<GateSettings> gate_settings(const Params& params, policy::OnsetMode mode,
                                         const std::string& id) {
  GateSettings settings;
  settings.mode = mode;
  auto onset = onset_params(params, id);
  if (!onset) return std::unexpected(onset.error());
  settings.onset = *onset;
  settings.vad_window = params.milliseconds("vad_window_ms");
  settings.turn_model = params.boolean("turn_model");
  if (params.boolean("barge_in")) settings.interrupt_min = params.milliseconds("interrupt_min_ms");
  if (params.text("turn") == "off") {
    if (settings.turn_model || settings.interrupt_min)
      return refuse("'turn_model' and 'barge_in' need turns, and 'turn' is off", id);
    return settings;
  }
  auto turn = turn_params(params, settings, id);
  if (!turn) return std::unexpected(turn.error());
  settings.turn = *turn;
  return settings;
}

}  // namespace millrace::node
