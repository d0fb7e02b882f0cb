#pragma once

namespace CLI {
class App;
}

namespace millrace::app {

/// A bound given on the command line was missed.
inline constexpr int kBoundMissed = 3;

/// Adds `millrace bench NAME`. `exit_code` is set when it ran.
void add_bench(CLI::App& app, int& exit_code);

}  // namespace millrace::app
