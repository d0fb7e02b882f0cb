#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "millrace/base/result.hpp"
#include "millrace/base/time.hpp"
#include "millrace/node/contract.hpp"
#include "millrace/node/params.hpp"
#include "millrace/policy/onset_gate.hpp"
#include "millrace/policy/turn_clock.hpp"

namespace millrace::node {

/// The ports of both gates, by index. Decisions stand before audio: in one tick they come first.
enum GateInput : std::uint8_t { kGateVad, kGateTurn, kGateAudio };
enum GateOutput : std::uint8_t { kGateSent, kGateAll, kGateTurnCheck };

/// Packets that one call of a gate gives on one port at most.
inline constexpr std::uint32_t kGateMaxOutputs = 24;

/// The inputs of a gate, in the order of GateInput.
[[nodiscard]] std::span<const PortDecl> gate_inputs() noexcept;
/// Its parameters. What concerns eager guesses is left out for a gate that waits.
[[nodiscard]] std::span<const ParamDecl> gate_params(policy::OnsetMode mode) noexcept;

/// What a manifest says of a gate, checked.
///   turn           nothing: no turns are told
///   interrupt_min  nothing: speech during playback does nothing
struct GateSettings {
  policy::OnsetMode mode = policy::OnsetMode::speculative;
  policy::OnsetParams onset;
  base::MediaTime vad_window{32'000};
  std::optional<policy::TurnParams> turn;
  bool turn_model = false;
  std::optional<base::MediaTime> interrupt_min;
};

/// Reads the parameters of gate `id`.
///   errors  bad_manifest: values that contradict each other
[[nodiscard]] base::Result<GateSettings> gate_settings(const Params& params, policy::OnsetMode mode,
                                                       const std::string& id);

}  // namespace millrace::node
