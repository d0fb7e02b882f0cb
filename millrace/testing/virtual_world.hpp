#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "millrace/engine/virtual_runner.hpp"
#include "millrace/testing/test_nodes.hpp"

namespace millrace::testing {

/// Inputs of one session, each with the instant at which it is due.
class ScriptFeed final : public engine::InputFeed {
 public:
  void add(base::Instant due, std::uint32_t stage, media::Packet packet);
  /// One 20 ms audio packet for `stage`, whose first sample is `command`, due when it has been
  /// spoken.
  void add_audio(std::uint32_t stage, int command = 0);
  void add_text(std::uint32_t stage, std::string_view text, base::Instant due);
  /// No more input for `stage`.
  void end(std::uint32_t stage);

  [[nodiscard]] base::Instant due() const noexcept override;
  [[nodiscard]] engine::InputPacket take() noexcept override;
  [[nodiscard]] base::MediaTime until() const noexcept { return until_; }

 private:
  struct Entry {
    base::Instant due;
    engine::InputPacket input;
  };
  std::deque<Entry> entries_;
  base::MediaTime until_{0};
  base::Instant last_due_{};
};

/// What one session gave, with the invariants that hold for every session checked as it comes:
///   I1  after a cancel nothing of its segment leaves
///   I3  a segment ends once
///   I4  revisions of a turn at a sink never go back
///   I6  every segment that was opened ended (asked at the end)
///   I8  turn_resumed only after eager_end_of_turn
class CheckedTap final : public engine::OutputTap {
 public:
  void output(const engine::OutputPacket& output) override { outputs.push_back(output); }
  void event(const engine::Event& event) override;

  std::vector<engine::OutputPacket> outputs;
  std::vector<engine::Event> events;
  /// Broken invariants, as sentences; empty when all hold.
  std::vector<std::string> broken;
  std::uint64_t cancels = 0;
  std::uint64_t stale = 0;

  [[nodiscard]] std::size_t count(engine::EventType type) const;
  [[nodiscard]] std::vector<std::string> texts() const;
  /// Audio frames that left.
  [[nodiscard]] std::uint64_t frames() const;

 private:
  std::set<std::uint32_t> open_;
  std::set<std::uint32_t> cancelled_;
  std::set<std::uint32_t> confirmed_;
  std::map<std::uint32_t, std::uint32_t> guessed_;
  std::map<std::pair<std::uint16_t, std::uint32_t>, std::uint32_t> left_revision_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> withdrawn_;
  std::uint32_t interrupted_ = 0;
};

/// A plan on a virtual clock with sessions that are fed by scripts.
class VirtualWorld {
 public:
  explicit VirtualWorld(std::string_view manifest, std::size_t max_sessions = 8);
  VirtualWorld(std::shared_ptr<const graph::Plan> plan, std::size_t max_sessions);

  /// Opens a session fed by `feed(i)` and heard by `tap(i)`, i counting from 0.
  std::size_t open();
  [[nodiscard]] ScriptFeed& feed(std::size_t i = 0) { return *feeds_[i]; }
  [[nodiscard]] CheckedTap& tap(std::size_t i = 0) { return *taps_[i]; }
  [[nodiscard]] engine::SessionState& session(std::size_t i = 0) { return *states_[i]; }
  [[nodiscard]] std::uint32_t stage(std::string_view id) const;
  /// The queue of the edge between two stages.
  [[nodiscard]] const engine::EdgeQueue& queue(std::string_view from, std::string_view to,
                                               std::size_t session = 0) const;
  /// Runs to the end and checks that every edge's account adds up (I5) and every session ended.
  void run();
  [[nodiscard]] engine::VirtualRunner& runner() { return *runner_; }
  /// Everything broken over all sessions.
  [[nodiscard]] std::vector<std::string> broken() const;

 private:
  std::shared_ptr<const graph::Plan> plan_;  // shared: with the runner
  std::unique_ptr<engine::VirtualRunner> runner_;
  std::vector<std::unique_ptr<ScriptFeed>> feeds_;
  std::vector<std::unique_ptr<CheckedTap>> taps_;
  std::vector<engine::SessionState*> states_;
  std::vector<std::string> broken_;
};

}  // namespace millrace::testing
