#pragma once

namespace CLI {
class App;
}

namespace millrace::app {

/// Adds `millrace replay`. `exit_code` is set when it ran.
void add_replay(CLI::App& app, int& exit_code);

}  // namespace millrace::app
