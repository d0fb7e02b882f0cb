#include "millrace/node/contract.hpp"

namespace millrace::node {

std::string_view name(Placement placement) noexcept {
  switch (placement) {
    case Placement::inline_: return "inline";
    case Placement::pool: return "pool";
    case Placement::process: return "process";
    case Placement::remote: return "remote";
  }
  return "inline";
}

std::string_view name(OverflowPolicy policy) noexcept {
  switch (policy) {
    case OverflowPolicy::drop_oldest: return "drop_oldest";
    case OverflowPolicy::drop_newest: return "drop_newest";
    case OverflowPolicy::block: return "block";
    case OverflowPolicy::merge_on_overflow: return "merge_on_overflow";
    case OverflowPolicy::latest_only: return "latest_only";
  }
  return "drop_oldest";
}

}  // namespace millrace::node
