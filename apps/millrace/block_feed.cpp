#include "apps/millrace/block_feed.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace millrace::app {

using base::Instant;
using base::MediaTime;

media::Packet end_of_input() noexcept {
  media::Packet marker;
  marker.kind = media::PacketKind::control;
  marker.control_type = media::ControlType::end_of_input;
  return marker;
}

BlockFeed::BlockFeed(InputSource source, std::string input, nodes::FileOptions files,
                     const RunOptions& options, const graph::Plan& plan)
    : source_(std::move(source)),
      input_(std::move(input)),
      files_(files),
      plan_(&plan),
      loops_left_(options.loop - 1) {
  if (options.seconds) {
    limit_ = MediaTime{std::llround(*options.seconds * 1e6)};
    // A file shorter than the time asked for is played again.
    loops_left_ = std::max<std::int64_t>(loops_left_, 1'000'000);
  }
}

std::optional<media::Packet> BlockFeed::next(rt::PayloadPool& pool) {
  if (limit_ && until_ >= *limit_) return std::nullopt;
  auto block = source_.next(pool);
  if (!block && loops_left_ > 0 && until_ > offset_) {
    auto again = open_input(input_, files_, *plan_);
    if (!again) return std::nullopt;
    source_ = std::move(*again);
    --loops_left_;
    offset_ = until_;
    block = source_.next(pool);
  }
  if (!block) return std::nullopt;
  block->from += offset_;
  block->to += offset_;
  until_ = block->to;
  ++count_;
  return block;
}

VirtualFeed::VirtualFeed(BlockFeed& blocks, std::uint32_t stage, rt::PayloadPool& pool)
    : blocks_(blocks), stage_(stage), pool_(pool) {
  load();
}

void VirtualFeed::load() {
  next_ = blocks_.next(pool_);
}

Instant VirtualFeed::due() const noexcept {
  if (next_) return Instant{next_->to};
  return end_sent_ ? Instant{base::Duration::max()} : last_due_;
}

engine::InputPacket VirtualFeed::take() noexcept {
  if (!next_) {
    end_sent_ = true;
    return {stage_, end_of_input()};
  }
  last_due_ = Instant{next_->to};
  engine::InputPacket input{stage_, std::move(*next_)};
  load();
  return input;
}

void VirtualFeed::stop() noexcept {
  next_.reset();
}

}  // namespace millrace::app
