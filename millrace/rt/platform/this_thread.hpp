#pragma once

#include <string>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace millrace::rt::platform {

/// Linux keeps 15 bytes of a thread's name and refuses longer ones.
inline constexpr std::size_t kThreadNameBytes = 15;

inline void name_this_thread(const std::string& name) noexcept {
#if defined(__linux__)
  char shown[kThreadNameBytes + 1]{};
  name.copy(shown, kThreadNameBytes);
  pthread_setname_np(pthread_self(), shown);
#else
  static_cast<void>(name);
#endif
}

[[nodiscard]] inline std::string this_thread_name() {
#if defined(__linux__)
  char name[kThreadNameBytes + 1]{};
  if (pthread_getname_np(pthread_self(), name, sizeof name) == 0) return name;
#endif
  return {};
}

/// True when the calling thread now preempts every ordinary thread.
inline bool become_realtime() noexcept {
#if defined(__linux__)
  // Low among the real-time priorities: above all ordinary work, below what drives the hardware.
  sched_param wanted{};
  wanted.sched_priority = sched_get_priority_min(SCHED_FIFO) + 9;
  return pthread_setschedparam(pthread_self(), SCHED_FIFO, &wanted) == 0;
#else
  return false;
#endif
}

/// True when the calling thread now gets a larger share than ordinary threads.
inline bool become_favoured() noexcept {
#if defined(__linux__)
  // On Linux a nice value belongs to the thread, in spite of setpriority()'s name for it.
  const auto id = static_cast<id_t>(syscall(SYS_gettid));
  return setpriority(PRIO_PROCESS, id, -10) == 0;
#else
  return false;
#endif
}

}  // namespace millrace::rt::platform
