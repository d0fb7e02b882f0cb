#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/manifest/detail/diagnostics.hpp"
#include "millrace/manifest/detail/layout.hpp"
#include "millrace/manifest/graph_spec.hpp"

namespace millrace::manifest::detail {

/// Reads one map of a manifest by its Section. Building it reports unknown, doubled and missing
/// keys; each getter reports a value that does not fit and answers as if it were not there.
///   threads  borrows all its arguments; lives within one load
class SectionReader {
 public:
  SectionReader(const Value& value, const Section& section, Diagnostics& diagnostics);

  [[nodiscard]] const Place& place() const noexcept { return value_.place(); }
  /// The value under `key` or its other spelling, or null.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;
  [[nodiscard]] Setting<std::int64_t> integer(std::string_view key) const;
  [[nodiscard]] Setting<bool> boolean(std::string_view key) const;
  [[nodiscard]] Setting<std::string> text(std::string_view key) const;
  /// One of the field's choices, as the enumerator of the same number.
  template <class Enum>
  [[nodiscard]] Setting<Enum> choice(std::string_view key) const;
  /// As choice(), a list of different ones.
  template <class Enum>
  [[nodiscard]] std::vector<Located<Enum>> choices(std::string_view key) const;
  /// Sets `into` when the key is there and fits.
  template <class T>
  void read(std::string_view key, T& into) const;

  /// Reports "<section>.<key>: found <value>, expected <expected>" at the value.
  void mismatch(std::string_view key, const Value& value, const std::string& expected) const;
  void report(const Place& place, std::string message) const {
    diagnostics_.add(place, std::move(message));
  }

 private:
  [[nodiscard]] const Field& field(std::string_view key) const;
  [[nodiscard]] std::optional<std::size_t> choice_index(const Field& field,
                                                        const Value& value) const;
  [[nodiscard]] std::vector<Located<std::size_t>> choice_indices(std::string_view key) const;
  void check_keys() const;

  const Value& value_;
  const Section& section_;
  Diagnostics& diagnostics_;
};

/// "one of a, b, c".
[[nodiscard]] std::string one_of(std::span<const std::string_view> words);

// ------------------------------------------------------------------------------------------------

template <class Enum>
Setting<Enum> SectionReader::choice(std::string_view key) const {
  const Value* found = find(key);
  if (found == nullptr) return std::nullopt;
  const auto index = choice_index(field(key), *found);
  if (!index) return std::nullopt;
  return Located<Enum>{static_cast<Enum>(*index), found->place()};
}

template <class Enum>
std::vector<Located<Enum>> SectionReader::choices(std::string_view key) const {
  std::vector<Located<Enum>> all;
  for (auto& [index, place] : choice_indices(key)) all.push_back({static_cast<Enum>(index), place});
  return all;
}

template <class T>
void SectionReader::read(std::string_view key, T& into) const {
  if constexpr (std::same_as<T, bool>) {
    if (const auto found = boolean(key)) into = found->value;
  } else if constexpr (std::same_as<T, std::string>) {
    if (auto found = text(key)) into = std::move(found->value);
  } else {
    static_assert(std::same_as<T, std::int64_t>);
    if (const auto found = integer(key)) into = found->value;
  }
}

}  // namespace millrace::manifest::detail
