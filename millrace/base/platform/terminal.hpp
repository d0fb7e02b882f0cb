#pragma once

#if defined(__unix__)
#include <unistd.h>
#endif

namespace millrace::base::platform {

/// Whether stderr is a terminal that a person looks at; false where the system cannot say.
[[nodiscard]] inline bool error_is_terminal() noexcept {
#if defined(__unix__)
  return ::isatty(STDERR_FILENO) == 1;
#else
  return false;
#endif
}

}  // namespace millrace::base::platform
