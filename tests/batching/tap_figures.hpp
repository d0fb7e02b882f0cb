#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "millrace/testing/virtual_world.hpp"

/// What tests of the batching wrapper ask of a session.
namespace millrace::testing {

inline base::Instant at(int ms) {
  return base::Instant{std::chrono::milliseconds(ms)};
}

/// Inputs of each call, in order.
inline std::vector<std::uint64_t> batches(const CheckedTap& tap) {
  std::vector<std::uint64_t> sizes;
  for (const engine::Event& event : tap.events)
    if (event.type == engine::EventType::batch) sizes.push_back(event.count);
  return sizes;
}

/// When each output left, in milliseconds.
inline std::vector<std::int64_t> left(const CheckedTap& tap) {
  std::vector<std::int64_t> times;
  for (const engine::Event& event : tap.events)
    if (event.type == engine::EventType::output)
      times.push_back(
          std::chrono::duration_cast<std::chrono::milliseconds>(event.wall.since_start).count());
  return times;
}

inline std::uint64_t drops(const CheckedTap& tap, base::DropReason reason) {
  std::uint64_t count = 0;
  for (const engine::Event& event : tap.events)
    if (event.type == engine::EventType::dropped && event.drop_reason == reason)
      count += event.count;
  return count;
}

}  // namespace millrace::testing
