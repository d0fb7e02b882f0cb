#include "nodes/audio_output/wav_sink.hpp"

#include <string>
#include <utility>

namespace millrace::nodes {
namespace {

/// Rate of a file that no audio came for.
constexpr std::int32_t kSilentRateHz = 16'000;

std::string format_text(std::int32_t rate_hz, std::int16_t channels) {
  return std::to_string(rate_hz) + " Hz with " + std::to_string(channels) +
         (channels == 1 ? " channel" : " channels");
}

}  // namespace

std::unexpected<base::Error> WavSink::refuse(std::string message) const {
  return base::fail(base::Code::bad_argument, std::move(message), path_.string());
}

base::Result<void> WavSink::open(std::int32_t rate_hz, std::int16_t channels) {
  base::Result<media::WavWriter> writer = media::WavWriter::create(path_, rate_hz, channels);
  if (!writer) return std::unexpected(writer.error());
  writer_.emplace(std::move(*writer));
  rate_hz_ = rate_hz;
  channels_ = channels;
  return {};
}

base::Result<void> WavSink::write(const media::Packet& packet) {
  if (closed_) return refuse("audio came after the file was closed");
  if (packet.kind != media::PacketKind::audio)
    return refuse("audio expected, found a packet of kind " + std::string{name(packet.kind)});
  if (packet.frames == 0) return {};
  if (packet.samples().size() !=
      std::size_t{packet.frames} * static_cast<std::size_t>(packet.channels))
    return refuse("a block holds other samples than its header says");
  if (!writer_)
    if (base::Result<void> opened = open(packet.rate_hz, packet.channels); !opened) return opened;
  if (packet.rate_hz != rate_hz_ || packet.channels != channels_)
    return refuse("the file has " + format_text(rate_hz_, channels_) + ", a block came with " +
                  format_text(packet.rate_hz, packet.channels) +
                  ": put an audio_resample before the output");
  return writer_->write(packet.samples());
}

base::Result<void> WavSink::close() {
  if (closed_) return {};
  closed_ = true;
  if (!writer_)
    if (base::Result<void> opened = open(kSilentRateHz, 1); !opened) return opened;
  return writer_->close();
}

}  // namespace millrace::nodes
