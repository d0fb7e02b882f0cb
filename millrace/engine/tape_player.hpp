#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "millrace/engine/session_state.hpp"
#include "millrace/engine/tape.hpp"

namespace millrace::engine {

/// Tells a shard what came from outside, in the order of a tape. A shard that asks for things in
/// another order than when it was recorded has parted from the tape: from then on it gets its
/// inputs and messages at the recorded steps, and everything else as it comes.
///   threads  the one that runs the shard
class TapePlayer {
 public:
  using Drain = std::function<void(SessionState&)>;

  TapePlayer(std::vector<TapeEntry> entries, std::deque<ForeignControl> foreign, Drain drain);

  /// The next step of the shard, and which sessions come and go at its beginning. None at the end.
  struct Step {
    TapeEntry::What what = TapeEntry::What::sweep;
    base::Instant at{};
    std::vector<TapeEntry> commands;
  };
  [[nodiscard]] std::optional<Step> next_step();
  /// Puts a packet where input() takes it: the inputs of a session in their order.
  void add_input(std::uint64_t session, InputPacket&& input);

  // What the shard asks ---------------------------------------------------------------------------
  [[nodiscard]] bool input(std::uint64_t session, std::uint32_t stage, InputPacket& input);
  [[nodiscard]] bool foreign_waits(std::uint16_t at) const noexcept;
  [[nodiscard]] bool foreign(std::uint16_t at, ForeignControl& foreign);
  /// `natural`: what the shard would do without a tape.
  [[nodiscard]] bool result(SessionState& session, std::uint32_t stage, Lane& lane,
                            LaneResult& result, base::Instant now);
  [[nodiscard]] bool post(std::uint64_t session, std::uint32_t stage, bool natural);
  [[nodiscard]] bool room(SessionState& session, std::uint32_t stage, std::int64_t asked);
  [[nodiscard]] base::Duration compute(std::uint64_t session, base::Duration natural);
  /// Takes what left and what happened, so that no ring of the session is full.
  void drain(SessionState& session) { drain_(session); }

  /// The instant of the step in which the shard parted from the tape.
  [[nodiscard]] std::optional<base::Instant> parted() const noexcept { return parted_; }
  /// The tape tells of a result that its job has not given: the record ends in that job.
  [[nodiscard]] bool cut() const noexcept { return cut_; }

 private:
  struct Inputs {
    std::deque<InputPacket> waiting;
    std::uint64_t due = 0;  ///< how many may be taken after the shard parted from the tape
  };
  [[nodiscard]] bool expects(TapeEntry::What what, std::uint64_t session,
                             std::uint32_t stage) const noexcept;
  void part();
  void give_rest_of_step();

  std::vector<TapeEntry> entries_;
  std::size_t next_ = 0;
  std::deque<ForeignControl> foreign_;
  std::uint64_t foreign_due_ = 0;
  std::map<std::uint64_t, Inputs> inputs_;
  Drain drain_;
  base::Instant now_{};
  std::optional<base::Instant> parted_;
  bool cut_ = false;
};

}  // namespace millrace::engine
