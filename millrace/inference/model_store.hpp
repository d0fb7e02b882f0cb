#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string_view>

#include "millrace/base/result.hpp"

namespace millrace::inference {

/// One file of a model we know: where it lies under the models folder, and what must be in it.
struct ModelFile {
  std::string_view name;     ///< how nodes ask for it, as in tools/models.json
  std::string_view file;     ///< relative to the models folder
  std::string_view sha256;   ///< of the whole file
  std::string_view licence;  ///< SPDX identifier
  std::string_view source;   ///< package it comes from
};

/// Every model file that ./dev setup fetches; the only such list in C++ (models.cpp).
[[nodiscard]] std::span<const ModelFile> known_models() noexcept;

/// The folder with the models; hands out paths to files whose contents have been checked.
///   threads  any; the first question for a file reads all of it, later ones do not
///   errors   bad_argument for an unknown name, unavailable for a missing file (with the remedy),
///            bad_peer_data for a file whose checksum is not the one we know
class ModelStore {
 public:
  /// The folder is, in this order: `root` if given; $MILLRACE_MODELS; models/ of the dependencies
  /// folder this was built with, where that exists; models/ beside the executable.
  [[nodiscard]] static ModelStore locate(std::optional<std::filesystem::path> root = {});

  explicit ModelStore(std::filesystem::path root) : root_(std::move(root)) {}

  [[nodiscard]] const std::filesystem::path& root() const noexcept { return root_; }

  /// Path of the known model file `name`, present and with the right checksum.
  [[nodiscard]] base::Result<std::filesystem::path> find(std::string_view name) const;
  /// The same for a file that is not in the table.
  [[nodiscard]] base::Result<std::filesystem::path> find(const ModelFile& model) const;

 private:
  std::filesystem::path root_;
};

}  // namespace millrace::inference
