#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/millrace/run_options.hpp"
#include "millrace/engine/virtual_runner.hpp"

namespace millrace::app {

/// The blocks (or lines) of one session's input, as often as the run asks for, on one continuous
/// media time.
///   threads  one; blocks on the file
class BlockFeed {
 public:
  BlockFeed(InputSource source, std::string input, nodes::FileOptions files,
            const RunOptions& options, const graph::Plan& plan);

  /// The next block; none at the end.
  [[nodiscard]] std::optional<media::Packet> next(rt::PayloadPool& pool);
  /// Media time handed out so far.
  [[nodiscard]] base::MediaTime until() const noexcept { return until_; }
  /// Blocks (or lines) handed out so far.
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::string warning() const { return source_.warning(); }

 private:
  InputSource source_;
  std::string input_;
  nodes::FileOptions files_;
  const graph::Plan* plan_;
  std::int64_t loops_left_ = 0;
  std::optional<base::MediaTime> limit_;
  base::MediaTime offset_{0};
  base::MediaTime until_{0};
  std::uint64_t count_ = 0;
};

/// The same as the input of a session on a virtual clock: a block is due when its last frame has
/// been spoken.
class VirtualFeed final : public engine::InputFeed {
 public:
  VirtualFeed(BlockFeed& blocks, std::uint32_t stage, rt::PayloadPool& pool);

  [[nodiscard]] base::Instant due() const noexcept override;
  [[nodiscard]] engine::InputPacket take() noexcept override;
  /// No more blocks: the end of the input comes next.
  void stop() noexcept;

 private:
  void load();

  BlockFeed& blocks_;
  std::uint32_t stage_;
  rt::PayloadPool& pool_;
  std::optional<media::Packet> next_;
  base::Instant last_due_{};
  bool end_sent_ = false;
};

/// The marker that tells a session that no more input comes.
[[nodiscard]] media::Packet end_of_input() noexcept;

}  // namespace millrace::app
