#include "nodes/moonshine_asr/turn_audio.hpp"

#include <algorithm>
#include <limits>

namespace millrace::nodes {
namespace {

constexpr std::int32_t kRateHz = 16'000;

/// What is certain is forgotten first, and only where there is no room.
bool join(media::Lineage& into, const media::Lineage& other, const node::Context& context) {
  if (into.merge(other)) return true;
  context.make_room(into);
  if (into.merge(other)) return true;
  media::Lineage rest = other;
  context.make_room(rest);
  return into.merge(rest);
}

}  // namespace

void TurnAudio::append(const media::Packet& audio) {
  const std::span<const float> block = audio.samples();
  if (block.empty()) return;
  due_ = audio.due;
  const base::MediaTime gap = spans_.empty() ? base::MediaTime{0} : audio.from - spans_.back().to;
  // Times are rounded to microseconds: a difference of less than a frame is none.
  const std::int64_t silence = base::frame_at(std::max(gap, base::MediaTime{0}), kRateHz);
  const bool follows = !spans_.empty() && silence <= 1 && spans_.back().lineage == audio.lineage;
  if (!follows) spans_.push_back({.lineage = audio.lineage, .from = audio.from, .to = audio.to});
  Span& span = spans_.back();
  std::size_t frames = block.size();
  if (silence > 1) {
    const auto filled = std::min(static_cast<std::size_t>(silence), kMaxSilenceFrames);
    samples_.insert(samples_.end(), filled, 0.0F);
    frames += filled;
  }
  samples_.insert(samples_.end(), block.begin(), block.end());
  span.to = audio.to;
  span.frames += frames;
  appended_ += frames;
  span.last = appended_;
}

template <class Goes>
void TurnAudio::drop(Goes goes) {
  std::erase_if(parts_, [&](const Part& part) { return goes(part.lineage); });
  auto read = samples_.begin();
  auto write = samples_.begin();
  std::erase_if(spans_, [&](const Span& span) {
    const auto begin = read;
    read += static_cast<std::ptrdiff_t>(span.frames);
    if (goes(span.lineage)) return true;
    write = write == begin ? read : std::copy(begin, read, write);
    return false;
  });
  samples_.erase(write, samples_.end());
}

void TurnAudio::drop_withdrawn(const node::Context& context) {
  drop([&](const media::Lineage& lineage) { return !context.live(lineage); });
}

void TurnAudio::drop_turn(base::TurnId turn) {
  drop([&](const media::Lineage& lineage) { return lineage.turn <= turn; });
  // A session that listens most of the time holds no memory for its longest turn.
  if (samples_.empty()) std::vector<float>{}.swap(samples_);
}

bool TurnAudio::front_goes(std::size_t frames, std::string_view text,
                           const node::Context& context) {
  Part part;
  part.from = spans_.empty() ? base::MediaTime{0} : spans_.front().from;
  part.frames = frames;
  part.text = text;
  std::size_t kept = text.size();
  for (const Part& before : parts_) kept += before.text.size() + 1;
  const bool fits = kept <= kMaxTextBytes && gather_front(frames, part.lineage, context);

  samples_.erase(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(frames));
  std::size_t left = frames;
  while (left > 0) {
    Span& span = spans_.front();
    part.to = span.to;
    part.last = span.last;
    if (span.frames > left) {
      span.frames -= left;
      // What remains ends where it did: silence put in for a gap lies at the front.
      const auto rest = base::media_time(static_cast<std::int64_t>(span.frames), kRateHz);
      part.last = span.last - span.frames;
      span.from = part.to = std::max(span.from, span.to - rest);
      break;
    }
    left -= span.frames;
    spans_.erase(spans_.begin());
  }
  if (fits) parts_.push_back(std::move(part));
  return fits;
}

TurnAudio::Mark TurnAudio::mark() const noexcept {
  std::size_t held = samples_.size();
  for (const Part& part : parts_) held += part.frames;
  const std::uint64_t of_parts = parts_.empty() ? 0 : parts_.back().last;
  return {.last = spans_.empty() ? of_parts : spans_.back().last, .held = held};
}

std::string TurnAudio::text_with(std::string_view rest) const {
  std::string whole;
  const auto add = [&whole](std::string_view text) {
    if (!whole.empty() && !text.empty()) whole += ' ';
    whole += text;
  };
  for (const Part& part : parts_) add(part.text);
  add(rest);
  return whole;
}

base::MediaTime TurnAudio::from() const noexcept {
  if (!parts_.empty()) return parts_.front().from;
  return spans_.empty() ? base::MediaTime{0} : spans_.front().from;
}

base::MediaTime TurnAudio::to() const noexcept {
  if (!spans_.empty()) return spans_.back().to;
  return parts_.empty() ? base::MediaTime{0} : parts_.back().to;
}

bool TurnAudio::gather(media::Lineage& lineage, const node::Context& context) const {
  for (const Part& part : parts_)
    if (!join(lineage, part.lineage, context)) return false;
  return gather_front(samples_.size(), lineage, context);
}

bool TurnAudio::gather_front(std::size_t frames, media::Lineage& lineage,
                             const node::Context& context) const {
  std::size_t at = 0;
  for (const Span& span : spans_) {
    if (at >= frames) break;
    if (!join(lineage, span.lineage, context)) return false;
    at += span.frames;
  }
  return true;
}

std::size_t quietest(std::span<const float> samples, std::size_t from) {
  constexpr std::size_t kWindow = kRateHz / 50;
  std::size_t found = samples.size();
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t at = from; at + kWindow <= samples.size(); at += kWindow / 2) {
    double energy = 0.0;
    for (const float x : samples.subspan(at, kWindow)) energy += static_cast<double>(x) * x;
    if (energy >= least) continue;
    least = energy;
    found = at + kWindow / 2;
  }
  return found;
}

}  // namespace millrace::nodes
