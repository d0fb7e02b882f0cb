#include "nodes/text_collector/text_collector.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "millrace/base/limits.hpp"
#include "nodes/text_collector/gathered_text.hpp"
#include "nodes/text_collector/sentence_end.hpp"

namespace millrace::nodes {
namespace {

constexpr std::array<node::PortDecl, 1> kInputs{{
    {.name = "text", .kind = media::PacketKind::text, .summary = "text in pieces, or whole"},
}};
constexpr std::array<node::PortDecl, 1> kOutputs{{
    {.name = "text", .kind = media::PacketKind::text, .summary = "one sentence a packet"},
}};
constexpr std::array<std::string_view, 3> kJoins{"as_is", "space", "where_missing"};
constexpr std::array<node::ParamDecl, 4> kParams{{
    {.name = "batch_window_ms",
     .kind = node::ParamKind::number,
     .unit = "ms",
     .minimum = 0,
     .maximum = 1000,
     .initial = "0",
     .summary = "how long a whole sentence waits for others to go out with it"},
    {.name = "first_sentence_ms",
     .kind = node::ParamKind::number,
     .unit = "ms",
     .minimum = 0,
     .maximum = 10'000,
     .initial = "0",
     .summary = "after so long the first sentence of a text leaves at a clause; 0: when it ends"},
    {.name = "max_chars",
     .kind = node::ParamKind::integer,
     .unit = "bytes",
     .minimum = 64,
     .maximum = 16384,
     .initial = "2000",
     .summary = "longest sentence; a longer one is cut at a clause, else at a space"},
    {.name = "join",
     .kind = node::ParamKind::choice,
     .initial = "as_is",
     .choices = kJoins,
     .summary = "between two pieces: nothing (tokens), a space (words), or a space where a "
                "sentence ended and a capital follows"},
}};
constexpr node::Contract kContract{
    .type = "text_collector",
    .summary = "gathers text to sentences, and holds them for a batch window",
    .inputs = kInputs,
    .outputs = kOutputs,
    .params = kParams,
    .capabilities = {.parallelizable = true,
                     .batch_aware = true,
                     .queue_capacity = 50,
                     .overflow = node::OverflowPolicy::block},
    .max_outputs = GatheredText::kMaxPackets,
    .resets = "the open sentence ends; what was gathered stays",
};

constexpr base::Instant kNever{base::Duration::max()};

enum class Join : std::uint8_t { as_is, space, where_missing };

struct Settings {
  base::MediaTime window{0};
  base::MediaTime first_sentence{0};
  std::size_t max_bytes = 0;
  Join join = Join::as_is;
};

class CollectorSession final : public node::SessionNode {
 public:
  explicit CollectorSession(const Settings& settings)
      : settings_(settings), gathered_(settings.max_bytes) {}

  void process(media::Packet& packet, node::Context& context) noexcept override {
    if (packet.kind != media::PacketKind::text)
      return context.failed("a packet that is no text was refused");
    // A partial is replaced by what comes later: it must not be gathered.
    if (packet.role == media::TextRole::partial) return;
    if (packet.text().size() > base::limits::kTextPacketBytes)
      return context.failed("a text longer than 64 KiB was refused");

    prune(context);
    const bool whole = packet.role == media::TextRole::complete;
    const bool other_turn = !gathered_.continues(packet.lineage);
    if (whole || packet.discontinuity || other_turn) gathered_.find_sentences(true, other_turn);
    begin_text(packet, whole, context.now());
    if (!gathered_.append(packet, joint(packet.text()), context))
      context.failed("a text was dropped: no memory, or it hangs on too many segments");
    gathered_.find_sentences(whole || packet.last, true);
    release_or_hold(packet.lineage, context);
    if (whole || packet.last) in_text_ = false;
  }

  void on_control(const media::Control& control, node::Context& context) noexcept override {
    prune(context);
    if (control.type != media::ControlType::deadline_warning) return;
    if (in_text_ && !spoken_) first_due_ = context.now();
    // The window ends now. By way of the timer: that waits for room downstream, a message does not.
    window_end_ = context.now();
    context.set_timer(window_end_);
  }

  void on_timer(node::Context& context) noexcept override {
    prune(context);
    release(context.now() >= window_end_, {}, context);
    wait(context);
  }

  void on_end(node::Context& context) noexcept override {
    gathered_.find_sentences(true, true);
    release(true, {}, context);
  }

 private:
  [[nodiscard]] std::string_view joint(std::string_view added) const noexcept {
    const bool space =
        settings_.join == Join::space ||
        (settings_.join == Join::where_missing && lacks_space(gathered_.open_sentence(), added));
    return space ? " " : "";
  }

  void prune(node::Context& context) noexcept {
    const bool held = gathered_.size_bytes() > 0;
    gathered_.prune(context);
    if (!held || gathered_.size_bytes() > 0) return;
    in_text_ = false;
    first_due_ = kNever;
  }

  /// Notes when the first sentence of the text that `packet` belongs to has to leave: after the
  /// time that the manifest gives it, or when half of the time to the packet's deadline has passed,
  /// the other half being for those who come after. The first packet of a text decides.
  void begin_text(const media::Packet& packet, bool whole, base::Instant now) noexcept {
    const media::Lineage& lineage = packet.lineage;
    if (!whole && in_text_ && turn_ == lineage.turn && revision_ == lineage.revision) return;
    in_text_ = true;
    spoken_ = false;
    gathered_.begin_text();
    turn_ = lineage.turn;
    revision_ = lineage.revision;
    if (settings_.first_sentence.count() > 0)
      first_due_ = std::min(first_due_, now + base::Duration{settings_.first_sentence});
    if (packet.deadline == media::kNoDeadline) return;
    first_due_ =
        std::min(first_due_, packet.deadline <= now ? now : now + (packet.deadline - now) / 2);
  }

  void release_or_hold(const media::Lineage& inherited, node::Context& context) noexcept {
    const bool full = gathered_.is_full() || gathered_.size_bytes() > settings_.max_bytes;
    release(settings_.window.count() == 0 || full, inherited, context);
    if (gathered_.has_sentences() && window_end_ == kNever)
      window_end_ = context.now() + base::Duration{settings_.window};
    wait(context);
  }

  /// Lets go what may go: all whole sentences if `all`, and when the first of a text is due also
  /// what it has of a clause.
  void release(bool all, const media::Lineage& inherited, node::Context& context) noexcept {
    const bool due = context.now() >= first_due_;
    if (due && in_text_ && !gathered_.has_sentences_of_text()) (void)gathered_.end_clause();
    if (!all && !due) return;
    window_end_ = kNever;
    if (!gathered_.release(inherited, context)) return;
    first_due_ = kNever;
    spoken_ = true;
  }

  void wait(node::Context& context) const noexcept {
    // What is due and has no clause yet waits for text, not for time.
    const base::Instant first = first_due_ > context.now() ? first_due_ : kNever;
    const base::Instant next = std::min(window_end_, first);
    if (next != kNever) context.set_timer(next);
  }

  Settings settings_;
  GatheredText gathered_;
  bool in_text_ = false;  ///< a text has begun and not ended
  bool spoken_ = false;   ///< something of it went out
  base::TurnId turn_;
  base::Revision revision_{};
  base::Instant window_end_ = kNever;
  base::Instant first_due_ = kNever;
};

class CollectorStage final : public node::StageNode {
 public:
  explicit CollectorStage(const Settings& settings) : settings_(settings) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<CollectorSession>(settings_);
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::text};
  }
  [[nodiscard]] base::MediaTime latency() const override { return settings_.window; }

 private:
  Settings settings_;
};

Join join_of(std::string_view name) noexcept {
  if (name == "space") return Join::space;
  return name == "where_missing" ? Join::where_missing : Join::as_is;
}

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  return std::make_unique<CollectorStage>(
      Settings{.window = config.params.milliseconds("batch_window_ms"),
               .first_sentence = config.params.milliseconds("first_sentence_ms"),
               .max_bytes = static_cast<std::size_t>(config.params.integer("max_chars")),
               .join = join_of(config.params.text("join"))});
}

}  // namespace

const node::NodeType& text_collector_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
