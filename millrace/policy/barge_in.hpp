#pragma once

#include <cstdint>

#include "millrace/base/time.hpp"
#include "millrace/policy/onset_gate.hpp"

namespace millrace::policy {

enum class BargeInAction : std::uint8_t {
  none,
  pause,      ///< stop the playback where it is
  interrupt,  ///< flush it: the caller is speaking
  resume,     ///< it was nothing: go on where it stopped
};

struct BargeInCounters {
  std::uint64_t pauses = 0;
  std::uint64_t interrupts = 0;
  std::uint64_t resumes = 0;  ///< false interruptions
};

/// Decides what sound during playback does to it. The first sign pauses; speech that is confirmed
/// and has lasted interrupt_min interrupts; a cancel, or an end before that, resumes. Speech is
/// measured from the start of its trigger window to the end of the last window that was speech: no
/// lookback and no pad in it.
///   threads  the shard; never blocks or allocates
class BargeIn {
 public:
  explicit BargeIn(base::MediaTime interrupt_min) noexcept : interrupt_min_(interrupt_min) {}

  /// `voice` is what the gate knows after a window, `playing` whether a reply is being played (also
  /// while it is paused). At most one action; pause and interrupt at once is an interrupt.
  [[nodiscard]] BargeInAction step(const Voice& voice, bool playing) noexcept;

  /// Ends a pause as a false interruption: the sound was nothing, or nobody says any more what it
  /// is. The next sound may pause again.
  [[nodiscard]] BargeInAction let_go() noexcept;

  /// Whether the playback is paused by this.
  [[nodiscard]] bool holding() const noexcept { return holding_; }
  [[nodiscard]] const BargeInCounters& counters() const noexcept { return counters_; }

 private:
  base::MediaTime interrupt_min_;
  bool holding_ = false;
  BargeInCounters counters_;
};

}  // namespace millrace::policy
