#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace millrace::base {

/// Who has to act on an error. One table (exit_code below) turns it into a process exit code.
enum class Code : unsigned char {
  bad_argument,   ///< the caller of this function passed something it must not
  bad_manifest,   ///< the author of the manifest has to change it
  bad_peer_data,  ///< a file, stream or peer sent bytes that are not what they claim to be
  overloaded,     ///< a bound was reached; the same call may work later
  unavailable,    ///< a file, model or service is not there
  cancelled,      ///< the work was withdrawn before it ended
  deadline,       ///< the work was too late to be worth starting
  internal,       ///< our own invariant broke
};

/// snake_case name of `code`, as it appears in logs, JSON and tests.
[[nodiscard]] std::string_view name(Code code) noexcept;

/// Process exit code for an error that ends the work: 2 for bad usage, input or manifest, else 1.
[[nodiscard]] int exit_code(Code code) noexcept;

/// What went wrong, said for the person who can mend it.
///   where  manifest position (file:line:column), node id, file name or byte offset; may be empty
struct Error {
  Code code = Code::internal;
  std::string message;
  std::string where;
  std::int64_t retry_after_ms = 0;  ///< overloaded: when it is worth asking again; 0: not known

  /// "where: message", or the message alone when there is no place.
  [[nodiscard]] std::string text() const;
};

template <class T>
using Result = std::expected<T, Error>;

/// The failing half of a Result: `return fail(Code::bad_argument, "…", "…");`
[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string message,
                                                 std::string where = {}) {
  return std::unexpected(Error{code, std::move(message), std::move(where)});
}

}  // namespace millrace::base
