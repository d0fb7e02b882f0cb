#include "nodes/smart_turn/smart_turn_model.hpp"

#include <algorithm>
#include <cmath>

namespace millrace::nodes {

using inference::Tensor;

base::Result<SmartTurnModel> SmartTurnModel::create(const inference::ModelStore& store) {
  const auto path = store.find("smart_turn");
  if (!path) return std::unexpected(path.error());
  auto model = inference::OnnxModel::load(*path);
  if (!model) return std::unexpected(model.error());
  if (auto fits = (*model)->expect_names(std::array{"input_features"}, std::array{"logits"}); !fits)
    return std::unexpected(fits.error());
  SmartTurnModel made;
  made.model_ = std::move(*model);
  return made;
}

base::Result<float> SmartTurnModel::probability(std::span<const float> mono16k,
                                                inference::RunControl* control) {
  constexpr std::array<std::int64_t, 3> kShape{1, MelFeatures::kMels, MelFeatures::kColumns};
  std::array<Tensor, 1> in{Tensor::view(features_.compute(mono16k), kShape)};
  std::array<Tensor, 1> out;
  if (auto done = model_->run(in, out, control); !done) return std::unexpected(done.error());
  // The output is called logits, but the sigmoid is part of the model.
  const auto result = out[0].floats();
  if (result.empty() || !std::isfinite(result[0]))
    return base::fail(base::Code::internal, "Smart Turn gave no finite probability");
  return std::clamp(result[0], 0.0F, 1.0F);
}

}  // namespace millrace::nodes
