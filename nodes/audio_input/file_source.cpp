#include "nodes/audio_input/file_source.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace millrace::nodes {
namespace {

constexpr base::MediaTime kShortestFrame{1'000};
constexpr base::MediaTime kLongestFrame{1'000'000};
/// More silence than this between two files is a slip of the keyboard.
constexpr base::MediaTime kLongestGap{3'600'000'000};

std::unexpected<base::Error> refuse(std::string message, const std::filesystem::path& path) {
  return base::fail(base::Code::bad_argument, std::move(message), path.string());
}

std::string format_text(const FrameReader& reader) {
  return std::to_string(reader.rate_hz()) + " Hz with " + std::to_string(reader.channels()) +
         (reader.channels() == 1 ? " channel" : " channels");
}

std::string milliseconds_text(base::MediaTime time) {
  return std::to_string(time.count() / 1000) + " ms";
}

/// Frames in `time`, the part of a frame left out; negative for negative time.
std::int64_t frames_in(base::MediaTime time, std::int32_t rate_hz) {
  const std::int64_t us = time.count() < 0 ? -time.count() : time.count();
  const std::int64_t frames = us / 1'000'000 * rate_hz + us % 1'000'000 * rate_hz / 1'000'000;
  return time.count() < 0 ? -frames : frames;
}

}  // namespace

base::Result<FileSource> FileSource::open(const std::filesystem::path& path,
                                          const FileOptions& options) {
  return open_joined({&path, 1}, options);
}

base::Result<FileSource> FileSource::open_joined(std::span<const std::filesystem::path> paths,
                                                 const FileOptions& options) {
  if (paths.empty()) return refuse("at least one audio file expected", {});
  if (options.frame < kShortestFrame || options.frame > kLongestFrame)
    return refuse("blocks of " + std::to_string(options.frame.count()) +
                      " us asked for: 1 to 1000 ms expected",
                  paths[0]);
  if (options.gap > kLongestGap || options.gap < -kLongestGap)
    return refuse("a gap of " + milliseconds_text(options.gap) + " asked for: at most an hour",
                  paths[0]);
  FileSource source;
  source.frame_ = options.frame;
  for (const std::filesystem::path& path : paths)
    if (base::Result<void> added = source.add(path, options); !added)
      return std::unexpected(added.error());
  return source;
}

base::Result<void> FileSource::add(const std::filesystem::path& path, const FileOptions& options) {
  base::Result<FrameReader> reader = FrameReader::open(path, options.raw);
  if (!reader) return std::unexpected(reader.error());
  Part part{.reader = std::move(*reader), .path = path, .begin = 0, .ended = false};
  if (!parts_.empty()) {
    const Part& first = parts_.front();
    const Part& before = parts_.back();
    if (part.reader.rate_hz() != rate_hz() || part.reader.channels() != channels())
      return refuse("has " + format_text(part.reader) + ", but '" + first.path.string() +
                        "' before it has " + format_text(first.reader) +
                        ": all parts of one input must be alike",
                    path);
    const std::optional<std::int64_t> length = before.reader.frames();
    if (!length)
      return refuse("nothing can follow it: its length is not known before its end", before.path);
    const std::int64_t gap = frames_in(options.gap, rate_hz());
    if (*length + gap < 0)
      return refuse("is shorter (" + milliseconds_text(base::media_time(*length, rate_hz())) +
                        ") than the overlap of " + milliseconds_text(-options.gap) +
                        " with what follows",
                    before.path);
    part.begin = before.begin + *length + gap;
  }
  parts_.push_back(std::move(part));
  return {};
}

std::int64_t FileSource::mix(Part& part, std::int64_t begin, std::span<float> block) {
  if (part.ended) return 0;
  const auto channel_count = static_cast<std::size_t>(channels());
  const std::int64_t offset = std::max<std::int64_t>(part.begin - begin, 0);
  const auto skipped = static_cast<std::size_t>(offset) * channel_count;
  if (skipped >= block.size()) return 0;
  block = block.subspan(skipped);
  scratch_.resize(block.size());
  const std::int64_t got = part.reader.read(scratch_);
  const std::size_t samples = static_cast<std::size_t>(got) * channel_count;
  for (std::size_t i = 0; i < samples; ++i) block[i] += scratch_[i];
  part.ended = samples < block.size();
  return got > 0 ? offset + got : 0;
}

std::optional<media::Packet> FileSource::next(rt::PayloadPool& pool) {
  const std::int64_t begin = base::frame_at(frame_ * blocks_, rate_hz());
  const std::int64_t end = base::frame_at(frame_ * (blocks_ + 1), rate_hz());
  const std::size_t frame_bytes = static_cast<std::size_t>(channels()) * sizeof(float);
  rt::Payload payload = pool.acquire(static_cast<std::size_t>(end - begin) * frame_bytes);
  if (!payload) {
    out_of_memory_ = true;
    return std::nullopt;
  }
  const std::span<float> block = payload.writable_as<float>();
  std::ranges::fill(block, 0.0F);
  std::int64_t frames = 0;
  for (Part& part : parts_) {
    frames = std::max(frames, mix(part, begin, block));
    // What starts later still keeps the silence before it.
    if (!part.ended && part.begin >= end) frames = end - begin;
  }
  if (frames == 0) return std::nullopt;

  ++blocks_;
  payload.resize(static_cast<std::size_t>(frames) * frame_bytes);
  media::Packet packet;
  packet.kind = media::PacketKind::audio;
  packet.rate_hz = rate_hz();
  packet.channels = static_cast<std::int16_t>(channels());
  packet.frames = static_cast<std::uint32_t>(frames);
  packet.from = base::media_time(begin, rate_hz());
  packet.to = base::media_time(begin + frames, rate_hz());
  packet.payload = std::move(payload);
  return packet;
}

std::optional<base::MediaTime> FileSource::duration() const noexcept {
  std::int64_t end = 0;
  for (const Part& part : parts_) {
    const std::optional<std::int64_t> length = part.reader.frames();
    if (!length) return std::nullopt;
    end = std::max(end, part.begin + *length);
  }
  return base::media_time(end, rate_hz());
}

std::string FileSource::warning() const {
  std::string all;
  const auto add = [&](const std::string& line) { all += (all.empty() ? "" : "; ") + line; };
  for (const Part& part : parts_)
    if (const std::string warning = part.reader.warning(); !warning.empty())
      add(part.path.string() + ": " + warning);
  if (out_of_memory_) add("no memory for the next block: the input ended early");
  return all;
}

std::vector<std::filesystem::path> split_joined(std::string_view input) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::path{input}, error))
    return {std::filesystem::path{input}};
  std::vector<std::filesystem::path> paths;
  for (;;) {
    const std::size_t plus = input.find('+');
    paths.emplace_back(input.substr(0, plus));
    if (plus == std::string_view::npos) return paths;
    input.remove_prefix(plus + 1);
  }
}

}  // namespace millrace::nodes
