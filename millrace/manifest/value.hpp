#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace millrace::manifest {

/// Where something stands in a manifest: what every message about it names.
///   units  line and column count from 1; a column is one byte of UTF-8; line 0 is "no place"
struct Place {
  std::string file;
  int line = 0;
  int column = 0;

  /// "file:line:column", or the file alone when there is no line.
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Place&, const Place&) = default;
};

/// A part of the manifest that has been read, with the place it was written at.
template <class T>
struct Located {
  T value{};
  Place place;
};

/// One value of a parameter tree (what JSON can say), remembering where it was written.
/// A scalar that came out of `${VAR}` is typed as YAML types the plain word; since its author could
/// not know the word, as_string() answers for it too, whatever its kind.
///   threads  any; immutable after the load
class Value {
 public:
  enum class Kind : unsigned char { null, boolean, integer, number, text, list, map };
  struct Entry;
  using List = std::vector<Value>;
  using Map = std::vector<Entry>;  ///< in the order written, keys unique

  Value() = default;  ///< null, no place
  explicit Value(Place place) : place_(std::move(place)) {}
  Value(bool value, Place place) : data_(value), place_(std::move(place)) {}
  Value(std::int64_t value, Place place) : data_(value), place_(std::move(place)) {}
  Value(double value, Place place) : data_(value), place_(std::move(place)) {}
  Value(std::string value, Place place) : data_(std::move(value)), place_(std::move(place)) {}
  Value(List value, Place place) : data_(std::move(value)), place_(std::move(place)) {}
  Value(Map value, Place place);
  /// A literal would silently become a bool.
  Value(const char*, Place) = delete;

  [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(data_.index()); }
  [[nodiscard]] bool is_null() const noexcept { return kind() == Kind::null; }
  [[nodiscard]] const Place& place() const noexcept { return place_; }

  [[nodiscard]] std::optional<bool> as_bool() const noexcept;
  /// Integers, and numbers that are whole and exact (16e3).
  [[nodiscard]] std::optional<std::int64_t> as_int() const noexcept;
  /// Numbers and integers.
  [[nodiscard]] std::optional<double> as_double() const noexcept;
  /// Text, and any scalar that came from the environment. Valid while this Value lives.
  [[nodiscard]] std::optional<std::string_view> as_string() const noexcept;
  /// The elements of a list; empty for every other kind.
  [[nodiscard]] const List& items() const noexcept;
  /// The entries of a map; empty for every other kind.
  [[nodiscard]] const Map& entries() const noexcept;
  /// The value under `key`, or null when this is no map or has no such key.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept;
  [[nodiscard]] std::vector<std::string_view> keys() const;

  /// The word that `${VAR}` gave, when this scalar came from the environment.
  [[nodiscard]] const std::optional<std::string>& substituted() const noexcept {
    return substituted_;
  }

  /// What was found, for a message: "'word'", "12", "a list", "nothing". Text from the environment
  /// is never shown: it may be a secret.
  [[nodiscard]] std::string described() const;
  /// One line of JSON, map keys sorted, numbers in their shortest exact form.
  [[nodiscard]] std::string to_json() const;

  /// The same value, said to be written at `place`.
  [[nodiscard]] Value at(Place place) const;
  /// The same value, marked as the word `text` from the environment.
  [[nodiscard]] Value from_environment(std::string text) const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
  Place place_;
  std::optional<std::string> substituted_;
};

/// A key of a map with its value.
struct Value::Entry {
  std::string key;
  Place key_place;
  Value value;
};

/// `text` in single quotes for a message: control characters escaped, cut after 60 bytes.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace millrace::manifest
