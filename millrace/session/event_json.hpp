#pragma once

#include <string>
#include <string_view>

#include "millrace/engine/event.hpp"
#include "millrace/graph/plan.hpp"

namespace millrace::session {

/// One line of the event log (no newline): a JSON object whose fields stand in a fixed order, so
/// that the same events give the same bytes. docs/cli.md lists them.
///   units    t_us, from_us, to_us, at_us are media time; wall_us is the engine's clock since
///            `opened`
///   threads  any; allocates, so never on the audio path
[[nodiscard]] std::string event_line(const engine::Event& event, const graph::Plan& plan,
                                     std::string_view session, base::Instant opened);

/// The first line of a log: says which clock its times are of.
[[nodiscard]] std::string log_header(std::string_view pipeline, bool virtual_time);

}  // namespace millrace::session
