#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "millrace/base/inline_vector.hpp"
#include "millrace/node/gate_audio.hpp"
#include "millrace/node/gate_settings.hpp"
#include "millrace/node/node.hpp"
#include "millrace/policy/barge_in.hpp"
#include "millrace/policy/onset_gate.hpp"
#include "millrace/policy/turn_clock.hpp"

namespace millrace::node {

/// One session of a gate: brings decisions and audio together in media time, and carries out what
/// the policies decide. A decision that is there acts before audio beyond its window is sent, so
/// what is decided does not depend on how the audio was cut; audio without a decision yet is sent
/// at once while the gate is open.
///   threads  the shard; nothing allocates once the format is known
///   errors   what cannot be used is counted through Context::failed()
///   source   the specification's section on the gate
class GateCore final : public SessionNode {
 public:
  /// `settings` outlives it. Where the plan knows no format, the first block brings it.
  GateCore(const GateSettings& settings, const Format& audio);

  void process(media::Packet& packet, Context& context) noexcept override;
  void on_control(const media::Control& control, Context& context) noexcept override;
  void on_timer(Context& context) noexcept override;
  void on_end(Context& context) noexcept override;

 private:
  struct Decision {
    base::MediaTime from{0};
    base::MediaTime to{0};
    float probability = 0.0F;
  };
  // Decisions of 2 s at 32 ms; more than lookahead could ever make use of.
  static constexpr std::size_t kMostPending = 64;

  [[nodiscard]] bool make(std::int32_t rate_hz, std::int16_t channels);
  [[nodiscard]] bool takes(const media::Packet& packet, Context& context) noexcept;
  [[nodiscard]] std::int64_t place(const media::Packet& packet, Context& context) noexcept;
  void take_audio(media::Packet& packet, Context& context) noexcept;
  void take_decision(const media::Packet& packet, Context& context) noexcept;
  void take_verdict(const media::Packet& packet, Context& context) noexcept;
  void apply_pending(base::MediaTime until, Context& context) noexcept;
  void apply(const Decision& decision, Context& context) noexcept;

  void carry_out(const policy::OnsetAction& action, Context& context) noexcept;
  void open(base::MediaTime from, Context& context) noexcept;
  void split(base::MediaTime at, Context& context) noexcept;
  void release(base::MediaTime from, Context& context) noexcept;
  void cancel(const policy::OnsetAction& action, Context& context) noexcept;
  void begin_sending(base::MediaTime from) noexcept;
  void flush(Context& context) noexcept;

  void ensure_turn(Context& context) noexcept;
  void run_turn(Context& context) noexcept;
  void ask_model(Context& context) noexcept;
  void step_barge_in(Context& context) noexcept;
  void act_on_playback(policy::BargeInAction action, Context& context) noexcept;

  const GateSettings* settings_;
  std::optional<GateAudio> audio_;
  std::optional<policy::OnsetGate> gate_;
  policy::TurnClock clock_;
  std::optional<policy::BargeIn> barge_in_;
  base::InlineVector<Decision, kMostPending> pending_;
  bool began_ = false;     ///< audio has come
  bool refusing_ = false;  ///< a wrong format was told of

  base::SegmentId segment_;       ///< what is sent hangs on it; none: no budget, or nothing sent
  std::int64_t kept_before_ = 0;  ///< what had been sent when segment_ was opened
  base::TurnId turn_;             ///< begun and not ended
  base::TurnId ended_turn_;       ///< the last one that ended
  std::int64_t turn_from_ = 0;    ///< where the speech of turn_ began
  base::MediaTime asked_since_;   ///< the silence a turn model was asked about ...
  base::MediaTime asked_until_;   ///< ... with audio up to here
};

/// A stage of a gate that works in `mode`.
///   errors  bad_manifest
[[nodiscard]] base::Result<std::unique_ptr<StageNode>> make_gate(const StageConfig& config,
                                                                 policy::OnsetMode mode);

}  // namespace millrace::node
