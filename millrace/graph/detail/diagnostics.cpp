#include "millrace/graph/detail/diagnostics.hpp"

#include <algorithm>
#include <utility>

namespace millrace::graph::detail {

void Diagnostics::add(const manifest::Place& place, std::string message, base::Code code) {
  found_.push_back({place, code, std::move(message)});
}

std::vector<base::Error> Diagnostics::take() {
  std::ranges::stable_sort(found_, {}, [](const Mistake& mistake) {
    return std::tuple(mistake.place.line, mistake.place.column);
  });
  const auto repeated = std::ranges::unique(found_);
  found_.erase(repeated.begin(), repeated.end());
  std::vector<base::Error> errors;
  errors.reserve(found_.size());
  for (Mistake& mistake : found_)
    errors.push_back({mistake.code, std::move(mistake.message), mistake.place.text()});
  found_.clear();
  return errors;
}

std::string called(const manifest::NodeSpec& node, const node::Contract& contract) {
  return "'" + node.id + "' (" + std::string(contract.type) + ")";
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string all;
  for (const std::string_view word : words) {
    if (!all.empty()) all += ", ";
    all += word;
  }
  return all;
}

}  // namespace millrace::graph::detail
