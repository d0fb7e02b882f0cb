#pragma once

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/inference/model_store.hpp"
#include "millrace/inference/onnx_session.hpp"
#include "nodes/smart_turn/mel_features.hpp"

namespace millrace::nodes {

/// Smart Turn v3.2: has the speaker finished what they wanted to say? Heard from the audio alone.
///   threads  worker, one at a time for each object; the weights are shared by all
///   errors   create: as ModelStore and OnnxModel; probability: internal
///   source   docs/dependencies.md (smart-turn v3.2, the CPU model of pipecat-ai)
class SmartTurnModel {
 public:
  static constexpr int kRateHz = MelFeatures::kRateHz;
  static constexpr std::size_t kFrames = MelFeatures::kFrames;

  [[nodiscard]] static base::Result<SmartTurnModel> create(const inference::ModelStore& store);

  /// That the turn is complete at the end of `mono16k`, of which the last 8 s count: above 0.5 it
  /// is. Takes about 50 ms of one core. `control` lets another thread end it (cancelled).
  [[nodiscard]] base::Result<float> probability(std::span<const float> mono16k,
                                                inference::RunControl* control = nullptr);

 private:
  SmartTurnModel() = default;

  // shared: immutable weights, one copy for the process
  std::shared_ptr<const inference::OnnxModel> model_;
  MelFeatures features_;
};

}  // namespace millrace::nodes
