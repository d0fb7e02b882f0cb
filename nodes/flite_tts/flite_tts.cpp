#include "nodes/flite_tts/flite_tts.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millrace/base/limits.hpp"
#include "millrace/media/convert.hpp"
#include "nodes/flite_tts/flite_voice.hpp"
#include "nodes/flite_tts/phrases.hpp"
#include "nodes/flite_tts/spoken_reply.hpp"

namespace millrace::nodes {
namespace {

using media::ControlType;
using media::Packet;

enum Output : std::uint8_t { kAudio, kHeard };

constexpr std::int32_t kRate = FliteVoice::kRateHz;
/// The first packet of a reply: 40 ms, so that a sink can begin with it.
constexpr std::size_t kFirstFrames = kRate / 25;
/// Replies remembered: the one that plays, and guesses about the turns behind it.
constexpr std::size_t kMostReplies = 4;

constexpr std::array<node::PortDecl, 1> kInputs{{
    {.name = "text", .kind = media::PacketKind::text, .summary = "what to say"},
}};
constexpr std::array<node::PortDecl, 2> kOutputs{{
    {.name = "audio",
     .kind = media::PacketKind::audio,
     .summary = "the voice",
     .rate_hz = kRate,
     .channels = 1},
    {.name = "heard",
     .kind = media::PacketKind::text,
     .summary = "after an interruption: the words that were really heard"},
}};
constexpr std::array<std::string_view, 2> kVoices{"slt", "kal16"};
constexpr std::array<node::ParamDecl, 3> kParams{{
    {.name = "voice",
     .kind = node::ParamKind::choice,
     .initial = "slt",
     .choices = kVoices,
     .summary = "slt: statistical, female; kal16: diphones, male, cheaper"},
    {.name = "rate",
     .kind = node::ParamKind::number,
     .minimum = 0.5,
     .maximum = 2.0,
     .initial = "1",
     .summary = "how fast: 2 is twice as fast"},
    {.name = "chunk_ms",
     .kind = node::ParamKind::integer,
     .unit = "ms",
     .minimum = 20,
     .maximum = 1000,
     .initial = "200",
     .summary = "length of a packet; the first of a reply is at most 40 ms"},
}};
constexpr node::Contract kContract{
    .type = "flite_tts",
    .summary = "speaks text, sentence by sentence",
    .alias = "tts",
    .inputs = kInputs,
    .outputs = kOutputs,
    .params = kParams,
    .capabilities = {.parallelizable = false,
                     .batch_aware = true,
                     .queue_capacity = 20,
                     .overflow = node::OverflowPolicy::merge_on_overflow},
    .placement = node::Placement::pool,
    .pool_only = true,
    .virtual_cost = {.first_us = 14'000, .per_unit_us = 3'000},
    .gives_up = {.smaller_first_chunk = true, .lower_quality = true},
    .resets = "nothing: each text is spoken by itself",
};

/// Something that somebody would say: letters or digits, of any script. UTF-8 that begins with 0xE2
/// (U+2000 to U+2FFF) is dashes, quotation marks, ellipses and symbols; with 0xF0, mostly emoji.
bool has_words(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x80 ? std::isalnum(byte) != 0 : byte >= 0xC0 && byte != 0xE2 && byte != 0xF0;
  });
}

class FliteTtsSession final : public node::SessionNode {
 public:
  FliteTtsSession(const FliteVoice& voice, std::size_t chunk_frames)
      : voice_(voice), chunk_frames_(chunk_frames) {}

  void process(Packet& packet, node::Context& context) noexcept override {
    if (packet.kind != media::PacketKind::text)
      return context.failed("a packet that is no text was refused");
    if (packet.role == media::TextRole::partial) return;
    if (packet.text().size() > base::limits::kTextPacketBytes)
      return context.failed("a text longer than 64 KiB was not spoken");

    SpokenReply& reply = reply_of(packet.lineage);
    discontinuity_ = packet.discontinuity;
    const bool short_first = packet.give_up.smaller_first_chunk && !reply.begun();
    const auto quality = packet.give_up.lower_quality ? FliteQuality::coarse : FliteQuality::full;
    const std::vector<std::string_view> said = phrases(packet.text(), short_first);
    bool sounded = false;
    for (std::size_t i = 0; i < said.size(); ++i) {
      if (!make(said[i], quality, context)) return;
      sounded = sounded || !made_.empty();
      if (!made_.empty()) reply.add(said[i], made_.size());
      if (!send(reply, packet.last && i + 1 == said.size(), context)) return;
    }
    if (!sounded && has_words(packet.text()))
      context.failed("nothing of a text could be spoken: the voice reads English");
    // The text ended without a sound of its own, and what was said before still plays.
    if (packet.last && reply.begun()) send_end(reply, context);
  }

  void on_control(const media::Control& control, node::Context& context) noexcept override {
    const auto is_of_turn = [&](const SpokenReply& reply) { return reply.turn() == control.turn; };
    switch (control.type) {
      case ControlType::interrupt: return tell_heard(control, context);
      case ControlType::turn_resumed:
        std::erase_if(replies_, [&](const SpokenReply& reply) {
          return is_of_turn(reply) && reply.revision() <= control.revision && reply.revision() > 0;
        });
        return;
      case ControlType::end_of_turn:
        for (SpokenReply& reply : replies_)
          if (is_of_turn(reply) && reply.revision() == control.revision) reply.confirm();
        return;
      default: return;
    }
  }

 private:
  /// The audio of `phrase` into made_. It is gathered first and emitted behind: flite's lock, which
  /// every session of the process needs, is held while the sink runs, and emit() may wait for room
  /// downstream. Phrases are short so that this costs the first audio some 14 ms. False: give up.
  bool make(std::string_view phrase, FliteQuality quality, node::Context& context) noexcept {
    made_.clear();
    const auto take = [&](std::span<const std::int16_t> samples) {
      if (context.stop_requested()) return false;
      made_.insert(made_.end(), samples.begin(), samples.end());
      return true;
    };
    const auto report = voice_.synthesize(phrase, take, quality);
    if (!report) {
      made_.clear();
      context.failed("a sentence was not spoken: " + report.error().message);
      return !context.stop_requested();
    }
    return !report->stopped;
  }

  /// Emits made_ in packets; the last one ends the reply if `last`. False: the work is withdrawn.
  bool send(SpokenReply& reply, bool last, node::Context& context) noexcept {
    std::span<const std::int16_t> rest(made_);
    while (!rest.empty()) {
      if (context.stop_requested()) return false;
      const std::size_t most =
          reply.begun() ? chunk_frames_ : std::min(kFirstFrames, chunk_frames_);
      const std::size_t frames = std::min(most, rest.size());
      Packet out = node::audio_packet(context, static_cast<std::uint32_t>(frames), kRate);
      if (!out.payload) {
        context.failed("speech was lost: no memory");
        return false;
      }
      media::convert::s16_to_f32(rest.first(frames), out.payload.writable_as<float>());
      rest = rest.subspan(frames);
      out.last = last && rest.empty();
      out.discontinuity = std::exchange(discontinuity_, false);
      reply.set_begun(!out.last);
      context.emit(kAudio, std::move(out));
    }
    return true;
  }

  static void send_end(SpokenReply& reply, node::Context& context) noexcept {
    if (context.stop_requested()) return;
    Packet end = node::audio_packet(context, 0, kRate);
    end.last = true;
    reply.set_begun(false);
    context.emit(kAudio, std::move(end));
  }

  /// The reply that audio with `lineage` belongs to; the oldest makes place for a new one.
  SpokenReply& reply_of(const media::Lineage& lineage) {
    for (SpokenReply& reply : replies_)
      if (reply.turn() == lineage.turn && reply.revision() == lineage.revision) return reply;
    if (replies_.size() == kMostReplies) replies_.erase(replies_.begin());
    return replies_.emplace_back(lineage.turn, lineage.revision);
  }

  /// What played is the last reply that was confirmed: a guess about a later turn, already spoken
  /// here, is held at the sink.
  void tell_heard(const media::Control& control, node::Context& context) noexcept {
    const SpokenReply* played = nullptr;
    for (const SpokenReply& reply : replies_) {
      if (reply.turn() > control.turn) continue;
      if (played == nullptr || reply.confirmed() || !played->confirmed()) played = &reply;
    }
    if (played == nullptr) return;
    const std::int64_t frames = base::frame_at(std::max(control.played, base::MediaTime{0}), kRate);
    // Empty too: that nothing was heard is worth knowing. It hangs on nothing, since what hangs on
    // an interrupted turn never leaves.
    const std::string heard = played->heard(static_cast<std::uint64_t>(frames));
    const base::TurnId turn = played->turn();
    const base::Revision revision = played->revision();
    std::erase_if(replies_, [&](const SpokenReply& reply) { return reply.turn() <= control.turn; });
    Packet out = node::text_packet(context, heard, media::TextRole::complete);
    if (!out.payload) return context.failed("the words heard were lost: no memory");
    out.last = true;
    out.about_turn = turn;
    out.about_revision = revision;
    out.from = out.to = control.from;
    out.due = context.now();
    context.emit(kHeard, std::move(out));
  }

  const FliteVoice& voice_;  ///< the stage's, which outlives its sessions
  std::size_t chunk_frames_;
  bool discontinuity_ = false;        ///< to be told with the next packet
  std::vector<std::int16_t> made_;    ///< audio of one phrase
  std::vector<SpokenReply> replies_;  ///< in the order in which they began
};

class FliteTtsStage final : public node::StageNode {
 public:
  FliteTtsStage(FliteVoice voice, base::MediaTime chunk)
      : voice_(voice), chunk_frames_(static_cast<std::size_t>(base::frame_at(chunk, kRate))) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<FliteTtsSession>(voice_, chunk_frames_);
  }
  [[nodiscard]] node::Format output_format(std::size_t port) const override {
    if (port == kHeard) return {.kind = media::PacketKind::text};
    return {.kind = media::PacketKind::audio, .rate_hz = kRate, .channels = 1};
  }

 private:
  FliteVoice voice_;
  std::size_t chunk_frames_;
};

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  const auto name =
      config.params.text("voice") == "kal16" ? FliteVoiceName::kal16 : FliteVoiceName::slt;
  auto voice = FliteVoice::create(name, config.params.number("rate"));
  if (!voice) return base::fail(voice.error().code, voice.error().text(), config.id);
  return std::make_unique<FliteTtsStage>(*voice, config.params.milliseconds("chunk_ms"));
}

}  // namespace

const node::NodeType& flite_tts_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
