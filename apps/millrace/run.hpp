#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "apps/millrace/block_feed.hpp"
#include "apps/millrace/event_log.hpp"
#include "apps/millrace/recorder.hpp"
#include "apps/millrace/run_options.hpp"
#include "apps/millrace/summary.hpp"
#include "millrace/graph/plan.hpp"

namespace CLI {
class App;
}

namespace millrace::app {

/// Adds `millrace run`. `exit_code` is set when it ran.
void add_run(CLI::App& app, int& exit_code);

/// A line of progress on a terminal (stderr); nothing elsewhere, and nothing in the first two
/// seconds.
class Progress {
 public:
  Progress();
  ~Progress();
  void show(const std::string& text);
  /// Prints a line of output (stdout) where the progress was.
  void print(const std::string& line);
  void clear();

 private:
  bool terminal_ = false;
  bool shown_ = false;
  base::Instant last_{};
  base::RealClock clock_;
};

/// What a run of several sessions works on and leaves behind.
struct RunState {
  const RunOptions& options;
  std::shared_ptr<const graph::Plan> plan;  // shared: with the engine
  nodes::FileOptions files;
  std::uint32_t stage = 0;
  EventLog log;
  std::vector<SessionTask> tasks;
  std::vector<SessionSummary> summaries;
  std::vector<StageFigures> stages;
  RunFigures figures;
  std::unique_ptr<Recorder> recorder{};  ///< none: nothing is recorded
  bool prints_texts = true;              ///< what text sinks let out, where no file takes it
  Progress progress{};
  int code = 0;
};

/// Each session in a virtual world of its own, one after the other.
void run_fast(RunState& state);
/// All sessions at once, at the pace of their audio.
void run_realtime(RunState& state);

/// Adds what the session's input came to.
void add_input(RunState& state, const BlockFeed& blocks);
/// An input that was not what it claims to be is played as far as it goes, told of, and decides the
/// exit code. Nothing when `warning` is empty.
void tell_of_input(RunState& state, const std::string& warning);

/// Set by Ctrl-C; the run ends in order: files are whole, what was held back is counted. One more,
/// two seconds later, ends the program at once.
[[nodiscard]] bool interrupted() noexcept;
/// What sessions may still give after an interrupt; then they are closed as they are.
inline constexpr base::Duration kInterruptedFor = std::chrono::seconds(5);
void catch_interrupts() noexcept;

}  // namespace millrace::app
