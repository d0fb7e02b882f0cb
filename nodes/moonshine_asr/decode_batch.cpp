#include "nodes/moonshine_asr/decode_batch.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace millrace::nodes {
namespace {

using inference::OnnxModel;
using inference::Tensor;

constexpr std::int64_t kBegin = 1;
// The mask is as long as the audio: the decoder takes every 384th of it, one for each column of the
// encoder, whose three convolutions step by 64, 3 and 2.
constexpr std::size_t kStride = 384;

constexpr std::size_t kSecond = 16'000;
// What a step costs whatever its rows are, about 12 s in its rows cost too (10 to 17 s, measured as
// in the README): more padding than that costs more than the steps of another group.
constexpr std::size_t kMaxPaddingFrames = 12 * kSecond;
// Encoding a second costs 11 ms: a short piece would wait longer than its own encoder and decoder.
constexpr std::size_t kMaxRatio = 4;
// 570 kB of caches and 60 kB of states for a second: 75 MB, whatever comes.
constexpr std::size_t kMaxGroupFrames = 120 * kSecond;

/// Index of `name` in `names`, or their count.
std::size_t index_of(std::span<const std::string> names, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
}

std::int64_t signed_size(std::size_t n) {
  return static_cast<std::int64_t>(n);
}

/// A view on the first `rows` rows of `whole`, which must outlive it.
Tensor first_rows(const Tensor& whole, std::size_t rows) {
  auto shape = whole.shape();
  const auto all = whole.floats();
  const std::size_t stride = all.size() / static_cast<std::size_t>(shape[0]);
  shape[0] = signed_size(rows);
  return Tensor::view(all.first(rows * stride), shape);
}

/// Row `from` of `all`, where each has `stride` elements, over row `to`.
template <class T>
void copy_row(std::span<T> all, std::size_t stride, std::size_t from, std::size_t to) {
  std::ranges::copy(all.subspan(from * stride, stride), all.subspan(to * stride, stride).begin());
}

}  // namespace

base::Result<DecoderSlots> DecoderSlots::find(const OnnxModel& decoder) {
  const auto in = decoder.inputs();
  const auto out = decoder.outputs();
  DecoderSlots slots{.ids = index_of(in, "input_ids"),
                     .hidden = index_of(in, "encoder_hidden_states"),
                     .mask = index_of(in, "encoder_attention_mask"),
                     .use_cache = index_of(in, "use_cache_branch"),
                     .logits = index_of(out, "logits"),
                     .caches = {}};
  constexpr std::string_view kPast = "past_key_values";
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!in[i].starts_with(kPast)) continue;
    const Cache cache{i, index_of(out, "present" + in[i].substr(kPast.size())),
                      in[i].find(".encoder.") != std::string::npos};
    if (cache.out == out.size() || decoder.input_shape(i).size() != 4)
      return base::fail(base::Code::bad_peer_data, "the decoder gives nothing for " + in[i]);
    slots.caches.push_back(cache);
  }
  const bool named = std::max({slots.ids, slots.hidden, slots.mask, slots.use_cache}) < in.size() &&
                     slots.logits < out.size() && in.size() == slots.caches.size() + 4;
  if (!named)
    return base::fail(base::Code::bad_peer_data,
                      "the decoder has other inputs than Moonshine's merged decoder");
  return slots;
}

std::vector<std::size_t> group_sizes(std::span<const std::size_t> ascending) {
  std::vector<std::size_t> sizes;
  std::size_t shortest = 0;
  std::size_t frames = 0;  // of the group, without padding
  for (const std::size_t length : ascending) {
    const std::size_t members = sizes.empty() ? 0 : sizes.back();
    const bool joins =
        members > 0 && members < DecodeBatch::kMaxRows && length <= kMaxRatio * shortest &&
        members * length - frames <= kMaxPaddingFrames && (members + 1) * length <= kMaxGroupFrames;
    if (!joins) {
      sizes.push_back(0);
      shortest = length;
      frames = 0;
    }
    ++sizes.back();
    frames += length;
  }
  return sizes;
}

DecodeBatch::DecodeBatch(const OnnxModel& decoder, const DecoderSlots& slots,
                         std::span<const Tensor> hidden)
    : decoder_(decoder),
      slots_(slots),
      rows_(hidden.size()),
      ids_(hidden.size(), kBegin),
      in_(decoder.inputs().size()),
      out_(decoder.outputs().size()),
      held_(slots.caches.size()) {
  const auto columns = [](const Tensor& row) { return static_cast<std::size_t>(row.shape()[1]); };
  for (const Tensor& row : hidden) {
    columns_ = std::max(columns_, columns(row));
    width_ = static_cast<std::size_t>(row.shape()[2]);
  }
  hidden_.resize(rows_ * columns_ * width_);
  mask_.resize(rows_ * columns_ * kStride);
  for (std::size_t i = 0; i < rows_; ++i) {
    std::ranges::copy(hidden[i].floats(), hidden_.begin() + signed_size(i * columns_ * width_));
    std::fill_n(mask_.begin() + signed_size(i * columns_ * kStride), columns(hidden[i]) * kStride,
                1);
  }
}

void DecodeBatch::set_inputs() {
  const auto rows = signed_size(rows_);
  const auto columns = signed_size(columns_);
  in_[slots_.hidden] = Tensor::view(std::span(hidden_).first(rows_ * columns_ * width_),
                                    std::array{rows, columns, signed_size(width_)});
  in_[slots_.mask] = Tensor::view(std::span(mask_).first(rows_ * columns_ * kStride),
                                  std::array{rows, columns * signed_size(kStride)});
  in_[slots_.ids] = Tensor::view(std::span(ids_).first(rows_), std::array{rows, std::int64_t{1}});
  in_[slots_.use_cache] = Tensor::view(std::span<bool>(use_cache_), std::array{std::int64_t{1}});
  for (std::size_t i = 0; i < held_.size(); ++i) {
    const std::size_t to = slots_.caches[i].in;
    const auto declared = decoder_.input_shape(to);
    in_[to] = use_cache_[0]
                  ? first_rows(held_[i], rows_)
                  : Tensor::view(std::span<float>{},
                                 std::array{rows, declared[1], std::int64_t{0}, declared[3]});
  }
}

base::Result<void> DecodeBatch::step(inference::RunControl* control) {
  set_inputs();
  for (Tensor& tensor : out_) tensor = Tensor();
  if (auto done = decoder_.run(in_, out_, control); !done) return done;

  for (std::size_t i = 0; i < held_.size(); ++i) {
    const auto& cache = slots_.caches[i];
    if (!cache.of_encoder || !use_cache_[0]) held_[i] = std::move(out_[cache.out]);
  }
  use_cache_[0] = true;
  const auto logits = out_[slots_.logits].floats();
  const std::size_t words = logits.size() / rows_;
  for (std::size_t row = 0; row < rows_; ++row) {
    const auto scores = logits.subspan(row * words, words);
    ids_[row] = std::ranges::max_element(scores) - scores.begin();
  }
  return {};
}

/// Filling the hole with the last row copies one row, however many there are: less than the step
/// which that row would cost, so there is nothing to wait for.
void DecodeBatch::drop(std::size_t row) {
  const std::size_t last = --rows_;
  if (row == last) return;
  copy_row(std::span(hidden_), columns_ * width_, last, row);
  copy_row(std::span(mask_), columns_ * kStride, last, row);
  copy_row(std::span(ids_), 1, last, row);
  for (const Tensor& held : held_) {
    if (held.empty()) continue;
    const auto all = held.floats();
    copy_row(all, all.size() / static_cast<std::size_t>(held.shape()[0]), last, row);
  }
}

}  // namespace millrace::nodes
