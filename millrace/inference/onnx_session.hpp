#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "millrace/base/result.hpp"

struct OrtValue;
struct OrtRunOptions;

namespace millrace::inference {

/// One input or output of a run: a view on the caller's memory, or memory of ONNX Runtime.
///   threads  one thread at a time
class Tensor {
 public:
  Tensor() noexcept = default;
  Tensor(Tensor&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Tensor& operator=(Tensor&& other) noexcept;
  ~Tensor();

  /// Views on `data`, which must outlive the tensor; its size must be the product of `shape`.
  [[nodiscard]] static Tensor view(std::span<float> data, std::span<const std::int64_t> shape);
  [[nodiscard]] static Tensor view(std::span<std::int64_t> data,
                                   std::span<const std::int64_t> shape);
  [[nodiscard]] static Tensor view(std::span<bool> data, std::span<const std::int64_t> shape);

  /// True when there is nothing in it yet; as an output, ONNX Runtime then makes its memory.
  [[nodiscard]] bool empty() const noexcept { return value_ == nullptr; }
  /// The elements of a float tensor; empty for any other.
  [[nodiscard]] std::span<float> floats() const;
  [[nodiscard]] std::vector<std::int64_t> shape() const;

 private:
  friend class OnnxModel;
  explicit Tensor(OrtValue* value) noexcept : value_(value) {}

  OrtValue* value_ = nullptr;
};

/// Lets another thread end a run before it is done.
///   threads  stop() and stopped() from any; one run at a time uses it
class RunControl {
 public:
  RunControl();
  ~RunControl();
  RunControl(const RunControl&) = delete;
  RunControl& operator=(const RunControl&) = delete;

  /// The run in flight, and every later one with this control, ends soon with `cancelled`.
  void stop() noexcept;
  [[nodiscard]] bool stopped() const noexcept;
  /// Ready for a new run. Not while one is in flight.
  void reset() noexcept;

 private:
  friend class OnnxModel;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What a run's shapes do; decides whether ONNX Runtime remembers a memory plan for each.
enum class Shapes : unsigned char {
  few,   ///< a handful, seen again and again
  many,  ///< different in nearly every run: a plan for each would only grow
};

/// A loaded model: immutable, shared by every session of the process, one thread per run and no
/// spinning (concurrency comes from running it on several threads at once).
///   threads  run() from any number at once
///   errors   load: unavailable (no such file), bad_peer_data (not a model); run: cancelled by its
///            control, internal for everything else that ONNX Runtime refuses
class OnnxModel {
 public:
  /// The model at `path`; the same object for everybody while anybody holds it.
  // shared: immutable weights, held by every node instance that runs them
  [[nodiscard]] static base::Result<std::shared_ptr<const OnnxModel>> load(
      const std::filesystem::path& path, Shapes shapes = Shapes::few);
  struct Impl;
  /// For load(): nobody else can make an Impl.
  explicit OnnxModel(std::unique_ptr<Impl> impl) noexcept;
  ~OnnxModel();
  OnnxModel(const OnnxModel&) = delete;
  OnnxModel& operator=(const OnnxModel&) = delete;

  [[nodiscard]] std::span<const std::string> inputs() const noexcept;
  [[nodiscard]] std::span<const std::string> outputs() const noexcept;
  /// Declared shape of input `i`; -1 where a dimension is free.
  [[nodiscard]] std::span<const std::int64_t> input_shape(std::size_t i) const;
  /// bad_peer_data unless inputs and outputs have exactly these names in this order.
  [[nodiscard]] base::Result<void> expect_names(std::span<const char* const> inputs,
                                                std::span<const char* const> outputs) const;

  /// One run. `in` and `out` stand in the order of inputs() and outputs(); an output that is not
  /// empty is written in place, an empty one gets memory of ONNX Runtime.
  /// Allocates inside ONNX Runtime (an RtExempt), and nothing of our own.
  [[nodiscard]] base::Result<void> run(std::span<const Tensor> in, std::span<Tensor> out,
                                       RunControl* control = nullptr) const;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace millrace::inference
