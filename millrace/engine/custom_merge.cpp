#include "millrace/engine/custom_merge.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "millrace/base/limits.hpp"
#include "millrace/engine/join.hpp"

namespace millrace::engine {

using base::Result;
using media::Packet;
using media::PacketKind;

namespace {

/// Longest reason that is kept of what foreign code gives as one.
constexpr std::size_t kMostReason = 256;

/// Calls foreign code: no exception of it gets any further.
Result<Packet> call(const node::MergeType& merge, std::span<const Packet> inputs,
                    node::PayloadSource& source) noexcept {
  try {
    return merge.join(inputs, source);
  } catch (const std::exception& thrown) {
    return base::fail(base::Code::internal, std::string("it threw: ") + thrown.what());
  } catch (...) {
    return base::fail(base::Code::internal, "it threw what is no std::exception");
  }
}

bool is_audio(const Packet& made) noexcept {
  namespace limits = base::limits;
  return made.rate_hz >= limits::kMinRateHz && made.rate_hz <= limits::kMaxRateHz &&
         made.channels >= 1 && made.channels <= limits::kMaxChannels && made.frames > 0 &&
         made.payload.size_bytes() ==
             std::size_t{made.frames} * static_cast<std::size_t>(made.channels) * sizeof(float);
}

/// What is wrong with what was made; empty: nothing.
std::string_view fault(const Packet& made, std::span<const Packet> inputs) noexcept {
  if (made.kind != inputs.front().kind) return "it made another kind of packet";
  const bool text = made.kind == PacketKind::text;
  const std::size_t bytes = made.payload.size_bytes();
  if (bytes > (text ? base::limits::kTextPacketBytes : base::limits::kPayloadBytes))
    return "it made more than a packet may hold";
  const bool some = std::any_of(inputs.begin(), inputs.end(),
                                [](const Packet& input) { return input.payload.size_bytes() > 0; });
  if (bytes == 0 && some) return "it made nothing of something";
  if (made.kind == PacketKind::audio && some && !is_audio(made))
    return "it made audio whose rate, channels or frames are not those of its payload";
  return {};
}

}  // namespace

std::span<Packet> mergeable(std::span<Packet> inputs, const node::MergeType& merge) noexcept {
  std::size_t count = 0;
  while (count < inputs.size() && inputs[count].kind == merge.kind &&
         same_work(inputs.front(), inputs[count]) && inputs[count].port == inputs.front().port)
    ++count;
  return inputs.first(count);
}

Result<Packet> merge(const node::MergeType& merge, std::span<const Packet> inputs,
                     rt::PayloadPool& payloads) noexcept {
  node::PayloadSource source(payloads);
  Result<Packet> made = call(merge, inputs, source);
  const std::string_view wrong =
      made ? fault(*made, inputs) : std::string_view(made.error().message);
  if (!made || !wrong.empty())
    return base::fail(base::Code::internal,
                      "merge " + merge.name + " failed, " + std::to_string(inputs.size()) +
                          " inputs stay separate: " + std::string(wrong.substr(0, kMostReason)));
  Packet joined = inputs.front();
  for (const Packet& next : inputs.subspan(1)) join_header(joined, next);
  joined.payload = std::move(made->payload);
  joined.rate_hz = made->rate_hz;
  joined.channels = made->channels;
  joined.frames = made->frames;
  joined.value = made->value;
  return joined;
}

}  // namespace millrace::engine
