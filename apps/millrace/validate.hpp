#pragma once

#include <string>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/graph/plan.hpp"

namespace CLI {
class App;
}

namespace millrace::app {

/// Adds `millrace validate`. `exit_code` is set when it ran.
void add_validate(CLI::App& app, int& exit_code);

/// The verdict on a plan that holds, for a person or (`json`) a program.
[[nodiscard]] std::string plan_text(const graph::Plan& plan);
[[nodiscard]] std::string plan_json(const graph::Plan& plan);
/// The mistakes of a manifest that does not hold, for a program.
[[nodiscard]] std::string mistakes_json(const std::vector<base::Error>& errors);

}  // namespace millrace::app
