#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/base/inline_vector.hpp"
#include "millrace/engine/edge_queue.hpp"
#include "millrace/engine/event.hpp"
#include "millrace/engine/lane.hpp"
#include "millrace/engine/paced_sink.hpp"
#include "millrace/graph/plan.hpp"
#include "millrace/metrics/turn_ledger.hpp"
#include "millrace/policy/speculation_budget.hpp"
#include "millrace/rt/spsc_ring.hpp"

namespace millrace::engine {

inline constexpr std::uint32_t kAnyOrigin = ~std::uint32_t{0};
inline constexpr std::size_t kMaxControls = 64;
/// Control ids that a session remembers, to tell a repeated message from another one.
inline constexpr std::size_t kSeenControls = 256;

/// A packet (or a marker) that the host pushes into a source.
struct InputPacket {
  std::uint32_t stage = 0;
  media::Packet packet;
};

/// A packet that left through a sink.
struct OutputPacket {
  std::uint32_t stage = 0;
  media::Packet packet;
};

/// Markers that have not yet come over every edge that carries them.
struct MarkerArrival {
  std::uint64_t id = 0;
  media::ControlType type = media::ControlType::end_of_turn;
  std::uint32_t edges = 0;
};

/// One session's part of one stage.
struct Slot {
  std::unique_ptr<node::SessionNode> node;  ///< inline stages
  std::shared_ptr<Lane> lane;               ///< pool stages; shared: with the worker that runs it
  std::optional<PacedSink> player;          ///< sinks that pace
  base::Instant timer{base::Duration::max()};
  base::InlineVector<MarkerArrival, 16> arrivals;
  std::uint32_t controls_seen = 0;
  std::uint32_t batched = 0;    ///< inputs that wait in the batching wrapper
  std::uint32_t job_calls = 0;  ///< inputs of the lane's job, markers aside
  bool ended = false;           ///< end_of_input has passed
  bool timer_waits = false;     ///< its timer is due and finds no room downstream
  bool has_result = false;
  LaneResult result;  ///< taken from the lane, waiting for room downstream
};

/// What the turn record needs to know of the turn that is being answered.
struct TurnAccount {
  metrics::TurnLedger ledger;
  base::TurnId turn;
  base::Revision revision = 0;
};

/// What a message from outside is told.
struct ControlAnswer {
  ControlStatus status = ControlStatus::applied;
  ControlCode code = ControlCode::none;
};

/// A control message from outside that reached the ledger or the nodes, and what it was told.
struct SeenControl {
  std::uint64_t id = 0;
  std::uint64_t content = 0;
  ControlAnswer answer;
};

/// Everything of one session on its shard. Made and destroyed on a control thread; in between the
/// shard alone touches it, but for the rings.
struct SessionState {
  explicit SessionState(const graph::Plan& plan);

  std::string name;
  std::uint64_t number = 0;
  const graph::Plan* plan = nullptr;
  std::shared_ptr<SessionShared> shared;  // shared: a hung worker may outlive the session
  base::Instant opened{};

  // Rings to and from the host. Producer / consumer: host / shard, shard / host, shard / host.
  rt::SpscRing<InputPacket> inbox;
  rt::SpscRing<OutputPacket> outbox;
  rt::SpscRing<Event> events;

  std::vector<EdgeQueue> queues;  ///< by edge
  std::vector<Slot> slots;        ///< by stage
  /// Drops of each edge that the event log has been told of.
  std::vector<std::array<std::uint64_t, base::kDropReasons>> reported_drops;
  std::vector<std::uint64_t> reported_merged;  ///< likewise of its packets that were merged
  std::vector<media::Control> controls;  ///< urgent messages of this sweep, for every slot to see
  std::vector<std::uint32_t> control_origins;  ///< stage that sent it; kAnyOrigin from outside
  /// The last messages from outside that carried an id, oldest overwritten first.
  std::array<SeenControl, kSeenControls> seen_controls{};
  std::size_t next_seen = 0;
  /// Messages from outside by what they were told; the shard writes, readable after close().
  std::array<std::uint64_t, 5> control_answers{};
  policy::SpeculationBudget budget;
  base::Duration guess_compute{0};  ///< spent on the guess that stands
  TurnAccount account;

  std::optional<InputPacket> next_input;  ///< taken from the inbox, waiting for room
  base::MediaTime audio_arrived{0};
  std::uint64_t next_control_id = 1;
  std::uint32_t sinks_open = 0;
  /// A gate found no room downstream in this sweep: only it can confirm what is held back.
  bool gate_stuck = false;
  std::uint64_t events_lost = 0;
  std::uint64_t outputs = 0;
  std::uint64_t room_asked = 0;  ///< how often a sink asked for room in the outbox

  /// Written by the shard once every sink has let out its last packet; read by the host.
  std::atomic<bool> ended{false};
  /// Written by the shard when it has let go of the session; read by the host.
  std::atomic<bool> released{false};
};

}  // namespace millrace::engine
