#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "millrace/testing/virtual_world.hpp"

// A gate that hears a cough while a reply is played stops the sinks, and lets them go on.
namespace millrace::testing {
namespace {

using engine::EventType;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

enum class Say : int { audio = 0, pause = 1, resume = 2, look = 3, interrupt = 4 };

std::vector<bool> looks;

class Holder final : public node::SessionNode {
 public:
  void process(media::Packet& packet, node::Context& context) noexcept override {
    node::Speculation& speculation = *context.speculation();
    switch (static_cast<Say>(static_cast<int>(packet.samples()[0]))) {
      case Say::audio: context.emit(0, std::move(packet)); break;
      case Say::pause: speculation.pause_playback(); break;
      case Say::resume: speculation.resume_playback(); break;
      case Say::look: looks.push_back(speculation.playing()); break;
      case Say::interrupt: speculation.interrupt({}, packet.from); break;
    }
  }
};

class HolderStage final : public node::StageNode {
 public:
  base::Result<std::unique_ptr<node::SessionNode>> open_session(const node::SessionInfo&) override {
    return std::make_unique<Holder>();
  }
  node::Format output_format(std::size_t) const override {
    return {media::PacketKind::audio, 16'000, 1};
  }
};

constexpr node::PortDecl kIn[] = {
    {.name = "in", .kind = media::PacketKind::audio, .summary = "audio"}};
constexpr node::PortDecl kOut[] = {
    {.name = "out", .kind = media::PacketKind::audio, .summary = "audio"}};
constexpr node::Contract kHolder{.type = "holder",
                                 .summary = "holds playback",
                                 .inputs = kIn,
                                 .outputs = kOut,
                                 .inline_only = true,
                                 .max_outputs = 1,
                                 .speculates = true};

std::shared_ptr<const graph::Plan> holding_plan() {
  static const node::Registry registry = [] {
    node::Registry made;
    add_test_nodes(made);
    made.add(
        {&kHolder, [](const node::StageConfig&) -> base::Result<std::unique_ptr<node::StageNode>> {
           return std::make_unique<HolderStage>();
         }});
    return made;
  }();
  return test_plan(R"(
version: v1
nodes:
  - {id: mic, type: source}
  - {id: gate, type: holder}
  - {id: out, type: paced_sink}
edges:
  - {from: mic, to: gate}
  - {from: gate, to: out}
)",
                   registry);
}

media::Packet block(std::uint32_t frames, Say what) {
  std::vector<float> samples(frames, 0.0F);
  samples[0] = static_cast<float>(what);
  media::Packet packet;
  packet.rate_hz = 16'000;
  packet.frames = frames;
  packet.last = true;
  packet.payload = rt::Payload::copy_of(std::as_bytes(std::span<const float>(samples)));
  return packet;
}

base::Instant ms(int n) {
  return base::Instant{std::chrono::milliseconds(n)};
}

TEST(PlaybackHold, StopsAReplyWhereItIsAndLetsItGoOn) {
  looks.clear();
  VirtualWorld world(holding_plan(), 1);
  const std::uint32_t mic = world.stage("mic");
  world.open();
  world.feed().add(ms(0), mic, block(1, Say::look));
  world.feed().add(ms(10), mic, block(8'000, Say::audio));
  world.feed().add(ms(110), mic, block(1, Say::look));
  world.feed().add(ms(110), mic, block(1, Say::pause));
  world.feed().add(ms(900), mic, block(1, Say::look));
  world.feed().add(ms(900), mic, block(1, Say::resume));
  world.feed().add(ms(2'000), mic, block(1, Say::look));
  world.feed().end(mic);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_THAT(looks, ElementsAre(false, true, true, false));
  EXPECT_EQ(world.tap().frames(), 8'000U) << "all of it, once";
  EXPECT_EQ(world.tap().count(EventType::playback_paused), 1U);
  EXPECT_EQ(world.tap().count(EventType::playback_resumed), 1U);
  for (const engine::Event& event : world.tap().events) {
    if (event.type != EventType::output) continue;
    EXPECT_TRUE(event.wall <= ms(110) || event.wall >= ms(900));
    EXPECT_LE(event.wall, ms(900 + 400)) << "what was left took its own time and no more";
  }
}

/// A greeting of two blocks of half a second, and another text behind it.
void greet(VirtualWorld& world, std::uint32_t mic) {
  media::Packet first = block(8'000, Say::audio);
  first.last = false;
  world.feed().add(ms(10), mic, std::move(first));
  world.feed().add(ms(20), mic, block(1, Say::look));
}

TEST(PlaybackHold, InterruptsAGreetingWithoutATurnAndTheRestOfIt) {
  looks.clear();
  VirtualWorld world(holding_plan(), 1);
  const std::uint32_t mic = world.stage("mic");
  world.open();
  greet(world, mic);
  world.feed().add(ms(110), mic, block(1, Say::interrupt));
  world.feed().add(ms(120), mic, block(8'000, Say::audio));  // its end
  world.feed().add(ms(130), mic, block(1, Say::look));
  world.feed().add(ms(200), mic, block(1'600, Say::audio));  // what is said next
  world.feed().end(mic);

  world.run();

  EXPECT_THAT(world.broken(), IsEmpty());
  EXPECT_THAT(looks, ElementsAre(true, false));
  ASSERT_EQ(world.tap().count(EventType::interrupt), 1U);
  EXPECT_EQ(world.tap().count(EventType::withheld), 1U) << "the rest of the greeting";
  base::MediaTime played{0};
  std::uint64_t before = 0;
  for (const engine::Event& event : world.tap().events) {
    if (event.type == EventType::interrupt) played = event.played;
    if (event.type == EventType::output && event.wall < ms(120))
      before += static_cast<std::uint64_t>(event.duration.count());
  }
  EXPECT_EQ(played, base::MediaTime{100'000}) << "from 10 to 110 ms";
  EXPECT_LE(before, 160'000U) << "no more than the cushion ahead of the ear";
  EXPECT_EQ(world.tap().frames() * 1000 / 16, before + 100'000) << "then all of what came next";
}

TEST(PlaybackHold, AClientInterruptsAGreetingToo) {
  VirtualWorld world(holding_plan(), 1);
  const std::uint32_t mic = world.stage("mic");
  world.open();
  greet(world, mic);
  world.feed().end(mic);
  while (world.runner().clock().now() < ms(100) && world.runner().step()) {
  }

  media::Control interrupt;
  interrupt.type = media::ControlType::interrupt;
  ASSERT_TRUE(world.runner().control({1, interrupt}));
  world.run();

  EXPECT_EQ(world.tap().count(EventType::interrupt), 1U);
  EXPECT_LT(world.tap().frames(), 8'000U);
}

}  // namespace
}  // namespace millrace::testing
