#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "millrace/base/rng.hpp"
#include "millrace/testing/virtual_world.hpp"

namespace millrace::testing {

/// A manifest drawn from `rng`: a gate, and behind it chains, diamonds, pool stages, feedback
/// loops, dialogues, paced and plain sinks, with queues of any policy and size.
[[nodiscard]] std::string random_manifest(base::Rng& rng);

/// How a session's caller behaves.
enum class Caller : std::uint8_t {
  flood,     ///< opens and cancels as fast as packets come
  mixed,     ///< some of everything
  dialogue,  ///< turns with guesses, resumes and interruptions, pauses between them
};

/// Fills `feed` with `packets` packets of commands for the gate. Every segment it opens it also
/// ends. The second sample of each packet is `tag`, which no other session of the world has.
void write_random_script(base::Rng& rng, ScriptFeed& feed, std::uint32_t mic, int packets,
                         Caller caller, int tag);

/// A control message as a careless or hostile client would send it: known and unknown segments and
/// turns, ranges the wrong way round, ids used twice.
[[nodiscard]] media::Control random_control(base::Rng& rng, const engine::SessionState& session);

/// What the checker and the engine's own books say once a world has run out: I1, I3, I4, I5, I6,
/// I8, and that each session heard nothing but itself (I10).
[[nodiscard]] std::vector<std::string> broken_in(VirtualWorld& world);

/// The seed of this run: MILLRACE_SEED when it is set, else `otherwise`. Prints it.
[[nodiscard]] std::uint64_t seed_of_run(std::uint64_t otherwise);

}  // namespace millrace::testing
