#include "millrace/media/raw.hpp"

#include <istream>
#include <optional>
#include <utility>

#include "millrace/base/limits.hpp"

namespace millrace::media {

using base::Code;
using base::Result;

Result<RawReader> RawReader::open(const std::filesystem::path& path, RawFormat format) {
  namespace limits = base::limits;
  if (format.rate_hz < limits::kMinRateHz || format.rate_hz > limits::kMaxRateHz)
    return base::fail(Code::bad_argument,
                      "raw audio at " + std::to_string(format.rate_hz) + " Hz, expected " +
                          std::to_string(limits::kMinRateHz) + " to " +
                          std::to_string(limits::kMaxRateHz),
                      path.string());
  if (format.channels < 1 || format.channels > limits::kMaxChannels)
    return base::fail(Code::bad_argument,
                      "raw audio of " + std::to_string(format.channels) +
                          " channels, expected 1 to " + std::to_string(limits::kMaxChannels),
                      path.string());
  auto source = detail::open_file(path);
  if (!source) return std::unexpected(source.error());
  if (source->size_bytes == 0)
    return base::fail(Code::bad_peer_data, "file is empty, expected raw audio",
                      path.string() + ": byte 0");
  return RawReader(format, *std::move(source));
}

RawReader::RawReader(RawFormat format, detail::Source source)
    : format_(format),
      samples_(std::move(source.stream), format.format, static_cast<std::size_t>(format.channels),
               std::nullopt) {}

std::string RawReader::warning() const {
  std::string text;
  if (samples_.rest_bytes() > 0)
    text = "the last " + std::to_string(samples_.rest_bytes()) +
           " bytes are no whole frame and were left out: is the format right?";
  if (scrubbed() > 0) {
    if (!text.empty()) text += "; ";
    text += std::to_string(scrubbed()) +
            " samples are not audio (NaN, infinite, denormal or huge) and were set to 0";
  }
  return text;
}

}  // namespace millrace::media
