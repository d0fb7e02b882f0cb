#include "nodes/text_collector/gathered_text.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "millrace/base/utf8.hpp"
#include "nodes/text_collector/sentence_end.hpp"

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
  const bool alike =
      !parts_.empty() && !part.discontinuity && parts_.back().lineage == part.lineage;
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
  for (;;) {
    const std::size_t end = find_sentence_end(open_sentence(), complete);
    if (end == kNoSentenceEnd) break;
    add_end(open_begin() + static_cast<std::uint32_t>(end), false);
  }
  if (complete && !base::trimmed(open_sentence()).empty()) add_end(size_, last);
}

void GatheredText::bound_open_sentence(std::size_t bytes) noexcept {
  const std::string_view open = open_sentence();
  if (open.size() <= bytes) return;
  std::size_t cut = open.find_last_of(" \t\n");
  // Without a space the cut still must not go through a code point.
  if (cut == std::string_view::npos || base::trimmed(open.substr(0, cut)).empty()) {
    cut = open.size() - 1;
    while (cut > 0 && (static_cast<unsigned char>(open[cut]) & 0xC0) == 0x80) --cut;
  }
  if (cut > 0) add_end(open_begin() + static_cast<std::uint32_t>(cut), false);
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
  for (std::size_t i = parts_.size(); i-- > 0;)
    if (!context.live(parts_[i].lineage)) erase(parts_[i].begin, parts_[i].end);
}

void GatheredText::release(const media::Lineage& inherited, node::Context& context) noexcept {
  prune(context);
  std::uint32_t begin = 0;
  for (const End& end : ends_) {
    emit(begin, end, inherited, context);
    begin = end.at;
  }
  ends_.clear();
  erase(0, begin);
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
    part.discontinuity = false;
    first = false;
  }
  context.emit(0, std::move(packet));
}

}  // namespace millrace::nodes
