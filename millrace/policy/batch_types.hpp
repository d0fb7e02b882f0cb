#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "millrace/base/drop_reason.hpp"
#include "millrace/base/time.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/policy/overflow.hpp"

/// What goes into a Batcher and what comes out of it: plain values.
namespace millrace::policy {

/// greedy: nothing waits while the inner node is idle. fixed: waits for a number or for a time.
enum class BatchMode : std::uint8_t { greedy, fixed };

/// How the inputs of a batch become the node's input. Only keep_separate may join sessions.
enum class MergeStrategy : std::uint8_t {
  concatenate_text,
  concatenate_audio,
  keep_separate,
  custom,
};

[[nodiscard]] std::string_view name(BatchMode mode) noexcept;
[[nodiscard]] std::string_view name(MergeStrategy strategy) noexcept;

struct BatcherParams {
  BatchMode mode = BatchMode::greedy;
  MergeStrategy strategy = MergeStrategy::keep_separate;
  /// What a full buffer does while nothing can start; latest_only is kept by the queue before it,
  /// and acts as drop_oldest here.
  OverflowPolicy overflow = OverflowPolicy::merge_on_overflow;
  bool across_sessions = false;  ///< the node declares it; means something for keep_separate only
  std::uint32_t min_batch_size = 1;                          ///< fixed only
  base::Duration max_wait = std::chrono::milliseconds{100};  ///< fixed only
  std::uint32_t max_buffer_size = 50;                        ///< inputs that wait, 1 or more
  std::uint32_t max_batch = 32;                              ///< inputs of one run, 1 or more
  std::uint64_t max_batch_units = 0;                         ///< sum of sizes of one run; 0: any
  std::uint32_t max_running = 1;  ///< runs at a time; more than 1 for a parallelizable node
  base::Duration coalesce_wait = std::chrono::milliseconds{5};  ///< greedy only; 0: never
  /// `drop` is among what the node may give up: an input that cannot be in time even alone is
  /// dropped. Otherwise it runs after those that can, until its deadline has passed.
  bool drop_hopeless = false;
};

struct BatchInput {
  std::uint64_t id = 0;  ///< the caller's, unique among those that wait or run
  std::uint32_t session = 0;
  std::uint64_t group = 0;  ///< of session, turn and revision; concatenation stays within one
  base::Instant arrival{};  ///< never before that of the input before
  base::Instant deadline = media::kNoDeadline;
  bool first_chunk = false;  ///< the first of a reply: somebody waits in silence for it
  std::uint32_t size = 1;    ///< in the units of max_batch_units
};

/// An input that will not run, and why.
struct BatchDrop {
  std::uint64_t id = 0;
  std::uint32_t session = 0;
  base::DropReason reason = base::DropReason::overflow;
};

struct Pushed {
  enum class Outcome : std::uint8_t {
    accepted,    ///< it waits
    full_flush,  ///< it waits, and the buffer is full: call next() at once
    merged,      ///< the buffer was full: it rides with `host`, in one place
    blocked,     ///< the buffer is full: it stays with its sender until there is room
    refused,     ///< it will not run, for `reason`
  };
  Outcome outcome = Outcome::accepted;
  std::uint64_t host = 0;                                ///< merged
  base::DropReason reason = base::DropReason::overflow;  ///< refused
  std::optional<BatchDrop> evicted = {};                 ///< what had to leave for it
};

enum class BatchCancel : std::uint8_t {
  removed,  ///< it waited, and will not run
  running,  ///< it runs: its share of the result is to be thrown away
  unknown,  ///< it neither waits nor runs
};

/// An input of a run.
struct BatchItem {
  std::uint64_t id = 0;
  std::uint32_t session = 0;
  std::uint64_t group = 0;
  bool cancelled = false;  ///< since the run began
};

struct BatchDecision {
  enum class What : std::uint8_t { nothing, start, wake };
  What what = What::nothing;
  std::uint32_t run = 0;  ///< start: the number to give to finished() or failed()
  std::span<const BatchItem> inputs =
      {};                   ///< start: in the order of each session; until it is over
  base::Instant wake_at{};  ///< wake: ask again then, or at the next push
  std::span<const BatchDrop> dropped = {};  ///< with any answer; until the next call
};

/// An input that will probably be late.
struct LateInput {
  std::uint64_t id = 0;
  std::uint32_t session = 0;
  base::Instant deadline{};
  base::Instant expected{};
  base::Duration cost{0};  ///< of the run that it will be in
  bool warned = false;     ///< warned() was called for it
};

struct BatcherCounters {
  std::uint64_t pushed = 0;
  std::uint64_t runs = 0;
  std::uint64_t started = 0;  ///< inputs
  std::uint64_t merged = 0;   ///< by a full buffer
  std::uint64_t blocked = 0;
  std::uint64_t overflowed = 0;
  std::uint64_t expired = 0;  ///< deadline passed, or (drop_hopeless) out of reach
  std::uint64_t cancelled_waiting = 0;
  std::uint64_t cancelled_running = 0;
  std::uint64_t failed_runs = 0;
  std::uint64_t full_flushes = 0;
  std::uint64_t coalescing_waits = 0;
  std::uint64_t capped = 0;  ///< runs made smaller, for a deadline or for who waits on average
  std::uint64_t late_warnings = 0;
};

}  // namespace millrace::policy
