#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/base/inline_vector.hpp"
#include "millrace/policy/onset_gate.hpp"
#include "millrace/policy/overflow.hpp"
#include "millrace/policy/speculation_ledger.hpp"
#include "millrace/policy/turn_clock.hpp"

namespace millrace::tests {

inline constexpr std::uint32_t kSegments = 2;
inline constexpr std::uint32_t kTurns = 2;
inline constexpr std::uint32_t kGuesses = 3;  ///< eager ones; an end may need one more

/// What moves through the line.
struct Item {
  enum class Kind : std::uint8_t { audio, reply, eager, resumed, end };
  Kind kind = Kind::audio;
  std::uint8_t segments = 0;  ///< bit s: hangs on segment s
  std::uint8_t turn = 0;
  std::uint8_t revision = 0;
  std::uint32_t units = 0;  ///< audio: bit u: carries block u

  [[nodiscard]] bool marker() const { return kind >= Kind::eager; }
  [[nodiscard]] media::Lineage lineage() const;
};

/// What has been decided, told a second time and in the plainest way: what the ledger says is held
/// against it after every step.
struct Truth {
  struct Turn {
    std::uint8_t given = 0;
    std::uint8_t withdrawn = 0;
    std::uint8_t committed = 0;
    bool interrupted = false;
    std::uint8_t last_out = 0;  ///< revision of the last reply that left
    std::uint8_t out = 0;       ///< bit r: the reply of revision r left
  };
  std::array<policy::SegmentState, kSegments + 1> segments{};
  std::array<Turn, kTurns + 1> turns{};
  std::uint8_t segments_opened = 0;
  std::uint8_t turns_opened = 0;

  [[nodiscard]] bool dead(const Item& item) const;
  [[nodiscard]] bool committed(const Item& item) const;
};

/// Who opens, confirms and withdraws: the production onset gate and turn clock behind every
/// possible sequence of VAD windows, or a free hand that does all of it at every point.
enum class Driver : std::uint8_t { machines, free_hand };

struct Bounds {
  Driver driver = Driver::machines;
  int steps = 6;  ///< VAD windows, or blocks of audio
  int turns = 2;
};

/// What an exploration has to have seen, or it proved nothing about it.
enum Milestone : std::uint32_t {
  kTwoSegments = 1U << 0,
  kTwoTurns = 1U << 1,
  kThreeGuesses = 1U << 2,
  kMerged = 1U << 3,  ///< an item that hangs on both segments
  kReplyLeft = 1U << 4,
  kBacklog = 1U << 5,          ///< full up to the results of the pool
  kStoppedAtReturn = 1U << 6,  ///< withdrawn while the job ran
  kStoppedAtExit = 1U << 7,    ///< withdrawn while it waited for the carrier
  kOverflow = 1U << 8,         ///< a queue had to drop
};

/// How the line asks the ledger at its two gates: the production fence, or a broken one.
///   boundary    where what is unconfirmed waits
///   exit        the last check, after the wait for the carrier
///   in_order    nothing leaves the boundary before what came before it
struct Fence {
  using Ask = policy::FenceDecision (*)(const policy::SpeculationLedger&, const media::Lineage&);
  Ask boundary = nullptr;
  Ask exit = nullptr;
  bool in_order = true;
};

/// A small session: gate -> inline stage -> recogniser on a pool (one job in flight) -> commit
/// boundary -> carrier, with queues of two, and a client that cancels and interrupts at any moment,
/// late and repeatedly. Every decision in it is made by production code.
class VoiceLine {
 public:
  VoiceLine(const Bounds& bounds, const Fence& fence);

  static constexpr int kActions = 19;
  [[nodiscard]] bool enabled(int action) const;
  [[nodiscard]] std::string_view apply(int action);
  [[nodiscard]] std::string_view check() const;
  [[nodiscard]] std::uint64_t fingerprint() const;
  [[nodiscard]] bool over() const;
  /// Milestones of this state and of the step that led to it.
  [[nodiscard]] std::uint32_t reached() const;
  [[nodiscard]] std::vector<std::string> trace() const;
  /// A client command: nothing that waits can count on one.
  [[nodiscard]] static bool idle_action(int action);

 private:
  enum class Op : std::uint8_t {
    open,
    confirm,
    cancel,
    fail,
    open_turn,
    guess,
    withdraw,
    commit,
    interrupt
  };
  template <std::size_t N>
  using Line = base::InlineVector<Item, N>;

  // The ledger cannot be copied, so each state carries what was done to it and does it again.
  struct Replayed;
  static policy::Verdict perform(policy::SpeculationLedger& ledger, Op op, std::uint32_t a,
                                 std::uint32_t b);
  [[nodiscard]] Replayed& replayed() const;
  [[nodiscard]] const policy::SpeculationLedger& ledger() const;
  /// Asks the ledger for a change, and remembers it when it was one.
  policy::Verdict ask(Op op, std::uint32_t a = 0, std::uint32_t b = 0);

  // The writer's side.
  std::uint32_t open_segment();
  void settle(std::uint32_t segment, policy::SegmentState to);
  void open_turn();
  std::uint32_t guess();
  void withdraw(std::uint32_t turn, std::uint32_t revision);
  void commit(std::uint32_t turn, std::uint32_t revision);
  void interrupt(std::uint32_t turn);
  [[nodiscard]] policy::Verdict expected_of_segment(std::uint32_t segment,
                                                    policy::SegmentState to) const;

  // The source.
  void window(float probability);
  void finish();
  void carry_out(const policy::OnsetActions& actions);
  void drain_clock();
  void emit_audio();
  void marker(Item::Kind kind, std::uint32_t revision);

  // The line.
  void run_inline();
  void into_pool_queue(const Item& item);
  void start_job();
  void finish_job();
  void reply(std::uint32_t turn, std::uint32_t revision);
  void release();
  void write();
  void drop(const Item& item);
  void broke(std::string_view invariant) {
    if (violation_.empty()) violation_ = invariant;
  }
  [[nodiscard]] bool room_at_source() const;
  [[nodiscard]] bool room_in_pool_queue() const;
  [[nodiscard]] bool free_hand() const { return bounds_.driver == Driver::free_hand; }
  [[nodiscard]] bool free_hand_enabled(int action) const;
  void free_hand_does(int action);
  [[nodiscard]] int next_to_release() const;

  Bounds bounds_;
  Fence fence_;
  std::string_view violation_;
  std::uint32_t milestones_ = 0;
  base::InlineVector<std::uint16_t, 48> ops_;
  base::InlineVector<std::uint8_t, 96> taken_;

  policy::OnsetGate gate_;
  policy::TurnClock clock_;
  Truth truth_;
  std::uint8_t steps_ = 0;
  std::uint8_t segment_ = 0;  ///< open at the gate
  std::uint8_t turn_ = 0;     ///< going on
  std::uint8_t standing_ = 0;
  bool eager_made_ = false;  ///< in the silence that is running
  bool finished_ = false;

  std::uint32_t units_ = 0;      ///< blocks of audio made
  std::uint32_t in_flight_ = 0;  ///< bit u: neither left nor dropped by name
  Line<12> inline_queue_;
  Line<12> pool_queue_;
  Line<1> job_;
  Line<2> results_;
  Line<2> held_;
  Line<1> outbox_;
  // What the recogniser keeps.
  std::uint8_t gathered_ = 0;
  std::uint8_t node_turn_ = 0;
  std::uint8_t node_standing_ = 0;
  std::uint8_t node_replied_ = 0;
};

}  // namespace millrace::tests
