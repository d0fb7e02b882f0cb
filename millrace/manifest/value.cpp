#include "millrace/manifest/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace millrace::manifest {
namespace {

constexpr std::size_t kQuotedBytes = 60;
/// Above this a double no longer tells whole numbers apart.
constexpr double kExactWhole = 9007199254740992.0;

std::string number_text(double number) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  return {buffer.data(), end};
}

nlohmann::json json_of(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: return nullptr;
    case Value::Kind::boolean: return *value.as_bool();
    case Value::Kind::integer: return *value.as_int();
    case Value::Kind::number: return *value.as_double();
    case Value::Kind::text: return std::string(*value.as_string());
    case Value::Kind::list: {
      nlohmann::json list = nlohmann::json::array();
      for (const Value& item : value.items()) list.push_back(json_of(item));
      return list;
    }
    case Value::Kind::map: break;
  }
  nlohmann::json map = nlohmann::json::object();
  for (const Value::Entry& entry : value.entries()) map[entry.key] = json_of(entry.value);
  return map;
}

}  // namespace

std::string Place::text() const {
  if (line == 0) return file;
  return file + ":" + std::to_string(line) + ":" + std::to_string(column);
}

Value::Value(Map value, Place place) : data_(std::move(value)), place_(std::move(place)) {}

std::optional<bool> Value::as_bool() const noexcept {
  const bool* found = std::get_if<bool>(&data_);
  return found ? std::optional(*found) : std::nullopt;
}

std::optional<std::int64_t> Value::as_int() const noexcept {
  if (const auto* whole = std::get_if<std::int64_t>(&data_)) return *whole;
  const auto* number = std::get_if<double>(&data_);
  if (number == nullptr || std::abs(*number) > kExactWhole || std::trunc(*number) != *number)
    return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<double> Value::as_double() const noexcept {
  if (const auto* number = std::get_if<double>(&data_)) return *number;
  const auto* whole = std::get_if<std::int64_t>(&data_);
  return whole ? std::optional(static_cast<double>(*whole)) : std::nullopt;
}

std::optional<std::string_view> Value::as_string() const noexcept {
  if (substituted_) return *substituted_;
  const auto* text = std::get_if<std::string>(&data_);
  return text ? std::optional<std::string_view>(*text) : std::nullopt;
}

const Value::List& Value::items() const noexcept {
  static const List kNone;
  const auto* list = std::get_if<List>(&data_);
  return list ? *list : kNone;
}

const Value::Map& Value::entries() const noexcept {
  static const Map kNone;
  const auto* map = std::get_if<Map>(&data_);
  return map ? *map : kNone;
}

const Value* Value::find(std::string_view key) const noexcept {
  const Map& all = entries();
  const auto it = std::ranges::find(all, key, &Entry::key);
  return it == all.end() ? nullptr : &it->value;
}

std::vector<std::string_view> Value::keys() const {
  std::vector<std::string_view> all;
  for (const Entry& entry : entries()) all.emplace_back(entry.key);
  return all;
}

std::string Value::described() const {
  if (substituted_) return "a word from the environment";
  switch (kind()) {
    case Kind::null: return "nothing";
    case Kind::boolean: return *as_bool() ? "true" : "false";
    case Kind::integer: return std::to_string(*as_int());
    case Kind::number: return number_text(*as_double());
    case Kind::text: return in_quotes(*as_string());
    case Kind::list: return "a list";
    case Kind::map: return "a map";
  }
  return "nothing";
}

std::string Value::to_json() const {
  // Only words from the environment can be bad UTF-8 here; they must not make the dump throw.
  return json_of(*this).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Value Value::at(Place place) const {
  Value copy = *this;
  copy.place_ = std::move(place);
  return copy;
}

Value Value::from_environment(std::string text) const {
  Value copy = *this;
  copy.substituted_ = std::move(text);
  return copy;
}

std::string in_quotes(std::string_view text) {
  std::string out = "'";
  bool cut = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // A cut falls before a first byte of UTF-8, so that no character is halved.
    if (out.size() > kQuotedBytes && (byte & 0xC0U) != 0x80U) {
      cut = true;
      break;
    }
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned>(byte));
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + (cut ? "...'" : "'");
}

}  // namespace millrace::manifest
