#include "millrace/base/result.hpp"

namespace millrace::base {

std::string_view name(Code code) noexcept {
  switch (code) {
    case Code::bad_argument: return "bad_argument";
    case Code::bad_manifest: return "bad_manifest";
    case Code::bad_peer_data: return "bad_peer_data";
    case Code::overloaded: return "overloaded";
    case Code::unavailable: return "unavailable";
    case Code::cancelled: return "cancelled";
    case Code::deadline: return "deadline";
    case Code::internal: return "internal";
  }
  return "internal";
}

int exit_code(Code code) noexcept {
  switch (code) {
    case Code::bad_argument:
    case Code::bad_manifest:
    case Code::bad_peer_data: return 2;
    case Code::overloaded:
    case Code::unavailable:
    case Code::cancelled:
    case Code::deadline:
    case Code::internal: return 1;
  }
  return 1;
}

std::string Error::text() const {
  return where.empty() ? message : where + ": " + message;
}

}  // namespace millrace::base
