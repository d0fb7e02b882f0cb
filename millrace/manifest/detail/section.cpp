#include "millrace/manifest/detail/section.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "millrace/base/check.hpp"
#include "millrace/manifest/nearest.hpp"

namespace millrace::manifest::detail {
namespace {

std::string integer_range(const Field& field) {
  return "a whole number from " + std::to_string(field.min) + " to " + std::to_string(field.max);
}

/// What a required key takes, in words.
std::string wanted(const Field& field) {
  switch (field.kind) {
    case FieldKind::identifier: return "a name for the node";
    case FieldKind::type_name: return "a node type";
    case FieldKind::endpoint: return "a node, or node.port";
    case FieldKind::choice: return one_of(field.choices);
    case FieldKind::section_list: return "a list";
    default: return "a value";
  }
}

/// YAML 1.1 read these as booleans, YAML 1.2 does not; many people still write them.
std::string_view boolean_hint(const Value& value) {
  static constexpr std::array<std::string_view, 6> kTrue{"yes", "Yes", "YES", "on", "On", "ON"};
  static constexpr std::array<std::string_view, 6> kFalse{"no", "No", "NO", "off", "Off", "OFF"};
  const std::string_view word = value.as_string().value_or("");
  if (std::ranges::find(kTrue, word) != kTrue.end()) return " (did you mean 'true'?)";
  if (std::ranges::find(kFalse, word) != kFalse.end()) return " (did you mean 'false'?)";
  return "";
}

}  // namespace

std::string one_of(std::span<const std::string_view> words) {
  std::string out = words.size() == 1 ? "" : "one of ";
  for (const std::string_view& word : words) {
    if (&word != &words.front()) out += ", ";
    out += word;
  }
  return out;
}

SectionReader::SectionReader(const Value& value, const Section& section, Diagnostics& diagnostics)
    : value_(value), section_(section), diagnostics_(diagnostics) {
  if (value.kind() == Value::Kind::map)
    check_keys();
  else
    report(value.place(),
           std::string(section.name) + ": found " + value.described() + ", expected a map of keys");
}

void SectionReader::check_keys() const {
  std::vector<std::string_view> known;
  for (const Field& each : section_.fields) {
    known.push_back(each.key);
    if (!each.alias.empty()) known.push_back(each.alias);
  }
  for (const Value::Entry& entry : value_.entries()) {
    if (std::ranges::find(known, entry.key) != known.end()) continue;
    const std::string hint = did_you_mean(entry.key, known);
    report(entry.key_place, std::string(section_.name) + ": unknown key " + in_quotes(entry.key) +
                                ", expected " +
                                (known.empty() ? std::string("no keys") : one_of(known)) + hint);
  }
  for (const Field& each : section_.fields) {
    const Value* by_key = value_.find(each.key);
    const Value* by_alias = each.alias.empty() ? nullptr : value_.find(each.alias);
    if (by_key != nullptr && by_alias != nullptr)
      report(by_alias->place(),
             std::string(section_.name) + ": " + in_quotes(each.alias) + " and " +
                 in_quotes(each.key) + " are two spellings of one key: found " +
                 "both, the other at " + by_key->place().text() + ", expected one");
    if (each.required && by_key == nullptr && by_alias == nullptr)
      report(value_.place(), std::string(section_.name) + ": the key " + in_quotes(each.key) +
                                 " is missing, expected " + wanted(each));
  }
}

const Field& SectionReader::field(std::string_view key) const {
  const auto it = std::ranges::find(section_.fields, key, &Field::key);
  MR_CHECK(it != section_.fields.end(), "a section is only asked for keys of its layout");
  return *it;
}

const Value* SectionReader::find(std::string_view key) const noexcept {
  if (const Value* found = value_.find(key)) return found;
  const Field& asked = field(key);
  return asked.alias.empty() ? nullptr : value_.find(asked.alias);
}

void SectionReader::mismatch(std::string_view key, const Value& value,
                             const std::string& expected) const {
  report(value.place(), std::string(section_.name) + "." + std::string(key) + ": found " +
                            value.described() + ", expected " + expected);
}

Setting<std::int64_t> SectionReader::integer(std::string_view key) const {
  const Value* found = find(key);
  if (found == nullptr) return std::nullopt;
  const Field& asked = field(key);
  const auto number = found->as_int();
  if (!number || *number < asked.min || *number > asked.max) {
    mismatch(key, *found, integer_range(asked));
    return std::nullopt;
  }
  return Located<std::int64_t>{*number, found->place()};
}

Setting<bool> SectionReader::boolean(std::string_view key) const {
  const Value* found = find(key);
  if (found == nullptr) return std::nullopt;
  const auto truth = found->as_bool();
  if (!truth) {
    mismatch(key, *found, "true or false" + std::string(boolean_hint(*found)));
    return std::nullopt;
  }
  return Located<bool>{*truth, found->place()};
}

Setting<std::string> SectionReader::text(std::string_view key) const {
  const Value* found = find(key);
  if (found == nullptr) return std::nullopt;
  const auto words = found->as_string();
  if (!words) {
    mismatch(key, *found, "text (in quotes, if it looks like a number)");
    return std::nullopt;
  }
  return Located<std::string>{std::string(*words), found->place()};
}

std::optional<std::size_t> SectionReader::choice_index(const Field& asked,
                                                       const Value& value) const {
  const std::string_view word = value.as_string().value_or("");
  const auto it = std::ranges::find(asked.choices, word);
  if (it != asked.choices.end()) return static_cast<std::size_t>(it - asked.choices.begin());
  // A hint would give away what the environment said, and one choice needs none.
  const bool hints = !value.substituted() && asked.choices.size() > 1;
  const std::string hint = hints ? did_you_mean(word, asked.choices) : "";
  mismatch(asked.key, value, one_of(asked.choices) + hint);
  return std::nullopt;
}

std::vector<Located<std::size_t>> SectionReader::choice_indices(std::string_view key) const {
  std::vector<Located<std::size_t>> all;
  const Value* found = find(key);
  if (found == nullptr) return all;
  const Field& asked = field(key);
  if (found->kind() != Value::Kind::list) {
    mismatch(key, *found, "a list of words, each " + one_of(asked.choices));
    return all;
  }
  for (const Value& item : found->items()) {
    const auto index = choice_index(asked, item);
    if (!index) continue;
    const auto before = std::ranges::find(all, *index, &Located<std::size_t>::value);
    if (before != all.end())
      mismatch(key, item, "each word once (first at " + before->place.text() + ")");
    else
      all.push_back({*index, item.place()});
  }
  return all;
}

}  // namespace millrace::manifest::detail
