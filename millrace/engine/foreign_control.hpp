#pragma once

#include <cstdint>

#include "millrace/media/control.hpp"

namespace millrace::engine {

/// A control message from outside the plan, on its way to a session.
struct ForeignControl {
  std::uint64_t session = 0;
  media::Control control;
  std::uint64_t content = 0;  ///< of what it says: tells a repeated message from another one
  bool oversized = false;     ///< its body was over limits::kControlMetadataBytes and is gone
};

}  // namespace millrace::engine
