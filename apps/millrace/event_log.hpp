#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/base/time.hpp"
#include "millrace/engine/event.hpp"
#include "millrace/graph/plan.hpp"

namespace millrace::app {

/// The event file of one run: one JSON object a line, over all sessions in the order of (wall_us,
/// session, sequence). A line is written whole or not at all, also when the run is interrupted.
///   threads  one
class EventLog {
 public:
  /// Opens `path`; an empty path keeps no log.
  [[nodiscard]] static base::Result<EventLog> open(const std::string& path, const graph::Plan& plan,
                                                   bool virtual_time);

  void add(const engine::Event& event, const graph::Plan& plan, const std::string& session,
           std::uint64_t number, base::Instant opened);
  /// Writes what happened before `wall_us` (since the sessions opened); later events may still
  /// come.
  void write_until(std::int64_t wall_us);
  /// Writes everything. The error names the file when something could not be written.
  [[nodiscard]] base::Result<void> close();

 private:
  struct Line {
    std::int64_t wall_us = 0;
    std::uint64_t session = 0;
    std::uint64_t sequence = 0;
    std::string text;
  };
  EventLog() = default;

  std::string path_;
  std::ofstream file_;
  std::vector<Line> waiting_;
  std::uint64_t sequence_ = 0;
};

}  // namespace millrace::app
