#include "apps/millrace/event_log.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "millrace/session/event_json.hpp"

namespace millrace::app {

base::Result<EventLog> EventLog::open(const std::string& path, const graph::Plan& plan,
                                      bool virtual_time) {
  EventLog log;
  if (path.empty()) return log;
  log.path_ = path;
  log.file_.open(path, std::ios::binary | std::ios::trunc);
  if (!log.file_)
    return base::fail(base::Code::unavailable,
                      "cannot write the event log; expected a path in a folder that exists", path);
  log.file_ << session::log_header(plan.name, virtual_time) << '\n';
  return log;
}

void EventLog::add(const engine::Event& event, const graph::Plan& plan, const std::string& session,
                   std::uint64_t number, base::Instant opened) {
  if (path_.empty()) return;
  waiting_.push_back({base::to_us(event.wall - opened), number, sequence_++,
                      session::event_line(event, plan, session, opened)});
}

void EventLog::write_until(std::int64_t wall_us) {
  if (path_.empty() || waiting_.empty()) return;
  std::sort(waiting_.begin(), waiting_.end(), [](const Line& a, const Line& b) {
    return std::tie(a.wall_us, a.session, a.sequence) < std::tie(b.wall_us, b.session, b.sequence);
  });
  const auto end = std::find_if(waiting_.begin(), waiting_.end(),
                                [&](const Line& line) { return line.wall_us >= wall_us; });
  for (auto line = waiting_.begin(); line != end; ++line) file_ << line->text << '\n';
  waiting_.erase(waiting_.begin(), end);
  file_.flush();
}

base::Result<void> EventLog::close() {
  if (path_.empty()) return {};
  write_until(std::numeric_limits<std::int64_t>::max());
  file_.flush();
  if (!file_)
    return base::fail(base::Code::unavailable, "the event log could not be written to its end",
                      path_);
  file_.close();
  return {};
}

}  // namespace millrace::app
