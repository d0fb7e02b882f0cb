#pragma once

#include <cstddef>

/// Limits on files of text, beside those of limits.hpp; each has a test at the limit and one over
/// it.
namespace millrace::base::limits {

inline constexpr std::size_t kTextLineBytes = 32 << 10;
inline constexpr std::size_t kTextFileBytes = 4 << 20;

}  // namespace millrace::base::limits
