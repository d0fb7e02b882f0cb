#include "millrace/node/params.hpp"

#include <cmath>
#include <utility>

#include "millrace/base/check.hpp"

namespace millrace::node {

void Params::set(std::string name, Value value, bool given) {
  entries_.insert_or_assign(std::move(name), Entry{std::move(value), given});
}

const Params::Entry& Params::entry(std::string_view name) const {
  const auto found = entries_.find(name);
  MR_CHECK(found != entries_.end(), "a node asks only for parameters that its contract declares");
  return found->second;
}

bool Params::boolean(std::string_view name) const {
  const bool* value = std::get_if<bool>(&entry(name).value);
  MR_CHECK(value != nullptr, "the parameter is declared as a boolean");
  return *value;
}

std::int64_t Params::integer(std::string_view name) const {
  const std::int64_t* value = std::get_if<std::int64_t>(&entry(name).value);
  MR_CHECK(value != nullptr, "the parameter is declared as an integer");
  return *value;
}

double Params::number(std::string_view name) const {
  const Value& value = entry(name).value;
  if (const std::int64_t* whole = std::get_if<std::int64_t>(&value))
    return static_cast<double>(*whole);
  const double* real = std::get_if<double>(&value);
  MR_CHECK(real != nullptr, "the parameter is declared as a number");
  return *real;
}

const std::string& Params::text(std::string_view name) const {
  const std::string* value = std::get_if<std::string>(&entry(name).value);
  MR_CHECK(value != nullptr, "the parameter is declared as text");
  return *value;
}

base::MediaTime Params::milliseconds(std::string_view name) const {
  return base::MediaTime{std::llround(number(name) * 1000.0)};
}

bool Params::given(std::string_view name) const {
  return entry(name).given;
}

}  // namespace millrace::node
