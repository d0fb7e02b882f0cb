#include "millrace/inference/onnx_session.hpp"

#include <onnxruntime_cxx_api.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <numeric>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/rt/guard.hpp"
#include "millrace/rt/mutex.hpp"

namespace millrace::inference {
namespace {

constexpr std::size_t kMaxTensors = 64;

// shared: every model holds the environment, so that it outlives the last of them at exit
std::shared_ptr<Ort::Env> environment() {
  static const auto env = std::make_shared<Ort::Env>(ORT_LOGGING_LEVEL_FATAL, "millrace");
  return env;
}

template <class T>
OrtValue* make_view(std::span<T> data, std::span<const std::int64_t> shape) {
  const auto count =
      std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  MR_CHECK(static_cast<std::int64_t>(data.size()) == count,
           "a tensor's shape says how many elements it has");
  // ONNX Runtime refuses a null pointer even for no elements.
  static T nothing{};
  static const auto memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  return Ort::Value::CreateTensor<T>(memory, data.empty() ? &nothing : data.data(), data.size(),
                                     shape.data(), shape.size())
      .release();
}

}  // namespace

Tensor& Tensor::operator=(Tensor&& other) noexcept {
  // Frees what was here at once: a swapped-out value in `other` would be written in place.
  const Tensor old(std::exchange(value_, std::exchange(other.value_, nullptr)));
  return *this;
}

Tensor::~Tensor() {
  if (value_ != nullptr) Ort::GetApi().ReleaseValue(value_);
}

Tensor Tensor::view(std::span<float> data, std::span<const std::int64_t> shape) {
  return Tensor(make_view(data, shape));
}

Tensor Tensor::view(std::span<std::int64_t> data, std::span<const std::int64_t> shape) {
  return Tensor(make_view(data, shape));
}

Tensor Tensor::view(std::span<bool> data, std::span<const std::int64_t> shape) {
  return Tensor(make_view(data, shape));
}

std::span<float> Tensor::floats() const {
  if (value_ == nullptr) return {};
  const Ort::UnownedValue value{value_};
  const auto info = value.GetTensorTypeAndShapeInfo();
  if (info.GetElementType() != ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) return {};
  void* data = nullptr;
  Ort::ThrowOnError(Ort::GetApi().GetTensorMutableData(value_, &data));
  return {static_cast<float*>(data), info.GetElementCount()};
}

std::vector<std::int64_t> Tensor::shape() const {
  if (value_ == nullptr) return {};
  return Ort::UnownedValue{value_}.GetTensorTypeAndShapeInfo().GetShape();
}

struct RunControl::Impl {
  Ort::RunOptions options;
  std::atomic<bool> stopped{false};  // written by stop() and reset(), read by anybody
};

RunControl::RunControl() : impl_(std::make_unique<Impl>()) {}
RunControl::~RunControl() = default;

void RunControl::stop() noexcept {
  impl_->stopped.store(true, std::memory_order_release);
  impl_->options.SetTerminate();
}

bool RunControl::stopped() const noexcept {
  return impl_->stopped.load(std::memory_order_acquire);
}

void RunControl::reset() noexcept {
  impl_->options.UnsetTerminate();
  impl_->stopped.store(false, std::memory_order_release);
}

struct OnnxModel::Impl {
  // shared: see environment()
  std::shared_ptr<Ort::Env> env;
  // ONNX Runtime's Run takes a non-const session, and is safe on many threads at once.
  mutable Ort::Session session;
  std::string path;
  std::vector<std::string> inputs, outputs;
  std::vector<const char*> input_names, output_names;
  std::vector<std::vector<std::int64_t>> input_shapes;
};

OnnxModel::OnnxModel(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
OnnxModel::~OnnxModel() = default;

namespace {

Ort::SessionOptions session_options(Shapes shapes) {
  Ort::SessionOptions options;
  options.SetIntraOpNumThreads(1);
  options.SetInterOpNumThreads(1);
  options.SetExecutionMode(ORT_SEQUENTIAL);
  options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
  options.AddConfigEntry("session.intra_op.allow_spinning", "0");
  options.AddConfigEntry("session.inter_op.allow_spinning", "0");
  if (shapes == Shapes::many) options.DisableMemPattern();
  return options;
}

}  // namespace

base::Result<std::shared_ptr<const OnnxModel>> OnnxModel::load(const std::filesystem::path& path,
                                                               Shapes shapes) {
  // Process-wide: one copy of the weights for every plan. The lock is held while a model loads, so
  // that two who ask at once do not both load it.
  static rt::Mutex mutex;
  static std::map<std::pair<std::string, Shapes>, std::weak_ptr<const OnnxModel>> loaded;

  std::error_code error;
  const auto canonical = std::filesystem::canonical(path, error);
  if (error)
    return base::fail(base::Code::unavailable, "the model file is not there", path.string());
  const rt::MutexLock lock(mutex);
  auto& slot = loaded[{canonical.string(), shapes}];
  if (auto model = slot.lock()) return model;
  try {
    auto env = environment();
    Ort::Session session(*env, canonical.c_str(), session_options(shapes));
    auto impl = std::make_unique<Impl>(std::move(env), std::move(session), canonical.string());
    impl->inputs = impl->session.GetInputNames();
    impl->outputs = impl->session.GetOutputNames();
    for (const auto& name : impl->inputs) impl->input_names.push_back(name.c_str());
    for (const auto& name : impl->outputs) impl->output_names.push_back(name.c_str());
    for (std::size_t i = 0; i < impl->inputs.size(); ++i) {
      impl->input_shapes.push_back(
          impl->session.GetInputTypeInfo(i).GetTensorTypeAndShapeInfo().GetShape());
    }
    if (impl->inputs.size() > kMaxTensors || impl->outputs.size() > kMaxTensors)
      return base::fail(base::Code::bad_peer_data, "the model has more than 64 inputs or outputs",
                        path.string());
    auto model = std::make_shared<const OnnxModel>(std::move(impl));
    slot = model;
    return model;
  } catch (const Ort::Exception& e) {
    return base::fail(base::Code::bad_peer_data,
                      std::string("ONNX Runtime does not load it: ") + e.what(), path.string());
  }
}

std::span<const std::string> OnnxModel::inputs() const noexcept {
  return impl_->inputs;
}
std::span<const std::string> OnnxModel::outputs() const noexcept {
  return impl_->outputs;
}

std::span<const std::int64_t> OnnxModel::input_shape(std::size_t i) const {
  MR_CHECK(i < impl_->input_shapes.size(), "only inputs that exist are asked for");
  return impl_->input_shapes[i];
}

base::Result<void> OnnxModel::expect_names(std::span<const char* const> inputs,
                                           std::span<const char* const> outputs) const {
  if (std::ranges::equal(impl_->inputs, inputs) && std::ranges::equal(impl_->outputs, outputs))
    return {};
  std::string found;
  for (const auto& name : impl_->inputs) found += name + " ";
  found += "->";
  for (const auto& name : impl_->outputs) found += " " + name;
  std::string expected;
  for (const char* name : inputs) expected += std::string(name) + " ";
  expected += "->";
  for (const char* name : outputs) expected += std::string(" ") + name;
  return base::fail(base::Code::bad_peer_data, "the model is " + found + ", expected " + expected,
                    impl_->path);
}

base::Result<void> OnnxModel::run(std::span<const Tensor> in, std::span<Tensor> out,
                                  RunControl* control) const {
  MR_CHECK(in.size() == impl_->inputs.size() && out.size() == impl_->outputs.size(),
           "a run has one tensor for each input and output of its model");
  std::array<const OrtValue*, kMaxTensors> given;
  std::array<OrtValue*, kMaxTensors> made;
  for (std::size_t i = 0; i < in.size(); ++i) given[i] = in[i].value_;
  for (std::size_t i = 0; i < out.size(); ++i) made[i] = out[i].value_;
  const OrtRunOptions* options = nullptr;
  if (control != nullptr) options = control->impl_->options;
  OrtStatus* status = nullptr;
  {
    const rt::RtExempt foreign;
    status = Ort::GetApi().Run(impl_->session, options, impl_->input_names.data(), given.data(),
                               in.size(), impl_->output_names.data(), out.size(), made.data());
  }
  if (status != nullptr) {
    const Ort::Status failed(status);
    if (control != nullptr && control->stopped())
      return base::fail(base::Code::cancelled, "the run was stopped", impl_->path);
    return base::fail(base::Code::internal, "ONNX Runtime: " + failed.GetErrorMessage(),
                      impl_->path);
  }
  for (std::size_t i = 0; i < out.size(); ++i)
    if (out[i].empty()) out[i] = Tensor(made[i]);
  return {};
}

}  // namespace millrace::inference
