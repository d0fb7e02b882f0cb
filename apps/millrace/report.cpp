#include "apps/millrace/report.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "apps/millrace/registry.hpp"
#include "millrace/base/printable.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::app {

int report(const base::Error& error) {
  fmt::print(stderr, "millrace: {}\n", base::printable(error.text()));
  return base::exit_code(error.code);
}

int report(const std::vector<base::Error>& errors) {
  int code = kGood;
  for (const base::Error& error : errors) code = std::max(code, report(error));
  return code;
}

void warn(const std::string& text) {
  fmt::print(stderr, "millrace: warning: {}\n", base::printable(text));
}

base::Error named_by_user(base::Error error) {
  if (error.code == base::Code::unavailable) error.code = base::Code::bad_argument;
  return error;
}

std::expected<std::shared_ptr<const graph::Plan>, std::vector<base::Error>> load_plan(
    const std::string& path) {
  auto spec = manifest::load_file(path, manifest::process_environment());
  if (!spec) {
    for (base::Error& error : spec.error()) error = named_by_user(std::move(error));
    return std::unexpected(std::move(spec.error()));
  }
  auto plan = graph::build_plan(*spec, registry());
  if (!plan) return std::unexpected(std::move(plan.error()));
  return std::shared_ptr<const graph::Plan>(std::move(*plan));
}

}  // namespace millrace::app
