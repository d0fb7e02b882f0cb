#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/base/clock.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/node/node.hpp"
#include "millrace/policy/speculation_ledger.hpp"
#include "millrace/rt/payload_pool.hpp"
#include "millrace/rt/stop_token.hpp"
#include "millrace/testing/recorded_speculation.hpp"

namespace millrace::testing {

/// One parameter as a test writes it: {"threshold", 0.5}. JSON parameters are given as text.
struct GivenParam {
  std::string name;
  node::Params::Value value;
};

/// How a node is opened.
///   inputs    format of each input port; ports left out are unknown
///   in_rt     every call into the node runs in an RtScope, so that allocations() means something
struct HarnessOptions {
  std::vector<GivenParam> params{};
  std::vector<node::Format> inputs{};
  std::string id = "node";
  std::string session = "s1";
  std::uint64_t seed = 1;
  bool in_rt = false;
};

/// The parameters of `contract` with `given` in place of defaults.
///   errors  bad_argument: not declared, of another kind, out of range, no choice, or missing
[[nodiscard]] base::Result<node::Params> params_for(const node::Contract& contract,
                                                    std::span<const GivenParam> given,
                                                    const std::string& id);

/// Drives one session of one node by hand, without an engine: what goes in is written by the test,
/// what comes out is kept, time moves when told to. Speculation is a real ledger, and outputs
/// inherit lineage, due time, deadline and range from their input as under the engine.
///   threads  one
///   errors   a node that breaks its contract (too many outputs, a port or kind it does not
///   declare,
///            a lineage that finds no room) is written to violations(); the harness aborts at its
///            end when nobody asked
class NodeHarness {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<NodeHarness>> create(
      const node::NodeType& type, HarnessOptions options = {});
  /// Another session of the same stage, for what is shared or batched over sessions.
  [[nodiscard]] base::Result<std::unique_ptr<NodeHarness>> open_another(std::string session);
  ~NodeHarness();
  NodeHarness(const NodeHarness&) = delete;
  NodeHarness& operator=(const NodeHarness&) = delete;

  // In --------------------------------------------------------------------------------------------
  /// Gives one packet to the node, through process_batch() where the stage batches.
  void push(media::Packet packet);
  void push_audio(std::uint8_t port, std::span<const float> interleaved, base::MediaTime from,
                  std::int32_t rate_hz, const media::Lineage& lineage = {},
                  std::int16_t channels = 1);
  void push_text(std::uint8_t port, std::string_view text,
                 media::TextRole role = media::TextRole::complete,
                 const media::Lineage& lineage = {});
  void push_tensor(std::uint8_t port, float value, base::MediaTime from, base::MediaTime to,
                   const media::Lineage& lineage = {});
  /// One call of process_batch() with one packet for each session; all of one stage.
  struct Batched {
    NodeHarness* session;
    media::Packet packet;
  };
  static void push_together(std::span<Batched> batch);
  /// Brings a message as the engine does: the ledger first, then the node.
  void push_control(const media::Control& control);
  void cancel(base::SegmentId segment);
  void confirm(base::SegmentId segment);
  void interrupt(base::TurnId turn);
  /// An aligned message whose place in the data is reached: ledger, node, then the marker goes on
  /// behind what the node emitted.
  void marker(media::ControlType type, base::TurnId turn, base::Revision revision,
              base::MediaTime at = {}, base::MediaTime audio_until = {});
  /// Moves the clock, and fires the timer at the instant it asked for.
  void advance_to(base::Instant to);
  void advance(base::Duration by) { advance_to(now() + by); }
  /// The end of the input.
  void end();
  /// Raises the stop token, as the engine does when work on the pool is withdrawn.
  void stop() noexcept { stop_.request_stop(); }
  /// Called after each packet the node emits, in the midst of its call: where a test cancels or
  /// stops work under way.
  void on_emit(std::function<void(const media::Packet&)> observer);

  // Out -------------------------------------------------------------------------------------------
  /// Everything emitted on `port` so far, markers included.
  [[nodiscard]] const std::vector<media::Packet>& out(std::size_t port = 0) const;
  /// The data packets of `port` alone.
  [[nodiscard]] std::vector<media::Packet> data(std::size_t port = 0) const;
  [[nodiscard]] std::vector<std::string> texts(std::size_t port = 0) const;
  /// The samples of `port`, one block behind the other.
  [[nodiscard]] std::vector<float> samples(std::size_t port = 0) const;
  void clear();
  /// Packets given to emit() after the work was withdrawn (an engine throws them away).
  [[nodiscard]] std::uint64_t emitted_after_stop() const noexcept { return after_stop_; }
  [[nodiscard]] const std::vector<media::Control>& sent() const noexcept { return sent_; }
  [[nodiscard]] const std::vector<std::string>& failures() const noexcept { return failures_; }
  [[nodiscard]] const std::vector<std::string>& violations() const noexcept;
  /// The instant the node last asked for; null when none is set.
  [[nodiscard]] const base::Instant* timer() const noexcept { return timed_ ? &timer_ : nullptr; }
  /// Allocations the node made inside its calls (in_rt; see rt::allocations_watched()).
  [[nodiscard]] std::uint64_t allocations() const noexcept { return allocations_; }
  [[nodiscard]] std::uint64_t locks() const noexcept { return locks_; }

  [[nodiscard]] base::Instant now() const noexcept { return clock_.now(); }
  [[nodiscard]] const node::StageNode& stage() const noexcept { return *stage_; }
  [[nodiscard]] policy::SpeculationLedger& ledger() noexcept { return ledger_; }
  [[nodiscard]] RecordedSpeculation& speculation() noexcept { return speculation_; }
  [[nodiscard]] rt::PayloadPool& pool() noexcept { return pool_; }

 private:
  class CallContext;
  NodeHarness(const node::Contract& contract, HarnessOptions options);
  [[nodiscard]] base::Result<void> open();
  void call(const std::function<void(node::Context&)>& work, const media::Packet* input);
  void keep(std::size_t port, media::Packet&& packet, const media::Packet& input);
  void keep_marker(const media::Control& control);
  void violated(std::string what);
  media::Packet packet(media::PacketKind kind, std::uint8_t port, const media::Lineage& lineage);

  const node::Contract* contract_;
  HarnessOptions options_;
  /// shared: sessions opened by open_another() live in one stage, and any may go first.
  std::shared_ptr<node::StageNode> stage_;
  std::unique_ptr<node::SessionNode> node_;
  base::VirtualClock clock_;
  rt::PayloadPool pool_;
  rt::StopSource stop_;
  policy::SpeculationLedger ledger_;
  RecordedSpeculation speculation_;
  std::function<void(const media::Packet&)> observer_;
  std::vector<std::vector<media::Packet>> out_;
  std::vector<std::uint32_t> emitted_in_call_;
  std::vector<media::Control> sent_;
  std::vector<std::string> failures_;
  std::vector<std::string> violations_;
  mutable bool violations_read_ = false;
  bool timed_ = false;
  base::Instant timer_;
  std::uint64_t after_stop_ = 0;
  std::uint64_t allocations_ = 0;
  std::uint64_t locks_ = 0;
};

/// A lineage that hangs on one segment.
[[nodiscard]] media::Lineage hanging_on(base::SegmentId segment);
/// A lineage that hangs on a guess about a turn.
[[nodiscard]] media::Lineage hanging_on(base::TurnId turn, base::Revision revision);

}  // namespace millrace::testing
