#include "apps/millrace/bench/null_control.hpp"

#include <chrono>

#include "millrace/rt/doorbell.hpp"
#include "millrace/rt/thread.hpp"

namespace millrace::app {

namespace {
constexpr base::Duration kEvery = std::chrono::milliseconds(1);
}  // namespace

base::Result<void> run_null_control(base::Duration span, metrics::Histogram& late) {
  auto thread = rt::Thread::start("null-control", [&] {
    (void)rt::request_priority(rt::Priority::favoured);
    rt::Doorbell bell;
    const auto begin = std::chrono::steady_clock::now();
    for (auto due = begin + kEvery; due - begin <= span; due += kEvery) {
      while (std::chrono::steady_clock::now() < due) bell.wait_until(due);
      const base::Duration by = std::chrono::steady_clock::now() - due;
      late.record(static_cast<std::uint64_t>(by.count()));
    }
  });
  if (!thread) return std::unexpected(std::move(thread.error()));
  thread->join();
  return {};
}

}  // namespace millrace::app
