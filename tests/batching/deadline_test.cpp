#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "millrace/node/registry.hpp"
#include "millrace/testing/virtual_world.hpp"
#include "tests/batching/tap_figures.hpp"

// Deadlines at the wrapper inside the engine: who is told, and what is given up.
namespace millrace::testing {
namespace {

using base::Instant;
using engine::EventType;
using media::ControlType;
using policy::GiveUp;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// What a node was told, by the letter that its manifest gives it.
struct Told {
  char who = '?';
  media::Control control;
};

std::vector<Told>& told() {
  static std::vector<Told> all;
  return all;
}

/// Says each text as several packets, or as fewer of lower quality. Notes what it was told.
class Frugal final : public node::SessionNode {
 public:
  explicit Frugal(const node::Params& params)
      : who_(params.text("who").front()),
        pieces_(params.integer("pieces")),
        hint_(params.integer("hint")) {}
  void process(media::Packet& packet, node::Context& context) noexcept override {
    if (hint_ >= 0) {
      media::Control control;
      control.type = ControlType::batch_hint;
      control.value = hint_;
      context.send(std::move(control));
    }
    std::string text(packet.text());
    std::int64_t pieces = packet.give_up.lower_quality ? 1 : pieces_;
    if (text == "long" && who_ == 's') pieces += 10;
    if (packet.give_up.lower_quality) text += " coarse";
    if (packet.give_up.smaller_first_chunk) text += " short";
    for (std::int64_t i = 0; i < pieces; ++i) {
      media::Packet out = node::text_packet(context, text, media::TextRole::complete);
      out.optional = packet.optional;
      context.emit(0, std::move(out));
    }
  }
  void on_control(const media::Control& control, node::Context&) noexcept override {
    told().push_back({who_, control});
  }

 private:
  char who_;
  std::int64_t pieces_;
  std::int64_t hint_;
};

class FrugalStage final : public node::StageNode {
 public:
  explicit FrugalStage(const node::StageConfig& config) : params_(config.params) {}
  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<Frugal>(params_);
  }
  [[nodiscard]] node::Format output_format(std::size_t) const override {
    return {.kind = media::PacketKind::text};
  }

 private:
  node::Params params_;
};

base::Result<std::unique_ptr<node::StageNode>> make_frugal(const node::StageConfig& config) {
  return std::make_unique<FrugalStage>(config);
}

constexpr std::array<node::PortDecl, 1> kTextIn{
    {{.name = "in", .kind = media::PacketKind::text, .summary = "text"}}};
constexpr std::array<node::PortDecl, 1> kTextOut{
    {{.name = "out", .kind = media::PacketKind::text, .summary = "text"}}};
constexpr std::array<node::ParamDecl, 3> kParams{{
    {.name = "who", .kind = node::ParamKind::text, .initial = "?", .summary = "its letter"},
    {.name = "pieces",
     .kind = node::ParamKind::integer,
     .minimum = 1,
     .maximum = 50,
     .initial = "1",
     .summary = "packets for each text"},
    {.name = "hint",
     .kind = node::ParamKind::integer,
     .minimum = -1,
     .maximum = 100,
     .initial = "-1",
     .summary = "batch_hint sent with each text; -1: none"},
}};
constexpr node::Contract kFrugal{
    .type = "frugal",
    .summary = "for tests",
    .inputs = kTextIn,
    .outputs = kTextOut,
    .params = kParams,
    .capabilities = {.queue_capacity = 50, .overflow = node::OverflowPolicy::block},
    .max_outputs = 50,
    .gives_up = {.smaller_first_chunk = true, .lower_quality = true}};

// shared: as plans are by the engine
std::shared_ptr<const graph::Plan> plan_of(const std::string& manifest) {
  static const node::Registry registry = [] {
    node::Registry made;
    add_test_nodes(made);
    made.add({&kFrugal, make_frugal});
    return made;
  }();
  return test_plan(manifest, registry);
}

struct Line {
  std::string mode = "{mode: greedy, merge_strategy: keep_separate}";
  std::string deadline = "{budget_ms: 150}";
  int pieces = 1;
  int hint = -1;
};

/// text -> before -> slow (100 ms, 10 ms for each piece more, one call at a time) -> after -> out
std::string manifest(const Line& line) {
  return "version: v1\n"
         "nodes:\n"
         "  - {id: mic, type: text_source}\n"
         "  - {id: before, type: frugal, params: {who: b}}\n"
         "  - {id: slow, type: frugal, placement: pool, params: {who: s, pieces: " +
         std::to_string(line.pieces) + "}, buffering: " + line.mode +
         ", deadline: " + line.deadline +
         ", capabilities: {parallelizable: false, virtual_cost: {first_us: 100000, per_unit_us: "
         "10000}}}\n"
         "  - {id: after, type: frugal, params: {who: a, hint: " +
         std::to_string(line.hint) +
         "}}\n"
         "  - {id: out, type: text_sink}\n"
         "edges:\n"
         "  - {from: mic, to: before}\n"
         "  - {from: before, to: slow}\n"
         "  - {from: slow, to: after}\n"
         "  - {from: after, to: out}\n";
}

class Deadlines : public ::testing::Test {
 protected:
  void SetUp() override { told().clear(); }

  VirtualWorld& world(const Line& line) {
    world_.emplace(plan_of(manifest(line)), 8);
    world_->open();
    return *world_;
  }
  void say(const std::string& text, int ms, Instant deadline = media::kNoDeadline,
           bool optional = false) {
    media::Packet packet;
    packet.kind = media::PacketKind::text;
    packet.deadline = deadline;
    packet.optional = optional;
    packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const char>(text)));
    world_->feed().add(at(ms), world_->stage("mic"), std::move(packet));
  }
  /// One call of one input that teaches what a call costs.
  void teach() { say("first", 10); }
  void run() {
    world_->feed().end(world_->stage("mic"));
    world_->run();
    EXPECT_THAT(world_->broken(), IsEmpty());
  }
  [[nodiscard]] std::vector<engine::Event> events(EventType type) const {
    std::vector<engine::Event> found;
    for (const engine::Event& event : taps().events)
      if (event.type == type) found.push_back(event);
    return found;
  }
  [[nodiscard]] std::vector<std::string> actions() const {
    std::vector<std::string> names;
    for (const engine::Event& event : events(EventType::deadline_action))
      names.emplace_back(policy::name(event.action));
    return names;
  }
  [[nodiscard]] std::uint64_t given_up(GiveUp action) const {
    return stats().given_up(static_cast<std::size_t>(action));
  }
  [[nodiscard]] const metrics::NodeStats& stats() const {
    return world_->runner().shard().stats(world_->stage("slow"));
  }
  [[nodiscard]] const CheckedTap& taps() const { return world_->tap(); }
  /// When each output left, in milliseconds.
  [[nodiscard]] std::vector<std::int64_t> left() const {
    std::vector<std::int64_t> times;
    for (const engine::Event& event : events(EventType::output))
      times.push_back(std::chrono::duration_cast<milliseconds>(event.wall.since_start).count());
    return times;
  }

  mutable std::optional<VirtualWorld> world_;
};

// Warnings ---------------------------------------------------------------------------------------

TEST_F(Deadlines, WarnsBothWaysOnceForEachInputThatWillBeLate) {
  world({});
  teach();            // 10 .. 110
  say("fits", 200);   // 200 .. 300
  say("late", 210);   // due at 360, done at 400
  say("later", 220);  // due at 370, in the same call
  run();

  std::string who;
  for (const Told& told : told()) {
    EXPECT_EQ(told.control.type, ControlType::deadline_warning);
    EXPECT_EQ(told.control.value, 150'000) << "microseconds from now";
    who += told.who;
  }
  std::sort(who.begin(), who.end());
  EXPECT_EQ(who, "aabb") << "before and behind, not the node itself";
  EXPECT_EQ(stats().deadline_warnings(), 2U);
  const auto warnings = events(EventType::deadline_warning);
  ASSERT_THAT(warnings, SizeIs(2));
  EXPECT_EQ(warnings[0].wall, at(210));
  EXPECT_EQ(warnings[0].until_deadline, milliseconds(150));
  EXPECT_EQ(warnings[0].total, milliseconds(40)) << "by how much";
  EXPECT_THAT(taps().texts(), ElementsAre("first", "fits", "late", "later"));
}

TEST_F(Deadlines, WarnsOfNothingThatIsInTime) {
  world({.deadline = "{budget_ms: 250}"});
  teach();
  for (int i = 0; i < 20; ++i) say("x", 200 + 200 * i);
  run();

  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(stats().deadline_warnings(), 0U);
  EXPECT_EQ(taps().texts().size(), 21U);
}

TEST_F(Deadlines, WarnsWithoutABudgetOfADeadlineThatCameWithThePacket) {
  world({.deadline = "{give_up: [flush_batch]}"});
  teach();
  say("tight", 200, at(250));
  run();

  EXPECT_EQ(stats().deadline_warnings(), 1U);
  EXPECT_THAT(taps().texts(), ElementsAre("first", "tight")) << "late is not lost";
}

TEST_F(Deadlines, WarnsInTheMomentInWhichACallThatOverrunsMakesItLate) {
  world({.deadline = "{}", .pieces = 6});
  say("first", 10);        // a call takes 150 ms
  say("long", 300);        // but this one 250: until 550
  say("y", 301, at(650));  // 450 + 150 = 600: in time, as long as the call ends by 500
  run();

  const auto warnings = events(EventType::deadline_warning);
  ASSERT_THAT(warnings, SizeIs(1));
  EXPECT_EQ(warnings[0].wall, at(501)) << "the next tick";
}

// Actions ----------------------------------------------------------------------------------------

TEST_F(Deadlines, FlushesABatchThatWouldWaitTooLong) {
  const std::string fixed =
      "{mode: fixed, min_batch_size: 3, max_wait_ms: 400, max_buffer_size: 10, merge_strategy: "
      "keep_separate}";
  world({.mode = fixed, .deadline = "{budget_ms: 450, give_up: [flush_batch]}"});
  for (int i = 0; i < 3; ++i) say("together", 10 + i);
  say("alone", 500);
  run();

  EXPECT_THAT(left(), ElementsAre(112, 122, 132, 600));
  EXPECT_THAT(actions(), ElementsAre("flush_batch"));
  EXPECT_EQ(given_up(GiveUp::flush_batch), 1U);
}

TEST_F(Deadlines, WaitsInFixedModeWhereItMayNotFlush) {
  const std::string fixed =
      "{mode: fixed, min_batch_size: 3, max_wait_ms: 400, max_buffer_size: 10, merge_strategy: "
      "keep_separate}";
  world({.mode = fixed, .deadline = "{budget_ms: 450}"});
  for (int i = 0; i < 3; ++i) say("together", 10 + i);
  say("alone", 500);
  run();

  EXPECT_THAT(left(), ElementsAre(112, 122, 132, 1'000));
  EXPECT_THAT(actions(), IsEmpty());
  EXPECT_EQ(stats().deadline_warnings(), 1U);
}

TEST_F(Deadlines, AsksTheNodeForAsLittleAsIsEnough) {
  // A call takes 190 ms. Lower quality saves half of it, as is thought at first: 95.
  world({.deadline = "{give_up: [lower_quality, smaller_first_chunk]}", .pieces = 10});
  say("first", 10);
  say("easy", 300, at(500));
  say("tight", 600, at(700));
  say("tighter", 900, at(950));
  run();

  std::vector<std::string> said = taps().texts();
  said.erase(std::unique(said.begin(), said.end()), said.end());
  EXPECT_THAT(said, ElementsAre("first", "easy", "tight coarse", "tighter coarse short"));
  EXPECT_THAT(actions(), ElementsAre("lower_quality", "smaller_first_chunk", "lower_quality"));
}

TEST_F(Deadlines, LearnsWhatLowerQualitySaves) {
  // It takes 100 ms of 190: after one call, a deadline of 97 ms is known to be out of reach.
  world({.deadline = "{give_up: [lower_quality, drop]}", .pieces = 10});
  say("first", 10);
  say("once", 300, at(400));
  say("again", 600, at(697));
  run();

  EXPECT_THAT(actions(), ElementsAre("lower_quality", "drop"));
  EXPECT_EQ(stats().dropped(base::DropReason::deadline), 1U);
}

TEST_F(Deadlines, LearnsNoCostFromCallsOfLowerQuality) {
  world({.deadline = "{give_up: [lower_quality]}", .pieces = 10});
  say("first", 10);
  for (int i = 0; i < 20; ++i) say("tight", 300 + 300 * i, at(300 + 300 * i + 150));
  run();

  EXPECT_EQ(given_up(GiveUp::lower_quality), 20U) << "the deadline stays out of reach without it";
}

TEST_F(Deadlines, SkipsWhatIsOptionalAndLateAndNothingElse) {
  world({.deadline = "{give_up: [skip_optional]}"});
  teach();
  say("answer", 200, at(350));
  say("more", 201, at(351), true);
  say("needed", 202, at(352));
  say("welcome", 600, at(1'000), true);
  run();

  EXPECT_THAT(taps().texts(), ElementsAre("first", "answer", "needed", "welcome"));
  EXPECT_THAT(actions(), ElementsAre("skip_optional"));
  EXPECT_EQ(stats().dropped(base::DropReason::deadline), 1U);
}

TEST_F(Deadlines, DropsOnlyWhatCannotBeInTimeEvenAlone) {
  world({.deadline = "{give_up: [lower_quality, drop]}"});
  teach();
  say("runs", 200);               // 200 .. 300
  say("hopeless", 210, at(320));  // 300 + 50, if lower quality saves half
  say("possible", 211, at(450));
  run();

  EXPECT_THAT(taps().texts(), ElementsAre("first", "runs", "possible"));
  EXPECT_THAT(actions(), ElementsAre("drop"));
  EXPECT_EQ(events(EventType::deadline_action)[0].wall, at(210)) << "and at once";
}

TEST_F(Deadlines, StartsNothingWhoseDeadlineIsPastOnArrival) {
  world({.deadline = "{give_up: []}"});
  say("old", 200, at(150));
  say("now", 210, at(210));
  say("good", 220);
  run();

  EXPECT_THAT(taps().texts(), ElementsAre("good"));
  EXPECT_EQ(stats().dropped(base::DropReason::deadline), 2U);
  EXPECT_EQ(stats().deadline_warnings(), 0U);
}

/// Whatever may be given up: everything that came in either left or was counted as dropped, no
/// input is warned of twice, and only what the manifest lists is done.
TEST_F(Deadlines, HoldTheirAccountWhateverMayBeGivenUp) {
  const std::array<std::string, 5> words{"flush_batch", "smaller_first_chunk", "lower_quality",
                                         "skip_optional", "drop"};
  for (unsigned set = 0; set < 32; ++set) {
    std::string list;
    for (unsigned i = 0; i < words.size(); ++i)
      if ((set >> i & 1U) != 0) list += (list.empty() ? "" : ", ") + words[i];
    const std::string mode = set % 3 == 0 ? "{mode: fixed, min_batch_size: 4, max_wait_ms: 90, "
                                            "max_buffer_size: 12, merge_strategy: keep_separate}"
                                          : "{mode: greedy, merge_strategy: keep_separate}";
    world({.mode = mode, .deadline = "{budget_ms: 180, give_up: [" + list + "]}", .pieces = 1});
    unsigned seed = 7 + set;
    int time = 10;
    for (int i = 0; i < 80; ++i) {
      seed = seed * 1'103'515'245U + 12'345U;
      time += static_cast<int>(seed >> 16 & 63U);
      say(std::to_string(i), time, media::kNoDeadline, (seed >> 24 & 3U) == 0);
    }
    run();
    EXPECT_EQ(taps().texts().size() + stats().dropped(), 80U) << list;
    EXPECT_LE(stats().deadline_warnings(), 80U) << list;
    EXPECT_EQ(events(EventType::deadline_warning).size(), stats().deadline_warnings()) << list;
    for (unsigned i = 0; i < words.size(); ++i) {
      const bool listed = (set >> i & 1U) != 0;
      EXPECT_TRUE(listed || stats().given_up(i) == 0) << words[i] << " of " << list;
    }
  }
}

// batch_hint -------------------------------------------------------------------------------------

class Hints : public Deadlines {
 protected:
  void hint(std::int64_t size, const std::string& node = {}) {
    media::Control control;
    control.type = ControlType::batch_hint;
    control.value = size;
    if (!node.empty())
      control.body = rt::Payload::copy_of(std::as_bytes(std::span<const char>(node)));
    ASSERT_TRUE(world_->runner().control(
        {.session = world_->session().number, .control = std::move(control)}));
  }
  /// Inputs of each call, in order.
  [[nodiscard]] std::vector<std::uint64_t> batches() const {
    std::vector<std::uint64_t> sizes;
    for (const engine::Event& event : events(EventType::batch)) sizes.push_back(event.count);
    return sizes;
  }
  void expect_answer(engine::ControlStatus status, engine::ControlCode code) const {
    const auto answers = events(EventType::control);
    ASSERT_THAT(answers, SizeIs(1));
    EXPECT_EQ(answers[0].status, status);
    EXPECT_EQ(answers[0].code, code);
  }
  void say_seven() {
    for (int i = 0; i < 7; ++i) say(std::to_string(i), 10 + i);
  }
};

TEST_F(Hints, BoundTheBatchesOfAGreedyWrapper) {
  world({.deadline = "{}"});
  say_seven();
  hint(2);
  run();

  EXPECT_THAT(batches(), ElementsAre(1, 2, 2, 2));
  expect_answer(engine::ControlStatus::applied, engine::ControlCode::none);
  EXPECT_FALSE(told().empty()) << "and every node hears of it";
}

TEST_F(Hints, ReachTheWrapperThatTheyName) {
  world({.deadline = "{}"});
  say_seven();
  hint(3, "slow");
  run();

  EXPECT_THAT(batches(), ElementsAre(1, 3, 3));
}

TEST_F(Hints, AreRefusedForANodeWithoutAWrapper) {
  world({.deadline = "{}"});
  say_seven();
  hint(3, "before");
  run();

  EXPECT_THAT(batches(), ElementsAre(1, 6));
  expect_answer(engine::ControlStatus::rejected, engine::ControlCode::unknown_node);
}

TEST_F(Hints, AreRefusedBelowZero) {
  world({.deadline = "{}"});
  say_seven();
  hint(-1);
  run();

  EXPECT_THAT(batches(), ElementsAre(1, 6));
  expect_answer(engine::ControlStatus::rejected, engine::ControlCode::bad_value);
}

TEST_F(Hints, StandInForTheNumberOfFixedMode) {
  world({.mode = "{mode: fixed, min_batch_size: 5, max_wait_ms: 300, max_buffer_size: 20, "
                 "merge_strategy: keep_separate}",
         .deadline = "{}"});
  for (int i = 0; i < 4; ++i) say(std::to_string(i), 10 + i);
  hint(2);
  run();

  EXPECT_THAT(batches(), ElementsAre(2, 2));
}

TEST_F(Hints, ComeFromANodeDownstreamToo) {
  world({.deadline = "{}", .hint = 1});
  say_seven();
  for (int i = 0; i < 3; ++i) say("later", 150 + i);
  run();

  // The second call has begun when `after` first says something.
  EXPECT_THAT(batches(), ElementsAre(1, 6, 1, 1, 1));
}

}  // namespace
}  // namespace millrace::testing
