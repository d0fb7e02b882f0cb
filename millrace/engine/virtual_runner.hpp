#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "millrace/base/clock.hpp"
#include "millrace/engine/open_session.hpp"
#include "millrace/engine/shard.hpp"
#include "millrace/engine/virtual_pool.hpp"

namespace millrace::engine {

/// Feeds one session: the next input and when it is due, or nothing more.
class InputFeed {
 public:
  virtual ~InputFeed() = default;
  /// Instant at which the next input is due; the latest possible one when there is none.
  [[nodiscard]] virtual base::Instant due() const noexcept = 0;
  /// Takes it.
  [[nodiscard]] virtual InputPacket take() noexcept = 0;
};

/// Takes what leaves a session. Called on the runner's thread after each sweep.
class OutputTap {
 public:
  virtual ~OutputTap() = default;
  virtual void output(const OutputPacket& output) = 0;
  virtual void event(const Event& event) = 0;
};

/// The engine on a virtual clock: one thread, no waiting, and the same input gives the same output
/// to the bit. It runs the same Shard as the real engine.
///   threads  one
class VirtualRunner {
 public:
  /// Stages as for a shard; `pool_threads` virtual workers.
  [[nodiscard]] static base::Result<std::unique_ptr<VirtualRunner>> create(
      std::shared_ptr<const graph::Plan> plan, std::size_t max_sessions);
  ~VirtualRunner();

  /// Opens a session that is fed by `feed` and heard by `tap`; both outlive run().
  [[nodiscard]] base::Result<SessionState*> open(std::string name, InputFeed& feed, OutputTap& tap);
  /// Sends a control message at the current instant.
  [[nodiscard]] bool control(ForeignControl control) noexcept;
  /// Runs until every session has ended, or until `stop` says so (asked once a step).
  void run(const std::function<bool()>& stop = {});
  /// One step: to the next instant at which anything happens. False: nothing ever will.
  bool step();

  [[nodiscard]] Shard& shard() noexcept { return *shard_; }
  [[nodiscard]] const base::VirtualClock& clock() const noexcept { return clock_; }
  [[nodiscard]] const std::vector<std::unique_ptr<SessionState>>& sessions() const noexcept {
    return sessions_;
  }
  [[nodiscard]] rt::PayloadPool& payloads() noexcept { return *payloads_; }

 private:
  VirtualRunner() = default;
  [[nodiscard]] base::Instant tick_at_or_after(base::Instant at) const noexcept;
  void feed();
  void drain();

  std::shared_ptr<const graph::Plan> plan_;  // shared: with the stages
  base::VirtualClock clock_;
  std::shared_ptr<rt::PayloadPool> payloads_;  // shared: packets may outlive the runner
  std::vector<StageEngine> engines_;
  Provision provision_;
  std::unique_ptr<VirtualPool> pool_;
  std::shared_ptr<ShardStages> stages_;  // shared: with the shard
  std::unique_ptr<Shard> shard_;
  struct Peer {
    InputFeed* feed = nullptr;
    OutputTap* tap = nullptr;
  };
  std::vector<std::unique_ptr<SessionState>> sessions_;
  std::vector<Peer> peers_;
  bool more_ = false;
  bool started_ = false;
};

}  // namespace millrace::engine
