#include "millrace/manifest/load.hpp"

#include <cstdlib>
#include <fstream>
#include <system_error>

#include "millrace/base/limits.hpp"
#include "millrace/manifest/detail/diagnostics.hpp"
#include "millrace/manifest/detail/document.hpp"
#include "millrace/manifest/detail/graph_reader.hpp"

namespace millrace::manifest {
namespace {

LoadResult refuse(base::Code code, std::string message, std::string where) {
  std::vector<base::Error> errors;
  errors.push_back({code, std::move(message), std::move(where)});
  return std::unexpected(std::move(errors));
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* word = std::getenv(name.c_str());
    return word == nullptr ? std::nullopt : std::optional<std::string>(word);
  };
}

LoadResult load_text(std::string_view text, const std::string& name,
                     const Environment& environment) {
  detail::Diagnostics diagnostics;
  const auto document = detail::parse_document(text, name, environment, diagnostics);
  if (!document) return std::unexpected(diagnostics.take());
  GraphSpec graph = detail::read_graph(*document, name, diagnostics);
  if (!diagnostics.empty()) return std::unexpected(diagnostics.take());
  return graph;
}

LoadResult load_file(const std::filesystem::path& path, const Environment& environment) {
  const std::string name = path.string();
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored))
    return refuse(base::Code::bad_argument, "this is a folder: expected a manifest file", name);
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return refuse(base::Code::unavailable,
                  std::filesystem::exists(path, ignored)
                      ? "the manifest cannot be opened: check that you may read it"
                      : "there is no such manifest: check the path",
                  name);
  // One byte more than allowed is enough to see that there are too many; the file may be a pipe.
  std::string text(base::limits::kManifestBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad())
    return refuse(base::Code::unavailable, "the manifest cannot be read: check the disk", name);
  text.resize(static_cast<std::size_t>(file.gcount()));
  return load_text(text, name, environment);
}

}  // namespace millrace::manifest
