#include "apps/millrace/event_log.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "millrace/testing/test_nodes.hpp"

namespace millrace::app {
namespace {

std::shared_ptr<const graph::Plan> plan() {
  return testing::test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: out, type: sink}
edges:
  - {from: mic, to: out}
)");
}

engine::Event at_us(std::int64_t us) {
  engine::Event event;
  event.type = engine::EventType::speech_started;
  event.wall = base::Instant{std::chrono::microseconds(us)};
  return event;
}

/// "session@wall_us" of every line but the first.
std::vector<std::string> order(const std::string& path) {
  std::vector<std::string> found;
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_NE(line.find(R"("event":"log")"), std::string::npos);
  while (std::getline(file, line)) {
    const std::size_t name = line.find("\"session\":\"") + 11;
    const std::size_t wall = line.find("\"wall_us\":") + 10;
    EXPECT_EQ(line.back(), '}');
    found.push_back(line.substr(name, line.find('"', name) - name) + "@" +
                    line.substr(wall, line.size() - 1 - wall));
  }
  return found;
}

std::string scratch(const std::string& name) {
  return (std::filesystem::path(::testing::TempDir()) / ("millrace_" + name)).string();
}

TEST(EventLog, OrdersByWallThenSessionThenSequence) {
  const auto of = plan();
  const std::string path = scratch("order.jsonl");
  auto log = EventLog::open(path, *of, true);
  ASSERT_TRUE(log.has_value());

  log->add(at_us(20), *of, "s2", 2, {});
  log->add(at_us(10), *of, "s2", 2, {});
  log->add(at_us(20), *of, "s1", 1, {});
  log->add(at_us(5), *of, "s10", 10, {});
  ASSERT_TRUE(log->close().has_value());

  EXPECT_EQ(order(path), (std::vector<std::string>{"s10@5", "s2@10", "s1@20", "s2@20"}));
}

TEST(EventLog, KeepsBackWhatEarlierEventsMayStillPrecede) {
  const auto of = plan();
  const std::string path = scratch("late.jsonl");
  auto log = EventLog::open(path, *of, false);
  ASSERT_TRUE(log.has_value());

  log->add(at_us(30), *of, "s1", 1, {});
  log->add(at_us(10), *of, "s1", 1, {});
  log->write_until(20);
  EXPECT_EQ(order(path), (std::vector<std::string>{"s1@10"}));
  log->add(at_us(25), *of, "s2", 2, {});
  ASSERT_TRUE(log->close().has_value());

  EXPECT_EQ(order(path), (std::vector<std::string>{"s1@10", "s2@25", "s1@30"}));
}

TEST(EventLog, WithoutAPathKeepsNothing) {
  const auto of = plan();
  auto log = EventLog::open("", *of, true);
  ASSERT_TRUE(log.has_value());

  log->add(at_us(1), *of, "s1", 1, {});

  EXPECT_TRUE(log->close().has_value());
}

TEST(EventLog, SaysWhichFileCannotBeWritten) {
  const auto log = EventLog::open("/nowhere/e.jsonl", *plan(), true);

  ASSERT_FALSE(log.has_value());
  EXPECT_EQ(log.error().where, "/nowhere/e.jsonl");
}

}  // namespace
}  // namespace millrace::app
