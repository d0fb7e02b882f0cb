#pragma once

#include "millrace/node/registry.hpp"

namespace millrace::app {

/// Every node type and merge this program knows. Lives as long as the program: plans point into it.
[[nodiscard]] const node::Registry& registry();

}  // namespace millrace::app
