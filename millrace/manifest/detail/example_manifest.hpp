#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/manifest/load.hpp"

/// What the tests of this layer share; no product code includes it.
namespace millrace::manifest::detail {

/// The voice-reply pipeline that the documentation shows, with every section a manifest may have.
inline constexpr std::string_view kExampleManifest =
    R"yaml(version: v1
metadata: {name: voice-reply}
nodes:
  - {id: mic, type: audio_input, params: {frame_ms: 20}}
  - {id: resample, type: audio_resample, params: {rate_hz: 16000, quality: low}}
  - {id: vad, type: silero_vad}
  - id: gate
    type: speculative_vad_gate      # `node_type: SpeculativeVADGate` is accepted as an alias
    params: {lookback_ms: 150, lookahead_ms: 50, min_speech_ms: 250, min_silence_ms: 100, pad_ms: 30, threshold: 0.5, negative_threshold: 0.35, turn: balanced}
    queue: {capacity: 100, max_bytes: 1048576, policy: drop_oldest, max_age_ms: 200}
  - {id: asr, type: moonshine_asr, placement: pool}        # placement: inline | pool | process | remote
  - {id: reply, type: reply, params: {rules: [{when: "hours", say: "We are open from nine to five."}], default: "I heard: {text}"}}
  - id: tts
    type: flite_tts
    placement: pool
    capabilities: {parallelizable: false, batch_aware: true}
    buffering: {mode: greedy, min_batch_size: 3, max_wait_ms: 100, max_buffer_size: 50, merge_strategy: {concatenate_text: {separator: " "}}}
    deadline: {budget_ms: 150, give_up: [flush_batch, smaller_first_chunk, lower_quality, skip_optional, drop]}
  - {id: speaker, type: audio_output, release: committed}
edges:
  - {from: mic, to: resample}
  - {from: resample, to: vad}
  - {from: resample, to: gate.audio}
  - {from: vad, to: gate.vad}
  - {from: gate.speculative_audio, to: asr}
  - {from: asr, to: reply}
  - {from: reply, to: tts}
  - {from: tts, to: speaker}
speculation: {max_speculative_turns_per_minute: 30, max_wasted_ms_per_minute: 5000}
executor: {max_sessions: 1000, shards: 1, pool_threads: 1, tick_us: 1000, seed: 1, metrics: true, metrics_port: 9090}   # the port acts in `serve`; a flag wins
)yaml";

/// An environment that holds `words` and nothing else.
inline Environment environment_of(std::map<std::string, std::string> words) {
  return [words = std::move(words)](const std::string& name) -> std::optional<std::string> {
    const auto it = words.find(name);
    return it == words.end() ? std::nullopt : std::optional(it->second);
  };
}

/// The mistakes in `text`, each as "place: message"; empty when it loads.
inline std::vector<std::string> mistakes(std::string_view text,
                                         const std::map<std::string, std::string>& words = {}) {
  std::vector<std::string> all;
  const auto result = load_text(text, "m.yaml", environment_of(words));
  if (!result)
    for (const base::Error& error : result.error()) all.push_back(error.text());
  return all;
}

/// A manifest of one node, whose lines after `id` and `type` are `lines`, two spaces in.
inline std::string one_node(std::string_view lines) {
  return "version: v1\nnodes:\n- id: a\n  type: reply\n" + std::string(lines) + "\n";
}

}  // namespace millrace::manifest::detail
