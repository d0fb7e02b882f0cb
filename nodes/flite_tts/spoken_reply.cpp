#include "nodes/flite_tts/spoken_reply.hpp"

#include "millrace/base/limits.hpp"
#include "nodes/flite_tts/phrases.hpp"

namespace millrace::nodes {
namespace {

/// A word takes time for each of its letters, and for the gap behind it.
std::uint64_t weight(std::string_view word) {
  return word.size() + 1;
}

void append(std::string& text, std::string_view more) {
  if (!text.empty()) text += ' ';
  text += more;
}

}  // namespace

void SpokenReply::add(std::string_view phrase, std::uint64_t frames) {
  phrases_.push_back({std::string(phrase), frames});
  size_bytes_ += phrase.size() + 1;
  while (size_bytes_ > base::limits::kTextPacketBytes) {
    size_bytes_ -= phrases_.front().text.size() + 1;
    forgotten_frames_ += phrases_.front().frames;
    phrases_.pop_front();
  }
}

std::string SpokenReply::heard(std::uint64_t frames) const {
  std::string text;
  std::uint64_t from = forgotten_frames_;
  for (const Phrase& phrase : phrases_) {
    const std::uint64_t to = from + phrase.frames;
    if (frames >= to) {
      append(text, phrase.text);
      from = to;
      continue;
    }
    if (frames <= from) break;
    const std::vector<std::string_view> words = words_of(phrase.text);
    std::uint64_t all = 0;
    for (const std::string_view word : words) all += weight(word);
    std::uint64_t over = 0;
    for (const std::string_view word : words) {
      over += weight(word);
      // over / all > played / phrase.frames, without a division that rounds
      if (over * phrase.frames > (frames - from) * all) break;
      append(text, word);
    }
    break;
  }
  return text;
}

}  // namespace millrace::nodes
