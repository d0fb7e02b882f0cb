#pragma once

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <string>

namespace millrace::app {

/// Takes finite numbers from `least` to `most`: CLI::Range lets NaN through.
[[nodiscard]] inline CLI::Validator number_between(double least, double most) {
  return {[=](std::string& text) {
            double value = 0.0;
            const bool number = CLI::detail::lexical_cast(text, value);
            return number && value >= least && value <= most
                       ? std::string{}
                       : fmt::format("{} is not a number from {} to {}", text, least, most);
          },
          fmt::format("FLOAT in [{} - {}]", least, most)};
}

}  // namespace millrace::app
