#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "millrace/base/result.hpp"
#include "millrace/base/time.hpp"
#include "millrace/node/context.hpp"
#include "millrace/node/contract.hpp"
#include "millrace/node/params.hpp"

namespace millrace::node {

/// Format of what goes over a port, as far as it is known when the plan is made; 0 is unknown.
struct Format {
  media::PacketKind kind = media::PacketKind::audio;
  std::int32_t rate_hz = 0;
  std::int16_t channels = 0;
};

/// What a stage is made from.
///   inputs  format of each input port, in the order of the contract; unconnected ports: unknown
struct StageConfig {
  std::string id;
  Params params;
  std::span<const Format> inputs;
};

/// What a session tells a node when it opens.
struct SessionInfo {
  std::string_view session;
  std::uint64_t seed = 1;
};

/// One session's state in one stage. Calls never overlap.
///   threads  the shard, or one pool worker at a time
///   errors   bad input is counted through Context::failed(); nothing is thrown
class SessionNode {
 public:
  virtual ~SessionNode() = default;

  /// Takes one data packet; packet.port says on which input. Inputs of one sweep come port by port
  /// in the order of the contract. The packet may be moved from.
  virtual void process(media::Packet& packet, Context& context) noexcept = 0;

  /// An urgent message, or an aligned one whose place in the data is reached. The marker of an
  /// aligned message is passed on by the engine after this call, behind what was emitted.
  virtual void on_control(const media::Control& control, Context& context) noexcept {
    (void)control;
    (void)context;
  }
  /// The instant asked for with set_timer() has come.
  virtual void on_timer(Context& context) noexcept { (void)context; }
  /// No more data will come: what is held back must go out now.
  virtual void on_end(Context& context) noexcept { (void)context; }

  /// On the pool, where the contract says `across_sessions`: the last call left its long part to
  /// StageNode::run_together(). No other call comes before that.
  [[nodiscard]] virtual bool deferred() const noexcept { return false; }
};

/// One session's inputs of one call in a batch.
struct Work {
  SessionNode* node = nullptr;
  std::span<media::Packet> packets;
  Context* context = nullptr;
  std::size_t packet_index = 0;  ///< the packet being processed; set it before emitting
};

/// How a sink that plays lets its audio out: at the pace of its rate, `cushion` ahead of the ear;
/// the cushion grows up to `cushion_max` when audio came too late.
struct Pacing {
  base::MediaTime cushion{40'000};
  base::MediaTime cushion_max{200'000};
};

/// One stage of a plan on one shard: what its sessions share (a model, scratch memory), and where a
/// batch over sessions is run.
///   threads  made and opened on a control thread; process_batch() and defers() on the shard,
///            run_together() on one pool worker at a time
class StageNode {
 public:
  virtual ~StageNode() = default;

  [[nodiscard]] virtual base::Result<std::unique_ptr<SessionNode>> open_session(
      const SessionInfo& info) = 0;

  /// Format of output `port`, from the formats of the inputs.
  [[nodiscard]] virtual Format output_format(std::size_t port) const = 0;
  /// What the stage adds to the way of a packet by design (filter delay, window, batch window).
  [[nodiscard]] virtual base::MediaTime latency() const { return base::MediaTime{0}; }

  /// Sinks: how the engine paces what leaves; nothing lets it out as it comes.
  [[nodiscard]] virtual std::optional<Pacing> pacing() const { return std::nullopt; }

  /// Whether process_batch() does more than call each session in turn.
  [[nodiscard]] virtual bool batches() const { return false; }
  /// Takes the data packets of many sessions in one call. Set work.packet_index before emitting
  /// for a packet, so that the output inherits the right lineage.
  virtual void process_batch(std::span<Work> works) noexcept { (void)works; }
  /// The inputs of these sessions have ended, in one sweep; the works hold no packets. Calls that
  /// end together should not cost a model one run each.
  virtual void end_batch(std::span<Work> works) noexcept {
    for (const Work& work : works) work.node->on_end(*work.context);
  }

  /// Does what the last calls of these sessions deferred, in one run where that gains: the works
  /// hold no packets. A session whose context says stop_requested() is given up alone, and one that
  /// fails does not touch the others. A session may defer again.
  virtual void run_together(std::span<Work> works) noexcept { (void)works; }
  /// Whether a call with `packet` makes a session defer, as far as the packet shows. Data that does
  /// not may lie until a packet comes that does, or a marker, a message or a timer.
  [[nodiscard]] virtual bool defers(const media::Packet& packet) const noexcept {
    (void)packet;
    return true;
  }
};

/// A node type: its contract, and how to make a stage of it.
struct NodeType {
  const Contract* contract = nullptr;
  base::Result<std::unique_ptr<StageNode>> (*create)(const StageConfig& config) = nullptr;
};

}  // namespace millrace::node
