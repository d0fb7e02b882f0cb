#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace millrace::manifest::detail {

/// What may stand under a key.
enum class FieldKind : unsigned char {
  text,
  identifier,  ///< a node id
  type_name,   ///< a node type
  endpoint,    ///< `node` or `node.port`
  integer,     ///< from `min` to `max`
  boolean,
  choice,       ///< one of `choices`
  choice_list,  ///< a list of `choices`, each at most once
  parameters,   ///< a map whose keys the node type knows
  merge_strategy,
  section,      ///< one map of the form `section`
  section_list  ///< a list of such maps
};

struct Section;

/// One key of a section. The reader and the JSON Schema both follow it, so they cannot differ.
struct Field {
  std::string_view key;
  FieldKind kind = FieldKind::text;
  std::string_view about;
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::span<const std::string_view> choices{};
  const Section* section = nullptr;
  bool required = false;
  std::string_view alias{};  ///< a second spelling of the key
  std::optional<std::int64_t> fallback{};
};

struct Section {
  std::string_view name;  ///< how messages call it
  std::span<const Field> fields;
};

/// The whole manifest; every other section hangs below it.
extern const Section kManifest;
extern const Section kNode;
extern const Section kEdge;

/// The section under `key` of `parent`, or null when nothing of that kind stands there.
[[nodiscard]] const Section* section_of(const Section& parent, std::string_view key) noexcept;

/// The section of the options of merge strategy number `kind` of kMergeKindNames.
[[nodiscard]] const Section& merge_section(std::size_t kind) noexcept;

}  // namespace millrace::manifest::detail
