#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/base/time.hpp"
#include "millrace/media/lineage.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/node/context.hpp"

namespace millrace::nodes {

/// What was heard of a turn so far: its audio, and the words of audio that became too much to keep.
/// Each stretch keeps what it hangs on, so that a withdrawn segment takes out exactly its own.
///   units    frames at 16 kHz, mono
///   memory   the audio held; the caller bounds it with front_goes()
///   threads  one at a time
class TurnAudio {
 public:
  /// Silence that stands for a gap between two segments is at most so long.
  static constexpr std::size_t kMaxSilenceFrames = 3 * 16'000 / 10;
  /// Bytes of words kept for audio that went; leaves room for the last audio's in one packet.
  static constexpr std::size_t kMaxTextBytes = 48 << 10;

  /// Says which audio is held. Frames are counted as they come and never come again, so the same
  /// last one and as many of them are the same audio.
  struct Mark {
    std::uint64_t last = 0;
    std::size_t held = 0;
    friend bool operator==(const Mark&, const Mark&) = default;
  };

  void append(const media::Packet& audio);
  /// Takes out what hangs on something that was withdrawn.
  void drop_withdrawn(const node::Context& context);
  /// Takes out what belongs to `turn`, to one before it, or to none.
  void drop_turn(base::TurnId turn);
  /// The first `frames` of audio go, and `text` stands for them. False: there was no room for it.
  [[nodiscard]] bool front_goes(std::size_t frames, std::string_view text,
                                const node::Context& context);

  [[nodiscard]] bool empty() const noexcept { return spans_.empty() && parts_.empty(); }
  [[nodiscard]] Mark mark() const noexcept;
  /// Frames that ever came.
  [[nodiscard]] std::uint64_t appended() const noexcept { return appended_; }
  [[nodiscard]] std::span<const float> samples() const noexcept { return samples_; }
  /// The words of the audio that went, and `rest` behind them.
  [[nodiscard]] std::string text_with(std::string_view rest) const;
  [[nodiscard]] base::MediaTime from() const noexcept;
  [[nodiscard]] base::MediaTime to() const noexcept;
  /// When the last block of it was due.
  [[nodiscard]] base::Instant due() const noexcept { return due_; }
  /// Adds to `lineage` what all of it hangs on; false when that is more than it can name.
  [[nodiscard]] bool gather(media::Lineage& lineage, const node::Context& context) const;
  /// The same of the first `frames` of audio alone.
  [[nodiscard]] bool gather_front(std::size_t frames, media::Lineage& lineage,
                                  const node::Context& context) const;

 private:
  /// A stretch of audio that hangs on the same throughout.
  struct Span {
    media::Lineage lineage;
    base::MediaTime from{0};
    base::MediaTime to{0};
    std::size_t frames = 0;
    std::uint64_t last = 0;  ///< count of its last frame
  };
  /// Words of audio that is not held any more.
  struct Part {
    media::Lineage lineage;
    base::MediaTime from{0};
    base::MediaTime to{0};
    std::size_t frames = 0;
    std::uint64_t last = 0;
    std::string text;
  };
  template <class Goes>
  void drop(Goes goes);

  std::vector<Part> parts_;
  std::vector<Span> spans_;  ///< of samples_, in order
  std::vector<float> samples_;
  std::uint64_t appended_ = 0;
  base::Instant due_{};
};

/// The middle of the quietest 20 ms of `samples` that lie between `from` and its end.
[[nodiscard]] std::size_t quietest(std::span<const float> samples, std::size_t from);

}  // namespace millrace::nodes
