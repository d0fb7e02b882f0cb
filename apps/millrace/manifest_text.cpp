#include "apps/millrace/manifest_text.hpp"

#include <fstream>
#include <utility>

#include "apps/millrace/registry.hpp"
#include "millrace/base/limits.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::app {

base::Result<ManifestText> read_manifest(const std::string& path) {
  ManifestText manifest{.name = path, .text = {}, .variables = {}};
  std::ifstream file(path, std::ios::binary);
  manifest.text.resize(base::limits::kManifestBytes + 1);
  file.read(manifest.text.data(), static_cast<std::streamsize>(manifest.text.size()));
  manifest.text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (file.bad() || manifest.text.empty())
    return base::fail(base::Code::unavailable,
                      "the manifest cannot be read a second time, for the recording; expected a "
                      "file",
                      path);
  const auto environment = manifest::process_environment();
  const auto noting = [&](const std::string& name) {
    auto value = environment(name);
    if (value) manifest.variables[name] = *value;
    return value;
  };
  if (!manifest::load_text(manifest.text, path, noting))
    return base::fail(base::Code::bad_manifest, "the manifest has changed while it was read", path);
  return manifest;
}

std::expected<std::shared_ptr<const graph::Plan>, std::vector<base::Error>> plan_of(
    const ManifestText& manifest) {
  const auto variables = [&](const std::string& name) -> std::optional<std::string> {
    const auto found = manifest.variables.find(name);
    return found == manifest.variables.end() ? std::nullopt : std::optional(found->second);
  };
  auto spec = manifest::load_text(manifest.text, manifest.name, variables);
  if (!spec) return std::unexpected(std::move(spec.error()));
  auto plan = graph::build_plan(*spec, registry());
  if (!plan) return std::unexpected(std::move(plan.error()));
  return std::shared_ptr<const graph::Plan>(std::move(*plan));
}

}  // namespace millrace::app
