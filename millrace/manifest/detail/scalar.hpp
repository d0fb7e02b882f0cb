#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "millrace/manifest/detail/diagnostics.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::manifest::detail {

/// The value YAML 1.2 (core schema) gives to a plain word: null, true, 12, 0x1f, 0o17, 1.5e3, or
/// text. Whole numbers beyond 64 bits become numbers; `.inf` and `.nan` stay text, since no key of
/// a manifest takes them.
[[nodiscard]] Value plain_value(std::string_view word, const Place& place);

/// `text` with every `${NAME}` and `${NAME|default}` replaced, `$${` standing for a plain `${`.
struct Substitution {
  std::string text;
  bool any = false;    ///< something was replaced
  bool whole = false;  ///< the text was one `${…}` and nothing else
};

/// Empty after a mistake, which is in `diagnostics` then.
[[nodiscard]] std::optional<Substitution> substitute(std::string_view text, const Place& place,
                                                     const Environment& environment,
                                                     Diagnostics& diagnostics);

/// The value of a scalar as written: substituted, then typed. A quoted scalar is text, except when
/// it is one `${…}` as a whole: JSON and flow style have no other way to write a number so.
[[nodiscard]] std::optional<Value> scalar_value(std::string_view text, bool is_quoted,
                                                const Place& place, const Environment& environment,
                                                Diagnostics& diagnostics);

}  // namespace millrace::manifest::detail
