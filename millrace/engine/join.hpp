#pragma once

#include <cstdint>
#include <string_view>

#include "millrace/media/packet.hpp"
#include "millrace/rt/payload_pool.hpp"

namespace millrace::engine {

/// How two packets become one. Only what hangs on the same is joined: a cancel must never take
/// along what it does not mean.
struct JoinRules {
  std::string_view separator = " ";  ///< text
  base::MediaTime max_gap{0};        ///< audio: filled with silence
  std::uint64_t max_bytes = 0;       ///< of the joined payload
};

/// Whether both are data of one kind that hang on the same: only such two are meant to be joined.
[[nodiscard]] bool same_work(const media::Packet& into, const media::Packet& next) noexcept;

/// Whether `next` may be joined to `into`: the same kind and lineage; audio of one rate and channel
/// count, not before the end of the other and no more than max_gap behind it.
[[nodiscard]] bool joinable(const media::Packet& into, const media::Packet& next,
                            const JoinRules& rules) noexcept;

/// Puts `next` behind `into`. False, with nothing changed, when the result would be larger than
/// max_bytes or a packet may be, or there is no memory. They must be joinable.
///   memory  a new payload from `payloads`
bool join(media::Packet& into, const media::Packet& next, const JoinRules& rules,
          rt::PayloadPool& payloads) noexcept;

/// The part of join() that every merge shares: where `into` ends, its deadline, what it may give
/// up.
void join_header(media::Packet& into, const media::Packet& next) noexcept;

}  // namespace millrace::engine
