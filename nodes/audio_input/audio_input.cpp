#include "nodes/audio_input/audio_input.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "millrace/base/limits.hpp"
#include "millrace/media/convert.hpp"

namespace millrace::nodes {
namespace {

constexpr std::array<node::PortDecl, 1> kOutputs{{
    {.name = "audio", .kind = media::PacketKind::audio, .summary = "audio of one format"},
}};
constexpr std::array<node::ParamDecl, 3> kParams{{
    {.name = "frame_ms",
     .kind = node::ParamKind::number,
     .unit = "ms",
     .minimum = 1,
     .maximum = 1000,
     .initial = "20",
     .summary = "length of the blocks that a file is read in; other hosts bring their own"},
    {.name = "rate_hz",
     .kind = node::ParamKind::integer,
     .unit = "Hz",
     .minimum = 0,
     .maximum = base::limits::kMaxRateHz,
     .initial = "0",
     .summary = "the only rate taken; 0: that of the first block"},
    {.name = "mono",
     .kind = node::ParamKind::boolean,
     .initial = "true",
     .summary = "mix the channels down to one"},
}};
constexpr node::Contract kContract{
    .type = "audio_input",
    .summary = "where audio enters the graph",
    .role = node::Role::source,
    .outputs = kOutputs,
    .params = kParams,
    .capabilities = {.parallelizable = true,
                     .batch_aware = false,
                     .queue_capacity = 100,
                     .overflow = node::OverflowPolicy::drop_oldest},
    .max_outputs = 1,
    .resets = "nothing: media time goes on, and the mark goes out with the next block",
};

struct Settings {
  base::MediaTime frame{0};
  std::int32_t rate_hz = 0;
  bool mono = true;
};

/// Why a block is not taken; put together without allocating.
class Complaint {
 public:
  template <class... Args>
  explicit Complaint(const char* format, Args... args) noexcept {
    const int length = std::snprintf(text_.data(), text_.size(), format, args...);
    size_ =
        std::clamp<std::size_t>(static_cast<std::size_t>(std::max(length, 0)), 0, text_.size() - 1);
  }
  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 160> text_;
  std::size_t size_ = 0;
};

class AudioInputSession final : public node::SessionNode {
 public:
  explicit AudioInputSession(const Settings& settings) : settings_(settings) {}

  void process(media::Packet& packet, node::Context& context) noexcept override {
    if (packet.kind != media::PacketKind::audio)
      return context.failed("a packet that is no audio was refused");
    if (!is_sound(packet, context) || !fits_stream(packet, context) ||
        !takes_its_place(packet, context) || !own_samples(packet, context)) {
      lost_ = true;
      return;
    }
    lost_ = lost_ || packet.discontinuity;
    if (packet.frames == 0) return;
    scrub(packet, context);
    if (settings_.mono && packet.channels > 1) mix_down(packet);
    packet.discontinuity = lost_;
    lost_ = false;
    context.emit(0, std::move(packet));
  }

 private:
  /// The header is within the limits and says what the payload holds.
  static bool is_sound(const media::Packet& packet, node::Context& context) noexcept {
    const bool rate =
        packet.rate_hz >= base::limits::kMinRateHz && packet.rate_hz <= base::limits::kMaxRateHz;
    const bool channels = packet.channels >= 1 && packet.channels <= base::limits::kMaxChannels;
    if (!rate || !channels) {
      const Complaint complaint{
          "a block of %d Hz and %d channels was refused: 8000 to 48000 Hz, 1 to 8 channels "
          "expected",
          static_cast<int>(packet.rate_hz), static_cast<int>(packet.channels)};
      context.failed(complaint.text());
      return false;
    }
    if (packet.samples().size() ==
        std::size_t{packet.frames} * static_cast<std::size_t>(packet.channels))
      return true;
    context.failed("a block was refused: it holds other samples than its header says");
    return false;
  }

  /// One session has one format, as declared or as it began.
  bool fits_stream(const media::Packet& packet, node::Context& context) noexcept {
    if (rate_hz_ == 0 && (settings_.rate_hz == 0 || settings_.rate_hz == packet.rate_hz)) {
      rate_hz_ = packet.rate_hz;
      channels_ = packet.channels;
    }
    if (packet.rate_hz == rate_hz_ && packet.channels == channels_) return true;
    if (rate_hz_ == 0) {
      const Complaint complaint{"a block of %d Hz was refused: the manifest says rate_hz %d",
                                static_cast<int>(packet.rate_hz),
                                static_cast<int>(settings_.rate_hz)};
      context.failed(complaint.text());
      return false;
    }
    const Complaint complaint{
        "a block of %d Hz and %d channels was refused: the session began with %d Hz and %d",
        static_cast<int>(packet.rate_hz), static_cast<int>(packet.channels),
        static_cast<int>(rate_hz_), static_cast<int>(channels_)};
    context.failed(complaint.text());
    return false;
  }

  /// Media time goes forward; a gap in it is marked.
  bool takes_its_place(media::Packet& packet, node::Context& context) noexcept {
    // Whoever rounds times otherwise than we do is off by one microsecond.
    constexpr base::MediaTime kRounding{1};
    if (packet.to <= packet.from)
      packet.to = packet.from + base::media_time(packet.frames, packet.rate_hz);
    if (begun_ && packet.from + kRounding < end_) {
      context.failed("a block was refused: it lies before the end of the block before it");
      return false;
    }
    if (begun_ && packet.from > end_ + kRounding) lost_ = true;
    begun_ = true;
    end_ = packet.to;
    return true;
  }

  /// Samples that may be written: a copy where another holds the same block.
  static bool own_samples(media::Packet& packet, node::Context& context) noexcept {
    if (packet.frames == 0 || packet.payload.unique()) return true;
    rt::Payload own = context.acquire(packet.payload.size_bytes());
    if (!own) {
      context.failed("a block was lost: no memory");
      return false;
    }
    std::memcpy(own.writable().data(), packet.payload.bytes().data(), own.size_bytes());
    packet.payload = std::move(own);
    return true;
  }

  void scrub(media::Packet& packet, node::Context& context) noexcept {
    const std::size_t bad = media::convert::scrub(packet.payload.writable_as<float>());
    if (bad == 0 || told_of_bad_samples_) return;
    // Once for the session: a broken sender would fill the event log.
    told_of_bad_samples_ = true;
    context.failed("samples that are no audio (NaN, infinite, huge, denormal) were set to 0");
  }

  static void mix_down(media::Packet& packet) noexcept {
    const auto samples = packet.payload.writable_as<float>();
    media::convert::mixdown(samples, static_cast<std::size_t>(packet.channels), samples);
    packet.payload.resize(std::size_t{packet.frames} * sizeof(float));
    packet.channels = 1;
  }

  Settings settings_;
  std::int32_t rate_hz_ = 0;
  std::int16_t channels_ = 0;
  base::MediaTime end_{0};
  bool begun_ = false;
  bool lost_ = false;
  bool told_of_bad_samples_ = false;
};

class AudioInputStage final : public node::StageNode {
 public:
  explicit AudioInputStage(const Settings& settings) : settings_(settings) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<AudioInputSession>(settings_);
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::audio,
            .rate_hz = settings_.rate_hz,
            .channels = static_cast<std::int16_t>(settings_.mono ? 1 : 0)};
  }
  /// The first sample of a block waits until the block is full.
  [[nodiscard]] base::MediaTime latency() const override { return settings_.frame; }

 private:
  Settings settings_;
};

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  const std::int64_t rate_hz = config.params.integer("rate_hz");
  if (rate_hz != 0 && rate_hz < base::limits::kMinRateHz)
    return base::fail(base::Code::bad_manifest,
                      "'rate_hz' is " + std::to_string(rate_hz) +
                          ": 8000 to 48000 expected, or 0 for the rate of the input",
                      config.id);
  return std::make_unique<AudioInputStage>(Settings{.frame = config.params.milliseconds("frame_ms"),
                                                    .rate_hz = static_cast<std::int32_t>(rate_hz),
                                                    .mono = config.params.boolean("mono")});
}

}  // namespace

const node::NodeType& audio_input_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
