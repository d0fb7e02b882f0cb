#include "millrace/manifest/detail/diagnostics.hpp"

#include <algorithm>
#include <tuple>

namespace millrace::manifest::detail {
namespace {

constexpr std::size_t kMostShown = 100;

}  // namespace

void Diagnostics::add(const Place& place, std::string message) {
  if (found_.size() == kMostShown) {
    ++more_;
    return;
  }
  found_.emplace_back(place, std::move(message));
}

std::vector<base::Error> Diagnostics::take() {
  std::ranges::stable_sort(
      found_, {}, [](const auto& item) { return std::tie(item.first.line, item.first.column); });
  const auto repeated = std::ranges::unique(found_);
  found_.erase(repeated.begin(), repeated.end());
  std::vector<base::Error> errors;
  for (auto& [place, message] : found_)
    errors.push_back({base::Code::bad_manifest, std::move(message), place.text()});
  if (more_ > 0)
    errors.push_back({base::Code::bad_manifest,
                      std::to_string(more_) + " more mistakes are not shown: mend these first",
                      errors.back().where});
  found_.clear();
  more_ = 0;
  return errors;
}

}  // namespace millrace::manifest::detail
