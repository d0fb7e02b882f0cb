#include "millrace/graph/detail/params.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/manifest/nearest.hpp"

namespace millrace::graph::detail {
namespace {

using node::ParamDecl;
using node::ParamKind;

/// Above this a double no longer tells whole numbers apart.
constexpr double kExactWhole = 9007199254740992.0;

std::string number_text(double number) {
  std::array<char, 64> buffer{};
  // The shortest form of 100000 would be 1e+05.
  const bool whole = std::abs(number) < kExactWhole && std::trunc(number) == number;
  const auto end = whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                         static_cast<std::int64_t>(number))
                               .ptr
                         : std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  return {buffer.data(), end};
}

bool has_range(const ParamDecl& decl) {
  return decl.minimum != 0.0 || decl.maximum != 0.0;
}

bool in_range(const ParamDecl& decl, double number) {
  if (!has_range(decl)) return std::isfinite(number);
  return number >= decl.minimum && number <= decl.maximum;
}

std::string expected_number(const ParamDecl& decl) {
  std::string text = decl.kind == ParamKind::integer ? "a whole number" : "a number";
  if (has_range(decl))
    text += " from " + number_text(decl.minimum) + " to " + number_text(decl.maximum);
  if (decl.unit.empty()) return text;
  return text + (has_range(decl) ? " " : " of ") + std::string(decl.unit);
}

std::string expected(const ParamDecl& decl) {
  switch (decl.kind) {
    case ParamKind::boolean: return "true or false";
    case ParamKind::integer:
    case ParamKind::number: return expected_number(decl);
    case ParamKind::text: return "text";
    case ParamKind::choice: return "one of " + joined({decl.choices.begin(), decl.choices.end()});
    case ParamKind::json: return "a list or a map";
  }
  return "a value";
}

/// The value as the node reads it, or nothing when it is not what the declaration says.
std::optional<node::Params::Value> converted(const ParamDecl& decl, const manifest::Value& value) {
  switch (decl.kind) {
    case ParamKind::boolean:
      if (const auto found = value.as_bool()) return *found;
      return std::nullopt;
    case ParamKind::integer:
      if (const auto found = value.as_int(); found && in_range(decl, static_cast<double>(*found)))
        return *found;
      return std::nullopt;
    case ParamKind::number:
      if (const auto found = value.as_double(); found && in_range(decl, *found)) return *found;
      return std::nullopt;
    case ParamKind::text:
      if (const auto found = value.as_string()) return std::string(*found);
      return std::nullopt;
    case ParamKind::choice:
      if (const auto found = value.as_string();
          found && std::ranges::find(decl.choices, *found) != decl.choices.end())
        return std::string(*found);
      return std::nullopt;
    case ParamKind::json:
      if (value.is_null()) return std::nullopt;
      return value.to_json();
  }
  return std::nullopt;
}

template <class Number>
Number parsed(std::string_view text) {
  Number number{};
  if (text.empty()) return number;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  MR_CHECK(error == std::errc{} && end == text.data() + text.size(),
           "a contract's default is of the kind that it declares");
  return number;
}

node::Params::Value initial(const ParamDecl& decl) {
  switch (decl.kind) {
    case ParamKind::boolean:
      MR_CHECK(decl.initial.empty() || decl.initial == "true" || decl.initial == "false",
               "a contract's default for a boolean is true or false");
      return decl.initial == "true";
    case ParamKind::integer: return parsed<std::int64_t>(decl.initial);
    case ParamKind::number: return parsed<double>(decl.initial);
    case ParamKind::text:
    case ParamKind::choice:
    case ParamKind::json: break;
  }
  return std::string(decl.initial);
}

/// `name` without the unit at its end: rate_hz -> rate.
std::string_view stem(std::string_view name) {
  constexpr std::array<std::string_view, 9> kUnits{"_hz", "_ms",     "_us",    "_s",   "_db",
                                                   "_dB", "_frames", "_bytes", "_path"};
  for (const std::string_view unit : kUnits)
    if (name.size() > unit.size() && name.ends_with(unit))
      return name.substr(0, name.size() - unit.size());
  return name;
}

/// What an unknown name most likely means: the same word with another unit, else a misspelling,
/// else all there is to choose from.
std::string suggestion(std::string_view word, std::span<const ParamDecl> params) {
  if (params.empty()) return ": it takes none";
  std::vector<std::string_view> names;
  for (const ParamDecl& decl : params) names.push_back(decl.name);
  for (const std::string_view name : names)
    if (stem(name) == stem(word)) return " (did you mean '" + std::string(name) + "'?)";
  const std::string near = manifest::did_you_mean(word, names);
  return near.empty() ? ": it has " + joined(names) : near;
}

bool check_names(const manifest::NodeSpec& node, const node::Contract& contract,
                 Diagnostics& mistakes) {
  bool good = true;
  for (const manifest::Value::Entry& entry : node.params.entries()) {
    if (std::ranges::find(contract.params, entry.key, &ParamDecl::name) != contract.params.end())
      continue;
    mistakes.add(entry.key_place, called(node, contract) + " has no parameter " +
                                      manifest::in_quotes(entry.key) +
                                      suggestion(entry.key, contract.params));
    good = false;
  }
  return good;
}

std::string wrong_value(const ParamDecl& decl, const manifest::Value& value) {
  std::string text = "found " + value.described() + ", expected " + expected(decl);
  // A word from the environment may be a secret: it is not shown, nor what comes near it.
  if (decl.kind == ParamKind::choice && !value.substituted() && value.as_string())
    text += manifest::did_you_mean(*value.as_string(), decl.choices);
  return text;
}

}  // namespace

std::optional<node::Params> check_params(const manifest::NodeSpec& node,
                                         const node::Contract& contract, Diagnostics& mistakes) {
  node::Params params;
  bool good = check_names(node, contract, mistakes);
  for (const ParamDecl& decl : contract.params) {
    const manifest::Value* value = node.params.find(decl.name);
    const std::string about =
        called(node, contract) + ": parameter '" + std::string(decl.name) + "'";
    if (value == nullptr) {
      if (decl.required)
        mistakes.add(node.params.place(), about + " is missing: expected " + expected(decl));
      good = good && !decl.required;
      params.set(std::string(decl.name), initial(decl), false);
    } else if (auto taken = converted(decl, *value)) {
      params.set(std::string(decl.name), std::move(*taken));
    } else {
      mistakes.add(value->place(), about + ": " + wrong_value(decl, *value));
      good = false;
    }
  }
  if (!good) return std::nullopt;
  return params;
}

}  // namespace millrace::graph::detail
