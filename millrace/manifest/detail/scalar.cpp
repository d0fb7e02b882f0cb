#include "millrace/manifest/detail/scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <span>

namespace millrace::manifest::detail {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_variable_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  return !name.empty() && is_letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || is_digit(c); });
}

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  return std::ranges::find(words, word) != words.end();
}

template <class Number>
std::optional<Number> parsed(std::string_view digits, int base) {
  Number number{};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

/// Takes a run of digits from the front of `rest`; how many there were.
std::size_t skip_digits(std::string_view& rest) {
  std::size_t count = 0;
  while (count < rest.size() && is_digit(rest[count])) ++count;
  rest.remove_prefix(count);
  return count;
}

/// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?   (YAML 1.2.2, 10.3.2)
bool looks_like_number(std::string_view rest) {
  if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
  const std::size_t whole = skip_digits(rest);
  std::size_t fraction = 0;
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    fraction = skip_digits(rest);
  }
  if (whole + fraction == 0) return false;
  if (rest.starts_with('e') || rest.starts_with('E')) {
    rest.remove_prefix(1);
    if (rest.starts_with('-') || rest.starts_with('+')) rest.remove_prefix(1);
    if (skip_digits(rest) == 0) return false;
  }
  return rest.empty();
}

std::optional<Value> number_value(std::string_view word, const Place& place) {
  if (word.starts_with("0x"))
    if (const auto whole = parsed<std::int64_t>(word.substr(2), 16); whole && word[2] != '-')
      return Value(*whole, place);
  if (word.starts_with("0o"))
    if (const auto whole = parsed<std::int64_t>(word.substr(2), 8); whole && word[2] != '-')
      return Value(*whole, place);
  if (!looks_like_number(word)) return std::nullopt;
  if (word.starts_with('+')) word.remove_prefix(1);
  if (const auto whole = parsed<std::int64_t>(word, 10)) return Value(*whole, place);
  double number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  // Too large or too small for a double: the word stays text and the reader says what it wants.
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return Value(number, place);
}

}  // namespace

Value plain_value(std::string_view word, const Place& place) {
  static constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};
  static constexpr std::array<std::string_view, 3> kTrue{"true", "True", "TRUE"};
  static constexpr std::array<std::string_view, 3> kFalse{"false", "False", "FALSE"};
  if (is_one_of(word, kNull)) return Value(place);
  if (is_one_of(word, kTrue)) return Value(true, place);
  if (is_one_of(word, kFalse)) return Value(false, place);
  if (auto number = number_value(word, place)) return *std::move(number);
  return Value(std::string(word), place);
}

std::optional<Substitution> substitute(std::string_view text, const Place& place,
                                       const Environment& environment, Diagnostics& diagnostics) {
  Substitution out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t open = text.find("${", at);
    if (open == std::string_view::npos) break;
    if (open > at && text[open - 1] == '$') {
      out.text += text.substr(at, open - at);
      out.text += '{';
      at = open + 2;
      continue;
    }
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) {
      diagnostics.add(place,
                      "'${' without '}': expected ${NAME} or ${NAME|default}, or $${ for a "
                      "plain '${'");
      return std::nullopt;
    }
    const std::string_view inside = text.substr(open + 2, close - open - 2);
    const std::size_t bar = inside.find('|');
    const std::string variable(inside.substr(0, bar));
    if (!is_variable_name(variable)) {
      diagnostics.add(place, in_quotes(variable) +
                                 " is no name of an environment variable: expected "
                                 "letters, digits and '_', as in ${NAME|default}");
      return std::nullopt;
    }
    std::optional<std::string> word = environment ? environment(variable) : std::nullopt;
    if (!word && bar != std::string_view::npos) word = std::string(inside.substr(bar + 1));
    if (!word) {
      diagnostics.add(place, "the environment variable " + variable +
                                 " is not set: set it, or give a default, ${" + variable +
                                 "|default}");
      return std::nullopt;
    }
    out.text += text.substr(at, open - at);
    out.text += *word;
    out.any = true;
    out.whole = open == 0 && close + 1 == text.size();
    at = close + 1;
  }
  out.text += text.substr(at);
  return out;
}

std::optional<Value> scalar_value(std::string_view text, bool is_quoted, const Place& place,
                                  const Environment& environment, Diagnostics& diagnostics) {
  auto done = substitute(text, place, environment, diagnostics);
  if (!done) return std::nullopt;
  const bool is_text = is_quoted && !done->whole;
  Value value = is_text ? Value(done->text, place) : plain_value(done->text, place);
  return done->any ? value.from_environment(std::move(done->text)) : value;
}

}  // namespace millrace::manifest::detail
