#include "millrace/graph/detail/batching.hpp"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "millrace/manifest/nearest.hpp"

namespace millrace::graph::detail {
namespace {

using manifest::MergeKind;

/// Text is worth waiting for and joins into one breath; audio is neither, and so are the jobs of
/// several sessions.
Batching defaults_for(media::PacketKind kind) {
  Batching batching;
  if (kind == media::PacketKind::text) {
    batching.min_batch_size = 3;
    batching.max_wait = std::chrono::milliseconds(100);
    batching.max_buffer_size = 50;
    batching.merge.kind = MergeKind::concatenate_text;
  } else {
    batching.max_wait = std::chrono::milliseconds(10);
    batching.max_buffer_size = 10;
  }
  return batching;
}

media::PacketKind kind_of(const DraftNode& node) {
  const auto inputs = node.contract().inputs;
  return inputs.empty() ? media::PacketKind::audio : inputs.front().kind;
}

void read(const manifest::BufferingSpec& spec, Batching& batching) {
  if (spec.mode) batching.mode = spec.mode->value;
  // The manifest layer bounds each of them.
  const auto size = [](std::int64_t value) { return static_cast<std::uint32_t>(value); };
  if (spec.max_buffer_size) batching.max_buffer_size = size(spec.max_buffer_size->value);
  batching.min_batch_size = std::min(batching.min_batch_size, batching.max_buffer_size);
  if (spec.min_batch_size) batching.min_batch_size = size(spec.min_batch_size->value);
  if (spec.max_wait_ms) batching.max_wait = std::chrono::milliseconds(spec.max_wait_ms->value);
  if (spec.merge_strategy) batching.merge = *spec.merge_strategy;
  batching.merge_named = spec.merge_strategy.has_value();
}

/// The merge that the manifest names, which must join what the node takes.
const node::MergeType* custom_merge(const DraftNode& node, const manifest::MergeStrategySpec& merge,
                                    const node::Registry& registry, Diagnostics& mistakes) {
  const node::MergeType* found = registry.find_merge(merge.custom_name);
  const media::PacketKind kind = kind_of(node);
  if (found == nullptr) {
    std::vector<std::string_view> names;
    for (const node::MergeType& known : registry.merges()) names.push_back(known.name);
    const std::string near = manifest::did_you_mean(merge.custom_name, names);
    const std::string known = names.empty() ? ": there is none" : ": expected " + joined(names);
    mistakes.add(merge.place, node.called() + ": no merge is registered under the name '" +
                                  merge.custom_name + "'" + (near.empty() ? known : near));
  } else if (found->kind != kind) {
    mistakes.add(merge.place, node.called() + ": " + found->name + " joins " +
                                  std::string(media::name(found->kind)) + ", but the node takes " +
                                  std::string(media::name(kind)));
  }
  return found;
}

/// Mistakes of what the manifest says about joining.
void check(const DraftNode& node, const manifest::BufferingSpec& spec, Diagnostics& mistakes) {
  if (node.stage.placement != node::Placement::pool)
    mistakes.add(spec.place, node.called() +
                                 ": buffering gathers while a call runs elsewhere: expected "
                                 "placement: pool beside it");
  if (!spec.merge_strategy) return;
  const manifest::MergeStrategySpec& merge = *spec.merge_strategy;
  const media::PacketKind kind = kind_of(node);
  const auto needs = [&](MergeKind strategy, media::PacketKind wanted) {
    if (merge.kind != strategy || kind == wanted) return;
    mistakes.add(merge.place, node.called() + ": " + std::string(manifest::name(strategy)) +
                                  " joins " + std::string(media::name(wanted)) +
                                  ", but the node takes " + std::string(media::name(kind)));
  };
  needs(MergeKind::concatenate_text, media::PacketKind::text);
  needs(MergeKind::concatenate_audio, media::PacketKind::audio);
}

std::string described(const Batching& batching) {
  std::string text = std::string(manifest::name(batching.mode)) + ", " +
                     std::string(manifest::name(batching.merge.kind)) +
                     (batching.custom ? " " + batching.custom->name : "") + ", at most " +
                     std::to_string(batching.max_buffer_size) + " inputs waiting";
  if (batching.mode == manifest::BufferingMode::fixed)
    text += ", " + std::to_string(batching.min_batch_size) + " inputs or " +
            std::to_string(
                std::chrono::duration_cast<std::chrono::milliseconds>(batching.max_wait).count()) +
            " ms";
  if (batching.across_sessions) text += ", calls of several sessions run together";
  return text;
}

policy::GiveUp action_of(manifest::GiveUp word) {
  switch (word) {
    case manifest::GiveUp::flush_batch: return policy::GiveUp::flush_batch;
    case manifest::GiveUp::smaller_first_chunk: return policy::GiveUp::smaller_first_chunk;
    case manifest::GiveUp::lower_quality: return policy::GiveUp::lower_quality;
    case manifest::GiveUp::skip_optional: return policy::GiveUp::skip_optional;
    case manifest::GiveUp::drop: return policy::GiveUp::drop;
  }
  return policy::GiveUp::drop;
}

/// A deadline acts where inputs wait for a call: at the wrapper. What the node would have to do and
/// cannot is left out, and said.
void apply_deadline(const DraftNode& node, Stage& stage, std::vector<std::string>& notes) {
  const auto& spec = node.spec->deadline;
  if (!spec) return;
  const std::string& id = node.spec->id;
  if (!stage.batching) {
    notes.push_back(id + ": deadline is not applied: it acts at a buffered_processor");
    return;
  }
  if (spec->budget_ms) stage.deadline_budget = std::chrono::milliseconds(spec->budget_ms->value);
  const media::GiveUp can = node.contract().gives_up;
  bool node_gives = false;
  std::string cannot;
  for (const auto& give_up : spec->give_up) {
    const policy::GiveUp action = action_of(give_up.value);
    const bool smaller = action == policy::GiveUp::smaller_first_chunk;
    const bool lower = action == policy::GiveUp::lower_quality;
    if ((smaller && !can.smaller_first_chunk) || (lower && !can.lower_quality)) {
      cannot += (cannot.empty() ? "" : ", ") + std::string(policy::name(action));
      continue;
    }
    node_gives = node_gives || smaller || lower;
    stage.drop_hopeless = stage.drop_hopeless || action == policy::GiveUp::drop;
    stage.give_up.push_back(action);
  }
  // What the node gives up comes before dropping, and only the deadline's own watch knows of it.
  stage.drop_hopeless = stage.drop_hopeless && !node_gives;
  if (!cannot.empty())
    notes.push_back(id + ": deadline: " + std::string(node.contract().type) + " cannot give up " +
                    cannot);
}

}  // namespace

void apply_batching(DraftNode& node, const node::Registry& registry,
                    std::vector<std::string>& notes, Diagnostics& mistakes) {
  const auto& spec = node.spec->buffering;
  Stage& stage = node.stage;
  const bool gains = !stage.capabilities.parallelizable && stage.capabilities.batch_aware;
  const bool pool = stage.placement == node::Placement::pool;
  if (!spec && !(gains && pool)) return apply_deadline(node, stage, notes);
  Batching batching =
      defaults_for(node.contract().across_sessions ? media::PacketKind::audio : kind_of(node));
  batching.automatic = !spec.has_value();
  if (spec) {
    read(*spec, batching);
    check(node, *spec, mistakes);
    if (batching.merge.kind == MergeKind::custom)
      batching.custom = custom_merge(node, batching.merge, registry, mistakes);
  }
  batching.across_sessions =
      node.contract().across_sessions && batching.merge.kind == MergeKind::keep_separate;
  const char* why = batching.across_sessions
                        ? "it takes one call at a time and gains when sessions run together"
                        : "it takes one call at a time and gains from joined inputs";
  notes.push_back(node.spec->id + ": behind a buffered_processor (" + described(batching) +
                  "): " + (spec ? "the manifest says so" : why));
  stage.batching = std::move(batching);
  apply_deadline(node, stage, notes);
}

}  // namespace millrace::graph::detail
