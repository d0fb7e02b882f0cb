#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "millrace/base/result.hpp"
#include "millrace/base/time.hpp"
#include "millrace/media/packet.hpp"

namespace millrace::nodes {

/// How a file of text becomes packets.
///   line       time that each line takes, 1 ms to a minute
///   line_ends  a packet keeps the end of its line, so that lines joined again are the file
struct TextOptions {
  base::MediaTime line{1'000'000};
  bool line_ends = false;
};

/// One file of UTF-8, or several one behind the other, as a session's input: a packet for each
/// line. Line n lies in [(n - 1) * line, n * line) of media time, so that it is due at n * line,
/// when it has been written. Read and checked whole when it is opened: nothing of a bad file is
/// spoken. CR LF ends a line as LF does; a byte order mark is skipped.
///   threads  worker, one at a time; open() blocks on the file
///   errors   unavailable: missing or not readable; bad_peer_data: a directory, empty, too long, a
///            line too long, a NUL byte, not UTF-8, no text but audio or UTF-16; bad_argument:
///            options. `where` is the file, and the line where there is one
///   memory   the files, at most limits::kTextFileBytes each
class TextSource {
 public:
  [[nodiscard]] static base::Result<TextSource> open(const std::filesystem::path& path,
                                                     const TextOptions& options = {});
  [[nodiscard]] static base::Result<TextSource> open_joined(
      std::span<const std::filesystem::path> paths, const TextOptions& options = {});

  /// The next line; none at the end. Without `line_ends`, lines that are empty are packets, too.
  [[nodiscard]] std::optional<media::Packet> next(rt::PayloadPool& pool);

  [[nodiscard]] std::size_t lines() const noexcept { return lines_; }
  /// One line for the user about what went wrong so far; empty when nothing did.
  [[nodiscard]] std::string warning() const;

 private:
  TextSource() = default;
  [[nodiscard]] base::Result<void> add(const std::filesystem::path& path);
  [[nodiscard]] base::Result<void> add_line(const std::string& content, std::size_t begin,
                                            std::size_t end, const std::string& where);

  TextOptions options_;
  std::string text_;  ///< each line with an LF behind it
  std::size_t lines_ = 0;
  std::size_t lines_given_ = 0;
  std::size_t at_ = 0;  ///< where the next line begins
  bool out_of_memory_ = false;
};

}  // namespace millrace::nodes
