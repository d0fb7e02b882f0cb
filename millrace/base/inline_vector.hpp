#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "millrace/base/check.hpp"

namespace millrace::base {

/// A vector of trivially copyable `T` that never allocates: at most `N` elements, stored in place.
///   threads  none of its own: as the object it stands in
template <class T, std::size_t N>
class InlineVector {
 public:
  /// False when full; nothing is stored then.
  bool push_back(const T& value) noexcept {
    if (size_ == N) return false;
    items_[size_++] = value;
    return true;
  }
  /// Removes element `i`, keeping the order of the rest.
  void erase(std::size_t i) noexcept {
    MR_CHECK(i < size_, "only an element that is there is erased");
    for (std::size_t k = i + 1; k < size_; ++k) items_[k - 1] = items_[k];
    --size_;
  }
  void clear() noexcept { size_ = 0; }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] bool full() const noexcept { return size_ == N; }
  [[nodiscard]] static constexpr std::size_t capacity() noexcept { return N; }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return items_[i]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return items_[i]; }
  [[nodiscard]] T& back() noexcept { return items_[size_ - 1]; }
  [[nodiscard]] const T& back() const noexcept { return items_[size_ - 1]; }
  [[nodiscard]] T* begin() noexcept { return items_.data(); }
  [[nodiscard]] T* end() noexcept { return items_.data() + size_; }
  [[nodiscard]] const T* begin() const noexcept { return items_.data(); }
  [[nodiscard]] const T* end() const noexcept { return items_.data() + size_; }

  friend bool operator==(const InlineVector& a, const InlineVector& b) noexcept {
    if (a.size_ != b.size_) return false;
    for (std::size_t i = 0; i < a.size_; ++i)
      if (!(a.items_[i] == b.items_[i])) return false;
    return true;
  }

 private:
  std::array<T, N> items_{};
  std::uint32_t size_ = 0;
};

}  // namespace millrace::base
