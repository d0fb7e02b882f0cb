#include "nodes/moonshine_asr/moonshine_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "millrace/base/clock.hpp"

namespace millrace::nodes {
namespace {

using inference::OnnxModel;
using inference::Tensor;

constexpr std::size_t kPadFrames = 3 * MoonshineModel::kRateHz / 10;
constexpr double kStepsPerSecond = 6.5;
constexpr std::uint32_t kSpareSteps = 6;

base::Error cancelled() {
  return {base::Code::cancelled, "the transcription was stopped", {}};
}

}  // namespace

void TranscribeControl::reset() noexcept {
  run_.reset();
  steps_.store(0);
  after_stop_.store(0);
}

/// One request on its way, piece by piece.
struct MoonshineModel::Call {
  const TranscribeRequest& request;
  std::size_t index;
  const Transcribed& transcribed;
  std::vector<std::size_t> lengths;  ///< of its pieces
  std::size_t next = 0;              ///< the piece that is next or in work
  std::size_t begin = 0;             ///< its first frame
  std::size_t said_before = 0;       ///< tokens of the pieces before
  std::uint32_t steps_left = 0;      ///< for the piece in work
  Transcript result = {};
  bool told = false;
  base::RealClock clock = {};
  base::Instant decode_began{};

  [[nodiscard]] bool stopped() const {
    return (request.control != nullptr && request.control->terminated()) ||
           (request.stop && request.stop());
  }
  [[nodiscard]] inference::RunControl* run() const {
    return request.control == nullptr ? nullptr : &request.control->run_;
  }
  [[nodiscard]] std::size_t padded_frames() const { return lengths[next] + 2 * kPadFrames; }

  [[nodiscard]] std::uint32_t step_limit() const {
    const double seconds = static_cast<double>(padded_frames()) / kRateHz;
    const auto needed = static_cast<std::uint32_t>(seconds * kStepsPerSecond) + kSpareSteps;
    return request.options.max_steps > 0 ? std::min(needed, request.options.max_steps) : needed;
  }
  void tell(base::Result<Transcript>&& what) {
    told = true;
    transcribed(index, std::move(what));
  }
  /// When the stop was asked for, tells that and is true.
  [[nodiscard]] bool ends_stopped() {
    if (stopped()) tell(std::unexpected(cancelled()));
    return told;
  }
};

base::Result<MoonshineModel> MoonshineModel::create(const inference::ModelStore& store) {
  std::array<std::filesystem::path, 3> paths;
  for (std::size_t i = 0;
       const char* name : {"moonshine_encoder", "moonshine_decoder", "moonshine_tokenizer"}) {
    auto path = store.find(name);
    if (!path) return std::unexpected(path.error());
    paths[i++] = std::move(*path);
  }
  auto tokenizer = MoonshineTokenizer::load(paths[2]);
  if (!tokenizer) return std::unexpected(tokenizer.error());

  MoonshineModel made(std::move(*tokenizer));
  auto encoder = OnnxModel::load(paths[0], inference::Shapes::many);
  if (!encoder) return std::unexpected(encoder.error());
  auto decoder = OnnxModel::load(paths[1], inference::Shapes::many);
  if (!decoder) return std::unexpected(decoder.error());
  made.encoder_ = std::move(*encoder);
  made.decoder_ = std::move(*decoder);
  if (auto fits = made.encoder_->expect_names(std::array{"input_values", "attention_mask"},
                                              std::array{"last_hidden_state"});
      !fits)
    return std::unexpected(fits.error());
  auto slots = DecoderSlots::find(*made.decoder_);
  if (!slots) return std::unexpected(slots.error());
  made.slots_ = *std::move(slots);
  return made;
}

std::vector<std::size_t> MoonshineModel::pieces(std::span<const float> mono16k) {
  constexpr std::size_t kWindow = kRateHz / 50;
  constexpr std::size_t kHop = kWindow / 2;
  std::vector<std::size_t> lengths;
  while (mono16k.size() > kMaxPieceFrames) {
    std::size_t cut = kMaxPieceFrames;
    double quietest = std::numeric_limits<double>::infinity();
    for (std::size_t at = kMaxPieceFrames * 2 / 3; at + kWindow <= kMaxPieceFrames; at += kHop) {
      double energy = 0;
      for (const float x : mono16k.subspan(at, kWindow)) energy += static_cast<double>(x) * x;
      if (energy < quietest) {
        quietest = energy;
        cut = at + kWindow / 2;
      }
    }
    lengths.push_back(cut);
    mono16k = mono16k.subspan(cut);
  }
  if (!mono16k.empty()) lengths.push_back(mono16k.size());
  return lengths;
}

base::Result<Transcript> MoonshineModel::transcribe(std::span<const float> mono16k,
                                                    const DecodeOptions& options,
                                                    const StopPredicate& stop,
                                                    TranscribeControl* control) const {
  const TranscribeRequest request{mono16k, options, stop, control};
  base::Result<Transcript> heard;
  transcribe_together(std::span(&request, 1),
                      [&](std::size_t, auto&& result) { heard = std::move(result); });
  return heard;
}

/// In rounds: the next piece of each request that still has one.
void MoonshineModel::transcribe_together(std::span<const TranscribeRequest> requests,
                                         const Transcribed& transcribed) const {
  std::vector<Call> calls;
  calls.reserve(requests.size());
  for (const TranscribeRequest& request : requests)
    calls.push_back({.request = request,
                     .index = calls.size(),
                     .transcribed = transcribed,
                     .lengths = pieces(request.mono16k)});
  for (Call& call : calls)
    if (call.lengths.empty()) call.tell(std::move(call.result));

  for (;;) {
    std::vector<Call*> round;
    for (Call& call : calls)
      if (!call.told) round.push_back(&call);
    if (round.empty()) return;
    std::ranges::stable_sort(round, {}, &Call::padded_frames);
    std::vector<std::size_t> frames;
    for (const Call* call : round) frames.push_back(call->padded_frames());
    std::span<Call* const> rest = round;
    for (const std::size_t size : group_sizes(frames)) {
      transcribe_group(rest.first(size));
      rest = rest.subspan(size);
    }
  }
}

void MoonshineModel::transcribe_group(std::span<Call* const> group) const {
  std::vector<Tensor> hidden;
  std::vector<Call*> rows;
  for (Call* call : group) {
    if (call->ends_stopped()) continue;
    auto encoded = encode(*call);
    if (!encoded) {
      call->tell(std::unexpected(encoded.error()));
      continue;
    }
    hidden.push_back(*std::move(encoded));
    rows.push_back(call);
  }
  // Asked again behind the encoders of all: that took a while.
  for (std::size_t i = rows.size(); i-- > 0;) {
    if (!rows[i]->ends_stopped()) continue;
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(i));
    hidden.erase(hidden.begin() + static_cast<std::ptrdiff_t>(i));
  }
  decode(hidden, rows);
}

base::Result<Tensor> MoonshineModel::encode(Call& call) const {
  std::vector<float> padded(call.padded_frames());
  std::ranges::copy(call.request.mono16k.subspan(call.begin, call.lengths[call.next]),
                    padded.begin() + kPadFrames);
  const std::array<std::int64_t, 2> shape{1, static_cast<std::int64_t>(padded.size())};
  std::vector<std::int64_t> mask(padded.size(), 1);
  std::array<Tensor, 2> in{Tensor::view(std::span(padded), shape),
                           Tensor::view(std::span(mask), shape)};
  std::array<Tensor, 1> out;
  const auto before = call.clock.now();
  auto done = encoder_->run(in, out, call.run());
  call.result.encoder_us += base::to_us(call.clock.now() - before);
  if (!done) return std::unexpected(done.error());
  // In a decoder's batch it would spoil the others too: see DecodeBatch.
  if (!std::ranges::all_of(out[0].floats(), [](float x) { return std::isfinite(x); }))
    return base::fail(base::Code::bad_argument,
                      "nothing can be heard in this audio: finite samples in [-1, 1] expected");
  return std::move(out[0]);
}

void MoonshineModel::decode(std::span<const Tensor> hidden, std::vector<Call*>& rows) const {
  if (rows.empty()) return;
  for (Call* call : rows) {
    call->decode_began = call->clock.now();
    call->steps_left = call->step_limit();
  }
  DecodeBatch batch(*decoder_, slots_, hidden);
  while (batch.rows() > 0) {
    // A step that others share is not ended for one of them.
    if (auto done = batch.step(rows.size() == 1 ? rows[0]->run() : nullptr); !done) {
      for (Call* call : rows) call->tell(std::unexpected(done.error()));
      return;
    }
    // From the last: the row that fills a hole has been looked at.
    for (std::size_t row = rows.size(); row-- > 0;) {
      if (goes_on(*rows[row], batch.token(row))) continue;
      batch.drop(row);
      rows[row] = rows.back();
      rows.pop_back();
    }
  }
}

/// Takes what a step said; false when it was the last one for this piece.
bool MoonshineModel::goes_on(Call& call, std::int32_t token) const {
  TranscribeControl* const control = call.request.control;
  ++call.result.steps;
  if (control != nullptr) control->steps_.fetch_add(1);
  if (call.request.options.stepped) call.request.options.stepped();

  if (token == DecodeBatch::kEnd) {
    end_piece(call);
    return false;
  }
  call.result.tokens.push_back(token);
  if (call.stopped()) {
    if (control != nullptr) control->after_stop_.fetch_add(1);
    call.tell(std::unexpected(cancelled()));
    return false;
  }
  if (--call.steps_left > 0) return true;
  call.result.truncated = true;
  end_piece(call);
  return false;
}

void MoonshineModel::end_piece(Call& call) const {
  Transcript& result = call.result;
  result.decode_us += base::to_us(call.clock.now() - call.decode_began);
  const auto text = tokenizer_.text(std::span(result.tokens).subspan(call.said_before));
  if (!text.empty() && !result.text.empty()) result.text += ' ';
  result.text += text;
  call.said_before = result.tokens.size();
  call.begin += call.lengths[call.next];
  if (++call.next == call.lengths.size()) call.tell(std::move(result));
}

}  // namespace millrace::nodes
