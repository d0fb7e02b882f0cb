#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/engine/join.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/policy/batcher.hpp"

namespace millrace::engine {

struct SessionState;

/// The batching wrapper (`buffered_processor`) in front of one pool stage on one shard: keeps the
/// inputs of all sessions until a call may take them. What to take, and when, is the Batcher's
/// decision; this holds the packets it decides about. One call at a time.
///   order    the inputs of a session leave in the order in which they came
///   threads  the shard; nothing is allocated after construction
///   memory   max_buffer_size packets, and the places of those that run
class BatchStage {
 public:
  /// A place for an input: free, waiting, or in a call (its packet is gone then).
  struct Place {
    SessionState* session = nullptr;  ///< null: free
    std::uint32_t edge = 0;           ///< over which it came
    bool running = false;
    media::Packet packet;
  };

  explicit BatchStage(const graph::Stage& stage);

  /// Whether `session` may bring another input. Alone it may fill the buffer (greedy: three
  /// quarters of it); beside others it gets no more places than are still free, so that a flood
  /// leaves room for those who come later.
  ///   source  Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet
  ///           switches", IEEE/ACM Transactions on Networking 6(2), 1998
  [[nodiscard]] bool has_room(const SessionState& session) const noexcept;
  /// Takes one in; has_room() must have said so.
  void take(SessionState& session, std::uint32_t edge, media::Packet&& packet,
            base::Instant now) noexcept;
  [[nodiscard]] std::uint32_t waiting() const noexcept { return batcher_.waiting(); }
  [[nodiscard]] std::span<Place> places() noexcept { return places_; }
  [[nodiscard]] Place& place(std::uint64_t id) noexcept {
    return places_[static_cast<std::size_t>(id - 1)];
  }
  /// The input of `place`, which waits, will not run.
  void remove(Place& place) noexcept;

  /// Decides what to do now, unless a call runs or is ready. Answers the inputs that expired, whose
  /// places have to be given back with give_back().
  std::span<const policy::BatchDrop> decide(base::Instant now) noexcept;
  void give_back(std::uint64_t id) noexcept;
  /// Whose call is decided upon and not started; null when there is none. The call may have to wait
  /// until the session's lane is free of a job for markers alone.
  [[nodiscard]] SessionState* ready() const noexcept { return started_ ? nullptr : caller_; }
  [[nodiscard]] std::span<const policy::BatchItem> inputs() const noexcept { return inputs_; }
  /// The packet of an input of the call that is ready.
  [[nodiscard]] media::Packet release(std::uint64_t id) noexcept;
  void started() noexcept { started_ = true; }
  /// The call is over (`took`), or will give nothing.
  ///   learn  it was a call like the others, whose cost tells something of theirs
  void finished(base::Instant now, base::Duration took, bool learn = true) noexcept;
  void failed(base::Instant now) noexcept;
  [[nodiscard]] bool runs_for(const SessionState& session) const noexcept {
    return caller_ == &session;
  }
  [[nodiscard]] bool in_flight() const noexcept { return started_; }

  // Deadlines; see Batcher.
  [[nodiscard]] std::span<const policy::LateInput> late(base::Instant free_at) noexcept {
    return batcher_.late(free_at);
  }
  [[nodiscard]] base::Instant late_at() const noexcept { return batcher_.late_at(); }
  void warned(std::uint64_t id) noexcept { batcher_.warned(id); }
  bool flush(std::uint64_t id) noexcept { return batcher_.flush(id); }
  [[nodiscard]] std::optional<base::Instant> gathers_until(base::Instant now) noexcept {
    return batcher_.gathers_until(now);
  }
  void hint(std::uint32_t suggested_batch_size) noexcept { batcher_.hint(suggested_batch_size); }
  [[nodiscard]] base::Instant wake_at() const noexcept { return wake_at_; }
  [[nodiscard]] const JoinRules& rules() const noexcept { return rules_; }
  [[nodiscard]] bool joins() const noexcept {
    return batcher_.params().strategy != policy::MergeStrategy::keep_separate;
  }
  [[nodiscard]] const policy::Batcher& batcher() const noexcept { return batcher_; }

 private:
  [[nodiscard]] std::uint32_t& waiting_of(SessionState& session) const noexcept;
  void end_call(std::span<const policy::BatchItem> items) noexcept;

  std::uint32_t stage_;
  std::optional<base::Duration> budget_;
  std::string separator_;
  JoinRules rules_;
  policy::Batcher batcher_;
  std::vector<Place> places_;
  // The call that is ready or runs.
  SessionState* caller_ = nullptr;
  std::uint32_t run_ = 0;
  std::span<const policy::BatchItem> inputs_;
  bool started_ = false;
  base::Instant wake_at_{base::Duration::max()};
};

}  // namespace millrace::engine
