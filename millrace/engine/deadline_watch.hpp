#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "millrace/base/time.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/policy/batch_types.hpp"
#include "millrace/policy/deadline_policy.hpp"

namespace millrace::engine {

/// What the wrapper of one stage gives up so that its inputs are in time: asks DeadlinePolicy, and
/// tells it what became of a call.
///   flush_batch    in time if it did not wait for more: it starts now
///   skip_optional  an optional input that is late in spite of what is listed before is left out
///   drop           an input that is late alone in a call, all the rest given up, is dropped
///   the rest       is for the node, and is decided when a call is put together: for all of it
///   learned        lower_quality by how long a call took, smaller_first_chunk by when its first
///                  output came; from calls in which nothing else was given up
///   threads        the shard; reads no clock, allocates nothing
class DeadlineWatch {
 public:
  /// An input that waits and will be late.
  struct Waiting {
    policy::LateInput late;
    bool optional = false;
    base::Instant free_at{};    ///< when the node can take a call
    base::Instant starts_at{};  ///< when the next one starts; later, if it waits for more
    base::Duration alone{0};    ///< what a call with this input alone would take
  };

  explicit DeadlineWatch(std::span<const policy::GiveUp> give_up) noexcept;

  /// What to do about it: flush_batch, skip_optional or drop; none: let it wait.
  [[nodiscard]] std::optional<policy::GiveUp> judge(const Waiting& waiting,
                                                    base::Instant now) const noexcept;
  /// What the node gives up so that an input due at `deadline` is in time in a call that starts now
  /// and takes `cost`, if nothing is given up.
  [[nodiscard]] media::GiveUp judge_call(base::Instant now, base::Instant deadline,
                                         base::Duration cost) const noexcept;

  /// A call starts that would take `cost`; `given_up` for all its inputs.
  void begin(base::Instant now, base::Duration cost, media::GiveUp given_up) noexcept;
  /// It gave something, `took` after it began; the first time counts.
  void output(base::Duration took) noexcept;
  /// It is over. True: it took as long as calls do, nothing was given up that changes that.
  bool end(base::Duration took) noexcept;
  /// When the call is over, as far as is known.
  [[nodiscard]] base::Instant expected_end(base::Instant now) const noexcept;

  /// When to look at the inputs again, because one will be late from then on.
  void set_wake_at(base::Instant at) noexcept { wake_at_ = at; }
  [[nodiscard]] base::Instant wake_at() const noexcept { return wake_at_; }
  /// What is left of a call's cost with `action`, 0 to 1, as learned.
  [[nodiscard]] double remains(policy::GiveUp action) const noexcept {
    return in_call_.remains(action);
  }

 private:
  void observe(policy::GiveUp action, base::Duration took) noexcept;

  policy::DeadlinePolicy waiting_;   ///< without skip_optional
  policy::DeadlinePolicy optional_;  ///< what stands before skip_optional, then drop
  policy::DeadlinePolicy in_call_;   ///< what the node does
  bool skips_ = false;
  bool flushes_ = false;
  base::Instant began_{};
  base::Duration cost_{0};
  base::Duration expected_{0};
  media::GiveUp given_up_;
  bool has_output_ = false;
  base::Instant wake_at_{base::Duration::max()};
};

}  // namespace millrace::engine
