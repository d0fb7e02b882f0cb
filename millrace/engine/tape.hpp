#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "millrace/base/time.hpp"
#include "millrace/engine/foreign_control.hpp"
#include "millrace/engine/job_tape.hpp"
#include "millrace/rt/spsc_ring.hpp"

namespace millrace::engine {

/// One thing that came to a shard from outside, where the shard's next step depends on it.
///   value  sweep, control_pass: the instant in ns; no_room: how often the session had asked;
///          compute: the time in ns that the withdrawn guess had cost
///   stage  input, result, post, no_room: index in the plan; foreign: 0 before the sweep, k + 1
///          before stage k of it
struct TapeEntry {
  enum class What : std::uint8_t {
    sweep,         ///< a tick began
    control_pass,  ///< control was looked at between ticks
    adopt,         ///< the session came to the shard
    release,       ///< and went
    input,         ///< the next packet was taken from its inbox
    foreign,       ///< the next message from outside was acted on
    result,        ///< the next result was taken from a pool worker
    post,          ///< a job was given to the pool
    no_room,       ///< what left had not been taken by the host: the sink waited
    compute,       ///< what a withdrawn guess had cost
  };
  What what = What::sweep;
  std::uint16_t stage = 0;
  std::uint32_t session = 0;
  std::int64_t value = 0;

  friend bool operator==(const TapeEntry&, const TapeEntry&) noexcept = default;
};
inline constexpr std::uint8_t kTapeEntries = 10;

[[nodiscard]] constexpr bool is_step(TapeEntry::What what) noexcept {
  return what == TapeEntry::What::sweep || what == TapeEntry::What::control_pass;
}

/// What came to one shard, in order, on its way to whoever records it.
///   threads  note(), note_foreign(): the shard, no allocation, lock or system call; next(),
///            next_foreign(): one other thread; complete(): any
///   full     from the first entry that finds no room nothing more is noted: what is on the tape
///            has no gap
class ShardTape {
 public:
  ShardTape() : entries_(kEntries), foreign_(kForeign) {}

  void note(const TapeEntry& entry) noexcept;
  void note_foreign(const ForeignControl& foreign, std::uint16_t at) noexcept;

  [[nodiscard]] bool next(TapeEntry& entry) noexcept { return entries_.try_pop(entry); }
  /// The message of the next `foreign` entry.
  [[nodiscard]] bool next_foreign(ForeignControl& foreign) noexcept {
    return foreign_.try_pop(foreign);
  }
  [[nodiscard]] bool complete() const noexcept { return complete_.load(std::memory_order_acquire); }

 private:
  // More than five seconds of a hundred sessions, so that a recorder may be late by as much.
  static constexpr std::size_t kEntries = std::size_t{1} << 16;
  static constexpr std::size_t kForeign = 1024;

  rt::SpscRing<TapeEntry> entries_;
  rt::SpscRing<ForeignControl> foreign_;
  /// Written by the shard, read by any.
  std::atomic<bool> complete_{true};
};

/// The tapes of one run: one for each shard, and where those of the pool's jobs go.
struct RunTape {
  std::vector<std::unique_ptr<ShardTape>> shards;
  std::shared_ptr<JobTapes> jobs;  // shared: with lanes, whose workers may outlive the run
};

}  // namespace millrace::engine
