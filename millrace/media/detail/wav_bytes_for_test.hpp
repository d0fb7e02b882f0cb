#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::media::detail {

/// Builds RIFF files byte by byte, right or wrong, for the tests of the WAV parts.
class WavBytes {
 public:
  static constexpr std::uint32_t kStreamed = 0xFFFFFFFF;

  /// What a fmt chunk says; the defaults are plain 16-bit mono at 16 kHz.
  struct Fmt {
    std::uint32_t tag = 1;
    std::uint32_t channels = 1;
    std::uint32_t rate_hz = 16'000;
    std::uint32_t bits = 16;
    std::uint32_t align = 2;
  };

  WavBytes& text(std::string_view chars) {
    for (const char c : chars) bytes_.push_back(static_cast<std::byte>(c));
    return *this;
  }
  WavBytes& number(std::uint32_t value, int width) {
    for (int i = 0; i < width; ++i) bytes_.push_back(static_cast<std::byte>(value >> (8 * i)));
    return *this;
  }
  WavBytes& riff(std::uint32_t size = 36) { return text("RIFF").number(size, 4).text("WAVE"); }
  WavBytes& fmt_fields(const Fmt& fmt) {
    return number(fmt.tag, 2)
        .number(fmt.channels, 2)
        .number(fmt.rate_hz, 4)
        .number(fmt.rate_hz * fmt.align, 4)
        .number(fmt.align, 2)
        .number(fmt.bits, 2);
  }
  WavBytes& fmt(const Fmt& fmt) { return text("fmt ").number(16, 4).fmt_fields(fmt); }
  WavBytes& fmt() { return fmt(Fmt{}); }
  /// WAVE_FORMAT_EXTENSIBLE: `fmt.tag` goes into the sub-format.
  WavBytes& extensible(const Fmt& fmt, std::uint32_t extension = 22, std::uint32_t guid = 0x71) {
    Fmt outer = fmt;
    outer.tag = 0xFFFE;
    text("fmt ").number(40, 4).fmt_fields(outer).number(extension, 2).number(fmt.bits, 2);
    number(0, 4).number(fmt.tag, 2).number(0, 4).number(0x00100000 >> 16, 2).number(0x80, 2);
    return number(0xAA00, 2).number(0x3800, 2).number(0x9B, 1).number(guid, 1);
  }
  WavBytes& chunk(std::string_view id, std::string_view body) {
    text(id).number(static_cast<std::uint32_t>(body.size()), 4).text(body);
    return body.size() % 2 == 0 ? *this : number(0, 1);
  }
  WavBytes& data(std::uint32_t size) { return text("data").number(size, 4); }

  [[nodiscard]] std::span<const std::byte> view() const { return bytes_; }
  [[nodiscard]] std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// A folder of its own for one test, gone with it.
class Scratch {
 public:
  Scratch()
      : folder_(std::filesystem::temp_directory_path() /
                ("millrace_media_" + std::to_string(std::random_device{}()))) {
    std::filesystem::create_directories(folder_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  [[nodiscard]] std::filesystem::path path(std::string_view name) const { return folder_ / name; }
  std::filesystem::path put(std::string_view name, std::span<const std::byte> bytes) const {
    std::ofstream file(path(name), std::ios::binary);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace millrace::media::detail
