#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "millrace/base/time.hpp"

namespace millrace::node {

/// The parameters of one node, checked against its contract and complete: every declared parameter
/// has a value, given or default. Asking for one that the contract does not declare is our bug.
///   threads  read by any
class Params {
 public:
  using Value = std::variant<bool, std::int64_t, double, std::string>;

  void set(std::string name, Value value, bool given = true);

  [[nodiscard]] bool boolean(std::string_view name) const;
  [[nodiscard]] std::int64_t integer(std::string_view name) const;
  [[nodiscard]] double number(std::string_view name) const;  ///< an integer is taken too
  [[nodiscard]] const std::string& text(std::string_view name) const;
  /// A number declared in milliseconds.
  [[nodiscard]] base::MediaTime milliseconds(std::string_view name) const;
  /// Whether the manifest gave it (false: the default stands in).
  [[nodiscard]] bool given(std::string_view name) const;

 private:
  struct Entry {
    Value value;
    bool given = false;
  };
  [[nodiscard]] const Entry& entry(std::string_view name) const;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace millrace::node
