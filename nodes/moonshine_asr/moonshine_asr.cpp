#include "nodes/moonshine_asr/moonshine_asr.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

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
                     .batch_aware = true,
                     .queue_capacity = 50,
                     .overflow = node::OverflowPolicy::block},
    .placement = node::Placement::pool,
    .pool_only = true,
    .across_sessions = true,
    .max_outputs = 1,
    // A turn of 2 to 3 s on one core, and one more that shares its decode steps; the virtual clock
    // needs one number, not the truth.
    .virtual_cost = {.first_us = 110'000, .per_unit_us = 0, .per_session_us = 65'000},
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

  [[nodiscard]] bool deferred() const noexcept override { return deferred_; }
  /// What is to be recognised for the call that deferred, for its time; `context` is the call's.
  [[nodiscard]] TranscribeRequest request(node::Context& context) const;
  void heard(base::Result<Transcript>&& transcript, node::Context& context) noexcept;

 private:
  /// What the words are for, once they are there.
  struct Wish {
    enum class For : std::uint8_t { partial, guess, end_of_turn, end_of_input };
    For what = For::partial;
    media::Lineage guess;  ///< the turn and revision that is answered
  };

  bool takes(const Packet& packet, node::Context& context) noexcept;
  void shorten(node::Context& context) noexcept;
  void tell_partial(node::Context& context) noexcept;
  void finish(Wish::For what, base::TurnId turn, base::Revision revision,
              node::Context& context) noexcept;
  void hear(const Wish& wish, node::Context& context) noexcept;
  /// The words are there (null: there will be none), and the call goes on.
  void go_on(const std::string* text, node::Context& context) noexcept;
  bool say(std::string_view text, TextRole role, const media::Lineage& guess,
           node::Context& context) noexcept;

  const MoonshineModel* model_;  ///< the stage's, which outlives its sessions
  const Settings* settings_;
  TurnAudio audio_;
  bool deferred_ = false;
  Wish wish_;                     ///< of the call that deferred
  media::Lineage heard_lineage_;  ///< what the audio that it asks about hangs on
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
  hear({.what = Wish::For::partial, .guess = {}}, context);
}

void MoonshineSession::on_control(const media::Control& control, node::Context& context) noexcept {
  switch (control.type) {
    case ControlType::cancel_speculation:
    case ControlType::interrupt:
      audio_.drop_withdrawn(context);
      // The last partial may be withdrawn as well: the same words again are news.
      partial_.clear();
      return;
    case ControlType::eager_end_of_turn:
      finish(Wish::For::guess, control.turn, control.revision, context);
      return;
    case ControlType::turn_resumed:
      // What was said is withdrawn; its audio is the beginning of what goes on.
      said_for_ = {};
      said_mark_ = {};
      return;
    case ControlType::end_of_turn:
      finish(Wish::For::end_of_turn, control.turn, control.revision, context);
      return;
    default: return;
  }
}

/// A guess gets one text. What came after it without a word that it resumed is no speech of this
/// turn, so the end that confirms the guess adds nothing.
void MoonshineSession::finish(Wish::For what, base::TurnId turn, base::Revision revision,
                              node::Context& context) noexcept {
  Wish wish{.what = what, .guess = {}};
  wish.guess.turn = turn;
  wish.guess.revision = revision;
  if (!turn || said_for_ != wish.guess) return hear(wish, context);
  wish_ = wish;
  go_on(nullptr, context);
}

/// Without anybody who tells turns, the whole input is one.
void MoonshineSession::on_end(node::Context& context) noexcept {
  audio_.drop_withdrawn(context);
  if (audio_.empty() || audio_.mark() == said_mark_) return;
  hear({.what = Wish::For::end_of_input, .guess = {}}, context);
}

/// Words of the audio held: known already, or what the call defers.
void MoonshineSession::hear(const Wish& wish, node::Context& context) noexcept {
  wish_ = wish;
  audio_.drop_withdrawn(context);
  if (audio_.empty()) return go_on(nullptr, context);
  if (audio_.mark() == heard_mark_) return go_on(&heard_, context);
  heard_lineage_ = {};
  if (!audio_.gather(heard_lineage_, context)) {
    context.failed("a turn hangs on more unconfirmed segments than a packet can name");
    return go_on(nullptr, context);
  }
  deferred_ = true;
}

TranscribeRequest MoonshineSession::request(node::Context& context) const {
  return {.mono16k = audio_.samples(), .options = settings_->decode, .stop = [this, &context] {
            return context.stop_requested() || !context.live(heard_lineage_);
          }};
}

void MoonshineSession::heard(base::Result<Transcript>&& transcript,
                             node::Context& context) noexcept {
  deferred_ = false;
  if (transcript) {
    heard_ = audio_.text_with(transcript->text);
    heard_mark_ = audio_.mark();
    return go_on(&heard_, context);
  }
  if (transcript.error().code != base::Code::cancelled) {
    context.failed(transcript.error().message);
    return go_on(nullptr, context);
  }
  if (context.stop_requested()) return go_on(nullptr, context);
  // A segment was withdrawn meanwhile: once more without it. Each time there is less audio.
  hear(wish_, context);
}

void MoonshineSession::go_on(const std::string* text, node::Context& context) noexcept {
  switch (wish_.what) {
    case Wish::For::partial:
      if (text != nullptr && *text != partial_ && say(*text, TextRole::partial, {}, context))
        partial_ = *text;
      return;
    case Wish::For::end_of_input:
      if (text != nullptr) say(*text, TextRole::complete, {}, context);
      return;
    case Wish::For::guess:
    case Wish::For::end_of_turn: break;
  }
  if (text != nullptr && say(*text, TextRole::complete, wish_.guess, context)) {
    said_for_ = wish_.guess;
    said_mark_ = audio_.mark();
  }
  if (wish_.what == Wish::For::guess) return;
  audio_.drop_turn(wish_.guess.turn);
  said_mark_ = {};
  partial_.clear();
  partial_at_ = audio_.appended();
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

  void run_together(std::span<node::Work> works) noexcept override {
    std::vector<TranscribeRequest> requests;
    requests.reserve(works.size());
    for (const node::Work& work : works)
      requests.push_back(static_cast<MoonshineSession*>(work.node)->request(*work.context));
    model_.transcribe_together(requests, [&](std::size_t i, base::Result<Transcript>&& transcript) {
      static_cast<MoonshineSession*>(works[i].node)
          ->heard(std::move(transcript), *works[i].context);
    });
  }
  [[nodiscard]] bool defers(const Packet& packet) const noexcept override {
    if (!packet.is_marker()) return settings_.partial_frames > 0;
    return packet.control_type == ControlType::eager_end_of_turn ||
           packet.control_type == ControlType::end_of_turn ||
           packet.control_type == ControlType::end_of_input;
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
