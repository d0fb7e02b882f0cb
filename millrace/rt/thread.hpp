#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "millrace/base/result.hpp"
#include "millrace/rt/platform/process.hpp"

namespace millrace::rt {

/// A named thread that is joined when its handle goes. It has no way to stop its body: the owner
/// tells the body to end (StopSource, doorbell) before the handle is destroyed.
///   threads  control; the handle is one thread's
///   errors   unavailable when the system gives no thread
class Thread {
 public:
  using Body = std::move_only_function<void()>;

  Thread() = default;
  Thread(Thread&&) = default;
  Thread& operator=(Thread&& other) noexcept;
  ~Thread() { join(); }

  /// Starts `body` on a thread called `name`, of which systems show the first 15 bytes.
  [[nodiscard]] static base::Result<Thread> start(std::string name, Body body);

  /// Waits for the body to end; nothing when there is none.
  void join();
  [[nodiscard]] bool joinable() const noexcept { return thread_.joinable(); }

 private:
  std::thread thread_;
};

enum class Priority : std::uint8_t {
  normal,    ///< as every thread
  favoured,  ///< a larger share than ordinary threads
  realtime,  ///< runs before every ordinary thread
};

/// snake_case name of `priority`.
[[nodiscard]] std::string_view name(Priority priority) noexcept;

/// Asks for a priority for the calling thread and says what was granted: `wanted`, or the next
/// lower one that the system allows. Never an error: the user may have no right to it.
[[nodiscard]] Priority request_priority(Priority wanted) noexcept;

/// Name of the calling thread; empty where the system does not say.
[[nodiscard]] std::string this_thread_name();

}  // namespace millrace::rt
