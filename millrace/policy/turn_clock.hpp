#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "millrace/base/ids.hpp"
#include "millrace/base/time.hpp"
#include "millrace/policy/onset_gate.hpp"
#include "millrace/policy/speculation_ledger.hpp"

namespace millrace::policy {

/// How long a silence ends a turn. The bounds are where a turn model may move the two spans; equal
/// to the span itself (as the presets have them) they leave it nothing to move.
struct TurnParams {
  bool eager = true;  ///< false: end_of_turn alone, always with a new revision
  base::MediaTime eager_silence{200'000};
  base::MediaTime end_of_turn{600'000};
  base::MediaTime eager_min{200'000};
  base::MediaTime eager_max{200'000};
  base::MediaTime end_min{600'000};
  base::MediaTime end_max{600'000};
  base::MediaTime pad{30'000};  ///< the gate's: added to the start of the silence in `at`

  /// Both spans without room for a turn model.
  [[nodiscard]] static constexpr TurnParams fixed(base::MediaTime eager_silence,
                                                  base::MediaTime end_of_turn) noexcept {
    TurnParams params;
    params.eager_silence = params.eager_min = params.eager_max = eager_silence;
    params.end_of_turn = params.end_min = params.end_max = end_of_turn;
    return params;
  }
  /// "fast" 100/300, "balanced" 200/600, "careful" 400/1000 milliseconds; nothing for another name.
  [[nodiscard]] static std::optional<TurnParams> preset(std::string_view name) noexcept;
};

enum class TurnEventKind : std::uint8_t {
  eager_end_of_turn,  ///< make a guess and tell guessed() its revision
  turn_resumed,       ///< withdraw `revision` and all before it
  end_of_turn,        ///< commit `revision`; 0: no guess stands, take a new one
};

struct TurnEvent {
  TurnEventKind kind = TurnEventKind::eager_end_of_turn;
  base::Revision revision = 0;
  base::MediaTime at{0};  ///< start of the silence + pad
};

/// The end-of-turn clock: runs on the voice that the onset gate knows, in media time. Silence is
/// counted from the end of the last window that was speech, so it may reach eager_silence before
/// the gate has ended the speech (min_silence): speech in that pause then resumes the turn too.
/// Unconfirmed sound stops the clock; if it is cancelled the clock goes on from where it stood, if
/// it is confirmed the turn resumes. No turn begins, and none ends, without confirmed speech.
///   order    after step(), verdict() or finish(), take next() until it is empty; an eager event is
///            answered with guessed() before the next one is taken
///   threads  the shard; never blocks or allocates
///   source   the specification's section on end of speech and end of turn
class TurnClock {
 public:
  explicit TurnClock(const TurnParams& params) noexcept;

  /// Decisions have come as far as `decided_until`, and `voice` is what they say.
  void step(base::MediaTime decided_until, const Voice& voice) noexcept;
  /// A turn model's probability that the silence that began at `since` ends the turn: moves both
  /// spans for this silence, 1 to the lower bounds and 0 to the upper ones. Ignored for a silence
  /// that is not the one running, and when NaN. An eager guess already made stands.
  void verdict(base::MediaTime since, float ends) noexcept;
  /// No more input: the turn that is open ends now.
  void finish(base::MediaTime end) noexcept;
  /// The turn is over without an end (interrupted, session closing); nothing comes of it any more.
  void abandon() noexcept;

  [[nodiscard]] std::optional<TurnEvent> next() noexcept;
  /// The revision that the last eager event got; 0: it could not be made (no budget), and the turn
  /// will end as if there had been none. The last revision a turn can have is kept for its end.
  void guessed(base::Revision revision) noexcept;

  /// Whether confirmed speech has begun a turn that has not ended.
  [[nodiscard]] bool open() const noexcept { return open_; }
  /// Silence counted so far; pauses left out.
  [[nodiscard]] base::MediaTime silence() const noexcept { return elapsed_; }
  /// Whether a silence of the turn is running: the time to ask a turn model.
  [[nodiscard]] bool silent() const noexcept { return open_ && silent_; }
  /// Where that silence began.
  [[nodiscard]] base::MediaTime silence_since() const noexcept { return since_; }
  /// The guess that stands; 0 is none.
  [[nodiscard]] base::Revision standing() const noexcept { return standing_; }
  [[nodiscard]] base::MediaTime eager_silence() const noexcept { return eager_silence_; }
  [[nodiscard]] base::MediaTime end_of_turn() const noexcept { return end_of_turn_; }

 private:
  void spoke() noexcept;
  void close() noexcept;
  [[nodiscard]] base::MediaTime at() const noexcept { return since_ + params_.pad; }

  TurnParams params_;
  base::MediaTime eager_silence_;  ///< for this silence
  base::MediaTime end_of_turn_;
  bool open_ = false;
  bool silent_ = false;
  bool paused_ = false;
  bool eager_made_ = false;  ///< in this silence; also when the guess was refused
  bool finishing_ = false;
  bool exhausted_ = false;  ///< no eager guess is left in this turn
  base::Revision standing_ = 0;
  base::Revision resumed_ = 0;  ///< to be told by next()
  base::MediaTime since_{0};    ///< start of the silence
  base::MediaTime counted_until_{0};
  base::MediaTime elapsed_{0};
  base::MediaTime end_at_{0};
};

}  // namespace millrace::policy
