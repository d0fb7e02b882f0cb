#include "millrace/policy/fair_share.hpp"

#include <algorithm>

#include "millrace/base/check.hpp"

namespace millrace::policy {

FairShare::FairShare(std::size_t max_waiting) : max_flows_(max_waiting + kMemory) {
  flows_.reserve(max_flows_);
}

std::uint32_t FairShare::place_of(std::uint32_t session, bool& fresh) noexcept {
  std::size_t stalest = flows_.size();
  for (std::size_t i = 0; i < flows_.size(); ++i) {
    if (flows_[i].session == session) return static_cast<std::uint32_t>(i);
    if (flows_[i].waiting == 0 &&
        (stalest == flows_.size() || flows_[i].finish < flows_[stalest].finish))
      stalest = i;
  }
  fresh = true;
  if (flows_.size() < max_flows_) {
    flows_.push_back({.session = session});
    return static_cast<std::uint32_t>(flows_.size() - 1);
  }
  MR_CHECK(stalest < flows_.size(), "fewer inputs wait than there are places");
  flows_[stalest] = {.session = session};
  return static_cast<std::uint32_t>(stalest);
}

FairShare::Place FairShare::arrive(std::uint32_t session) noexcept {
  Place place;
  place.flow = place_of(session, place.fresh);
  Flow& flow = flows_[place.flow];
  place.tag = std::max(now_, flow.finish);
  flow.finish = place.tag + 1.0;
  if (flow.waiting++ == 0) ++sessions_waiting_;
  ++inputs_waiting_;
  return place;
}

void FairShare::leave(Flow& flow) noexcept {
  MR_CHECK(flow.waiting > 0, "only an input that waits leaves");
  if (--flow.waiting == 0) --sessions_waiting_;
  --inputs_waiting_;
}

void FairShare::withdraw(std::uint32_t flow) noexcept {
  leave(flows_[flow]);
  flows_[flow].finish -= 1.0;
}

void FairShare::serve(std::uint32_t flow) noexcept {
  leave(flows_[flow]);
}

void FairShare::advance(std::uint32_t served, std::uint32_t sessions) noexcept {
  if (sessions > 0) now_ += static_cast<double>(served) / sessions;
  if (inputs_waiting_ > 0) return;
  for (const Flow& flow : flows_) now_ = std::max(now_, flow.finish);
}

}  // namespace millrace::policy
