#include "millrace/node/gate_core.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "millrace/base/limits.hpp"
#include "millrace/rt/guard.hpp"

namespace millrace::node {
namespace {

using base::MediaTime;
using policy::OnsetAction;
using policy::OnsetActionKind;
using policy::TurnEventKind;

// What a turn model hears at most.
constexpr MediaTime kTurnModelAudio{8'000'000};

// Playback paused by a sound goes on when no decision has come for so long: a VAD that has ended or
// failed must not silence the reply. Fifteen windows of 32 ms; a stall of the machine costs a pause
// that ends too early, and the next window pauses again.
constexpr base::Duration kBlindPause = std::chrono::milliseconds(500);

bool is_sound(const media::Packet& packet) noexcept {
  return packet.rate_hz >= base::limits::kMinRateHz && packet.rate_hz <= base::limits::kMaxRateHz &&
         packet.channels >= 1 && packet.channels <= base::limits::kMaxChannels &&
         packet.from >= MediaTime{0} &&
         packet.samples().size() ==
             std::size_t{packet.frames} * static_cast<std::size_t>(packet.channels);
}

class GateStage final : public StageNode {
 public:
  GateStage(const GateSettings& settings, const Format& audio)
      : settings_(settings), audio_(audio) {}

  base::Result<std::unique_ptr<SessionNode>> open_session(const SessionInfo&) override {
    return std::make_unique<GateCore>(settings_, audio_);
  }
  [[nodiscard]] Format output_format(std::size_t) const override { return audio_; }

 private:
  GateSettings settings_;
  Format audio_;
};

}  // namespace

base::Result<std::unique_ptr<StageNode>> make_gate(const StageConfig& config,
                                                   policy::OnsetMode mode) {
  auto settings = gate_settings(config.params, mode, config.id);
  if (!settings) return std::unexpected(settings.error());
  const Format audio = config.inputs.size() > kGateAudio ? config.inputs[kGateAudio] : Format{};
  return std::make_unique<GateStage>(*settings, audio);
}

GateCore::GateCore(const GateSettings& settings, const Format& audio)
    : settings_(&settings),
      clock_(settings.turn.value_or(policy::TurnParams{})),
      asked_since_(-1),
      asked_until_(-1) {
  if (settings.interrupt_min) barge_in_.emplace(*settings.interrupt_min);
  if (audio.rate_hz > 0 && audio.channels > 0) (void)make(audio.rate_hz, audio.channels);
}

bool GateCore::make(std::int32_t rate_hz, std::int16_t channels) {
  gate_.emplace(settings_->onset, settings_->mode, rate_hz, settings_->vad_window);
  const MediaTime model = settings_->turn_model ? kTurnModelAudio : MediaTime{0};
  auto audio = GateAudio::create(rate_hz, channels, std::max(gate_->capacity(), model));
  if (!audio) return false;
  audio_.emplace(*std::move(audio));
  return true;
}

void GateCore::process(media::Packet& packet, Context& context) noexcept {
  if (audio_) audio_->begin_call();
  if (packet.port == kGateAudio) {
    take_audio(packet, context);
  } else if (packet.kind != media::PacketKind::tensor) {
    context.failed("a packet that is no decision was refused");
  } else if (packet.port == kGateVad) {
    take_decision(packet, context);
  } else {
    take_verdict(packet, context);
  }
  flush(context);
}

// Audio and decisions
// ------------------------------------------------------------------------------

bool GateCore::takes(const media::Packet& packet, Context& context) noexcept {
  if (packet.kind != media::PacketKind::audio || !is_sound(packet)) {
    context.failed(
        "a block was refused: audio of 8 to 48 kHz, 1 to 8 channels and as many samples as its "
        "header says expected");
    return false;
  }
  if (!audio_) {
    // Only where no format could be known when the plan was made; no later block allocates.
    const rt::RtExempt exempt;
    if (!make(packet.rate_hz, packet.channels)) {
      context.failed("a block was refused: the gate keeps more audio than a ring can hold");
      return false;
    }
  }
  const bool fits = packet.rate_hz == audio_->rate_hz() && packet.channels == audio_->channels();
  if (!fits && !refusing_)
    context.failed("blocks of another rate or channel count than the first are refused");
  refusing_ = !fits;
  return fits;
}

/// The frame number of the first frame of `packet`. Times that lie between two frames are rounded,
/// so one frame more or less is no gap.
std::int64_t GateCore::place(const media::Packet& packet, Context& context) noexcept {
  const std::int64_t at = audio_->frame_of(packet.from);
  const std::int64_t end = audio_->end();
  if (began_ && at <= end + 1 && at + 1 >= end) return end;
  if (at < end || (!began_ && at == 0)) {
    began_ = true;
    return at;
  }
  began_ = true;
  flush(context);
  gate_->gap(audio_->time_of(at));
  audio_->jump(at);
  apply_pending(audio_->time_of(at), context);
  return at;
}

void GateCore::take_audio(media::Packet& packet, Context& context) noexcept {
  if (!takes(packet, context)) return;
  if (packet.frames == 0) return;
  media::Packet all = packet;
  context.emit(kGateAll, std::move(all));

  std::int64_t at = place(packet, context);
  if (packet.discontinuity && gate_->sending()) audio_->mark_break();
  const std::int64_t until = at + packet.frames;
  std::span<const float> samples = packet.samples();
  const auto skip = [&](std::int64_t frames) {
    samples = samples.subspan(static_cast<std::size_t>(frames) *
                              static_cast<std::size_t>(packet.channels));
    at += frames;
  };
  if (at < audio_->end()) {
    context.failed("audio from before what had come already was refused");
    skip(std::min(audio_->end(), until) - at);
  }
  while (at < until) {
    // Up to the end of the next decided window, so that its decision acts before what follows.
    std::int64_t frames = std::min(until - at, audio_->most_frames());
    if (!pending_.empty()) {
      const std::int64_t decided = audio_->frame_of(pending_[0].to) - at;
      if (decided > 0) frames = std::min(frames, decided);
    }
    if (audio_->must_flush(frames)) flush(context);
    audio_->append(at, samples.first(static_cast<std::size_t>(frames) *
                                     static_cast<std::size_t>(packet.channels)));
    skip(frames);
    const policy::OnsetActions actions = gate_->audio(audio_->time_of(at));
    if (gate_->sending()) audio_->extend(at);
    for (const OnsetAction& action : actions) carry_out(action, context);
    apply_pending(audio_->time_of(at), context);
  }
}

void GateCore::take_decision(const media::Packet& packet, Context& context) noexcept {
  const Decision decision{packet.from, packet.to, packet.value};
  if (!pending_.empty() && decision.to <= pending_.back().to)
    return context.failed("a decision of the VAD was refused: not after the one before");
  if (pending_.full()) {
    context.failed("a decision of the VAD was dropped: too far ahead of the audio");
    pending_.erase(0);
  }
  pending_.push_back(decision);
  if (gate_ && audio_) apply_pending(audio_->time_of(audio_->end()), context);
}

void GateCore::apply_pending(MediaTime until, Context& context) noexcept {
  while (!pending_.empty() && pending_[0].to <= until) {
    const Decision decision = pending_[0];
    pending_.erase(0);
    apply(decision, context);
  }
}

void GateCore::apply(const Decision& decision, Context& context) noexcept {
  const policy::OnsetCounters before = gate_->counters();
  gate_->gap(audio_->time_of(audio_->oldest()));
  const policy::OnsetActions actions =
      gate_->window(decision.from, decision.to, decision.probability);
  if (gate_->counters().late_windows > before.late_windows)
    return context.failed("a decision of the VAD was refused: later than lookahead_ms");
  if (gate_->counters().wrong_windows > before.wrong_windows)
    return context.failed("a decision of the VAD was refused: empty, or not after the one before");
  for (const OnsetAction& action : actions) carry_out(action, context);
  if (settings_->turn) {
    clock_.step(gate_->decided_until(), gate_->voice());
    run_turn(context);
    ask_model(context);
  }
  step_barge_in(context);
}

// What the onset gate decided
// ----------------------------------------------------------------------

void GateCore::carry_out(const OnsetAction& action, Context& context) noexcept {
  // What was sent so far hangs on what held so far.
  flush(context);
  Speculation& speculation = *context.speculation();
  switch (action.kind) {
    case OnsetActionKind::open: return open(action.from, context);
    case OnsetActionKind::split: return split(action.to, context);
    case OnsetActionKind::confirm:
      if (segment_) speculation.confirm_segment(segment_);
      return;
    case OnsetActionKind::release: return release(action.from, context);
    case OnsetActionKind::cancel: return cancel(action, context);
    case OnsetActionKind::speech_started: return speculation.speech_started(action.at);
    case OnsetActionKind::speech_ended: segment_ = {}; return speculation.speech_ended(action.at);
  }
}

void GateCore::open(MediaTime from, Context& context) noexcept {
  segment_ = context.speculation()->open_segment(from);
  if (!segment_) return gate_->refuse();
  ensure_turn(context);
  begin_sending(from);
}

void GateCore::split(MediaTime at, Context& context) noexcept {
  Speculation& speculation = *context.speculation();
  if (segment_) speculation.confirm_segment(segment_);
  segment_ = speculation.open_segment(at);
  kept_before_ = audio_->kept();
  if (!segment_) gate_->refuse();
}

/// Nothing was speculated, but downstream all speech comes in segments: this one is certain at
/// once.
void GateCore::release(MediaTime from, Context& context) noexcept {
  Speculation& speculation = *context.speculation();
  const MediaTime kept = audio_->time_of(audio_->kept());
  segment_ = speculation.open_segment(std::max(from, kept));
  if (segment_) speculation.confirm_segment(segment_);
  ensure_turn(context);
  begin_sending(from);
}

void GateCore::cancel(const OnsetAction& action, Context& context) noexcept {
  if (!segment_) return;
  context.speculation()->cancel_segment(segment_, action.from, action.to,
                                        media::CancelReason::too_short);
  segment_ = {};
  audio_->withdraw_to(kept_before_);
}

void GateCore::begin_sending(MediaTime from) noexcept {
  kept_before_ = audio_->kept();
  if (!clock_.open()) turn_from_ = audio_->frame_of(from);
  audio_->begin(audio_->frame_of(from));
  audio_->extend(audio_->end());
}

void GateCore::flush(Context& context) noexcept {
  if (!audio_) return;
  media::Lineage lineage;
  lineage.add(segment_);
  lineage.turn = turn_;
  audio_->flush(lineage, context);
}

// Turns
// --------------------------------------------------------------------------------------------

void GateCore::ensure_turn(Context& context) noexcept {
  if (settings_->turn && !turn_) turn_ = context.speculation()->open_turn();
}

void GateCore::run_turn(Context& context) noexcept {
  Speculation& speculation = *context.speculation();
  if (clock_.open()) ensure_turn(context);
  while (const std::optional<policy::TurnEvent> event = clock_.next()) {
    flush(context);
    const MediaTime audio_until = audio_->time_of(audio_->kept());
    switch (event->kind) {
      case TurnEventKind::eager_end_of_turn:
        clock_.guessed(speculation.eager_end_of_turn(turn_, event->at, audio_until));
        break;
      case TurnEventKind::turn_resumed: speculation.turn_resumed(turn_, event->revision); break;
      case TurnEventKind::end_of_turn:
        speculation.end_of_turn(turn_, event->revision, event->at, audio_until);
        ended_turn_ = std::exchange(turn_, {});
        break;
    }
  }
}

/// Asks once for each silence, with what the turn has been up to now.
void GateCore::ask_model(Context& context) noexcept {
  if (!settings_->turn_model || !clock_.silent() || clock_.silence_since() == asked_since_) return;
  asked_since_ = clock_.silence_since();
  const std::int64_t until = audio_->end();
  asked_until_ = audio_->time_of(until);
  media::Lineage lineage;
  lineage.turn = turn_;
  const std::int64_t from = until - audio_->frame_of(kTurnModelAudio);
  audio_->check(std::max(from, turn_from_), until, lineage, context);
}

void GateCore::take_verdict(const media::Packet& packet, Context& context) noexcept {
  if (!settings_->turn_model || packet.to > asked_until_)
    return context.failed("a turn model's verdict was refused: nothing was asked");
  // About an earlier silence: speech went on before the model had thought, as it often does.
  if (packet.to < asked_until_) return;
  clock_.verdict(asked_since_, packet.value);
  run_turn(context);
}

void GateCore::step_barge_in(Context& context) noexcept {
  if (!barge_in_) return;
  act_on_playback(barge_in_->step(gate_->voice(), context.speculation()->playing()), context);
  if (barge_in_->holding()) context.set_timer(context.now() + kBlindPause);
}

void GateCore::act_on_playback(policy::BargeInAction action, Context& context) noexcept {
  Speculation& speculation = *context.speculation();
  switch (action) {
    case policy::BargeInAction::none: return;
    case policy::BargeInAction::pause: return speculation.pause_playback();
    case policy::BargeInAction::resume: return speculation.resume_playback();
    case policy::BargeInAction::interrupt:
      // No turn has ended: it is a greeting that plays, and that is interrupted without a name.
      return speculation.interrupt(ended_turn_, gate_->voice().began);
  }
}

/// Each decision during a pause sets the timer anew, so it comes only when decisions stay away.
void GateCore::on_timer(Context& context) noexcept {
  if (!barge_in_) return;
  const policy::BargeInAction action = barge_in_->let_go();
  // Flushed meanwhile by somebody else: nothing waits.
  if (context.speculation()->playing()) act_on_playback(action, context);
}

// From outside
// -------------------------------------------------------------------------------------

void GateCore::on_control(const media::Control& control, Context& context) noexcept {
  if (!gate_) return;
  const bool names_open = segment_ && control.segment == segment_;
  if (control.type == media::ControlType::cancel_speculation && names_open) {
    media::Lineage lineage;
    lineage.add(segment_);
    if (context.live(lineage)) return;  // it came too late: the segment is confirmed
    gate_->refuse();
    segment_ = {};
    audio_->withdraw_to(kept_before_);
  } else if (control.type == media::ControlType::interrupt && turn_ && control.turn >= turn_) {
    // Nothing of the turn may leave any more: what is said from here on is another one.
    clock_.abandon();
    turn_ = {};
    if (gate_->sending()) ensure_turn(context);
  }
}

void GateCore::on_end(Context& context) noexcept {
  if (!gate_ || !audio_) return;
  audio_->begin_call();
  const MediaTime end = audio_->time_of(audio_->end());
  for (Decision decision : pending_) {
    // The last window may reach over the end of the audio: it decides about what there is.
    decision.to = std::min(decision.to, end);
    if (decision.from < decision.to && decision.to > gate_->decided_until())
      apply(decision, context);
  }
  pending_.clear();
  for (const OnsetAction& action : gate_->finish()) carry_out(action, context);
  if (settings_->turn) {
    clock_.step(gate_->decided_until(), gate_->voice());
    clock_.finish(end);
    run_turn(context);
  }
  step_barge_in(context);
  flush(context);
}

}  // namespace millrace::node
