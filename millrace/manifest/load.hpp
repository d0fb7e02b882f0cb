#pragma once

#include <expected>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/manifest/graph_spec.hpp"

namespace millrace::manifest {

/// What `${NAME}` stands for; empty when the variable is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The environment of this process.
[[nodiscard]] Environment process_environment();

/// A manifest, or every mistake found in it, sorted by place.
using LoadResult = std::expected<GraphSpec, std::vector<base::Error>>;

/// Reads and checks the structure of a YAML or JSON manifest.
///   threads  control
///   errors   bad_manifest, `where` = file:line:column; unavailable when the file cannot be read;
///            bad_argument when `path` is no file
///   source   base/limits.hpp bounds bytes, depth, aliases, nodes, edges and values
[[nodiscard]] LoadResult load_file(const std::filesystem::path& path,
                                   const Environment& environment);

/// The same for text that is already in memory; `name` is what messages call it.
[[nodiscard]] LoadResult load_text(std::string_view text, const std::string& name,
                                   const Environment& environment);

}  // namespace millrace::manifest
