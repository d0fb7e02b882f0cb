#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "millrace/base/ids.hpp"

namespace millrace::nodes {

/// What was spoken for one revision of a turn, phrase by phrase with its length, so that the words
/// heard up to an interruption can be told.
///   memory   bounded: past 64 KiB of text the oldest phrases are counted and their words forgotten
///   units    frames of the audio as it was made, from the beginning of the reply
///   threads  one at a time
class SpokenReply {
 public:
  SpokenReply(base::TurnId turn, base::Revision revision) : turn_(turn), revision_(revision) {}

  void add(std::string_view phrase, std::uint64_t frames);

  /// The words that are over when `frames` have been played. Within a phrase, time is given to the
  /// words by their length.
  [[nodiscard]] std::string heard(std::uint64_t frames) const;

  [[nodiscard]] base::TurnId turn() const noexcept { return turn_; }
  [[nodiscard]] base::Revision revision() const noexcept { return revision_; }
  /// Nothing guessed went into it, or the guess came true.
  [[nodiscard]] bool confirmed() const noexcept { return confirmed_ || revision_ == 0; }
  void confirm() noexcept { confirmed_ = true; }
  /// Some of its audio went out, and its end did not yet.
  [[nodiscard]] bool begun() const noexcept { return begun_; }
  void set_begun(bool begun) noexcept { begun_ = begun; }

 private:
  struct Phrase {
    std::string text;
    std::uint64_t frames = 0;
  };

  base::TurnId turn_;
  base::Revision revision_ = 0;
  bool confirmed_ = false;
  bool begun_ = false;
  std::deque<Phrase> phrases_;
  std::size_t size_bytes_ = 0;          ///< of their text, with a space for each
  std::uint64_t forgotten_frames_ = 0;  ///< of the phrases before them
};

}  // namespace millrace::nodes
