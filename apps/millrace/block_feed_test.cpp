#include "apps/millrace/block_feed.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "apps/millrace/report.hpp"
#include "millrace/media/wav.hpp"

namespace millrace::app {
namespace {

using base::MediaTime;

/// A tenth of a second of sound, and a pipeline that takes it.
class Feed : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = (std::filesystem::path(::testing::TempDir()) /
             (std::string("millrace_feed_") +
              ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".wav"))
                .string();
    auto wav = media::WavWriter::create(path_, 8'000, 1);
    ASSERT_TRUE(wav.has_value());
    ASSERT_TRUE(wav->write(std::vector<float>(800, 0.1F)).has_value());
    ASSERT_TRUE(wav->close().has_value());
    auto plan = load_plan(std::string(MILLRACE_SOURCE_DIR) + "/examples/plain_vad.yaml");
    ASSERT_TRUE(plan.has_value());
    plan_ = *plan;
  }
  void TearDown() override { std::filesystem::remove(path_); }

  BlockFeed blocks() {
    auto source = open_input(path_, files_, *plan_);
    EXPECT_TRUE(source.has_value());
    return {std::move(*source), path_, files_, options_, *plan_};
  }
  /// [from, to) of every block, checked to leave no gap.
  MediaTime play(BlockFeed& feed) {
    MediaTime at{0};
    while (auto block = feed.next(pool_)) {
      EXPECT_EQ(block->from, at);
      at = block->to;
    }
    EXPECT_EQ(feed.until(), at);
    return at;
  }

  std::string path_;
  RunOptions options_;
  nodes::FileOptions files_;
  std::shared_ptr<const graph::Plan> plan_;
  rt::PayloadPool pool_;
};

TEST_F(Feed, PlaysAnInputOnce) {
  BlockFeed feed = blocks();

  EXPECT_EQ(play(feed), MediaTime{100'000});
}

TEST_F(Feed, MediaTimeGoesOnWhereTheInputBeginsAgain) {
  options_.loop = 3;
  BlockFeed feed = blocks();

  EXPECT_EQ(play(feed), MediaTime{300'000});
}

TEST_F(Feed, StopsWhenTheTimeAskedForIsUp) {
  options_.seconds = 0.25;
  BlockFeed feed = blocks();

  EXPECT_EQ(play(feed), MediaTime{260'000});  // whole blocks
}

TEST_F(Feed, AVirtualBlockIsDueWhenItsLastFrameHasBeenSpoken) {
  BlockFeed of = blocks();
  VirtualFeed feed(of, 7, pool_);

  for (int i = 1; i <= 5; ++i) {
    EXPECT_EQ(feed.due(), base::Instant{std::chrono::milliseconds(20 * i)});
    EXPECT_EQ(feed.take().packet.kind, media::PacketKind::audio);
  }
  EXPECT_EQ(feed.due(), base::Instant{std::chrono::milliseconds(100)});
  const engine::InputPacket end = feed.take();
  EXPECT_EQ(end.stage, 7U);
  EXPECT_EQ(end.packet.control_type, media::ControlType::end_of_input);
  EXPECT_EQ(feed.due(), base::Instant{base::Duration::max()});
}

TEST_F(Feed, AnInterruptedVirtualInputEndsAtOnce) {
  BlockFeed of = blocks();
  VirtualFeed feed(of, 0, pool_);
  (void)feed.take();

  feed.stop();

  EXPECT_EQ(feed.due(), base::Instant{std::chrono::milliseconds(20)});
  EXPECT_EQ(feed.take().packet.control_type, media::ControlType::end_of_input);
}

TEST_F(Feed, AnInputThatIsNotThereIsNamed) {
  const auto missing = open_input(path_ + ".none", files_, *plan_);

  ASSERT_FALSE(missing.has_value());
  EXPECT_NE(missing.error().text().find(".none"), std::string::npos);
}

}  // namespace
}  // namespace millrace::app
