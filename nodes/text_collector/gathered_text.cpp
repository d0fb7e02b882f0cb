#include "nodes/text_collector/gathered_text.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "millrace/base/utf8.hpp"
#include "nodes/text_collector/marks.hpp"
#include "nodes/text_collector/piece_end.hpp"

namespace millrace::nodes {

std::string_view GatheredText::text() const noexcept {
  return {reinterpret_cast<const char*>(buffer_.bytes().data()), size_};
}

std::uint32_t GatheredText::open_begin() const noexcept {
  return ends_.empty() ? 0 : ends_.back().at;
}

std::string_view GatheredText::open_sentence() const noexcept {
  return text().substr(open_begin());
}

bool GatheredText::continues(const media::Lineage& lineage) const noexcept {
  if (parts_.empty()) return true;
  const media::Lineage& last = parts_.back().lineage;
  return last.turn == lineage.turn && last.revision == lineage.revision;
}

bool GatheredText::grow(std::size_t size_bytes, node::Context& context) noexcept {
  if (buffer_.capacity_bytes() < size_bytes) {
    rt::Payload larger = context.acquire(size_bytes);
    if (!larger) return false;
    if (size_ > 0) std::memcpy(larger.writable().data(), buffer_.bytes().data(), size_);
    buffer_ = std::move(larger);
  }
  buffer_.resize(size_bytes);
  return true;
}

bool GatheredText::add_part(const Part& part, const node::Context& context) noexcept {
  const bool alike = !parts_.empty() && !part.discontinuity &&
                     parts_.back().optional == part.optional &&
                     parts_.back().lineage == part.lineage;
  if (!alike && parts_.push_back(part)) return true;

  Part& last = parts_.back();
  media::Lineage whole = last.lineage;
  if (!whole.merge(part.lineage)) {
    whole = last.lineage;
    context.make_room(whole);
    if (!whole.merge(part.lineage)) return false;
  }
  last.lineage = whole;
  last.end = part.end;
  last.discontinuity = last.discontinuity || part.discontinuity;
  last.optional = last.optional && part.optional;
  last.from = std::min(last.from, part.from);
  last.to = std::max(last.to, part.to);
  last.due = std::max(last.due, part.due);
  last.deadline = std::min(last.deadline, part.deadline);
  return true;
}

bool GatheredText::append(const media::Packet& packet, std::string_view joint,
                          node::Context& context) noexcept {
  const std::string_view added = packet.text();
  if (added.empty()) return true;
  if (open_sentence().empty()) joint = {};
  const std::size_t size = size_ + joint.size() + added.size();
  if (!grow(size, context)) return false;
  const Part part{.begin = size_,
                  .end = static_cast<std::uint32_t>(size),
                  .discontinuity = packet.discontinuity,
                  .optional = packet.optional,
                  .from = packet.from,
                  .to = packet.to,
                  .due = packet.due,
                  .deadline = packet.deadline,
                  .lineage = packet.lineage};
  if (!add_part(part, context)) return false;

  auto* out = reinterpret_cast<char*>(buffer_.writable().data()) + size_;
  out = std::copy(joint.begin(), joint.end(), out);
  std::copy(added.begin(), added.end(), out);
  size_ = static_cast<std::uint32_t>(size);
  return true;
}

void GatheredText::add_end(std::uint32_t at, bool last) noexcept {
  if (!ends_.push_back({at, last})) ends_.back() = {at, ends_.back().last || last};
}

void GatheredText::find_sentences(bool complete, bool last) noexcept {
  // The rest of a character at the end of a text will not come.
  if (complete)
    erase(open_begin() + static_cast<std::uint32_t>(without_cut_character(open_sentence()).size()),
          size_);
  for (;;) {
    const std::size_t end = find_piece_end(open_sentence(), complete, most_bytes_);
    if (end == kNoSentenceEnd) break;
    add_end(open_begin() + static_cast<std::uint32_t>(end), false);
  }
  if (!complete) return;
  if (!base::trimmed(open_sentence()).empty()) return add_end(size_, last);
  // Spaces alone are no sentence, and must not go over to the next text.
  erase(open_begin(), size_);
  if (!ends_.empty()) ends_.back().last = ends_.back().last || last;
}

bool GatheredText::end_clause() noexcept {
  const std::string_view open = open_sentence();
  const std::size_t end = last_clause_end(open, open.size());
  if (end == kNoSentenceEnd) return false;
  add_end(open_begin() + static_cast<std::uint32_t>(end), false);
  return true;
}

void GatheredText::erase_part(const Part& part) noexcept {
  // A character that lies half in the part goes as a whole.
  const std::string_view all = text();
  std::uint32_t begin = part.begin;
  std::uint32_t end = part.end;
  while (begin > 0 && is_inner_byte(all[begin])) --begin;
  while (end < size_ && is_inner_byte(all[end])) ++end;
  erase(begin, end);
}

void GatheredText::erase(std::uint32_t begin, std::uint32_t end) noexcept {
  const std::uint32_t length = end - begin;
  if (length == 0) return;
  auto* bytes = reinterpret_cast<char*>(buffer_.writable().data());
  std::memmove(bytes + begin, bytes + end, size_ - end);
  size_ -= length;
  const auto moved = [&](std::uint32_t at) {
    return at >= end ? at - length : std::min(at, begin);
  };
  text_begin_ = moved(text_begin_);
  for (std::size_t i = parts_.size(); i-- > 0;) {
    parts_[i].begin = moved(parts_[i].begin);
    parts_[i].end = moved(parts_[i].end);
    if (parts_[i].begin == parts_[i].end) parts_.erase(i);
  }
  for (std::size_t i = ends_.size(); i-- > 0;) {
    ends_[i].at = moved(ends_[i].at);
    const std::uint32_t before = i == 0 ? 0 : moved(ends_[i - 1].at);
    if (ends_[i].at == before) ends_.erase(i);
  }
  if (size_ == 0) buffer_.reset();
}

void GatheredText::prune(const node::Context& context) noexcept {
  // Half a character may take the part before it along.
  for (std::size_t i = parts_.size(); i-- > 0;)
    if (i < parts_.size() && !context.live(parts_[i].lineage)) erase_part(parts_[i]);
}

bool GatheredText::release(const media::Lineage& inherited, node::Context& context) noexcept {
  prune(context);
  const bool of_text = has_sentences_of_text();
  std::uint32_t begin = 0;
  for (const End& end : ends_) {
    emit(begin, end, inherited, context);
    begin = end.at;
  }
  ends_.clear();
  erase(0, begin);
  return of_text;
}

void GatheredText::emit(std::uint32_t begin, End end, const media::Lineage& inherited,
                        node::Context& context) noexcept {
  // A sentence that hangs on more than a lineage holds goes out in pieces: splitting it is better
  // than forgetting what could withdraw it.
  media::Lineage whole = inherited;
  for (const Part& part : parts_) {
    if (part.end <= begin || part.begin >= end.at) continue;
    if (whole.merge(part.lineage)) continue;
    context.make_room(whole);
    if (whole.merge(part.lineage)) continue;
    if (part.begin > begin) emit_piece(begin, {part.begin, false}, context);
    begin = std::max(begin, part.begin);
    whole = inherited;
    (void)whole.merge(part.lineage);
  }
  emit_piece(begin, end, context);
}

void GatheredText::emit_piece(std::uint32_t begin, End end, node::Context& context) noexcept {
  const std::string_view sentence = base::trimmed(text().substr(begin, end.at - begin));
  if (sentence.empty()) return;
  media::Packet packet = node::text_packet(context, sentence, media::TextRole::sentence);
  packet.last = end.last;
  bool first = true;
  for (Part& part : parts_) {
    if (part.end <= begin || part.begin >= end.at) continue;
    if (!packet.lineage.merge(part.lineage)) {
      context.make_room(packet.lineage);
      (void)packet.lineage.merge(part.lineage);
    }
    packet.from = first ? part.from : std::min(packet.from, part.from);
    packet.to = std::max(packet.to, part.to);
    packet.due = std::max(packet.due, part.due);
    packet.deadline = std::min(packet.deadline, part.deadline);
    packet.discontinuity = packet.discontinuity || part.discontinuity;
    packet.optional = part.optional && (first || packet.optional);
    part.discontinuity = false;
    first = false;
  }
  context.emit(0, std::move(packet));
}

}  // namespace millrace::nodes
