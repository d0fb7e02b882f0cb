#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/base/clock.hpp"
#include "millrace/engine/open_session.hpp"
#include "millrace/engine/tape_player.hpp"
#include "millrace/engine/virtual_runner.hpp"

namespace millrace::engine {

/// What was recorded of one shard.
struct RecordedShard {
  std::vector<TapeEntry> entries;
  std::deque<ForeignControl> foreign;
};

/// One shard of a recorded run once more, on a virtual clock: the same steps at the same instants,
/// with the same things coming from outside in each. Nodes run as ever; so with the same plan the
/// same decisions are made, to the bit.
///   threads  one
class ReplayRunner {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<ReplayRunner>> create(
      std::shared_ptr<const graph::Plan> plan, std::size_t max_sessions, RecordedShard shard,
      std::shared_ptr<JobTapes> tapes);
  ~ReplayRunner();

  /// Adds a session under the number that it had, with what entered it; `tap` outlives run().
  [[nodiscard]] base::Result<void> add(std::string name, std::uint64_t number,
                                       std::vector<InputPacket> inputs, OutputTap& tap);
  /// Runs to the end of the tape, or until `stop` says so (asked once a step).
  void run(const std::function<bool()>& stop = {});

  /// The instant at which the shard asked for something that the record does not have next.
  [[nodiscard]] std::optional<base::Instant> parted() const noexcept { return player_->parted(); }
  /// Pool jobs that asked for something else than when they were recorded.
  [[nodiscard]] std::uint64_t jobs_parted() const noexcept;
  [[nodiscard]] const Shard& shard() const noexcept { return *shard_; }
  [[nodiscard]] rt::PayloadPool& payloads() noexcept { return *payloads_; }

 private:
  /// Runs each job when the step that posted it is over; the tapes say when its results came.
  class Pool final : public LaneExecutor {
   public:
    void post(std::shared_ptr<Lane> lane) noexcept override { posted_.push_back(std::move(lane)); }
    void run_posted(base::Instant now, bool without_tape, JobTapes& tapes);

   private:
    std::vector<std::shared_ptr<Lane>> posted_;  // shared: with the slots of their sessions
  };
  enum class Told : std::uint8_t { nothing, came, went };
  struct Peer {
    std::unique_ptr<SessionState> session;
    OutputTap* tap = nullptr;
    Told told = Told::nothing;  ///< what the tape has told of its coming and going
  };

  ReplayRunner() = default;
  void command(const TapeEntry& entry);
  void drain(SessionState& session);

  std::shared_ptr<const graph::Plan> plan_;  // shared: with the stages
  base::VirtualClock clock_;
  std::shared_ptr<rt::PayloadPool> payloads_;  // shared: packets may outlive the runner
  std::vector<StageEngine> engines_;
  Provision provision_;
  Pool pool_;
  std::shared_ptr<JobTapes> tapes_;      // shared: with the lanes
  std::shared_ptr<ShardStages> stages_;  // shared: with the shard
  std::unique_ptr<TapePlayer> player_;
  std::vector<Peer> peers_;
  std::unique_ptr<Shard> shard_;
};

}  // namespace millrace::engine
