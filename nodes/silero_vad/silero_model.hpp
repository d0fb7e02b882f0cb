#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/inference/model_store.hpp"
#include "millrace/inference/onnx_session.hpp"

namespace millrace::nodes {

/// What Silero VAD remembers of one stream from window to window.
struct SileroState {
  std::array<float, 64> context{};       ///< the end of the window before
  std::array<float, 2 * 128> lstm{};     ///< hidden and cell state
  void reset() noexcept { *this = {}; }  ///< as before the first window
};

/// One stream's next window: `samples` and `state` are borrowed for the call.
struct SileroWindow {
  const float* samples = nullptr;  ///< 512 new ones, 16 kHz mono in [-1, 1]
  SileroState* state = nullptr;    ///< moved on by the call; each stream once in a batch
  float probability = 0.0F;        ///< out: of speech in this window
};

/// Silero VAD over many streams in one call; a batch gives bit for bit what single windows give.
///   threads  rt, one thread at a time for each object; the weights are shared by all
///   errors   create: as ModelStore and OnnxModel; run: internal, with the states of the windows
///            from the failing batch on unchanged
///   source   Silero VAD 6.2.3, 16 kHz, opset 15 (docs/dependencies.md)
class SileroModel {
 public:
  static constexpr std::int32_t kRateHz = 16'000;
  static constexpr std::size_t kWindowFrames = 512;
  static constexpr std::size_t kMaxBatch = 64;

  [[nodiscard]] static base::Result<SileroModel> create(const inference::ModelStore& store);

  /// Fills in every probability, in ceil(windows / kMaxBatch) calls of the model. Allocates nothing
  /// of our own. A stream whose samples are not finite gets 0 and a state as new; the others in its
  /// batch are untouched by it.
  [[nodiscard]] base::Result<void> run(std::span<SileroWindow> windows) noexcept;

  /// How often the model was called since create().
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }
  /// How many streams were reset because their result was not finite.
  [[nodiscard]] std::uint64_t resets() const noexcept { return resets_; }

 private:
  static constexpr std::size_t kContext = 64;
  static constexpr std::size_t kInput = kContext + kWindowFrames;
  static constexpr std::size_t kState = 128;

  /// Tensors over the same memory for one size of batch.
  struct Batch {
    std::array<inference::Tensor, 3> in;
    std::array<inference::Tensor, 2> out;
  };

  SileroModel() = default;
  base::Result<void> run_batch(std::span<SileroWindow> windows) noexcept;

  // shared: immutable weights, one copy for the process
  std::shared_ptr<const inference::OnnxModel> model_;
  std::vector<float> input_, state_in_, state_out_, probability_;
  std::vector<std::int64_t> rate_;
  std::vector<Batch> batches_;  ///< batches_[n - 1] is for n windows
  std::uint64_t calls_ = 0;
  std::uint64_t resets_ = 0;
};

}  // namespace millrace::nodes
