#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/graph/plan.hpp"

namespace millrace::app {

/// Exit codes beside base::exit_code(): 0 good, 1 the work failed, 2 bad usage, input or manifest.
inline constexpr int kGood = 0;
inline constexpr int kFailed = 1;
inline constexpr int kBadInput = 2;
inline constexpr int kInterrupted = 130;  ///< Ctrl-C, as shells report it

/// Prints "millrace: <error>" for each, to stderr; answers the exit code of the worst.
int report(const std::vector<base::Error>& errors);
int report(const base::Error& error);
/// A warning for the user, to stderr.
void warn(const std::string& text);

/// An error about a file that the command line names: one that is not there is bad usage.
[[nodiscard]] base::Error named_by_user(base::Error error);

/// Loads, checks and plans a manifest; every mistake comes back.
// shared: the engine, its shards and a worker that hangs keep the plan.
[[nodiscard]] std::expected<std::shared_ptr<const graph::Plan>, std::vector<base::Error>> load_plan(
    const std::string& path);

}  // namespace millrace::app
