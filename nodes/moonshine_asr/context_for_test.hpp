#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/node/context.hpp"
#include "millrace/policy/speculation_ledger.hpp"

/// A call whose stop and withdrawals happen at a chosen question, in the midst of the work. Only
/// tests include this.
namespace millrace::nodes {

class ScriptedContext final : public node::Context {
 public:
  policy::SpeculationLedger ledger;
  std::vector<media::Packet> emitted;
  std::vector<std::string> failures;
  std::uint64_t stop_at = 0;               ///< the question after which work stops; 0: never
  std::function<void(std::uint64_t)> ask;  ///< called at each question with its number
  mutable std::uint64_t asked = 0;         ///< questions whether to stop

  [[nodiscard]] base::Instant now() const noexcept override { return {}; }
  void emit(std::size_t, media::Packet&& packet) noexcept override {
    if (ledger.live(packet.lineage)) emitted.push_back(std::move(packet));
  }
  [[nodiscard]] rt::Payload acquire(std::size_t bytes) noexcept override {
    return rt::Payload::heap(bytes);
  }
  [[nodiscard]] bool live(const media::Lineage& lineage) const noexcept override {
    return ledger.live(lineage);
  }
  [[nodiscard]] bool stop_requested() const noexcept override {
    ++asked;
    if (ask) ask(asked);
    return stop_at != 0 && asked >= stop_at;
  }
  void make_room(media::Lineage& lineage) const noexcept override { ledger.make_room(lineage); }
  void set_timer(base::Instant) noexcept override {}
  void send(media::Control&&) noexcept override {}
  [[nodiscard]] node::Speculation* speculation() noexcept override { return nullptr; }
  void failed(std::string_view what) noexcept override { failures.emplace_back(what); }
};

}  // namespace millrace::nodes
