#pragma once

#include <cstdint>
#include <string_view>

#include "millrace/base/inline_vector.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/node/context.hpp"

namespace millrace::nodes {

/// Text of one session on its way to become sentences: what each piece of it hangs on, and where
/// the sentences found so far end. What lies behind the last end is the open sentence.
///   threads  that of the node
///   memory   one payload, given back when the text is empty; parts and ends are bounded
class GatheredText {
 public:
  /// Sentences told apart; further ones join the last, so that release() never gives more than
  /// kMaxPackets packets.
  static constexpr std::size_t kMaxEnds = 8;
  static constexpr std::size_t kMaxParts = 8;
  static constexpr std::uint32_t kMaxPackets = kMaxEnds + kMaxParts;

  /// No sentence is longer than `most_bytes`.
  explicit GatheredText(std::size_t most_bytes) noexcept : most_bytes_(most_bytes) {}

  /// What is added from here on is another text than what is held.
  void begin_text() noexcept { text_begin_ = size_; }
  /// Adds the text of `packet` to the open sentence, with `joint` before it where there is text.
  /// False when there is no memory, or when it hangs on more than a lineage holds: nothing was
  /// added.
  [[nodiscard]] bool append(const media::Packet& packet, std::string_view joint,
                            node::Context& context) noexcept;
  /// Finds the sentences that are whole. `complete`: nothing will be added to the open sentence, so
  /// it ends here; `last`: and nothing follows it.
  void find_sentences(bool complete, bool last) noexcept;
  /// Ends the open sentence at its last clause, whole or not. False: it has none yet.
  bool end_clause() noexcept;
  /// Forgets the text whose lineage has been withdrawn.
  void prune(const node::Context& context) noexcept;
  /// Emits the sentences found and forgets them; the open one stays. `inherited`: what the engine
  /// will add to the lineage of each. True: something of the newest text went out.
  bool release(const media::Lineage& inherited, node::Context& context) noexcept;

  [[nodiscard]] bool has_sentences() const noexcept { return !ends_.empty(); }
  /// One of them is of the newest text.
  [[nodiscard]] bool has_sentences_of_text() const noexcept {
    return !ends_.empty() && ends_.back().at > text_begin_;
  }
  [[nodiscard]] bool is_full() const noexcept { return ends_.full(); }
  [[nodiscard]] std::size_t size_bytes() const noexcept { return size_; }
  [[nodiscard]] std::string_view open_sentence() const noexcept;
  /// Whether text of `lineage` may go on with the open sentence: same turn and revision.
  [[nodiscard]] bool continues(const media::Lineage& lineage) const noexcept;

 private:
  /// A stretch of text that hangs on the same things.
  struct Part {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    bool discontinuity = false;
    bool optional = false;
    base::MediaTime from{0};
    base::MediaTime to{0};
    base::Instant due;
    base::Instant deadline;
    media::Lineage lineage;
  };
  struct End {
    std::uint32_t at = 0;
    bool last = false;
  };

  [[nodiscard]] std::string_view text() const noexcept;
  [[nodiscard]] std::uint32_t open_begin() const noexcept;
  [[nodiscard]] bool grow(std::size_t size_bytes, node::Context& context) noexcept;
  [[nodiscard]] bool add_part(const Part& part, const node::Context& context) noexcept;
  void add_end(std::uint32_t at, bool last) noexcept;
  void erase_part(const Part& part) noexcept;
  void erase(std::uint32_t begin, std::uint32_t end) noexcept;
  void emit(std::uint32_t begin, End end, const media::Lineage& inherited,
            node::Context& context) noexcept;
  void emit_piece(std::uint32_t begin, End end, node::Context& context) noexcept;

  std::size_t most_bytes_;
  rt::Payload buffer_;
  std::uint32_t size_ = 0;
  std::uint32_t text_begin_ = 0;  ///< where the newest text begins
  base::InlineVector<Part, kMaxParts> parts_;
  base::InlineVector<End, kMaxEnds> ends_;
};

}  // namespace millrace::nodes
