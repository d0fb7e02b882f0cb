#include "nodes/text_collector/text_collector.hpp"

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
constexpr std::array<std::string_view, 2> kJoins{"as_is", "space"};
constexpr std::array<node::ParamDecl, 3> kParams{{
    {.name = "batch_window_ms",
     .kind = node::ParamKind::number,
     .unit = "ms",
     .minimum = 0,
     .maximum = 1000,
     .initial = "0",
     .summary = "how long a whole sentence waits for others to go out with it"},
    {.name = "max_chars",
     .kind = node::ParamKind::integer,
     .unit = "bytes",
     .minimum = 64,
     .maximum = 16384,
     .initial = "2000",
     .summary = "most text held between two calls; a longer sentence is cut at a space"},
    {.name = "join",
     .kind = node::ParamKind::choice,
     .initial = "as_is",
     .choices = kJoins,
     .summary = "what stands between two pieces: nothing (tokens), or a space (words)"},
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

struct Settings {
  base::MediaTime window{0};
  std::size_t max_bytes = 0;
  std::string_view joint;
};

class CollectorSession final : public node::SessionNode {
 public:
  explicit CollectorSession(const Settings& settings) : settings_(settings) {}

  void process(media::Packet& packet, node::Context& context) noexcept override {
    if (packet.kind != media::PacketKind::text)
      return context.failed("a packet that is no text was refused");
    // A partial is replaced by what comes later: it must not be gathered.
    if (packet.role == media::TextRole::partial) return;
    if (packet.text().size() > base::limits::kTextPacketBytes)
      return context.failed("a text longer than 64 KiB was refused");

    gathered_.prune(context);
    const bool whole = packet.role == media::TextRole::complete;
    const bool other_turn = !gathered_.continues(packet.lineage);
    if (whole || packet.discontinuity || other_turn) gathered_.find_sentences(true, other_turn);
    const std::string_view joint =
        lacks_space(gathered_.open_sentence(), packet.text()) ? " " : settings_.joint;
    if (!gathered_.append(packet, joint, context))
      context.failed("a text was dropped: no memory, or it hangs on too many segments");
    gathered_.find_sentences(whole || packet.last, true);
    gathered_.bound_open_sentence(settings_.max_bytes);
    release_or_hold(packet.lineage, context);
  }

  void on_control(const media::Control& control, node::Context& context) noexcept override {
    gathered_.prune(context);
    if (control.type == media::ControlType::deadline_warning) gathered_.release({}, context);
  }

  void on_timer(node::Context& context) noexcept override {
    window_open_ = false;
    gathered_.release({}, context);
  }

  void on_end(node::Context& context) noexcept override {
    gathered_.find_sentences(true, true);
    gathered_.release({}, context);
  }

 private:
  void release_or_hold(const media::Lineage& inherited, node::Context& context) noexcept {
    if (!gathered_.has_sentences()) return;
    const bool full = gathered_.is_full() || gathered_.size_bytes() > settings_.max_bytes;
    if (settings_.window.count() == 0 || full) return gathered_.release(inherited, context);
    if (window_open_) return;
    window_open_ = true;
    context.set_timer(context.now() + settings_.window);
  }

  Settings settings_;
  GatheredText gathered_;
  bool window_open_ = false;
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

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  return std::make_unique<CollectorStage>(
      Settings{.window = config.params.milliseconds("batch_window_ms"),
               .max_bytes = static_cast<std::size_t>(config.params.integer("max_chars")),
               .joint = config.params.text("join") == "space" ? " " : ""});
}

}  // namespace

const node::NodeType& text_collector_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
