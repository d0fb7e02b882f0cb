#include "nodes/moonshine_asr/moonshine_model.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "millrace/base/clock.hpp"

namespace millrace::nodes {
namespace {

using inference::OnnxModel;
using inference::Tensor;

constexpr std::int64_t kBegin = 1;
constexpr std::int32_t kEnd = 2;
constexpr std::size_t kPadFrames = 3 * MoonshineModel::kRateHz / 10;
constexpr double kStepsPerSecond = 6.5;
constexpr std::uint32_t kSpareSteps = 6;

/// Index of `name` in `names`, or their count.
std::size_t index_of(std::span<const std::string> names, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
}

std::int32_t largest(std::span<const float> row) {
  return static_cast<std::int32_t>(std::ranges::max_element(row) - row.begin());
}

base::Error cancelled() {
  return {base::Code::cancelled, "the transcription was stopped", {}};
}

}  // namespace

void TranscribeControl::reset() noexcept {
  run_.reset();
  steps_.store(0);
  after_stop_.store(0);
}

/// What one transcription carries from piece to piece.
struct MoonshineModel::Call {
  const DecodeOptions& options;
  const StopPredicate& stop;
  TranscribeControl* control;
  Transcript result;
  base::RealClock clock;

  [[nodiscard]] bool stopped() const {
    return (control != nullptr && control->terminated()) || (stop && stop());
  }
  [[nodiscard]] inference::RunControl* run() const {
    return control == nullptr ? nullptr : &control->run_;
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
  if (auto found = made.find_slots(); !found) return std::unexpected(found.error());
  return made;
}

base::Result<void> MoonshineModel::find_slots() {
  if (auto fits = encoder_->expect_names(std::array{"input_values", "attention_mask"},
                                         std::array{"last_hidden_state"});
      !fits)
    return fits;
  const auto in = decoder_->inputs();
  const auto out = decoder_->outputs();
  ids_ = index_of(in, "input_ids");
  hidden_ = index_of(in, "encoder_hidden_states");
  mask_ = index_of(in, "encoder_attention_mask");
  use_cache_ = index_of(in, "use_cache_branch");
  logits_ = index_of(out, "logits");
  constexpr std::string_view kPast = "past_key_values";
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!in[i].starts_with(kPast)) continue;
    Cache cache{i, index_of(out, "present" + in[i].substr(kPast.size())),
                in[i].find(".encoder.") != std::string::npos};
    if (cache.out == out.size() || decoder_->input_shape(i).size() != 4)
      return base::fail(base::Code::bad_peer_data, "the decoder gives nothing for " + in[i]);
    caches_.push_back(cache);
  }
  const bool named = std::max({ids_, hidden_, mask_, use_cache_}) < in.size() &&
                     logits_ < out.size() && in.size() == caches_.size() + 4;
  if (!named)
    return base::fail(base::Code::bad_peer_data,
                      "the decoder has other inputs than Moonshine's merged decoder");
  return {};
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
  Call call{options, stop, control, {}, {}};
  for (const std::size_t length : pieces(mono16k)) {
    const std::size_t said_before = call.result.tokens.size();
    if (auto done = transcribe_piece(mono16k.first(length), call); !done)
      return std::unexpected(done.error());
    mono16k = mono16k.subspan(length);
    const auto text = tokenizer_.text(std::span(call.result.tokens).subspan(said_before));
    if (!text.empty() && !call.result.text.empty()) call.result.text += ' ';
    call.result.text += text;
  }
  return std::move(call.result);
}

base::Result<void> MoonshineModel::transcribe_piece(std::span<const float> piece,
                                                    Call& call) const {
  if (call.stopped()) return std::unexpected(cancelled());
  std::vector<float> padded(piece.size() + 2 * kPadFrames);
  std::ranges::copy(piece, padded.begin() + kPadFrames);

  const auto before = call.clock.now();
  auto hidden = encode(padded, call);
  const auto between = call.clock.now();
  call.result.encoder_us += base::to_us(between - before);
  if (!hidden) return std::unexpected(hidden.error());
  if (call.stopped()) return std::unexpected(cancelled());

  auto done = decode(std::move(*hidden), padded.size(), call);
  call.result.decode_us += base::to_us(call.clock.now() - between);
  return done;
}

base::Result<Tensor> MoonshineModel::encode(std::span<float> padded, Call& call) const {
  const std::array<std::int64_t, 2> shape{1, static_cast<std::int64_t>(padded.size())};
  std::vector<std::int64_t> mask(padded.size(), 1);
  std::array<Tensor, 2> in{Tensor::view(padded, shape), Tensor::view(std::span(mask), shape)};
  std::array<Tensor, 1> out;
  if (auto done = encoder_->run(in, out, call.run()); !done) return std::unexpected(done.error());
  return std::move(out[0]);
}

base::Result<void> MoonshineModel::decode(Tensor hidden, std::size_t frames, Call& call) const {
  // The mask is as long as the audio, not as the encoder's output: the decoder shortens it itself.
  std::vector<std::int64_t> mask(frames, 1);
  std::array<std::int64_t, 1> id{kBegin};
  std::array<bool, 1> use_cache{false};
  std::vector<Tensor> in(decoder_->inputs().size());
  std::vector<Tensor> out(decoder_->outputs().size());
  in[hidden_] = std::move(hidden);
  in[mask_] = Tensor::view(std::span(mask),
                           std::array<std::int64_t, 2>{1, static_cast<std::int64_t>(frames)});
  in[ids_] = Tensor::view(std::span<std::int64_t>(id), std::array<std::int64_t, 2>{1, 1});
  in[use_cache_] = Tensor::view(std::span<bool>(use_cache), std::array<std::int64_t, 1>{1});
  for (const Cache& cache : caches_) {
    const auto declared = decoder_->input_shape(cache.in);
    in[cache.in] = Tensor::view(std::span<float>{},
                                std::array<std::int64_t, 4>{1, declared[1], 0, declared[3]});
  }

  const double seconds = static_cast<double>(frames) / kRateHz;
  auto limit = static_cast<std::uint32_t>(seconds * kStepsPerSecond) + kSpareSteps;
  if (call.options.max_steps > 0) limit = std::min(limit, call.options.max_steps);
  for (std::uint32_t step = 0; step < limit; ++step) {
    if (auto done = decoder_->run(in, out, call.run()); !done) return done;
    ++call.result.steps;
    if (call.control != nullptr) call.control->steps_.fetch_add(1);
    if (call.options.stepped) call.options.stepped();

    const auto logits = out[logits_].floats();
    const auto columns = static_cast<std::size_t>(out[logits_].shape().back());
    const std::int32_t token = largest(logits.last(columns));
    if (token == kEnd) return {};
    call.result.tokens.push_back(token);
    if (call.stopped()) {
      if (call.control != nullptr) call.control->after_stop_.fetch_add(1);
      return std::unexpected(cancelled());
    }

    for (const Cache& cache : caches_)
      if (!cache.of_encoder || !use_cache[0]) in[cache.in] = std::move(out[cache.out]);
    for (Tensor& tensor : out) tensor = Tensor();
    id[0] = token;
    use_cache[0] = true;
  }
  call.result.truncated = true;
  return {};
}

}  // namespace millrace::nodes
