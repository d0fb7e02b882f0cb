#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/base/time.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/media/raw.hpp"
#include "nodes/audio_input/frame_reader.hpp"

namespace millrace::nodes {

/// How files become blocks.
///   frame  length of a block, 1 ms to 1 s; where a rate has no whole number of frames in it,
///   blocks
///          differ by one frame, and media time stays exact
///   raw    set: the files have no header and hold this; else they are WAV files
///   gap    silence between one file and the next; negative: they overlap and are mixed
struct FileOptions {
  base::MediaTime frame{20'000};
  std::optional<media::RawFormat> raw;
  base::MediaTime gap{0};
};

/// One file, or several one behind the other, as successive blocks of a session's input.
///   threads  worker, one at a time; blocks on the file
///   errors   open(): bad_argument (frame, gap, or parts of different formats), and what
///            media::WavReader and media::RawReader say; `where` names the file
class FileSource {
 public:
  [[nodiscard]] static base::Result<FileSource> open(const std::filesystem::path& path,
                                                     const FileOptions& options = {});
  /// All parts must have one rate and one channel count.
  [[nodiscard]] static base::Result<FileSource> open_joined(
      std::span<const std::filesystem::path> paths, const FileOptions& options = {});

  /// The next block: samples, format, and [from, to) on the session's media time. None at the end;
  /// the last block is as long as what is left.
  [[nodiscard]] std::optional<media::Packet> next(rt::PayloadPool& pool);

  [[nodiscard]] std::int32_t rate_hz() const noexcept { return parts_[0].reader.rate_hz(); }
  [[nodiscard]] std::int32_t channels() const noexcept { return parts_[0].reader.channels(); }
  /// How long it is in all; none when a pipe does not say.
  [[nodiscard]] std::optional<base::MediaTime> duration() const noexcept;
  /// One line for the user about what was wrong with the files so far; empty when nothing was.
  [[nodiscard]] std::string warning() const;

 private:
  struct Part {
    FrameReader reader;
    std::filesystem::path path;
    std::int64_t begin = 0;  ///< frame of the session at which it starts
    bool ended = false;
  };
  FileSource() = default;
  [[nodiscard]] base::Result<void> add(const std::filesystem::path& path,
                                       const FileOptions& options);
  [[nodiscard]] std::int64_t mix(Part& part, std::int64_t begin, std::span<float> block);

  base::MediaTime frame_{0};
  std::vector<Part> parts_;
  std::vector<float> scratch_;
  std::int64_t blocks_ = 0;
  bool out_of_memory_ = false;
};

/// The files that `input` names: "a.wav+b.wav" is two, unless a file of just that name is there.
[[nodiscard]] std::vector<std::filesystem::path> split_joined(std::string_view input);

}  // namespace millrace::nodes
