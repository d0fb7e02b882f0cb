#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/manifest/value.hpp"

namespace millrace::manifest {

/// What the schema says about one parameter of a node type.
struct ParamInfo {
  enum class Kind : unsigned char { boolean, integer, number, text, choice, list, map, any };
  std::string name;
  Kind kind = Kind::any;
  std::string about{};  ///< one sentence, with the unit
  std::optional<double> min{};
  std::optional<double> max{};
  std::vector<std::string> choices{};  ///< for Kind::choice
  Value fallback{};                    ///< null: none
  bool required = false;
};

/// What the schema says about a node type.
struct TypeInfo {
  std::string type;  ///< canonical snake_case
  std::string about;
  std::vector<ParamInfo> params;
};

/// A JSON Schema (draft 7) of the manifest, indented, ending in a newline. With `types` the
/// parameters of those types are checked too; other types stay open, since Python brings its own.
/// Any scalar may be a `${VAR|default}` instead.
[[nodiscard]] std::string json_schema(std::span<const TypeInfo> types);

}  // namespace millrace::manifest
