#pragma once

#include <optional>

#include "millrace/graph/detail/diagnostics.hpp"
#include "millrace/manifest/graph_spec.hpp"
#include "millrace/node/contract.hpp"
#include "millrace/node/params.hpp"

namespace millrace::graph::detail {

/// The parameters of `node`, checked against its contract and filled up with the defaults; nothing
/// when one of them is wrong (said in `mistakes`). A parameter that has neither a value nor a
/// default reads as false, 0 or "" with given() false. A range of [0, 0] means "any".
[[nodiscard]] std::optional<node::Params> check_params(const manifest::NodeSpec& node,
                                                       const node::Contract& contract,
                                                       Diagnostics& mistakes);

}  // namespace millrace::graph::detail
