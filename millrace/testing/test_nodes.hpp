#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "millrace/graph/plan.hpp"
#include "millrace/node/registry.hpp"

namespace millrace::testing {

/// Commands of a `scripted_gate`, given as the first sample of an audio packet. Whatever else it
/// does, the gate passes the packet on when a segment is open.
enum class GateCommand : int {
  pass = 0,       ///< sends the packet on under the open segment, if there is one
  open = 1,       ///< opens a segment, then as pass
  confirm = 2,    ///< as pass, then confirms
  cancel = 3,     ///< cancels the open segment; the packet does not leave
  eager = 4,      ///< guesses that the turn has ended
  resume = 5,     ///< withdraws the guess
  end_turn = 6,   ///< ends the turn with the guess that stands
  close = 7,      ///< no segment is open from now on (a confirmed one stays confirmed)
  interrupt = 8,  ///< interrupts the turn before
};

/// Node types that tests build graphs from:
///   source, text_source   pass on what is pushed
///   pass, text_pass       one output for each input; `pool_pass` and `pool_text` run on the pool
///   twice                 two outputs for each input
///   join                  two audio inputs, one output
///   loop                  audio in, audio out, and a feedback input `back` that it swallows
///   scripted_gate         see GateCommand; speculates
///   answer                pool: gathers audio, and answers with one text for each guess and each
///                         end; sessions together
///   choir                 pool: says each text with the number of sessions that ran together
///   speak                 pool: says each text as `pieces` packets of 20 ms of audio
///   hang, hang_text       pool: wait in process() until release_hung_nodes() is called
///   picky                 pool: fails for text with "fail" in it, passes on the other
///   sink, text_sink       let out what comes
///   paced_sink            lets audio out at its pace
/// and a merge, `plus`: "a+b"; it throws, fails or hangs where a text says "throw", "refuse" or
/// "hang", and makes what it may not where one says "vanish", "grow" or "sing".
void add_test_nodes(node::Registry& registry);

/// Lets every `hang` node go on, now and from now on; hold_hung_nodes() makes them hang again.
void release_hung_nodes();
void hold_hung_nodes();
/// Calls that hang right now.
[[nodiscard]] int hung_calls();

// shared: as plans are by the engine
/// A plan from manifest text with the test nodes; aborts with the errors when there are any. A
/// registry given must outlive the plan.
[[nodiscard]] std::shared_ptr<const graph::Plan> test_plan(std::string_view manifest);
[[nodiscard]] std::shared_ptr<const graph::Plan> test_plan(std::string_view manifest,
                                                           const node::Registry& registry);

}  // namespace millrace::testing
