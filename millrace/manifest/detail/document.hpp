#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "millrace/manifest/detail/diagnostics.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::manifest::detail {

/// The tree a YAML or JSON text describes: aliases expanded, environment filled in, scalars typed.
/// Empty when the text is no YAML or breaks a limit; smaller mistakes (a key twice, a variable that
/// is not set) are in `diagnostics` beside a tree.
///   source   limits count keys, scalars, lists and maps, each copy of an alias anew
[[nodiscard]] std::optional<Value> parse_document(std::string_view text, const std::string& name,
                                                  const Environment& environment,
                                                  Diagnostics& diagnostics);

/// The first byte that is no UTF-8, or a control character that YAML forbids (yaml-cpp would end
/// the text silently at one of them); npos when there is none.
[[nodiscard]] std::size_t first_bad_byte(std::string_view text) noexcept;

}  // namespace millrace::manifest::detail
