#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "millrace/testing/node_harness.hpp"

namespace millrace::testing {
namespace {

using node::ParamDecl;
using node::ParamKind;
using Value = node::Params::Value;

std::unexpected<base::Error> refuse(const std::string& id, std::string message) {
  return base::fail(base::Code::bad_argument, std::move(message), id);
}

template <class T>
std::optional<T> parsed(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The default as the contract writes it; none for one that is spelled wrongly.
std::optional<Value> initial_value(const ParamDecl& decl) {
  switch (decl.kind) {
    case ParamKind::boolean:
      if (decl.initial == "true" || decl.initial == "false") return decl.initial == "true";
      return decl.initial.empty() ? std::optional<Value>{false} : std::nullopt;
    case ParamKind::integer:
      if (decl.initial.empty()) return std::int64_t{0};
      if (const auto whole = parsed<std::int64_t>(decl.initial)) return *whole;
      return std::nullopt;
    case ParamKind::number:
      if (decl.initial.empty()) return 0.0;
      if (const auto real = parsed<double>(decl.initial)) return *real;
      return std::nullopt;
    case ParamKind::text:
    case ParamKind::choice:
    case ParamKind::json: return std::string{decl.initial};
  }
  return std::nullopt;
}

bool is_kind(const ParamDecl& decl, const Value& value) {
  switch (decl.kind) {
    case ParamKind::boolean: return std::holds_alternative<bool>(value);
    case ParamKind::integer: return std::holds_alternative<std::int64_t>(value);
    case ParamKind::number:
      return std::holds_alternative<double>(value) || std::holds_alternative<std::int64_t>(value);
    case ParamKind::text:
    case ParamKind::choice:
    case ParamKind::json: return std::holds_alternative<std::string>(value);
  }
  return false;
}

bool in_range(const ParamDecl& decl, const Value& value) {
  double number = 0.0;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    number = static_cast<double>(*whole);
  } else if (const auto* real = std::get_if<double>(&value)) {
    number = *real;
  } else {
    return true;
  }
  return std::isfinite(number) && number >= decl.minimum && number <= decl.maximum;
}

bool is_choice(const ParamDecl& decl, const Value& value) {
  if (decl.kind != ParamKind::choice) return true;
  for (const std::string_view choice : decl.choices)
    if (choice == std::get<std::string>(value)) return true;
  return false;
}

}  // namespace

base::Result<node::Params> params_for(const node::Contract& contract,
                                      std::span<const GivenParam> given, const std::string& id) {
  node::Params params;
  for (const ParamDecl& decl : contract.params) {
    const std::string name{decl.name};
    const GivenParam* found = nullptr;
    for (const GivenParam& one : given)
      if (one.name == decl.name) found = &one;
    if (found == nullptr) {
      if (decl.required) return refuse(id, "parameter '" + name + "' is required");
      const std::optional<Value> value = initial_value(decl);
      if (!value) return refuse(id, "the default of parameter '" + name + "' is not of its kind");
      params.set(name, *value, false);
      continue;
    }
    if (!is_kind(decl, found->value))
      return refuse(id, "parameter '" + name + "' is given a value of another kind");
    if (!in_range(decl, found->value))
      return refuse(id, "parameter '" + name + "' is out of the range of the contract");
    if (!is_choice(decl, found->value))
      return refuse(id, "parameter '" + name + "' is none of the choices of the contract");
    params.set(name, found->value);
  }
  for (const GivenParam& one : given) {
    bool declared = false;
    for (const ParamDecl& decl : contract.params) declared = declared || decl.name == one.name;
    if (!declared) return refuse(id, "the contract declares no parameter '" + one.name + "'");
  }
  return params;
}

}  // namespace millrace::testing
