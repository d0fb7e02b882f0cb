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

}  // namespace millrace::node
