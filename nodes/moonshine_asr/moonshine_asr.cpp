#include "nodes/moonshine_asr/moonshine_asr.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "millrace/base/limits.hpp"
#include "nodes/moonshine_asr/moonshine_model.hpp"
#include "nodes/moonshine_asr/turn_audio.hpp"

namespace millrace::nodes {
namespace {

using media::ControlType;
using media::Packet;
using media::TextRole;

constexpr std::array<node::PortDecl, 1> kInputs{{
    {.name = "audio",
     .kind = media::PacketKind::audio,
     .summary = "speech, in segments",
     .rate_hz = MoonshineModel::kRateHz,
     .channels = 1},
}};
constexpr std::array<node::PortDecl, 1> kOutputs{{
    {.name = "text", .kind = media::PacketKind::text, .summary = "what was said in the turn"},
}};
constexpr std::array<node::ParamDecl, 3> kParams{{
    {.name = "partials_ms",
     .kind = node::ParamKind::integer,
     .unit = "ms",
     .minimum = 0,
     .maximum = 10'000,
     .initial = "0",
     .summary = "a partial text each time so much audio has come; 0: none"},
    {.name = "max_turn_s",
     .kind = node::ParamKind::integer,
     .unit = "s",
     .minimum = 2,
     .maximum = 60,
     .initial = "30",
     .summary = "audio kept; of a longer turn the first part is recognised while it goes on"},
    {.name = "model",
     .kind = node::ParamKind::text,
     .initial = "",
     .summary = "folder with the models; empty: where ./dev setup puts them"},
}};
constexpr node::Contract kContract{
    .type = "moonshine_asr",
    .summary = "recognises English speech, turn by turn",
    .alias = "asr",
    .inputs = kInputs,
    .outputs = kOutputs,
    .params = kParams,
    .capabilities = {.parallelizable = false,
                     .batch_aware = false,
                     .queue_capacity = 50,
                     .overflow = node::OverflowPolicy::block},
    .placement = node::Placement::pool,
    .pool_only = true,
    .max_outputs = 1,
    // A turn of 2 to 3 s on one core; the virtual clock needs one number, not the truth.
    .virtual_cost = {.first_us = 110'000, .per_unit_us = 0},
    .resets = "nothing: the audio goes on behind it, with silence for the time that is missing",
};

struct Settings {
  std::size_t partial_frames = 0;  ///< 0: no partials
  std::size_t max_frames = 0;
  DecodeOptions decode;
};

class MoonshineSession final : public node::SessionNode {
 public:
  MoonshineSession(const MoonshineModel& model, const Settings& settings)
      : model_(&model), settings_(&settings) {}

  void process(Packet& packet, node::Context& context) noexcept override;
  void on_control(const media::Control& control, node::Context& context) noexcept override;
  void on_end(node::Context& context) noexcept override;

 private:
  bool takes(const Packet& packet, node::Context& context) noexcept;
  void shorten(node::Context& context) noexcept;
  void tell_partial(node::Context& context) noexcept;
  void finish(base::TurnId turn, base::Revision revision, node::Context& context) noexcept;
  std::optional<std::string> hear(node::Context& context) noexcept;
  bool say(std::string_view text, TextRole role, const media::Lineage& guess,
           node::Context& context) noexcept;

  const MoonshineModel* model_;  ///< the stage's, which outlives its sessions
  const Settings* settings_;
  TurnAudio audio_;
  std::string heard_;             ///< the words of ...
  TurnAudio::Mark heard_mark_;    ///< ... the audio held then
  std::string partial_;           ///< the last one told
  std::uint64_t partial_at_ = 0;  ///< frames that had come by then
  media::Lineage said_for_;       ///< the guess that a whole text was given for last
  TurnAudio::Mark said_mark_;     ///< the audio it was made of
  bool refusing_ = false;         ///< a wrong format was told of
};

void MoonshineSession::process(Packet& packet, node::Context& context) noexcept {
  if (!takes(packet, context)) return;
  audio_.drop_withdrawn(context);
  audio_.append(packet);
  while (audio_.samples().size() > settings_->max_frames && !context.stop_requested())
    shorten(context);
  tell_partial(context);
}

bool MoonshineSession::takes(const Packet& packet, node::Context& context) noexcept {
  const bool fits = packet.kind == media::PacketKind::audio &&
                    packet.rate_hz == MoonshineModel::kRateHz && packet.channels == 1 &&
                    packet.samples().size() == packet.frames;
  if (!fits && !refusing_)
    context.failed("blocks are refused: 16 kHz mono audio expected, as long as its header says");
  refusing_ = !fits;
  return fits;
}

/// The first part of a turn that is longer than what is kept becomes words now, cut where it is
/// quietest, so that nothing of it is lost.
void MoonshineSession::shorten(node::Context& context) noexcept {
  const std::span<const float> most = audio_.samples().first(settings_->max_frames);
  const std::size_t frames = quietest(most, most.size() * 2 / 3);
  media::Lineage lineage;
  const bool named = audio_.gather_front(frames, lineage, context);
  const auto heard = model_->transcribe(most.first(frames), settings_->decode, [&] {
    return context.stop_requested() || !context.live(lineage);
  });
  if (!heard && heard.error().code == base::Code::cancelled) {
    audio_.drop_withdrawn(context);
    return;
  }
  if (!heard) context.failed(heard.error().message);
  if (!audio_.front_goes(frames, heard ? heard->text : "", context) || !named)
    context.failed(
        "the first part of a turn was lost: over 48 KiB of words, or more unconfirmed "
        "segments than a packet can name");
}

void MoonshineSession::tell_partial(node::Context& context) noexcept {
  const std::uint64_t come = audio_.appended();
  if (settings_->partial_frames == 0 || come - partial_at_ < settings_->partial_frames) return;
  partial_at_ = come;
  const auto text = hear(context);
  if (!text || *text == partial_) return;
  if (say(*text, TextRole::partial, {}, context)) partial_ = *text;
}

void MoonshineSession::on_control(const media::Control& control, node::Context& context) noexcept {
  switch (control.type) {
    case ControlType::cancel_speculation:
    case ControlType::interrupt:
      audio_.drop_withdrawn(context);
      // The last partial may be withdrawn as well: the same words again are news.
      partial_.clear();
      return;
    case ControlType::eager_end_of_turn: finish(control.turn, control.revision, context); return;
    case ControlType::turn_resumed:
      // What was said is withdrawn; its audio is the beginning of what goes on.
      said_for_ = {};
      said_mark_ = {};
      return;
    case ControlType::end_of_turn:
      finish(control.turn, control.revision, context);
      audio_.drop_turn(control.turn);
      said_mark_ = {};
      partial_.clear();
      partial_at_ = audio_.appended();
      return;
    default: return;
  }
}

/// A guess gets one text. What came after it without a word that it resumed is no speech of this
/// turn, so the end that confirms the guess adds nothing.
void MoonshineSession::finish(base::TurnId turn, base::Revision revision,
                              node::Context& context) noexcept {
  media::Lineage guess;
  guess.turn = turn;
  guess.revision = revision;
  if (turn && said_for_ == guess) return;
  const auto text = hear(context);
  if (!text || !say(*text, TextRole::complete, guess, context)) return;
  said_for_ = guess;
  said_mark_ = audio_.mark();
}

/// Without anybody who tells turns, the whole input is one.
void MoonshineSession::on_end(node::Context& context) noexcept {
  audio_.drop_withdrawn(context);
  if (audio_.empty() || audio_.mark() == said_mark_) return;
  if (const auto text = hear(context)) say(*text, TextRole::complete, {}, context);
}

/// The words of the audio held; nothing when the work was withdrawn or failed.
std::optional<std::string> MoonshineSession::hear(node::Context& context) noexcept {
  for (;;) {
    audio_.drop_withdrawn(context);
    if (audio_.empty()) return std::string{};
    const TurnAudio::Mark mark = audio_.mark();
    if (mark == heard_mark_) return heard_;
    media::Lineage lineage;
    if (!audio_.gather(lineage, context)) {
      context.failed("a turn hangs on more unconfirmed segments than a packet can name");
      return std::nullopt;
    }
    const auto heard = model_->transcribe(audio_.samples(), settings_->decode, [&] {
      return context.stop_requested() || !context.live(lineage);
    });
    if (heard) {
      heard_ = audio_.text_with(heard->text);
      heard_mark_ = mark;
      return heard_;
    }
    if (heard.error().code != base::Code::cancelled) {
      context.failed(heard.error().message);
      return std::nullopt;
    }
    // A segment was withdrawn meanwhile: once more without it. Each time there is less audio.
    if (context.stop_requested()) return std::nullopt;
  }
}

/// False when there was nothing to say, or no way to.
bool MoonshineSession::say(std::string_view text, TextRole role, const media::Lineage& guess,
                           node::Context& context) noexcept {
  if (text.empty()) return false;
  if (text.size() > base::limits::kTextPacketBytes) {
    context.failed("a text longer than 64 KiB was not given");
    return false;
  }
  Packet out = node::text_packet(context, text, role);
  out.lineage = guess;
  if (!audio_.gather(out.lineage, context)) return false;
  out.last = role == TextRole::complete;
  out.from = audio_.from();
  out.to = audio_.to();
  out.due = audio_.due();
  context.emit(0, std::move(out));
  return true;
}

class MoonshineStage final : public node::StageNode {
 public:
  MoonshineStage(MoonshineModel model, Settings settings)
      : model_(std::move(model)), settings_(std::move(settings)) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<MoonshineSession>(model_, settings_);
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::text};
  }

 private:
  MoonshineModel model_;
  Settings settings_;
};

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  return make_moonshine_asr(config, {});
}

}  // namespace

base::Result<std::unique_ptr<node::StageNode>> make_moonshine_asr(const node::StageConfig& config,
                                                                  std::function<void()> stepped) {
  const std::string& folder = config.params.text("model");
  auto model = MoonshineModel::create(inference::ModelStore::locate(
      folder.empty() ? std::nullopt : std::optional<std::filesystem::path>(folder)));
  if (!model) return base::fail(model.error().code, model.error().text(), config.id);
  const auto frames = [&](std::int64_t ms) {
    return static_cast<std::size_t>(ms * MoonshineModel::kRateHz / 1000);
  };
  Settings settings{.partial_frames = frames(config.params.integer("partials_ms")),
                    .max_frames = frames(config.params.integer("max_turn_s") * 1000),
                    .decode = {.stepped = std::move(stepped)}};
  return std::make_unique<MoonshineStage>(*std::move(model), std::move(settings));
}

const node::NodeType& moonshine_asr_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
