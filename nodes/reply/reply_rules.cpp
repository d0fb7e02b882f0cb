#include "nodes/reply/reply_rules.hpp"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

namespace millrace::nodes {
namespace {

using nlohmann::json;

constexpr std::string_view kPlaceholder = "{text}";

std::unexpected<base::Error> refuse(std::string message, std::string where) {
  return base::fail(base::Code::bad_manifest, std::move(message), std::move(where));
}

base::Result<ReplyTemplate> parse_at(std::string_view say, std::string where) {
  base::Result<ReplyTemplate> parsed = ReplyTemplate::parse(say);
  if (!parsed) parsed.error().where = std::move(where);
  return parsed;
}

/// The text under `key` of one rule.
base::Result<std::string> text_of(const json& rule, const char* key, const std::string& where) {
  const auto found = rule.find(key);
  if (found == rule.end())
    return refuse(std::string{"'"} + key + "' is missing: a rule is {when: words, say: text}",
                  where);
  if (!found->is_string())
    return refuse(std::string{"text expected, found "} + found->type_name() +
                      " (numbers and yes/no need quotes)",
                  where + "." + key);
  return found->get<std::string>();
}

}  // namespace

base::Result<ReplyTemplate> ReplyTemplate::parse(std::string_view say) {
  ReplyTemplate made;
  for (;;) {
    const std::size_t at = say.find(kPlaceholder);
    const std::string_view piece = say.substr(0, at);
    if (piece.find_first_of("{}") != std::string_view::npos)
      return refuse("a brace that is not part of '{text}', the only placeholder, stands in '" +
                        std::string{say.substr(0, 60)} + "'",
                    {});
    made.pieces_.emplace_back(piece);
    if (at == std::string_view::npos) return made;
    say.remove_prefix(at + kPlaceholder.size());
  }
}

std::size_t ReplyTemplate::size_bytes(std::string_view text) const noexcept {
  std::size_t size = 0;
  for (const std::string& piece : pieces_) size += piece.size();
  return pieces_.empty() ? 0 : size + (pieces_.size() - 1) * text.size();
}

void ReplyTemplate::write(std::string_view text, std::span<char> out) const noexcept {
  auto at = out.begin();
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (i > 0) at = std::copy(text.begin(), text.end(), at);
    at = std::copy(pieces_[i].begin(), pieces_[i].end(), at);
  }
}

base::Result<ReplyRules> ReplyRules::parse(std::string_view rules_json, std::string_view fallback,
                                           std::string_view on_silence) {
  ReplyRules made;
  const json list = json::parse(rules_json.empty() ? "[]" : rules_json, nullptr, false);
  if (!list.is_array()) return refuse("a list of {when: words, say: text} expected", "rules");
  if (list.size() > kMaxRules)
    return refuse("at most " + std::to_string(kMaxRules) + " rules expected, found " +
                      std::to_string(list.size()),
                  "rules");
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = "rules[" + std::to_string(i) + "]";
    if (!list[i].is_object()) return refuse("{when: words, say: text} expected", where);
    for (const auto& [key, value] : list[i].items())
      if (key != "when" && key != "say" && key != "more")
        return refuse("unknown key '" + key + "': 'when', 'say' and 'more' expected", where);
    const auto when = text_of(list[i], "when", where);
    if (!when) return std::unexpected(when.error());
    const auto say = text_of(list[i], "say", where);
    if (!say) return std::unexpected(say.error());
    WordPattern pattern{*when};
    if (!pattern.has_words()) return refuse("at least one word expected", where + ".when");
    auto answer = parse_at(*say, where + ".say");
    if (!answer) return std::unexpected(answer.error());
    ReplyTemplate more;
    if (list[i].contains("more")) {
      const auto text = text_of(list[i], "more", where);
      if (!text) return std::unexpected(text.error());
      auto parsed = parse_at(*text, where + ".more");
      if (!parsed) return std::unexpected(parsed.error());
      more = std::move(*parsed);
    }
    made.rules_.push_back({std::move(pattern), {std::move(*answer), std::move(more)}});
  }
  auto otherwise = parse_at(fallback, "default");
  if (!otherwise) return std::unexpected(otherwise.error());
  made.fallback_.say = std::move(*otherwise);
  auto silence = parse_at(on_silence, "on_silence");
  if (!silence) return std::unexpected(silence.error());
  made.on_silence_.say = std::move(*silence);
  return made;
}

const ReplyAnswer& ReplyRules::answer_to(std::string_view text) const noexcept {
  if (text.empty()) return on_silence_;
  for (const Rule& rule : rules_)
    if (rule.when.found_in(text)) return rule.answer;
  return fallback_;
}

}  // namespace millrace::nodes
