#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/graph/plan.hpp"

namespace millrace::app {

/// A manifest as it was written, and the variables of the environment that it asked for: enough to
/// make the same plan again elsewhere.
struct ManifestText {
  std::string name;  ///< what messages call it
  std::string text;
  std::map<std::string, std::string> variables;

  friend bool operator==(const ManifestText& a, const ManifestText& b) {
    return a.text == b.text && a.variables == b.variables;
  }
};

/// Reads a manifest that load_plan() has accepted.
[[nodiscard]] base::Result<ManifestText> read_manifest(const std::string& path);

/// The plan of a manifest; every mistake comes back.
// shared: the engine, its shards and a worker that hangs keep the plan.
[[nodiscard]] std::expected<std::shared_ptr<const graph::Plan>, std::vector<base::Error>> plan_of(
    const ManifestText& manifest);

}  // namespace millrace::app
