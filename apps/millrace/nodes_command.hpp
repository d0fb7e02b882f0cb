#pragma once

namespace CLI {
class App;
}

namespace millrace::app {

/// Adds `millrace nodes [list | show TYPE]`. `exit_code` is set when it ran.
void add_nodes(CLI::App& app, int& exit_code);

}  // namespace millrace::app
