#pragma once

#include <cstdint>
#include <ctime>

#include "millrace/base/time.hpp"

#if defined(__linux__)
#include <fcntl.h>
#include <unistd.h>
#endif

namespace millrace::rt {

namespace platform {

inline base::Duration read_clock(clockid_t id) noexcept {
  timespec t{};
  if (clock_gettime(id, &t) != 0) return base::Duration{0};
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

}  // namespace platform

/// CPU time the calling thread has used.
[[nodiscard]] inline base::Duration thread_cpu_time() noexcept {
  return platform::read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/// CPU time every thread of the process has used, living and gone.
[[nodiscard]] inline base::Duration process_cpu_time() noexcept {
  return platform::read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

/// Memory of the process that is in RAM now; 0 where the system does not say.
///   threads  control; a few system calls, no allocation
///   source   proc(5), /proc/self/statm: the second number is resident pages
[[nodiscard]] inline std::uint64_t process_rss_bytes() noexcept {
#if defined(__linux__)
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[128];
  const ssize_t got = read(file, text, sizeof text);
  close(file);
  ssize_t i = 0;
  while (i < got && text[i] != ' ') ++i;
  std::uint64_t pages = 0;
  for (++i; i < got && text[i] >= '0' && text[i] <= '9'; ++i)
    pages = pages * 10 + static_cast<std::uint64_t>(text[i] - '0');
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
#else
  return 0;
#endif
}

}  // namespace millrace::rt
