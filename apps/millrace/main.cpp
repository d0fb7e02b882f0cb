#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>  // banned-ok(system-header): what a closed pipe does is the program's own business
#include <cstdio>
#include <exception>

#include "apps/millrace/bench/command.hpp"
#include "apps/millrace/nodes_command.hpp"
#include "apps/millrace/replay.hpp"
#include "apps/millrace/report.hpp"
#include "apps/millrace/run.hpp"
#include "apps/millrace/validate.hpp"

namespace {

constexpr const char* kFooter = R"(
Start here:
  millrace run examples/voice_reply.yaml --input call.wav --output reply.wav
  millrace validate examples/voice_reply.yaml
  millrace nodes list
'millrace COMMAND --help' explains a command and shows examples.)";

int run_program(int argc, char** argv) {
  CLI::App app{"Millrace: low-latency streaming voice pipelines that speculate", "millrace"};
  app.set_version_flag("--version", "millrace " MILLRACE_VERSION);
  app.footer(kFooter);
  app.require_subcommand(1);
  int exit_code = millrace::app::kGood;
  millrace::app::add_run(app, exit_code);
  millrace::app::add_replay(app, exit_code);
  millrace::app::add_validate(app, exit_code);
  millrace::app::add_nodes(app, exit_code);
  millrace::app::add_bench(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" of code 0; every other one is bad usage.
    return app.exit(error) == 0 ? millrace::app::kGood : millrace::app::kBadInput;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
#ifdef SIGPIPE
  // A reader that went away is an error of that file; the others are still finished.
  std::signal(SIGPIPE, SIG_IGN);
#endif
  try {
    const int code = run_program(argc, argv);
    // A full disk or a reader that went away: what was printed is lost, and nobody would know.
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    fmt::print(stderr, "millrace: standard output could not be written to its end\n");
    return std::max(code, millrace::app::kFailed);
  } catch (const std::exception& error) {
    fmt::print(stderr, "millrace: {}\n", error.what());
    return millrace::app::kFailed;
  }
}
