#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/base/inline_vector.hpp"
#include "millrace/engine/join.hpp"
#include "millrace/engine/lane.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/policy/batcher.hpp"

namespace millrace::engine {

struct SessionState;

/// The batching wrapper (`buffered_processor`) in front of one pool stage on one shard: keeps the
/// inputs of all sessions until a call may take them. What to take, and when, is the Batcher's
/// decision; this holds the packets it decides about. One call at a time.
/// Where sessions run together (across_sessions()) an input is the next job of a session: its
/// packets stay in the session's lane, and a call is the jobs of several sessions.
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
  /// Sessions together: the next job of `session` waits from now on; has_room() must have said so.
  /// `what` is a packet of it that makes it worth a call: its header tells what waits.
  void offer(SessionState& session, const media::Packet& what, base::Instant now) noexcept;
  /// Where the next job of `session` waits; null where it does not.
  [[nodiscard]] Place* offered(const SessionState& session) noexcept;
  /// The job of `session` goes out with the call that is ready.
  void release_job(std::uint64_t id) noexcept;
  /// What a call of several sessions took, and how often their jobs made the node work.
  struct CallEnd {
    base::Duration took{0};
    std::uint32_t worked = 0;
  };
  /// The job of `session` is over, or will give nothing (`done` null). Where it was the last one of
  /// the call that runs, this answers what finished() is to be told.
  [[nodiscard]] std::optional<CallEnd> job_over(const SessionState& session,
                                                const LaneResult* done) noexcept;
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
  /// The call is over (`took`), or will give nothing. `worked`: as in Batcher.
  void finished(base::Instant now, base::Duration took, std::uint32_t worked) noexcept;
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
  [[nodiscard]] bool across_sessions() const noexcept { return batcher_.params().across_sessions; }
  [[nodiscard]] std::optional<base::Duration> budget() const noexcept { return budget_; }
  [[nodiscard]] const JoinRules& rules() const noexcept { return rules_; }
  [[nodiscard]] bool joins() const noexcept {
    return batcher_.params().strategy != policy::MergeStrategy::keep_separate;
  }
  /// What joins the inputs of a call on the worker; null: joins() means rules(), on the shard.
  [[nodiscard]] const node::MergeType* custom() const noexcept { return custom_; }
  [[nodiscard]] const policy::Batcher& batcher() const noexcept { return batcher_; }

 private:
  Place& push(SessionState& session, std::uint64_t group, base::Instant now,
              base::Instant deadline) noexcept;
  [[nodiscard]] std::uint32_t& waiting_of(SessionState& session) const noexcept;
  void end_call(std::span<const policy::BatchItem> items) noexcept;

  std::uint32_t stage_;
  std::optional<base::Duration> budget_;
  std::string separator_;
  JoinRules rules_;
  const node::MergeType* custom_;
  policy::Batcher batcher_;
  std::vector<Place> places_;
  // The call that is ready or runs.
  SessionState* caller_ = nullptr;
  std::uint32_t run_ = 0;
  std::span<const policy::BatchItem> inputs_;
  bool started_ = false;
  // Sessions together: the call that runs.
  struct Member {
    const SessionState* session = nullptr;
    bool over = false;
  };
  base::InlineVector<Member, Lane::kMostTogether> members_;
  base::Instant began_{};
  base::Instant ended_{};
  std::uint32_t worked_ = 0;
  base::Instant wake_at_{base::Duration::max()};
};

}  // namespace millrace::engine
