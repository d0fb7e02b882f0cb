#include "millrace/engine/custom_merge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace millrace::engine {
namespace {

using media::Packet;
using media::PacketKind;

rt::PayloadPool& pool() {
  static rt::PayloadPool made;
  return made;
}

Packet audio(std::int32_t rate_hz, std::uint32_t frames, std::int64_t from_us) {
  Packet packet;
  packet.rate_hz = rate_hz;
  packet.frames = frames;
  packet.from = base::MediaTime{from_us};
  packet.to = base::MediaTime{from_us + std::int64_t{frames} * 1'000'000 / rate_hz};
  packet.payload = pool().acquire(frames * sizeof(float));
  std::ranges::fill(packet.payload.writable_as<float>(), 0.5F);
  return packet;
}

/// Makes `frames` frames of silence, and says that there are `said`.
node::MergeType silence(std::uint32_t frames, std::uint32_t said, std::int32_t rate_hz) {
  return {
      .name = "silence",
      .kind = PacketKind::audio,
      .summary = "for tests",
      .join = [=](std::span<const Packet>, node::PayloadSource& payloads) -> base::Result<Packet> {
        Packet made;
        made.rate_hz = rate_hz;
        made.frames = said;
        made.from = base::MediaTime{-7};
        made.payload = payloads.acquire(frames * sizeof(float));
        std::ranges::fill(made.payload.writable_as<float>(), 0.0F);
        return made;
      }};
}

TEST(CustomMergeOfPackets, TakesWhatCameOverOnePortAndHangsOnTheSame) {
  std::vector<Packet> job(5);
  for (Packet& packet : job) packet = audio(16'000, 160, 0);
  const node::MergeType merge = silence(1, 1, 16'000);
  EXPECT_EQ(mergeable(job, merge).size(), 5U);

  job[4].port = 1;
  EXPECT_EQ(mergeable(job, merge).size(), 4U);
  job[3].lineage.turn = {1};
  EXPECT_EQ(mergeable(job, merge).size(), 3U);
  job[2].kind = PacketKind::control;
  EXPECT_EQ(mergeable(job, merge).size(), 2U);
  job[0].kind = PacketKind::text;
  EXPECT_EQ(mergeable(job, merge).size(), 0U);
}

TEST(CustomMergeOfPackets, KeepsTheHeaderOfTheEngineAndTheAudioOfTheMerge) {
  std::vector<Packet> inputs{audio(16'000, 160, 10'000), audio(8'000, 160, 50'000)};
  inputs[0].deadline = base::Instant{base::Duration{9}};
  inputs[1].last = true;

  const auto made = merge(silence(24, 24, 24'000), inputs, pool());

  ASSERT_TRUE(made.has_value());
  EXPECT_EQ(made->rate_hz, 24'000);
  EXPECT_EQ(made->frames, 24U);
  EXPECT_EQ(made->from, base::MediaTime{10'000});
  EXPECT_EQ(made->to, base::MediaTime{70'000});
  EXPECT_EQ(made->deadline, base::Instant{base::Duration{9}});
  EXPECT_TRUE(made->last);
  EXPECT_EQ(inputs[0].frames, 160U) << "the inputs stay as they are";
}

TEST(CustomMergeOfPackets, RefusesAudioThatIsNotWhatItsHeaderSays) {
  const std::vector<Packet> inputs{audio(16'000, 160, 0), audio(16'000, 160, 10'000)};

  EXPECT_FALSE(merge(silence(24, 25, 24'000), inputs, pool()).has_value());
  EXPECT_FALSE(merge(silence(24, 24, 0), inputs, pool()).has_value());
  EXPECT_FALSE(merge(silence(0, 0, 24'000), inputs, pool()).has_value());
}

TEST(CustomMergeOfPackets, CutsAReasonThatIsTooLong) {
  const node::MergeType wordy{
      .name = "wordy",
      .kind = PacketKind::audio,
      .summary = "for tests",
      .join = [](std::span<const Packet>, node::PayloadSource&) -> base::Result<Packet> {
        return base::fail(base::Code::bad_argument, std::string(10'000, 'x'));
      }};
  const std::vector<Packet> inputs{audio(16'000, 160, 0), audio(16'000, 160, 10'000)};

  const auto made = merge(wordy, inputs, pool());

  ASSERT_FALSE(made.has_value());
  EXPECT_LT(made.error().message.size(), 400U);
}

}  // namespace
}  // namespace millrace::engine
