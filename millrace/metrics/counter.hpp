#pragma once

#include <atomic>
#include <cstdint>

#include "millrace/base/annotations.hpp"
#include "millrace/metrics/switch.hpp"

namespace millrace::metrics {

/// A number that only grows.
///   threads  add(): one writer; value(): any
class Counter {
 public:
  void add(std::uint64_t by = 1) noexcept MR_NONBLOCKING {
    if constexpr (kEnabled)
      // A plain load and store: there is one writer.
      value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }

 private:
  /// Written by the one writer, read by any (relaxed: it stands for itself).
  std::atomic<std::uint64_t> value_{0};
};

/// A number that goes up and down, and the largest it has been.
///   threads  set(): one writer; value(), max(): any
class Gauge {
 public:
  void set(std::uint64_t value) noexcept MR_NONBLOCKING {
    if constexpr (kEnabled) {
      value_.store(value, std::memory_order_relaxed);
      if (value > max_.load(std::memory_order_relaxed))
        max_.store(value, std::memory_order_relaxed);
    }
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return value_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_.load(std::memory_order_relaxed); }

 private:
  /// Both written by the one writer, read by any.
  std::atomic<std::uint64_t> value_{0};
  std::atomic<std::uint64_t> max_{0};
};

}  // namespace millrace::metrics
