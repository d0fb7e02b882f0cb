#include "millrace/manifest/detail/layout.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "millrace/manifest/graph_spec.hpp"

namespace millrace::manifest::detail {
namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kMaxQueue = 65'536;
constexpr std::int64_t kMaxSeed = std::numeric_limits<std::int64_t>::max();
constexpr std::array<std::string_view, 1> kVersions{"v1"};
constexpr std::array<std::string_view, 1> kOlderExecutors{"multiprocess"};

using enum FieldKind;

constexpr Field kMetadataFields[] = {
    {.key = "name", .kind = text, .about = "Name of the pipeline."},
    {.key = "description", .kind = text, .about = "What the pipeline is for."},
    {.key = "author", .kind = text, .about = "Who wrote it."},
    {.key = "created_at", .kind = text, .about = "When it was written."},
};
constexpr Section kMetadata{"metadata", kMetadataFields};

constexpr Field kQueueFields[] = {
    {.key = "capacity",
     .kind = integer,
     .about = "Packets each input queue of the node holds.",
     .min = 1,
     .max = kMaxQueue},
    {.key = "max_bytes",
     .kind = integer,
     .about = "Bytes each input queue of the node holds.",
     .min = 1,
     .max = std::int64_t{1} << 30},
    {.key = "policy",
     .kind = choice,
     .about = "What a full queue does.",
     .choices = kQueuePolicyNames},
    {.key = "max_age_ms",
     .kind = integer,
     .about = "A packet older than this is dropped, in milliseconds.",
     .min = 1,
     .max = kHourMs},
};
constexpr Section kQueue{"queue", kQueueFields};

constexpr Field kVirtualCostFields[] = {
    {.key = "first_us",
     .kind = integer,
     .about = "Virtual time to a job's first output, in microseconds.",
     .min = 0,
     .max = kMinuteUs,
     .fallback = 0},
    {.key = "per_unit_us",
     .kind = integer,
     .about = "Virtual time for each further unit, in microseconds.",
     .min = 0,
     .max = kMinuteUs,
     .fallback = 0},
    {.key = "per_session_us",
     .kind = integer,
     .about = "Virtual time for each further session of a batch, in microseconds.",
     .min = 0,
     .max = kMinuteUs,
     .fallback = 0},
};
constexpr Section kVirtualCost{"virtual_cost", kVirtualCostFields};

constexpr Field kCapabilitiesFields[] = {
    {.key = "parallelizable",
     .kind = boolean,
     .about = "Whether more than one call may be in flight."},
    {.key = "batch_aware",
     .kind = boolean,
     .about = "Whether one call takes several inputs as a batch."},
    {.key = "avg_processing_us",
     .kind = integer,
     .about = "Expected time of one call until it has been measured, in microseconds.",
     .min = 0,
     .max = kMinuteUs},
    {.key = "virtual_cost",
     .kind = section,
     .about = "What a call costs under the virtual clock.",
     .section = &kVirtualCost},
};
constexpr Section kCapabilities{"capabilities", kCapabilitiesFields};

constexpr Field kConcatenateTextFields[] = {
    {.key = "separator", .kind = text, .about = "Put between two texts; one space when not given."},
};
constexpr Field kConcatenateAudioFields[] = {
    {.key = "max_gap_ms",
     .kind = integer,
     .about = "Largest gap between two blocks that are joined, in milliseconds.",
     .min = 0,
     .max = 100,
     .fallback = 100},
};
constexpr Field kCustomFields[] = {
    {.key = "name", .kind = text, .about = "Name the strategy is registered by.", .required = true},
};

constexpr Field kBufferingFields[] = {
    {.key = "mode",
     .kind = choice,
     .about = "greedy never waits while the node is idle; fixed fills a batch first.",
     .choices = kBufferingModeNames},
    {.key = "min_batch_size",
     .kind = integer,
     .about = "Inputs a fixed batch waits for.",
     .min = 1,
     .max = 1024},
    {.key = "max_wait_ms",
     .kind = integer,
     .about = "Longest wait for a fixed batch, in milliseconds.",
     .min = 0,
     .max = 60'000},
    {.key = "max_buffer_size",
     .kind = integer,
     .about = "Inputs held; a full buffer is flushed at once.",
     .min = 1,
     .max = kMaxQueue},
    {.key = "merge_strategy", .kind = merge_strategy, .about = "How the inputs become a batch."},
};
constexpr Section kBuffering{"buffering", kBufferingFields};

constexpr Field kDeadlineFields[] = {
    {.key = "budget_ms",
     .kind = integer,
     .about = "Time the node may take, in milliseconds.",
     .min = 1,
     .max = kHourMs},
    {.key = "give_up",
     .kind = choice_list,
     .about = "What the node may give up to be in time, first things first.",
     .choices = kGiveUpNames},
};
constexpr Section kDeadline{"deadline", kDeadlineFields};

constexpr Field kNodeFields[] = {
    {.key = "id", .kind = identifier, .about = "Name of the node, unique.", .required = true},
    {.key = "type",
     .kind = type_name,
     .about = "Node type; see `millrace nodes`.",
     .required = true,
     .alias = "node_type"},
    {.key = "params",
     .kind = parameters,
     .about = "Parameters of the node type.",
     .alias = "config"},
    {.key = "placement",
     .kind = choice,
     .about = "Where the node runs.",
     .choices = kPlacementNames},
    {.key = "executor",
     .kind = choice,
     .about = "Older spelling: multiprocess is placement: process.",
     .choices = kOlderExecutors},
    {.key = "queue", .kind = section, .about = "Bounds of the input queues.", .section = &kQueue},
    {.key = "capabilities",
     .kind = section,
     .about = "Overrides what the node type says of itself.",
     .section = &kCapabilities},
    {.key = "buffering",
     .kind = section,
     .about = "How inputs are gathered to batches.",
     .section = &kBuffering},
    {.key = "deadline",
     .kind = section,
     .about = "Time budget, and what it may cost.",
     .section = &kDeadline},
    {.key = "release",
     .kind = choice,
     .about = "Whether unconfirmed output may leave, marked.",
     .choices = kReleaseNames},
    {.key = "commit", .kind = boolean, .about = "Whether only confirmed work reaches the node."},
};

constexpr Field kEdgeFields[] = {
    {.key = "from", .kind = endpoint, .about = "The sending node, or node.port.", .required = true},
    {.key = "to", .kind = endpoint, .about = "The receiving node, or node.port.", .required = true},
};

constexpr Field kSpeculationFields[] = {
    {.key = "max_speculative_turns_per_minute",
     .kind = integer,
     .about = "Eager turns a session may start in a minute; 0 allows none.",
     .min = 0,
     .max = 100'000,
     .fallback = 30},
    {.key = "max_wasted_ms_per_minute",
     .kind = integer,
     .about = "Work a session may throw away in a minute, in milliseconds; 0 allows none.",
     .min = 0,
     .max = kHourMs,
     .fallback = 5000},
};
constexpr Section kSpeculation{"speculation", kSpeculationFields};

constexpr Field kAdmissionFields[] = {
    {.key = "enabled",
     .kind = boolean,
     .about = "Whether a session that would break the others is refused.",
     .fallback = 1},
    {.key = "max_load_percent",
     .kind = integer,
     .about = "Load of the shards, or of the pool, above which no session is admitted.",
     .min = 10,
     .max = 1000,
     .fallback = 85},
};
constexpr Section kAdmission{"admission", kAdmissionFields};

constexpr Field kExecutorFields[] = {
    {.key = "max_sessions",
     .kind = integer,
     .about = "Sessions admitted at one time.",
     .min = 1,
     .max = 100'000,
     .fallback = 1000},
    {.key = "shards",
     .kind = integer,
     .about = "Threads that sweep the plan.",
     .min = 1,
     .max = 256,
     .fallback = 1},
    {.key = "pool_threads",
     .kind = integer,
     .about = "Threads for nodes placed on the pool.",
     .min = 1,
     .max = 256,
     .fallback = 1},
    {.key = "tick_us",
     .kind = integer,
     .about = "Time between two sweeps, in microseconds; 0 sweeps as soon as something arrives.",
     .min = 0,
     .max = 100'000,
     .fallback = 1000},
    {.key = "seed",
     .kind = integer,
     .about = "Seed of everything random.",
     .min = 0,
     .max = kMaxSeed,
     .fallback = 1},
    {.key = "metrics", .kind = boolean, .about = "Whether to measure.", .fallback = 1},
    {.key = "metrics_port",
     .kind = integer,
     .about = "Port of the metrics page while serving; 0 takes a free one.",
     .min = 0,
     .max = 65'535,
     .fallback = 9090},
    {.key = "admission",
     .kind = section,
     .about = "When a further session is refused as overload.",
     .section = &kAdmission},
};
constexpr Section kExecutor{"executor", kExecutorFields};

constexpr Field kManifestFields[] = {
    {.key = "version",
     .kind = choice,
     .about = "Version of the format.",
     .choices = kVersions,
     .required = true},
    {.key = "metadata",
     .kind = section,
     .about = "For people; nothing depends on it.",
     .section = &kMetadata},
    {.key = "nodes",
     .kind = section_list,
     .about = "The stages of the pipeline.",
     .section = &kNode,
     .required = true},
    {.key = "edges",
     .kind = section_list,
     .about = "What flows where.",
     .section = &kEdge,
     .alias = "connections"},
    {.key = "speculation",
     .kind = section,
     .about = "Budget of speculation, each session.",
     .section = &kSpeculation},
    {.key = "executor", .kind = section, .about = "How the plan is run.", .section = &kExecutor},
};

constexpr std::array<Section, kMergeKindNames.size()> kMergeSections{{
    {"concatenate_text", kConcatenateTextFields},
    {"concatenate_audio", kConcatenateAudioFields},
    {"keep_separate", {}},
    {"custom", kCustomFields},
}};

}  // namespace

constexpr Section kManifest{"manifest", kManifestFields};
constexpr Section kNode{"node", kNodeFields};
constexpr Section kEdge{"edge", kEdgeFields};

const Section* section_of(const Section& parent, std::string_view key) noexcept {
  const auto it = std::ranges::find(parent.fields, key, &Field::key);
  return it == parent.fields.end() ? nullptr : it->section;
}

const Section& merge_section(std::size_t kind) noexcept {
  return kMergeSections[kind];
}

}  // namespace millrace::manifest::detail
