#pragma once

#include <span>

#include "millrace/base/result.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/node/merge.hpp"
#include "millrace/rt/payload_pool.hpp"

namespace millrace::engine {

/// As many of `inputs`, from the first, as `merge` may be given at once: data of its kind that came
/// over one port and hangs on the same.
[[nodiscard]] std::span<media::Packet> mergeable(std::span<media::Packet> inputs,
                                                 const node::MergeType& merge) noexcept;

/// What `merge` makes of `inputs`, as one packet whose header is that of join(): the function of
/// the merge has no say in what it hangs on. `inputs` stay as they are.
///   threads  a pool worker: the function may do anything
///   errors   internal, naming the merge: it threw, failed, or made another kind, nothing at all,
///            audio that is not what its header says, or more than a packet may hold
[[nodiscard]] base::Result<media::Packet> merge(const node::MergeType& merge,
                                                std::span<const media::Packet> inputs,
                                                rt::PayloadPool& payloads) noexcept;

}  // namespace millrace::engine
