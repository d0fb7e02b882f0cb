#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/base/result.hpp"

namespace millrace::app {

/// Lines of the event log, in order.
using EventLines = std::vector<std::string>;

/// A decision that was recorded and the one that was made instead. One of them may be missing.
struct Difference {
  std::string session;
  std::int64_t at_us = 0;  ///< in the audio
  std::string what;        ///< the name of the event
  std::string recorded;    ///< as text; empty: none
  std::string replayed;
};

struct Comparison {
  std::size_t same = 0;
  std::size_t changed = 0;
  std::size_t only_recorded = 0;
  std::size_t only_replayed = 0;
  std::vector<Difference> differences;

  void add(Comparison&& other);
};

/// Compares one session's events one by one: everything but what the clock on the wall says and
/// how long computing took.
///   cut     the record ends somewhere in the run: only what both have is compared
///   errors  bad_peer_data when a line of the record is no event
[[nodiscard]] base::Result<Comparison> compare_exactly(std::string_view session,
                                                       const EventLines& recorded,
                                                       const EventLines& replayed, bool cut);

/// Compares what two pipelines decided about one session's audio. Decisions of one kind belong
/// together when they are about nearly the same place; numbers of segments are left out.
[[nodiscard]] base::Result<Comparison> compare_pipelines(std::string_view session,
                                                         const EventLines& recorded,
                                                         const EventLines& replayed);

/// A table of at most `rows` differences, side by side.
[[nodiscard]] std::string difference_table(const std::vector<Difference>& differences,
                                           std::size_t rows);

}  // namespace millrace::app
