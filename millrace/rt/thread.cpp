#include "millrace/rt/thread.hpp"

#include <system_error>
#include <utility>

#include "millrace/rt/platform/this_thread.hpp"

namespace millrace::rt {

Thread& Thread::operator=(Thread&& other) noexcept {
  join();
  thread_ = std::move(other.thread_);
  return *this;
}

base::Result<Thread> Thread::start(std::string name, Body body) {
  Thread started;
  try {
    started.thread_ = std::thread([name, body = std::move(body)]() mutable {
      platform::name_this_thread(name);
      body();
    });
  } catch (const std::system_error& refused) {
    return base::fail(base::Code::unavailable,
                      std::string("the system gives no thread: ") + refused.what(), name);
  }
  return started;
}

void Thread::join() {
  if (thread_.joinable()) thread_.join();
}

std::string_view name(Priority priority) noexcept {
  switch (priority) {
    case Priority::normal: return "normal";
    case Priority::favoured: return "favoured";
    case Priority::realtime: return "realtime";
  }
  return "normal";
}

Priority request_priority(Priority wanted) noexcept {
  if (wanted == Priority::realtime && platform::become_realtime()) return Priority::realtime;
  if (wanted != Priority::normal && platform::become_favoured()) return Priority::favoured;
  return Priority::normal;
}

std::string this_thread_name() {
  return platform::this_thread_name();
}

}  // namespace millrace::rt
