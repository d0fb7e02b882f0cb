#pragma once

#include <cstddef>
#include <string>
#include <tuple>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/manifest/graph_spec.hpp"
#include "millrace/node/contract.hpp"

namespace millrace::graph::detail {

/// Collects what is wrong with a graph, so that its author sees all of it at once.
class Diagnostics {
 public:
  void add(const manifest::Place& place, std::string message,
           base::Code code = base::Code::bad_manifest);
  [[nodiscard]] bool empty() const noexcept { return found_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return found_.size(); }
  /// Everything found, sorted by place; the same message at the same place comes once.
  [[nodiscard]] std::vector<base::Error> take();

 private:
  struct Mistake {
    manifest::Place place;
    base::Code code = base::Code::bad_manifest;
    std::string message;
    friend bool operator==(const Mistake&, const Mistake&) = default;
  };
  std::vector<Mistake> found_;
};

/// How messages call a node: "'resample' (audio_resample)".
[[nodiscard]] std::string called(const manifest::NodeSpec& node, const node::Contract& contract);

/// "a, b, c".
[[nodiscard]] std::string joined(const std::vector<std::string_view>& words);

}  // namespace millrace::graph::detail
