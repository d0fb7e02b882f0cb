#include "nodes/flite_tts/phrases.hpp"

#include "millrace/base/utf8.hpp"
#include "nodes/flite_tts/sentences.hpp"

namespace millrace::nodes {
namespace {

bool space_at(std::string_view text, std::size_t at) {
  return at >= text.size() || base::is_space(base::decode_utf8(text.substr(at)).value);
}

/// One past the end of the first sentence of `text`, or of as much of it as may be given at once.
std::size_t sentence_end(std::string_view text) {
  std::size_t last_space = 0;
  std::size_t i = 0;
  while (i < text.size()) {
    const std::size_t size = base::decode_utf8(text.substr(i)).size_bytes;
    if (i + size > kMaxSentenceBytes) return last_space > 0 ? last_space : i;
    if (space_at(text, i)) last_space = i;
    i += size;
    const bool mark = std::string_view(".!?;:").find(text[i - 1]) != std::string_view::npos;
    if (mark && space_at(text, i)) return i;
  }
  return text.size();
}

/// Where the first phrase of `sentence` ends: at the last comma that leaves at most kMostWords
/// before it, else at the first comma there is.
std::size_t phrase_end(std::string_view sentence) {
  const std::vector<std::string_view> words = words_of(sentence);
  if (words.size() <= kMostWords) return sentence.size();
  std::size_t end = sentence.size();
  for (std::size_t count = kFewestWords; count < words.size(); ++count) {
    const std::string_view word = words[count - 1];
    if (word.back() != ',') continue;
    if (count > kMostWords && end != sentence.size()) break;
    end = static_cast<std::size_t>(word.data() - sentence.data()) + word.size();
    if (count > kMostWords) break;
  }
  return end;
}

/// The first words of `phrase`, if there are enough to cut it.
std::string_view beginning_of(std::string_view phrase) {
  const std::vector<std::string_view> words = words_of(phrase);
  if (words.size() < 2 * kFewestWords) return phrase;
  const std::string_view last = words[kFewestWords - 1];
  return phrase.substr(0, static_cast<std::size_t>(last.data() - phrase.data()) + last.size());
}

}  // namespace

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  std::size_t from = 0;
  for (std::size_t i = 0; i <= text.size();) {
    const base::CodePoint here = base::decode_utf8(text.substr(i));
    if (here.size_bytes == 0 || base::is_space(here.value)) {
      if (i > from) words.push_back(text.substr(from, i - from));
      from = i + here.size_bytes;
    }
    if (here.size_bytes == 0) break;
    i += here.size_bytes;
  }
  return words;
}

std::vector<std::string_view> phrases(std::string_view text, bool short_first) {
  std::vector<std::string_view> found;
  std::string_view rest = base::trimmed(text);
  while (!rest.empty()) {
    const std::string_view sentence = rest.substr(0, sentence_end(rest));
    std::string_view phrase = sentence.substr(0, phrase_end(sentence));
    if (short_first && found.empty()) phrase = beginning_of(phrase);
    if (!sentences(phrase).empty()) found.push_back(phrase);
    rest.remove_prefix(phrase.size());
    while (!rest.empty() && space_at(rest, 0))
      rest.remove_prefix(base::decode_utf8(rest).size_bytes);
  }
  return found;
}

}  // namespace millrace::nodes
