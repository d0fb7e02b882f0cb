#pragma once

#include <cstdint>

#include "millrace/base/inline_vector.hpp"
#include "millrace/base/time.hpp"

namespace millrace::policy {

/// When speech begins and ends; every value is a manifest parameter of the gate.
struct OnsetParams {
  base::MediaTime lookback{150'000};    ///< sent from before the trigger window
  base::MediaTime lookahead{50'000};    ///< how late a decision may come and still act
  base::MediaTime min_speech{250'000};  ///< from the start of the trigger window to the confirm
  base::MediaTime min_silence{100'000};
  base::MediaTime pad{30'000};  ///< added to the start of the final silence
  float threshold = 0.5F;
  float negative_threshold = 0.35F;
};

/// Audio that a gate must keep: all that a decision may still reach back to.
[[nodiscard]] constexpr base::MediaTime ring_capacity(const OnsetParams& params,
                                                      base::MediaTime vad_window) noexcept {
  return params.lookback + params.lookahead + params.min_speech + params.min_silence + vad_window;
}

/// speculative: audio leaves from the trigger on. waiting: only from the confirm on.
enum class OnsetMode : std::uint8_t { speculative, waiting };

enum class OnsetActionKind : std::uint8_t {
  open,     ///< open a segment; send the ring from `from`, and all audio that comes, under it
  split,    ///< confirm the open segment [from, to); what follows goes under a new one
  confirm,  ///< confirm the open segment
  release,  ///< nothing was speculated: send the ring from `from`, and all audio that comes
  cancel,   ///< cancel the open segment [from, to) as too short
  speech_started,  ///< at `at`; right after confirm or release
  speech_ended,    ///< at `at`; stop sending: [from, to) was sent
};

struct OnsetAction {
  OnsetActionKind kind = OnsetActionKind::open;
  base::MediaTime from{0};
  base::MediaTime to{0};
  base::MediaTime at{0};
};

/// What one input gives, in the order to carry out.
using OnsetActions = base::InlineVector<OnsetAction, 4>;

/// What is known of the voice at one moment; the turn clock and the barge-in decision run on it.
enum class VoiceState : std::uint8_t {
  none,         ///< silence
  unconfirmed,  ///< something began that may be cancelled
  speaking,     ///< confirmed, and the last window was speech
  pausing,      ///< confirmed, and the last window was not, for less than min_silence
};

struct Voice {
  VoiceState state = VoiceState::none;
  base::MediaTime began{0};       ///< start of the trigger window of the latest speech
  base::MediaTime last_heard{0};  ///< end of the last window that counted as speech
};

struct OnsetCounters {
  std::uint64_t opened = 0;  ///< onsets; splits and refused ones included
  std::uint64_t confirmed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t splits = 0;
  std::uint64_t late_windows = 0;   ///< later than lookahead: not applied
  std::uint64_t wrong_windows = 0;  ///< empty, or not after the one before
  std::uint64_t clipped = 0;        ///< releases that wanted audio the ring no longer had
};

/// Decides from VAD windows when a gate opens, confirms, cancels and closes. Silence: the first
/// window at or over `threshold` opens. Open: the first window at or over `negative_threshold` that
/// ends min_speech or more after the start of the trigger window confirms; min_silence without one
/// cancels. Confirmed: min_silence without one ends the speech. An instant of decision is the end
/// of the window that made it; windows that never came decide nothing.
///   late     a window that ends more than lookahead before audio known before it is counted only
///   overflow unconfirmed audio longer than the ring is split off and confirmed, never lost
///   split    speech_started then says where the first part began
///   range    [from, to) of an action is exactly what was sent, in whole frames
///   threads  the shard; never blocks or allocates
///   source   the specification's section on the gate
class OnsetGate {
 public:
  OnsetGate(const OnsetParams& params, OnsetMode mode, std::int32_t rate_hz,
            base::MediaTime vad_window) noexcept;

  /// All audio up to `until` has arrived; an open gate sends it at once. In one tick, windows go
  /// first: they may then open the gate for audio of the same tick without counting as late.
  [[nodiscard]] OnsetActions audio(base::MediaTime until) noexcept;
  /// Audio before `until` cannot be sent any more (a gap in the input).
  void gap(base::MediaTime until) noexcept;
  /// One decision of the VAD, in media-time order. NaN counts as no speech.
  [[nodiscard]] OnsetActions window(base::MediaTime from, base::MediaTime to,
                                    float probability) noexcept;
  /// The open that was just given cannot be carried out (no budget): nothing is sent under it, and
  /// the gate waits for the confirm (release) instead. Called before anything else.
  void refuse() noexcept;
  /// No more input: what is unconfirmed is cancelled, speech ends.
  [[nodiscard]] OnsetActions finish() noexcept;

  [[nodiscard]] Voice voice() const noexcept;
  /// Whether arriving audio is being sent.
  [[nodiscard]] bool sending() const noexcept { return sending_; }
  [[nodiscard]] base::MediaTime sent_until() const noexcept { return sent_until_; }
  /// End of the last window that was applied: how far decisions have come.
  [[nodiscard]] base::MediaTime decided_until() const noexcept { return decided_until_; }
  [[nodiscard]] base::MediaTime capacity() const noexcept { return capacity_; }
  [[nodiscard]] const OnsetCounters& counters() const noexcept { return counters_; }

 private:
  enum class State : std::uint8_t { silence, unconfirmed, speech };

  void send_from(base::MediaTime from) noexcept;
  void open(base::MediaTime trigger, OnsetActions& out) noexcept;
  void confirm(OnsetActions& out) noexcept;
  void cancel(OnsetActions& out) noexcept;
  void end_speech(base::MediaTime at, OnsetActions& out) noexcept;
  [[nodiscard]] base::MediaTime to_frame(base::MediaTime at) const noexcept;

  OnsetParams params_;
  OnsetMode mode_;
  std::int32_t rate_hz_;
  base::MediaTime capacity_;
  State state_ = State::silence;
  bool sending_ = false;
  base::MediaTime audio_until_{0};
  base::MediaTime decided_until_{0};
  base::MediaTime sent_until_{0};
  base::MediaTime sent_before_{0};     ///< sent_until_ as it was before the last open
  base::MediaTime available_from_{0};  ///< nothing before it can be sent
  base::MediaTime trigger_{0};
  base::MediaTime onset_from_{0};    ///< where the utterance began, through splits
  base::MediaTime segment_from_{0};  ///< where the open segment began
  base::MediaTime last_heard_{0};
  OnsetCounters counters_;
};

}  // namespace millrace::policy
