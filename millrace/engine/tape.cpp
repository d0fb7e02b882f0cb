#include "millrace/engine/tape.hpp"

#include <utility>

namespace millrace::engine {

void ShardTape::note(const TapeEntry& entry) noexcept {
  if (!complete_.load(std::memory_order_relaxed)) return;
  TapeEntry copy = entry;
  if (!entries_.try_push(std::move(copy))) complete_.store(false, std::memory_order_release);
}

void ShardTape::note_foreign(const ForeignControl& foreign, std::uint16_t at) noexcept {
  if (!complete_.load(std::memory_order_relaxed)) return;
  ForeignControl copy = foreign;
  if (!foreign_.try_push(std::move(copy))) {
    complete_.store(false, std::memory_order_release);
    return;
  }
  note({.what = TapeEntry::What::foreign,
        .stage = at,
        .session = static_cast<std::uint32_t>(foreign.session)});
}

}  // namespace millrace::engine
