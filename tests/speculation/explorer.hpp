#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::tests {

/// Makes one number of many, so that any difference moves every bit.
class Fingerprint {
 public:
  void add(std::uint64_t value) {
    // SplitMix64's finaliser over a running sum: each value moves every bit.
    state_ += value + 0x9E3779B97F4A7C15ULL;
    state_ = (state_ ^ (state_ >> 30)) * 0xBF58476D1CE4E5B9ULL;
    state_ = (state_ ^ (state_ >> 27)) * 0x94D049BB133111EBULL;
    state_ ^= state_ >> 31;
  }
  [[nodiscard]] std::uint64_t value() const { return state_; }

 private:
  std::uint64_t state_ = 0;
};

/// Set of 64-bit fingerprints, grown by doubling. Two states with one fingerprint count as one
/// (hash compaction, Wolper and Leroy 1993): at 10^7 states the chance that any is lost is about
/// 3e-6.
class FingerprintSet {
 public:
  FingerprintSet() : slots_(1U << 16) {}

  /// False when it was there already.
  bool insert(std::uint64_t print) {
    if (print == 0) print = 1;
    if (2 * (size_ + 1) > slots_.size()) grow();
    if (!place(print)) return false;
    ++size_;
    return true;
  }
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  bool place(std::uint64_t print) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t i = print & mask;; i = (i + 1) & mask) {
      if (slots_[i] == print) return false;
      if (slots_[i] != 0) continue;
      slots_[i] = print;
      return true;
    }
  }
  void grow() {
    std::vector<std::uint64_t> old(slots_.size() * 2);
    old.swap(slots_);
    for (const std::uint64_t print : old)
      if (print != 0) place(print);
  }

  std::vector<std::uint64_t> slots_;
  std::uint64_t size_ = 0;
};

struct Exploration {
  std::uint64_t states = 0;
  std::uint64_t transitions = 0;
  std::uint32_t reached = 0;       ///< milestones of all states together
  std::uint64_t ends = 0;          ///< states in which everything is over
  std::string violation;           ///< empty: every invariant held in every state
  std::vector<std::string> trace;  ///< shortest way to the violation
};

/// Visits every state that `World` can reach from `start`, breadth first, each once. A World is
/// copyable and has
///   kActions               number of actions
///   enabled(a), apply(a)   apply() answers an empty text, or the invariant that broke
///   check()                the same, for the state itself; asked once for each state
///   fingerprint()          of all that decides what can happen later
///   over()                 nothing is left to happen
///   reached()              milestones: what the exploration can say it has seen
///   idle_action(a)         a may come at any time, and nothing can wait for it
///   trace()                names of the actions taken
template <class World>
Exploration explore(const World& start) {
  Exploration result;
  FingerprintSet seen;
  std::deque<World> frontier{start};
  seen.insert(start.fingerprint());
  const auto broken = [&result](std::string_view what, const World& world) {
    result.violation = what;
    result.trace = world.trace();
  };
  while (!frontier.empty() && result.violation.empty()) {
    const World world = frontier.front();
    frontier.pop_front();
    ++result.states;
    bool moved = false;
    for (int action = 0; action < World::kActions && result.violation.empty(); ++action) {
      if (!world.enabled(action)) continue;
      World next = world;
      std::string_view wrong = next.apply(action);
      ++result.transitions;
      result.reached |= next.reached();
      moved = moved || !World::idle_action(action);
      const bool first = seen.insert(next.fingerprint());
      if (wrong.empty() && first) wrong = next.check();
      if (!wrong.empty()) broken(wrong, next);
      if (first) frontier.push_back(next);
    }
    if (world.over()) ++result.ends;
    if (!moved && !world.over() && result.violation.empty())
      broken("something waits that nothing will ever move", world);
  }
  return result;
}

}  // namespace millrace::tests
