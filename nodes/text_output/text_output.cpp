#include "nodes/text_output/text_output.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "millrace/base/limits.hpp"
#include "millrace/base/utf8.hpp"

namespace millrace::nodes {
namespace {

constexpr std::array<node::PortDecl, 1> kInputs{{
    {.name = "text", .kind = media::PacketKind::text, .summary = "any text"},
}};
constexpr std::array<node::PortDecl, 1> kOutputs{{
    {.name = "out", .kind = media::PacketKind::text, .summary = "what leaves the graph"},
}};
constexpr std::array<node::ParamDecl, 1> kParams{{
    {.name = "partials",
     .kind = node::ParamKind::boolean,
     .initial = "false",
     .summary = "let hypotheses out that a later text replaces"},
}};
constexpr node::Contract kContract{
    .type = "text_output",
    .summary = "where text leaves the graph",
    .role = node::Role::sink,
    .inputs = kInputs,
    .outputs = kOutputs,
    .params = kParams,
    .capabilities = {.parallelizable = true,
                     .batch_aware = false,
                     .queue_capacity = 100,
                     .overflow = node::OverflowPolicy::block},
    .max_outputs = 1,
    .resets = "nothing: each text leaves by itself",
};

bool is_well_formed(std::string_view text) noexcept {
  while (!text.empty()) {
    const base::CodePoint here = base::decode_utf8(text);
    if (!here.well_formed) return false;
    text.remove_prefix(here.size_bytes);
  }
  return true;
}

/// Puts '?' for every byte that is part of no code point.
void mend(std::span<char> text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const base::CodePoint here = base::decode_utf8({text.data() + i, text.size() - i});
    if (!here.well_formed) text[i] = '?';
    i += here.size_bytes;
  }
}

class TextOutputSession final : public node::SessionNode {
 public:
  explicit TextOutputSession(bool partials) : partials_(partials) {}

  void process(media::Packet& packet, node::Context& context) noexcept override {
    if (packet.kind != media::PacketKind::text)
      return context.failed("a packet that is no text was refused");
    if (packet.role == media::TextRole::partial && !partials_) return;
    if (packet.text().size() > base::limits::kTextPacketBytes)
      return context.failed("a text longer than 64 KiB was refused");
    // Event log and carriers write JSON, which must be UTF-8; a node's text may be anything.
    if (!is_well_formed(packet.text())) {
      if (!replace_ill_formed(packet, context)) return context.failed("a text was lost: no memory");
      context.failed("a text was not UTF-8: its ill-formed bytes leave as '?'");
    }
    context.emit(0, std::move(packet));
  }

 private:
  static bool replace_ill_formed(media::Packet& packet, node::Context& context) noexcept {
    if (!packet.payload.unique()) {
      // Another branch of the graph holds the same bytes.
      rt::Payload own = context.acquire(packet.payload.size_bytes());
      if (!own) return false;
      std::memcpy(own.writable().data(), packet.payload.bytes().data(), own.size_bytes());
      packet.payload = std::move(own);
    }
    mend(packet.payload.writable_as<char>());
    return true;
  }

  bool partials_;
};

class TextOutputStage final : public node::StageNode {
 public:
  explicit TextOutputStage(bool partials) : partials_(partials) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<TextOutputSession>(partials_);
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::text};
  }

 private:
  bool partials_;
};

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  return std::make_unique<TextOutputStage>(config.params.boolean("partials"));
}

}  // namespace

const node::NodeType& text_output_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
