#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/base/result.hpp"
#include "nodes/reply/word_match.hpp"

namespace millrace::nodes {

/// An answer with places in it where what was said is put in: "I heard: {text}".
///   threads  read by any
class ReplyTemplate {
 public:
  ReplyTemplate() = default;
  /// A brace that is not part of `{text}` is refused: it is a misspelling, or would be spoken.
  ///   errors  bad_manifest
  [[nodiscard]] static base::Result<ReplyTemplate> parse(std::string_view say);

  [[nodiscard]] bool says_nothing() const noexcept {
    return pieces_.size() <= 1 && (pieces_.empty() || pieces_[0].empty());
  }
  [[nodiscard]] std::size_t size_bytes(std::string_view text) const noexcept;
  /// Writes size_bytes(text) bytes to the front of `out`.
  void write(std::string_view text, std::span<char> out) const noexcept;

 private:
  std::vector<std::string> pieces_;  ///< `{text}` stands between each two
};

/// What is said, and what follows it where there is time.
struct ReplyAnswer {
  ReplyTemplate say;
  ReplyTemplate more;
};

/// Which answer is given to what was said: the first rule whose words are in it, else the default.
///   threads  read by any
class ReplyRules {
 public:
  static constexpr std::size_t kMaxRules = 256;

  /// `rules_json`: a list of {"when": words, "say": template, "more": template or absent}.
  ///   errors  bad_manifest; `where` is "rules[N].when" and the like
  [[nodiscard]] static base::Result<ReplyRules> parse(std::string_view rules_json,
                                                      std::string_view fallback,
                                                      std::string_view on_silence);

  /// For `text` without spaces at its ends; empty text is silence.
  [[nodiscard]] const ReplyAnswer& answer_to(std::string_view text) const noexcept;

 private:
  struct Rule {
    WordPattern when;
    ReplyAnswer answer;
  };
  std::vector<Rule> rules_;
  ReplyAnswer fallback_;
  ReplyAnswer on_silence_;
};

}  // namespace millrace::nodes
