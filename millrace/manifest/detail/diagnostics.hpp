#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/manifest/value.hpp"

namespace millrace::manifest::detail {

/// Collects the mistakes of one manifest, so that its author sees all of them at once.
/// After 100 the rest is only counted: nobody reads further, and a hostile file must not fill
/// memory.
class Diagnostics {
 public:
  void add(const Place& place, std::string message);
  [[nodiscard]] bool empty() const noexcept { return found_.empty(); }
  /// Everything found, sorted by place; the same message at the same place comes once (a mistake
  /// behind a YAML alias is met at every use).
  [[nodiscard]] std::vector<base::Error> take();

 private:
  std::vector<std::pair<Place, std::string>> found_;
  std::size_t more_ = 0;
};

}  // namespace millrace::manifest::detail
