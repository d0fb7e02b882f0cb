#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "millrace/media/packet.hpp"
#include "millrace/policy/overflow.hpp"

namespace millrace::node {

/// Where the work of a stage runs.
enum class Placement : std::uint8_t {
  inline_,  ///< on the shard, in the sweep
  pool,     ///< on a worker thread of the pool
  process,  ///< in another process of this machine
  remote,   ///< at a peer
};

using policy::name;
using policy::OverflowPolicy;

[[nodiscard]] std::string_view name(Placement placement) noexcept;

/// One input or output of a node type.
struct PortDecl {
  std::string_view name;
  media::PacketKind kind = media::PacketKind::audio;
  std::string_view summary;
  std::string_view alias = {};  ///< another name that manifests may use
  std::int32_t rate_hz = 0;     ///< audio: the only rate it takes; 0 is any
  std::int16_t channels = 0;    ///< audio: the only channel count it takes; 0 is any
  bool required = true;         ///< an input that must be connected
  bool feedback = false;        ///< an input that an edge may reach against the flow
  /// A boolean parameter that the port belongs to: while it is off, the port is not used.
  std::string_view with_param = {};
};

enum class ParamKind : std::uint8_t { boolean, integer, number, text, choice, json };

/// One parameter. `initial` is the default as it would be written in a manifest ("" for none); json
/// parameters (lists, maps) reach the node as JSON text.
struct ParamDecl {
  std::string_view name;
  ParamKind kind = ParamKind::number;
  std::string_view unit = {};  ///< "ms", "Hz", …
  double minimum = 0.0;        ///< integer and number, inclusive
  double maximum = 0.0;
  std::string_view initial = {};
  std::span<const std::string_view> choices = {};
  std::string_view summary = {};
  bool required = false;
};

/// What a node type can take of the scheduler; a manifest may override it per node.
///   parallelizable  no: at most one call in flight per engine instance, over all sessions
///   batch_aware     gains when several inputs come in one call, or (Contract::across_sessions)
///                   when calls of several sessions run together
struct Capabilities {
  bool parallelizable = true;
  bool batch_aware = false;
  std::uint32_t queue_capacity = 50;
  OverflowPolicy overflow = OverflowPolicy::drop_oldest;
};

/// Cost of a pool job under the virtual clock: output k of a job arrives first_us + k * per_unit_us
/// after its start, and per_session_us later for each session beyond the first that it runs with.
struct VirtualCost {
  std::int64_t first_us = 0;
  std::int64_t per_unit_us = 0;
  std::int64_t per_session_us = 0;
};

/// What a stage is in the graph.
enum class Role : std::uint8_t { source, transform, sink };

/// Everything about a node type that can be known without making one. From it come the manifest
/// check, `millrace nodes show`, the JSON Schema and the static latency budget.
struct Contract {
  std::string_view type;
  std::string_view summary;
  std::string_view alias = {};  ///< generic name ("asr", "tts")
  Role role = Role::transform;
  std::span<const PortDecl> inputs = {};
  std::span<const PortDecl> outputs = {};
  std::span<const ParamDecl> params = {};
  Capabilities capabilities = {};
  Placement placement = Placement::inline_;
  bool inline_only = false;       ///< uses what only the shard may touch (speculation)
  bool pool_only = false;         ///< may block or run long: never in the sweep
  bool across_sessions = false;   ///< on the pool calls defer to StageNode::run_together()
  std::uint32_t max_outputs = 4;  ///< packets that one input can give on one port, in the sweep
  VirtualCost virtual_cost = {};
  media::GiveUp gives_up = {};   ///< what it obeys of Packet::give_up
  bool speculates = false;       ///< opens segments and turns
  std::string_view resets = {};  ///< what a discontinuity does to its state
};

}  // namespace millrace::node
