#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "millrace/graph/plan.hpp"
#include "millrace/manifest/load.hpp"
#include "millrace/node/registry.hpp"

/// Node types just large enough to be planned: their sessions do nothing. The names of the spec's
/// example are among them, with ports like the real ones.
namespace millrace::graph::for_test {

/// audio_input (gives `rate_hz`, 0 unknown, and `channels`), audio_resample (latency 2 ms),
/// silero_vad (16 kHz mono, latency 32 ms), speculative_vad_gate (feedback port vad),
/// moonshine_asr, reply, flite_tts, audio_output, text_output; and
///   delay     audio to audio, latency `ms`
///   mix       audio a and b (optional) to audio, queue 50, block
///   tuned     one parameter of every kind
///   refusing  create() fails: `model` is not there, or `file` is wrong
///   idle      its one input need not be connected
[[nodiscard]] const node::Registry& registry();

/// Loads and plans `text` as "t.yaml"; the test fails when the manifest layer refuses it.
[[nodiscard]] std::expected<std::unique_ptr<const Plan>, std::vector<base::Error>> planned(
    std::string_view text);

/// The plan of a manifest that must be good.
[[nodiscard]] std::unique_ptr<const Plan> good(std::string_view text);

/// Every message about a manifest that must be wrong, as text().
[[nodiscard]] std::vector<std::string> wrong(std::string_view text);

/// Stage ids in order.
[[nodiscard]] std::vector<std::string> ids(const Plan& plan);

/// The edge "from.port>to.port", ports by their declared names; it must be there.
[[nodiscard]] const Edge& edge(const Plan& plan, std::string_view name);

}  // namespace millrace::graph::for_test
