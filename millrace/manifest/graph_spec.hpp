#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/manifest/value.hpp"

/// What a manifest says, after its structure has been checked: plain values, each with its place.
/// Nothing here knows which node types, ports or parameters exist; that is the graph layer's part.
/// An empty optional means that the manifest does not say, and the node's contract decides.
namespace millrace::manifest {

enum class Placement : unsigned char { inline_, pool, process, remote };
inline constexpr std::array<std::string_view, 4> kPlacementNames{"inline", "pool", "process",
                                                                 "remote"};

enum class QueuePolicy : unsigned char {
  drop_oldest,
  drop_newest,
  block,
  merge_on_overflow,
  latest_only
};
inline constexpr std::array<std::string_view, 5> kQueuePolicyNames{
    "drop_oldest", "drop_newest", "block", "merge_on_overflow", "latest_only"};

enum class BufferingMode : unsigned char { greedy, fixed };
inline constexpr std::array<std::string_view, 2> kBufferingModeNames{"greedy", "fixed"};

enum class MergeKind : unsigned char { concatenate_text, concatenate_audio, keep_separate, custom };
inline constexpr std::array<std::string_view, 4> kMergeKindNames{
    "concatenate_text", "concatenate_audio", "keep_separate", "custom"};

/// What a node may give up when its deadline comes near, in the order the manifest lists it.
enum class GiveUp : unsigned char {
  flush_batch,
  smaller_first_chunk,
  lower_quality,
  skip_optional,
  drop
};
inline constexpr std::array<std::string_view, 5> kGiveUpNames{
    "flush_batch", "smaller_first_chunk", "lower_quality", "skip_optional", "drop"};

enum class Release : unsigned char { committed, speculative };
inline constexpr std::array<std::string_view, 2> kReleaseNames{"committed", "speculative"};

/// The word the manifest uses for an enumerator.
[[nodiscard]] std::string_view name(Placement value) noexcept;
[[nodiscard]] std::string_view name(QueuePolicy value) noexcept;
[[nodiscard]] std::string_view name(BufferingMode value) noexcept;
[[nodiscard]] std::string_view name(MergeKind value) noexcept;
[[nodiscard]] std::string_view name(GiveUp value) noexcept;
[[nodiscard]] std::string_view name(Release value) noexcept;

/// A key that may be left out.
template <class T>
using Setting = std::optional<Located<T>>;

struct QueueSpec {
  Place place;
  Setting<std::int64_t> capacity;   ///< packets, 1 or more
  Setting<std::int64_t> max_bytes;  ///< 1 or more
  Setting<QueuePolicy> policy;
  Setting<std::int64_t> max_age_ms;  ///< 1 or more
};

/// What a job costs under the virtual clock.
struct VirtualCostSpec {
  Place place;
  std::int64_t first_us = 0;
  std::int64_t per_unit_us = 0;
  std::int64_t per_session_us = 0;
};

struct CapabilitiesSpec {
  Place place;
  Setting<bool> parallelizable;
  Setting<bool> batch_aware;
  Setting<std::int64_t> avg_processing_us;
  std::optional<VirtualCostSpec> virtual_cost;
};

/// How the batching wrapper joins inputs; only the field of its kind means anything.
struct MergeStrategySpec {
  Place place;
  MergeKind kind = MergeKind::keep_separate;
  std::string separator = " ";    ///< concatenate_text
  std::int64_t max_gap_ms = 100;  ///< concatenate_audio, 0 to 100
  std::string custom_name;        ///< custom
};

struct BufferingSpec {
  Place place;
  Setting<BufferingMode> mode;
  Setting<std::int64_t> min_batch_size;
  Setting<std::int64_t> max_wait_ms;
  Setting<std::int64_t> max_buffer_size;
  std::optional<MergeStrategySpec> merge_strategy;
};

struct DeadlineSpec {
  Place place;
  Setting<std::int64_t> budget_ms;
  std::vector<Located<GiveUp>> give_up;  ///< each at most once
};

struct NodeSpec {
  Place place;
  std::string id;  ///< [A-Za-z_][A-Za-z0-9_-]*, unique in the graph
  Place id_place;
  std::string type;          ///< canonical snake_case
  std::string type_written;  ///< as the manifest spells it
  Place type_place;
  Value params;  ///< always a map; empty, at the node's place, when none are given
  Setting<Placement> placement;
  std::optional<QueueSpec> queue;
  std::optional<CapabilitiesSpec> capabilities;
  std::optional<BufferingSpec> buffering;
  std::optional<DeadlineSpec> deadline;
  Setting<Release> release;
  Setting<bool> commit;
};

/// One end to another. Both nodes exist and differ; a port may be empty (the node's only port).
struct EdgeSpec {
  Place place;
  std::string from_node;
  std::string from_port;
  Place from_place;
  std::string to_node;
  std::string to_port;
  Place to_place;
};

/// The budget of speculation; 0 allows none.
struct SpeculationSpec {
  Place place;
  std::int64_t max_speculative_turns_per_minute = 30;
  std::int64_t max_wasted_ms_per_minute = 5000;
};

/// When a further session is refused because it would break those that are open.
struct AdmissionSpec {
  Place place;
  bool enabled = true;
  std::int64_t max_load_percent = 85;  ///< of the cores that the shards, or the pool, can use
};

struct ExecutorSpec {
  Place place;
  std::int64_t max_sessions = 1000;
  std::int64_t shards = 1;
  std::int64_t pool_threads = 1;
  std::int64_t tick_us = 1000;  ///< 0 sweeps as soon as something arrives
  std::int64_t seed = 1;
  bool metrics = true;
  std::int64_t metrics_port = 9090;  ///< 0 takes a free port
  AdmissionSpec admission;
};

/// A whole manifest. `nodes` and `edges` stand in the order written.
struct GraphSpec {
  std::string file;
  std::string version;  ///< "v1"
  std::string name;     ///< metadata.name, or empty
  std::vector<NodeSpec> nodes;
  std::vector<EdgeSpec> edges;
  SpeculationSpec speculation;  ///< without a line when the manifest does not say
  ExecutorSpec executor;        ///< likewise

  /// The node called `id`, or null.
  [[nodiscard]] const NodeSpec* find_node(std::string_view id) const noexcept;
};

/// The same text for manifests that mean the same: comments, spelling of aliases, key order and
/// layout do not show. For hashes; it may hold secrets from the environment, so never log it.
[[nodiscard]] std::string canonical_text(const GraphSpec& spec);

}  // namespace millrace::manifest
