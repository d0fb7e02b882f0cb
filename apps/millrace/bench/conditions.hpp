#pragma once

#include <nlohmann/json.hpp>

namespace millrace::app {

/// What a stranger needs to know of a figure: machine, cores, kernel, load of the machine, commit
/// ($MILLRACE_COMMIT), build and time. What the system does not say is null.
///   threads  control; reads files of /proc
[[nodiscard]] nlohmann::ordered_json conditions();

}  // namespace millrace::app
