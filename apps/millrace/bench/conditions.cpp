#include "apps/millrace/bench/conditions.hpp"

#include <fmt/chrono.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "millrace/base/clock.hpp"

namespace millrace::app {
namespace {

using Json = nlohmann::ordered_json;

Json cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return nullptr;
}

Json kernel() {
  std::ifstream file("/proc/sys/kernel/osrelease");
  std::string release;
  return std::getline(file, release) ? Json("Linux " + release) : Json(nullptr);
}

/// Over 1, 5 and 15 minutes.
Json load_average() {
  std::ifstream file("/proc/loadavg");
  double one = 0.0;
  double five = 0.0;
  double fifteen = 0.0;
  if (!(file >> one >> five >> fifteen)) return nullptr;
  return Json::array({one, five, fifteen});
}

Json commit() {
  const char* given = std::getenv("MILLRACE_COMMIT");
  return given != nullptr && *given != '\0' ? Json(given) : Json(nullptr);
}

std::string build() {
#if defined(MILLRACE_SANITIZED)
  return "sanitized";
#elif defined(__OPTIMIZE__)
  return "optimized";
#else
  return "debug";
#endif
}

}  // namespace

Json conditions() {
  Json out;
  out["cpu"] = cpu_model();
  out["cores"] = std::thread::hardware_concurrency();
  out["kernel"] = kernel();
  out["load_average"] = load_average();
  out["commit"] = commit();
  out["version"] = MILLRACE_VERSION;
  out["build"] = build();
  out["compiler"] = __VERSION__;
  out["time"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(base::unix_time_us() / 1'000'000));
  return out;
}

}  // namespace millrace::app
