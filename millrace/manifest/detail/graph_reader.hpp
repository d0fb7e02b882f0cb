#pragma once

#include <string>

#include "millrace/manifest/detail/diagnostics.hpp"
#include "millrace/manifest/graph_spec.hpp"

namespace millrace::manifest::detail {

/// The graph that the tree of a document describes. Whatever does not fit is in `diagnostics`, and
/// the result means nothing then.
[[nodiscard]] GraphSpec read_graph(const Value& document, const std::string& file,
                                   Diagnostics& diagnostics);

}  // namespace millrace::manifest::detail
