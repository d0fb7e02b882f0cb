#pragma once

namespace millrace::base {

/// Prints the broken belief with its place and aborts. Never reachable from foreign input.
[[noreturn]] void check_failed(const char* condition, const char* belief, const char* file,
                               int line) noexcept;

}  // namespace millrace::base

/// Our own invariant. `belief` says what we believed, as a sentence.
#define MR_CHECK(condition, belief)                                           \
  do {                                                                        \
    if (!(condition)) [[unlikely]]                                            \
      ::millrace::base::check_failed(#condition, belief, __FILE__, __LINE__); \
  } while (false)
