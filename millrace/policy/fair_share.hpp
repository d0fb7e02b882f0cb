#pragma once

#include <cstdint>
#include <vector>

namespace millrace::policy {

/// Knows which sessions ask for more than their part of a shared node. Every input gets a tag in
/// virtual time, which runs as fast as one session would be served if all that wait were served in
/// turns; a session that sends faster runs ahead of it.
///   source   virtual time of fair queueing (Demers, Keshav, Shenker 1989; tags at the start of
///            service as in Goyal, Vin, Cheng 1996)
///   memory   all at construction: one place for each input that can wait, and kMemory more for
///            sessions that were served lately. A session forgotten begins anew, at its share
///   threads  one at a time; never blocks or allocates after construction
class FairShare {
 public:
  /// Inputs a session may be ahead by before others go first. Chosen with `bench batching`: at 8 a
  /// flood takes 7 % from the others where a batch costs nearly as much as its inputs one by one;
  /// at 3 it takes 1.5 %, and single replies lose nothing.
  static constexpr double kBurst = 3.0;
  static constexpr std::size_t kMemory = 64;

  struct Place {
    std::uint32_t flow = 0;  ///< index below max_flows(), the session's own while it waits
    double tag = 0.0;
    bool fresh = false;  ///< the place was another session's, or nobody's, before
  };

  explicit FairShare(std::size_t max_waiting);

  /// An input of `session` waits from now on.
  [[nodiscard]] Place arrive(std::uint32_t session) noexcept;
  /// It left without being served: its session gets its turn back.
  void withdraw(std::uint32_t flow) noexcept;
  /// It is served.
  void serve(std::uint32_t flow) noexcept;
  /// Moves virtual time on after a batch of `served`; `sessions` waited before it was taken. When
  /// nothing waits any more, all are even: being ahead took nothing from anyone.
  void advance(std::uint32_t served, std::uint32_t sessions) noexcept;

  [[nodiscard]] bool over_share(double tag) const noexcept { return tag > now_ + kBurst; }
  [[nodiscard]] std::uint32_t waiting(std::uint32_t flow) const noexcept {
    return flows_[flow].waiting;
  }
  [[nodiscard]] std::uint32_t sessions_waiting() const noexcept { return sessions_waiting_; }
  [[nodiscard]] std::size_t max_flows() const noexcept { return max_flows_; }
  [[nodiscard]] std::size_t flows() const noexcept { return flows_.size(); }

 private:
  struct Flow {
    std::uint32_t session = 0;
    std::uint32_t waiting = 0;
    double finish = 0.0;  ///< the tag of its next input, if virtual time has not passed it
  };

  [[nodiscard]] std::uint32_t place_of(std::uint32_t session, bool& fresh) noexcept;
  void leave(Flow& flow) noexcept;

  std::size_t max_flows_;
  std::vector<Flow> flows_;
  double now_ = 0.0;
  std::uint32_t sessions_waiting_ = 0;
  std::uint32_t inputs_waiting_ = 0;
};

}  // namespace millrace::policy
