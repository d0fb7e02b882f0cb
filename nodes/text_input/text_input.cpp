#include "nodes/text_input/text_input.hpp"

#include <array>
#include <memory>
#include <string_view>
#include <utility>

#include "millrace/base/limits.hpp"
#include "millrace/base/utf8.hpp"
#include "nodes/text_input/plain_text.hpp"

namespace millrace::nodes {
namespace {

constexpr std::array<node::PortDecl, 1> kOutputs{{
    {.name = "text",
     .kind = media::PacketKind::text,
     .summary = "one line, or one piece, a packet"},
}};
constexpr std::array<std::string_view, 2> kLines{"whole", "pieces"};
constexpr std::array<node::ParamDecl, 2> kParams{{
    {.name = "line_ms",
     .kind = node::ParamKind::number,
     .unit = "ms",
     .minimum = 1,
     .maximum = 60'000,
     .initial = "1000",
     .summary = "time that a line of a file takes; other hosts bring their own times"},
    {.name = "lines",
     .kind = node::ParamKind::choice,
     .initial = "whole",
     .choices = kLines,
     .summary = "whole: each packet is a text of its own; pieces: a text goes on over packets"},
}};
constexpr node::Contract kContract{
    .type = "text_input",
    .summary = "where text enters the graph",
    .role = node::Role::source,
    .outputs = kOutputs,
    .params = kParams,
    .capabilities = {.parallelizable = true,
                     .batch_aware = false,
                     .queue_capacity = 100,
                     .overflow = node::OverflowPolicy::block},
    .max_outputs = 1,
    .resets = "nothing: the mark goes out with the next text",
};

class TextInputSession final : public node::SessionNode {
 public:
  explicit TextInputSession(bool whole) : whole_(whole) {}

  void process(media::Packet& packet, node::Context& context) noexcept override {
    const std::string_view refused = complaint(packet);
    if (!refused.empty()) {
      lost_ = true;
      return context.failed(refused);
    }
    begun_ = true;
    end_ = packet.to;
    lost_ = lost_ || packet.discontinuity;
    const bool blank = base::trimmed(packet.text()).empty();
    if (blank && whole_) return;
    packet.role = whole_ ? media::TextRole::complete : media::TextRole::sentence;
    packet.last = whole_ || packet.last;
    packet.discontinuity = std::exchange(lost_, false);
    context.emit(0, std::move(packet));
  }

 private:
  /// Why `packet` is not taken; empty: it is.
  [[nodiscard]] std::string_view complaint(const media::Packet& packet) const noexcept {
    if (packet.kind != media::PacketKind::text) return "a packet that is no text was refused";
    if (packet.text().size() > base::limits::kTextPacketBytes)
      return "a text longer than 64 KiB was refused";
    if (packet.to < packet.from || (begun_ && packet.from < end_))
      return "a text was refused: it lies before the end of the text before it";
    // A stream may be cut anywhere, also within a character: whole texts alone can be judged.
    switch (whole_ ? flaw_of(packet.text()).kind : TextFlaw::none) {
      case TextFlaw::none: return {};
      case TextFlaw::nul: return "a text was refused: it holds a NUL byte";
      case TextFlaw::not_utf8: return "a text was refused: it is not UTF-8";
    }
    return {};
  }

  bool whole_;
  bool begun_ = false;
  bool lost_ = false;
  base::MediaTime end_{0};
};

class TextInputStage final : public node::StageNode {
 public:
  explicit TextInputStage(bool whole) : whole_(whole) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<TextInputSession>(whole_);
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::text};
  }

 private:
  bool whole_;
};

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  return std::make_unique<TextInputStage>(config.params.text("lines") == "whole");
}

}  // namespace

const node::NodeType& text_input_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
