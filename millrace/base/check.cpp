#include "millrace/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace millrace::base {

void check_failed(const char* condition, const char* belief, const char* file, int line) noexcept {
  std::fprintf(stderr, "millrace: invariant broken at %s:%d: %s (%s)\n", file, line, belief,
               condition);
  std::abort();
}

}  // namespace millrace::base
