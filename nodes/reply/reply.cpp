#include "nodes/reply/reply.hpp"

#include <array>
#include <memory>
#include <utility>

#include "millrace/base/limits.hpp"
#include "millrace/base/utf8.hpp"
#include "nodes/reply/reply_rules.hpp"

namespace millrace::nodes {
namespace {

constexpr std::array<node::PortDecl, 1> kInputs{{
    {.name = "text", .kind = media::PacketKind::text, .summary = "what was said"},
}};
constexpr std::array<node::PortDecl, 1> kOutputs{{
    {.name = "text",
     .kind = media::PacketKind::text,
     .summary = "the answer, whole, and what follows it where there is time"},
}};
constexpr std::array<node::ParamDecl, 3> kParams{{
    {.name = "rules",
     .kind = node::ParamKind::json,
     .initial = "[]",
     .summary =
         "list of {when: words, say: answer, more: what may follow}; the first whose words were "
         "said counts"},
    {.name = "default",
     .kind = node::ParamKind::text,
     .initial = "I heard: {text}",
     .summary = "answer when no rule fits; empty: none"},
    {.name = "on_silence",
     .kind = node::ParamKind::text,
     .initial = "",
     .summary = "answer to a turn without words; empty: none"},
}};
constexpr node::Contract kContract{
    .type = "reply",
    .summary = "answers by rules written in the manifest",
    .inputs = kInputs,
    .outputs = kOutputs,
    .params = kParams,
    .capabilities = {.parallelizable = true,
                     .batch_aware = false,
                     .queue_capacity = 50,
                     .overflow = node::OverflowPolicy::block},
    .max_outputs = 2,
    .resets = "nothing: each text is answered by itself",
};

class ReplySession final : public node::SessionNode {
 public:
  explicit ReplySession(const ReplyRules& rules) : rules_(&rules) {}

  void process(media::Packet& packet, node::Context& context) noexcept override {
    if (packet.kind != media::PacketKind::text)
      return context.failed("a packet that is no text was refused");
    // A partial is a guess that a later text replaces: only the whole text is answered.
    if (packet.role == media::TextRole::partial) return;
    const std::string_view said = base::trimmed(packet.text());
    const ReplyAnswer& answer = rules_->answer_to(said);
    if (answer.say.says_nothing()) return;
    // Each is the last of its text: what is optional may never come.
    give(answer.say, said, packet, false, context);
    if (!answer.more.says_nothing()) give(answer.more, said, packet, true, context);
  }

 private:
  static void give(const ReplyTemplate& answer, std::string_view said, const media::Packet& packet,
                   bool optional, node::Context& context) noexcept {
    const std::size_t size = answer.size_bytes(said);
    if (size > base::limits::kTextPacketBytes)
      return context.failed("an answer longer than 64 KiB was not given");

    media::Packet out;
    out.kind = media::PacketKind::text;
    out.role = media::TextRole::complete;
    out.last = true;
    out.optional = optional;
    out.from = packet.from;
    out.to = packet.to;
    out.due = packet.due;
    out.deadline = packet.deadline;
    out.lineage = packet.lineage;
    out.discontinuity = packet.discontinuity;
    out.payload = context.acquire(size);
    if (!out.payload) return context.failed("an answer was not given: no memory");
    answer.write(said, out.payload.writable_as<char>());
    context.emit(0, std::move(out));
  }

  const ReplyRules* rules_;  ///< the stage's, which outlives its sessions
};

class ReplyStage final : public node::StageNode {
 public:
  explicit ReplyStage(ReplyRules rules) : rules_(std::move(rules)) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<ReplySession>(rules_);
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::text};
  }

 private:
  ReplyRules rules_;
};

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  auto rules = ReplyRules::parse(config.params.text("rules"), config.params.text("default"),
                                 config.params.text("on_silence"));
  if (!rules) {
    rules.error().message = rules.error().where + ": " + rules.error().message;
    rules.error().where = config.id;
    return std::unexpected(rules.error());
  }
  return std::make_unique<ReplyStage>(std::move(*rules));
}

}  // namespace

const node::NodeType& reply_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
