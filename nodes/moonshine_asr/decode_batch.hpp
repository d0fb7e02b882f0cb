#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/inference/onnx_session.hpp"

namespace millrace::nodes {

/// Which input and output of Moonshine's merged decoder is which.
///   errors  find: bad_peer_data when the network has others
struct DecoderSlots {
  /// Where the decoder finds what it said a step ago.
  struct Cache {
    std::size_t in = 0;
    std::size_t out = 0;
    bool of_encoder = false;  ///< written once, by the first step
  };

  [[nodiscard]] static base::Result<DecoderSlots> find(const inference::OnnxModel& decoder);

  std::size_t ids = 0, hidden = 0, mask = 0, use_cache = 0, logits = 0;
  std::vector<Cache> caches;
};

/// How many of the pieces, whose lengths stand in ascending order, are decoded together: the size
/// of each group, which takes the next ones. A row costs what the longest of its group costs, and a
/// short one waits until all of its group are encoded, so a group ends before a piece that is over
/// four times as long as its first, that would add more padding than leaving the decoder's fixed
/// cost to be paid twice, or with which the caches would outgrow their bound.
///   units  16 kHz frames, padded as they are encoded
[[nodiscard]] std::vector<std::size_t> group_sizes(std::span<const std::size_t> ascending);

/// Pieces of speech whose decoders go together, one token each for a step; a piece that is done
/// leaves, and costs nothing from then on. Padding changes nothing, to the bit. Other rows do: the
/// network is quantised, and finds the range of its 8 bits over all rows of a step, so a row among
/// others is rounded otherwise than alone, and a row that is not finite spoils all.
///   shape    one row for each encoder output [1, T, 288]; they are padded to the longest
///   threads  one at a time
///   errors   step: as OnnxModel::run, for all rows at once
class DecodeBatch {
 public:
  static constexpr std::int32_t kEnd = 2;  ///< the token behind the last one
  static constexpr std::size_t kMaxRows = 32;

  /// `decoder` and `slots` must outlive it; `hidden` is needed for this call only.
  DecodeBatch(const inference::OnnxModel& decoder, const DecoderSlots& slots,
              std::span<const inference::Tensor> hidden);
  DecodeBatch(const DecodeBatch&) = delete;
  DecodeBatch& operator=(const DecodeBatch&) = delete;

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  /// The next token of each row.
  [[nodiscard]] base::Result<void> step(inference::RunControl* control);
  /// What the last step said in `row`.
  [[nodiscard]] std::int32_t token(std::size_t row) const {
    return static_cast<std::int32_t>(ids_[row]);
  }
  /// Takes `row` out, and the last row gets its number. Between steps.
  void drop(std::size_t row);

 private:
  void set_inputs();

  const inference::OnnxModel& decoder_;
  const DecoderSlots& slots_;
  std::size_t rows_;
  std::size_t columns_ = 0;          ///< of the encoder, in the longest row
  std::size_t width_ = 0;            ///< of a column
  std::vector<float> hidden_;        ///< [rows at first, columns_, width_]
  std::vector<std::int64_t> mask_;   ///< [rows at first, columns_ * kStride]
  std::vector<std::int64_t> ids_;    ///< [rows at first]
  std::array<bool, 1> use_cache_{};  ///< false for the first step
  std::vector<inference::Tensor> in_, out_;
  std::vector<inference::Tensor> held_;  ///< caches as they came; views of their first rows go in
};

}  // namespace millrace::nodes
