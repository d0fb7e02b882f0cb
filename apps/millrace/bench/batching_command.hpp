#pragma once

namespace CLI {
class App;
}

namespace millrace::app {

/// Adds `millrace bench batching`. `exit_code` is set when it ran.
void add_bench_batching(CLI::App& bench, int& exit_code);

}  // namespace millrace::app
