#include "millrace/inference/model_store.hpp"

#include <cstdlib>
#include <map>
#include <string>
#include <utility>

#include "millrace/inference/sha256.hpp"
#include "millrace/rt/mutex.hpp"

namespace millrace::inference {
namespace {

namespace fs = std::filesystem;

/// What has to be the same for a checksum to be still that of the file.
struct FileState {
  fs::path path;
  std::uintmax_t size_bytes = 0;
  fs::file_time_type written;

  friend auto operator<=>(const FileState&, const FileState&) = default;
};

base::Result<std::string> checksum(const FileState& state) {
  // Process-wide: several graphs ask for the same 30 MB file, which is read once. Bounded by the
  // number of model files and how often each is replaced.
  static rt::Mutex mutex;
  static std::map<FileState, std::string> known;
  const rt::MutexLock lock(mutex);
  if (const auto it = known.find(state); it != known.end()) return it->second;
  auto sum = sha256_of_file(state.path);
  if (sum) known.emplace(state, *sum);
  return sum;
}

}  // namespace

ModelStore ModelStore::locate(std::optional<fs::path> root) {
  if (root) return ModelStore(std::move(*root));
  if (const char* named = std::getenv("MILLRACE_MODELS"); named != nullptr && *named != '\0')
    return ModelStore(named);
  std::error_code error;
  const fs::path built_with = fs::path(MILLRACE_DEPS_DIR) / "models";
  if (fs::is_directory(built_with, error)) return ModelStore(built_with);
  const fs::path executable = fs::read_symlink("/proc/self/exe", error);
  if (!error && fs::is_directory(executable.parent_path() / "models", error))
    return ModelStore(executable.parent_path() / "models");
  return ModelStore(built_with);
}

base::Result<fs::path> ModelStore::find(std::string_view name) const {
  std::string names;
  for (const ModelFile& model : known_models()) {
    if (model.name == name) return find(model);
    names += (names.empty() ? "" : ", ") + std::string(model.name);
  }
  return base::fail(base::Code::bad_argument,
                    "no model is called '" + std::string(name) + "'; known: " + names);
}

base::Result<fs::path> ModelStore::find(const ModelFile& model) const {
  const fs::path path = root_ / model.file;
  std::error_code error;
  FileState state{path, fs::file_size(path, error), {}};
  if (!error) state.written = fs::last_write_time(path, error);
  if (error) {
    return base::fail(base::Code::unavailable, "model '" + std::string(model.name) +
                                                   "' is not at " + path.string() +
                                                   ": run './dev setup', or set MILLRACE_MODELS");
  }
  const auto sum = checksum(state);
  if (!sum) return std::unexpected(sum.error());
  if (*sum != model.sha256) {
    return base::fail(base::Code::bad_peer_data,
                      "model '" + std::string(model.name) + "' has sha256 " + *sum + ", expected " +
                          std::string(model.sha256) + ": run './dev setup' again",
                      path.string());
  }
  return path;
}

}  // namespace millrace::inference
