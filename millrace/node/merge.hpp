#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "millrace/base/result.hpp"
#include "millrace/media/packet.hpp"
#include "millrace/rt/payload_pool.hpp"

namespace millrace::node {

/// Where a merge takes the memory of what it makes.
class PayloadSource {
 public:
  explicit PayloadSource(rt::PayloadPool& pool) noexcept : pool_(pool) {}
  /// `size_bytes` bytes, not cleared; an empty handle where there is no memory, or a packet may not
  /// be so large.
  [[nodiscard]] rt::Payload acquire(std::size_t size_bytes) noexcept {
    return pool_.acquire(size_bytes);
  }

 private:
  rt::PayloadPool& pool_;
};

/// A way to join inputs of one call into one packet, found by its name
/// (`merge_strategy: {custom: {name: ...}}`). `join` gets two inputs or more, in order, all of
/// `kind` and of one port, session, turn, revision and list of segments. Of what it returns the
/// payload counts, and for audio rate_hz, channels and frames; everything else of the header is the
/// engine's. When it fails or throws, or what it made may not be a packet, the inputs stay separate
/// and the failure is counted.
///   threads  pool workers, several at once
///   errors   any Error, any exception
struct MergeType {
  std::string name;
  media::PacketKind kind = media::PacketKind::text;
  std::string summary;
  std::function<base::Result<media::Packet>(std::span<const media::Packet> inputs,
                                            PayloadSource& payloads)>
      join;
};

}  // namespace millrace::node
