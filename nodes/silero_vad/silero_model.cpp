#include "nodes/silero_vad/silero_model.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::nodes {

using inference::Tensor;

base::Result<SileroModel> SileroModel::create(const inference::ModelStore& store) {
  const auto path = store.find("silero_vad");
  if (!path) return std::unexpected(path.error());
  auto model = inference::OnnxModel::load(*path);
  if (!model) return std::unexpected(model.error());
  const auto fits =
      (*model)->expect_names(std::array{"input", "state", "sr"}, std::array{"output", "stateN"});
  if (!fits) return std::unexpected(fits.error());

  SileroModel made;
  made.model_ = std::move(*model);
  made.input_.resize(kMaxBatch * kInput);
  made.state_in_.resize(2 * kMaxBatch * kState);
  made.state_out_.resize(2 * kMaxBatch * kState);
  made.probability_.resize(kMaxBatch);
  made.rate_.assign(1, kRateHz);
  made.batches_.resize(kMaxBatch);
  for (std::size_t n = 1; n <= kMaxBatch; ++n) {
    Batch& batch = made.batches_[n - 1];
    const auto streams = static_cast<std::int64_t>(n);
    const std::array<std::int64_t, 2> input{streams, kInput};
    const std::array<std::int64_t, 3> state{2, streams, kState};
    const std::array<std::int64_t, 2> output{streams, 1};
    batch.in[0] = Tensor::view(std::span(made.input_).first(n * kInput), input);
    batch.in[1] = Tensor::view(std::span(made.state_in_).first(2 * n * kState), state);
    batch.in[2] = Tensor::view(std::span(made.rate_), {});
    batch.out[0] = Tensor::view(std::span(made.probability_).first(n), output);
    batch.out[1] = Tensor::view(std::span(made.state_out_).first(2 * n * kState), state);
  }
  // The first runs make ONNX Runtime's own memory; here they are on nobody's audio path.
  for (const std::size_t n : {std::size_t{1}, kMaxBatch}) {
    const auto warm = made.model_->run(made.batches_[n - 1].in, made.batches_[n - 1].out);
    if (!warm) return std::unexpected(warm.error());
  }
  return made;
}

base::Result<void> SileroModel::run(std::span<SileroWindow> windows) noexcept {
  while (!windows.empty()) {
    const std::size_t n = std::min(windows.size(), kMaxBatch);
    if (auto done = run_batch(windows.first(n)); !done) return done;
    windows = windows.subspan(n);
  }
  return {};
}

base::Result<void> SileroModel::run_batch(std::span<SileroWindow> windows) noexcept {
  const std::size_t n = windows.size();
  // The model wants the hidden states of all streams, then the cell states of all.
  for (std::size_t i = 0; i < n; ++i) {
    const SileroState& state = *windows[i].state;
    float* row = &input_[i * kInput];
    std::copy_n(state.context.data(), kContext, row);
    std::copy_n(windows[i].samples, kWindowFrames, row + kContext);
    std::copy_n(state.lstm.data(), kState, &state_in_[i * kState]);
    std::copy_n(state.lstm.data() + kState, kState, &state_in_[(n + i) * kState]);
  }

  Batch& batch = batches_[n - 1];
  if (auto done = model_->run(batch.in, batch.out); !done) return done;
  ++calls_;

  for (std::size_t i = 0; i < n; ++i) {
    SileroState& state = *windows[i].state;
    std::copy_n(windows[i].samples + kWindowFrames - kContext, kContext, state.context.data());
    std::copy_n(&state_out_[i * kState], kState, state.lstm.data());
    std::copy_n(&state_out_[(n + i) * kState], kState, state.lstm.data() + kState);
    windows[i].probability = probability_[i];
    const auto finite = [](float x) { return std::isfinite(x); };
    if (!finite(probability_[i]) || !std::ranges::all_of(state.lstm, finite) ||
        !std::ranges::all_of(state.context, finite)) {
      state.reset();
      windows[i].probability = 0.0F;
      ++resets_;
    }
  }
  return {};
}

}  // namespace millrace::nodes
