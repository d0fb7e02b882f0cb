#include "nodes/audio_resample/audio_resample.hpp"

#include <array>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/base/annotations.hpp"
#include "millrace/base/check.hpp"
#include "millrace/base/limits.hpp"
#include "millrace/media/resampler.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/rt/mutex.hpp"

namespace millrace::nodes {
namespace {

using base::MediaTime;
using media::FilterBank;
using media::Packet;
using media::Resampler;

constexpr std::array<node::PortDecl, 1> kInputs{{
    {.name = "audio", .kind = media::PacketKind::audio, .summary = "blocks of any length"},
}};
constexpr std::array<node::PortDecl, 1> kOutputs{{
    {.name = "audio", .kind = media::PacketKind::audio, .summary = "the same at rate_hz"},
}};
constexpr std::array<std::string_view, 3> kQualities{"low", "medium", "high"};
constexpr std::array<node::ParamDecl, 2> kParams{{
    {.name = "rate_hz",
     .kind = node::ParamKind::integer,
     .unit = "Hz",
     .minimum = base::limits::kMinRateHz,
     .maximum = base::limits::kMaxRateHz,
     .initial = "16000",
     .summary = "rate of the output"},
    {.name = "quality",
     .kind = node::ParamKind::choice,
     .initial = "low",
     .choices = kQualities,
     .summary = "low, medium or high: 1, 3 or 6 ms of delay between 48 and 16 kHz"},
}};
constexpr node::Contract kContract{
    .type = "audio_resample",
    .summary = "changes the rate of audio",
    .inputs = kInputs,
    .outputs = kOutputs,
    .params = kParams,
    .capabilities = {.parallelizable = true,
                     .batch_aware = false,
                     .queue_capacity = 50,
                     .overflow = node::OverflowPolicy::drop_oldest},
    .max_outputs = 2,  // the rest of what a gap ends, and what follows it
    .resets = "the filter: what it holds goes out, and the stream begins anew at the block's time",
};

/// What every session of a stage converts to; the bank is there when the plan knew the input.
struct Conversion {
  std::int32_t rate_hz = 16'000;
  media::ResampleQuality quality = media::ResampleQuality::low;
  std::int16_t channels = 0;               ///< of the input; 0 is unknown
  std::shared_ptr<const FilterBank> bank;  // shared: immutable, one for all sessions
};

/// The banks that sessions asked for when their first block told the rate: the first one designs it
/// (milliseconds), the others of the stage take the same.
///   threads  any; locks
class LateBanks {
 public:
  base::Result<std::shared_ptr<const FilterBank>> find_or_make(std::int32_t in_rate_hz,
                                                               const Conversion& to) {
    const rt::MutexLock lock(mutex_);
    for (const auto& bank : made_)
      if (bank->in_rate_hz() == in_rate_hz) return bank;
    auto bank = FilterBank::create(in_rate_hz, to.rate_hz, to.quality);
    // Callers choose the rates: what is kept for them is bounded.
    if (bank && made_.size() < kKept) made_.push_back(*bank);
    return bank;
  }

 private:
  static constexpr std::size_t kKept = 16;
  rt::Mutex mutex_;
  std::vector<std::shared_ptr<const FilterBank>> made_ MR_GUARDED_BY(mutex_);  // shared: as above
};

bool is_sound(const Packet& packet) noexcept {
  return packet.rate_hz >= base::limits::kMinRateHz && packet.rate_hz <= base::limits::kMaxRateHz &&
         packet.channels >= 1 && packet.channels <= base::limits::kMaxChannels &&
         packet.from >= MediaTime{0} &&
         packet.samples().size() ==
             std::size_t{packet.frames} * static_cast<std::size_t>(packet.channels);
}

/// Whether a block's times are those of its own samples. Those of a synthesised reply are not: they
/// say which speech it answers, and a conversion leaves them as they are.
bool is_timed(const Packet& packet) noexcept {
  const MediaTime spoken = packet.to - packet.from;
  const MediaTime length = base::media_time(packet.frames, packet.rate_hz);
  return std::abs((spoken - length).count()) <= 1'000'000 / packet.rate_hz + 1;
}

class ResampleSession final : public node::SessionNode {
 public:
  ResampleSession(const Conversion& conversion, LateBanks& late, std::optional<Resampler> resampler)
      : conversion_(&conversion), late_(&late), resampler_(std::move(resampler)) {}

  void process(Packet& packet, node::Context& context) noexcept override {
    if (!takes(packet, context)) return;
    if (resampler_->bank().identity()) return context.emit(0, std::move(packet));
    if (packet.frames == 0 && !packet.last) {
      lost_ = lost_ || packet.discontinuity;
      return;
    }
    follow(packet, context);
    convert(packet, context);
  }

  void on_end(node::Context& context) noexcept override {
    if (running_) finish(context);
  }

 private:
  bool takes(const Packet& packet, node::Context& context) noexcept;
  void make(const Packet& packet) noexcept;
  void follow(const Packet& packet, node::Context& context) noexcept;
  void convert(Packet& packet, node::Context& context) noexcept;
  void finish(node::Context& context) noexcept;
  void send(Packet&& out, std::size_t frames, node::Context& context) noexcept;
  void restart() noexcept {
    resampler_->reset();
    running_ = false;
  }
  [[nodiscard]] std::size_t channels() const noexcept { return resampler_->channels(); }

  const Conversion* conversion_;  ///< the stage's, which outlives its sessions
  LateBanks* late_;               ///< likewise
  std::optional<Resampler> resampler_;
  std::int32_t tried_rate_hz_ = 0;  ///< of the last attempt to make one
  std::string why_not_;             ///< it failed
  bool refusing_ = false;           ///< a wrong format was told of
  bool running_ = false;            ///< a stream has begun and not ended
  bool timed_ = true;
  bool lost_ = false;           ///< the next output does not follow the one before
  std::int64_t in_next_ = 0;    ///< frame number of the next input at its rate
  std::int64_t out_next_ = -1;  ///< frame number of the next output at its rate
  Packet header_;               ///< of the latest input, without its samples
};

bool ResampleSession::takes(const Packet& packet, node::Context& context) noexcept {
  if (packet.kind != media::PacketKind::audio) {
    context.failed("a packet that is no audio was refused");
    return false;
  }
  if (!is_sound(packet)) {
    context.failed(
        "a block was refused: 8 to 48 kHz, 1 to 8 channels and as many samples as its header says "
        "expected");
    return false;
  }
  if (!resampler_ && packet.rate_hz != tried_rate_hz_) make(packet);
  const bool fits = resampler_ && packet.rate_hz == resampler_->bank().in_rate_hz() &&
                    static_cast<std::size_t>(packet.channels) == channels();
  if (!fits && !refusing_)
    context.failed(resampler_ ? "blocks of another rate or channel count than the first are refused"
                              : std::string_view(why_not_));
  refusing_ = !fits;
  return fits;
}

/// Only where no format could be known when the plan was made: the first block brings it, and no
/// later one allocates.
void ResampleSession::make(const Packet& packet) noexcept {
  const rt::RtExempt exempt;
  tried_rate_hz_ = packet.rate_hz;
  std::shared_ptr<const FilterBank> bank = conversion_->bank;
  if (!bank) {
    auto made = late_->find_or_make(packet.rate_hz, *conversion_);
    if (!made) {
      why_not_ = std::move(made.error().message);
      return;
    }
    bank = *std::move(made);
  }
  auto resampler = Resampler::create(std::move(bank), static_cast<std::size_t>(packet.channels));
  if (resampler) {
    resampler_.emplace(*std::move(resampler));
  } else {
    why_not_ = std::move(resampler.error().message);
  }
}

/// Begins a stream, or ends one that `packet` does not go on with and begins the next. The output
/// keeps to whole frames of its rate: a stream that begins between two of them is placed on the
/// later one, so its times are less than one output frame late, by the same amount throughout.
void ResampleSession::follow(const Packet& packet, node::Context& context) noexcept {
  const std::int64_t at = base::frame_at(packet.from, packet.rate_hz);
  const bool timed = is_timed(packet) || (packet.frames == 0 && timed_);
  if (running_) {
    const bool jumped = timed && std::abs(at - in_next_) > 1 && packet.frames > 0;
    const bool other = packet.lineage.turn != header_.lineage.turn ||
                       packet.lineage.revision != header_.lineage.revision;
    if (timed == timed_ && !jumped && !packet.discontinuity && (timed || !other)) return;
    lost_ = lost_ || timed_ || packet.discontinuity;
    // What a reply that was broken off still holds belongs to nobody.
    if (timed_ || !other) {
      finish(context);
    } else {
      restart();
    }
  }
  lost_ = lost_ || packet.discontinuity;
  running_ = true;
  timed_ = timed;
  in_next_ = at;
  const std::int64_t begin = base::frame_at(packet.from, conversion_->rate_hz);
  // Rounded up twice, the end of a stream can lie one frame behind the next one's beginning.
  if (!timed || begin != out_next_ - 1) out_next_ = begin;
}

void ResampleSession::convert(Packet& packet, node::Context& context) noexcept {
  const rt::Payload held = std::move(packet.payload);
  const std::span<const float> in = held.as<float>();
  header_ = packet;
  in_next_ += packet.frames;
  const std::size_t coming = packet.last ? resampler_->delay_frames() : 0;
  const std::size_t room = resampler_->max_output(packet.frames + coming);
  packet.payload = context.acquire(room * channels() * sizeof(float));
  if (!packet.payload) {
    context.failed("a block was lost: no memory");
    restart();
    lost_ = true;
    return;
  }
  const std::span<float> out = packet.payload.writable_as<float>();
  const Resampler::Step step = resampler_->process(in, out);
  MR_CHECK(step.consumed == packet.frames, "max_output() is room for all that goes in");
  std::size_t frames = step.produced;
  if (packet.last) {
    frames += resampler_->flush(out.subspan(frames * channels()));
    restart();
  }
  if (frames > 0 || packet.last) send(std::move(packet), frames, context);
}

/// What the filter holds goes out, unless it was withdrawn; then it is empty.
void ResampleSession::finish(node::Context& context) noexcept {
  const std::size_t frames = resampler_->flush_output();
  if (frames > 0 && context.live(header_.lineage)) {
    Packet out = header_;
    out.payload = context.acquire(frames * channels() * sizeof(float));
    if (out.payload) {
      // What is lost comes after this: the mark is for the next one.
      const bool lost = std::exchange(lost_, false);
      send(std::move(out), resampler_->flush(out.payload.writable_as<float>()), context);
      lost_ = lost;
    } else {
      context.failed("the end of a stream was lost: no memory");
    }
  }
  restart();
}

void ResampleSession::send(Packet&& out, std::size_t frames, node::Context& context) noexcept {
  out.payload.resize(frames * channels() * sizeof(float));
  out.frames = static_cast<std::uint32_t>(frames);
  out.rate_hz = conversion_->rate_hz;
  out.discontinuity = std::exchange(lost_, false);
  if (timed_) {
    out.from = base::media_time(out_next_, conversion_->rate_hz);
    out_next_ += static_cast<std::int64_t>(frames);
    out.to = base::media_time(out_next_, conversion_->rate_hz);
  }
  context.emit(0, std::move(out));
}

class ResampleStage final : public node::StageNode {
 public:
  explicit ResampleStage(Conversion conversion) : conversion_(std::move(conversion)) {}

  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    std::optional<Resampler> resampler;
    if (conversion_.bank && conversion_.channels > 0) {
      auto made =
          Resampler::create(conversion_.bank, static_cast<std::size_t>(conversion_.channels));
      if (!made) return std::unexpected(made.error());
      resampler.emplace(*std::move(made));
    }
    return std::make_unique<ResampleSession>(conversion_, late_, std::move(resampler));
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::audio,
            .rate_hz = conversion_.rate_hz,
            .channels = conversion_.channels};
  }
  [[nodiscard]] MediaTime latency() const override {
    if (!conversion_.bank || conversion_.bank->identity()) return MediaTime{0};
    return base::media_time(static_cast<std::int64_t>(conversion_.bank->delay_frames()),
                            conversion_.bank->in_rate_hz());
  }

 private:
  Conversion conversion_;
  LateBanks late_;
};

base::Result<std::unique_ptr<node::StageNode>> create(const node::StageConfig& config) {
  Conversion conversion;
  conversion.rate_hz = static_cast<std::int32_t>(config.params.integer("rate_hz"));
  conversion.quality =
      media::resample_quality(config.params.text("quality")).value_or(media::ResampleQuality::low);
  const node::Format in = config.inputs.empty() ? node::Format{} : config.inputs[0];
  conversion.channels = in.channels;
  if (in.rate_hz > 0) {
    auto bank = FilterBank::create(in.rate_hz, conversion.rate_hz, conversion.quality);
    if (!bank)
      return base::fail(base::Code::bad_manifest, std::move(bank.error().message), config.id);
    conversion.bank = *std::move(bank);
  }
  return std::make_unique<ResampleStage>(std::move(conversion));
}

}  // namespace

const node::NodeType& audio_resample_type() {
  static constexpr node::NodeType kType{.contract = &kContract, .create = create};
  return kType;
}

}  // namespace millrace::nodes
