#include "apps/millrace/decisions.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

namespace millrace::app {

namespace {

using Json = nlohmann::ordered_json;

/// Decisions about places that are further apart are different ones.
constexpr std::int64_t kSamePlaceUs = 250'000;
/// Events of ours nest three levels.
constexpr int kMaxDepth = 64;
/// Fields that depend on the clock on the wall, and one that says nothing of what was decided.
constexpr const char* kWallFields[] = {"session", "wall_us", "sent_wall_us", "delivered_wall_us"};

base::Result<Json> read_line(std::string_view session, const std::string& line) {
  // Values are compared and written by functions that call themselves for each level.
  bool too_deep = false;
  const auto within = [&](int depth, Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  Json json = Json::parse(line, within, false);
  if (!too_deep && json.is_object() && json.contains("event") && json["event"].is_string())
    return json;
  return base::fail(base::Code::bad_peer_data,
                    "the recording holds a line that is no event; expected a JSON object",
                    std::string(session));
}

std::string name_of(const Json& json) {
  return json["event"].get<std::string>();
}

std::int64_t number(const Json& json, const char* field) {
  const auto found = json.find(field);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : -1;
}

std::int64_t place(const Json& json) {
  for (const char* field : {"at_us", "from_us", "t_us"})
    if (const std::int64_t at = number(json, field); at >= 0) return at;
  return 0;
}

/// In seconds; to the microsecond where it is no whole number of milliseconds, so that two that
/// differ look it.
std::string seconds(std::int64_t us) {
  const double value = static_cast<double>(us) / 1e6;
  return us % 1000 == 0 ? fmt::format("{:.3f} s", value) : fmt::format("{:.6f} s", value);
}

/// The rest of an event as "field value, field value".
std::string text_of(const Json& json) {
  std::string text;
  for (const auto& [field, value] : json.items()) {
    if (field == "event") continue;
    if (!text.empty()) text += ", ";
    const bool time = field.ends_with("_us") && value.is_number_integer();
    text +=
        time ? field.substr(0, field.size() - 3) + " " + seconds(value.get<std::int64_t>())
             : field + " " +
                   (value.is_string() ? value.get<std::string>()
                                      : value.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return text;
}

Difference difference(std::string_view session, const Json* recorded, const Json* replayed) {
  const Json& one = recorded != nullptr ? *recorded : *replayed;
  return {.session = std::string(session),
          .at_us = place(one),
          .what = name_of(one),
          .recorded = recorded != nullptr ? text_of(*recorded) : std::string{},
          .replayed = replayed != nullptr ? text_of(*replayed) : std::string{}};
}

/// How long a turn took to compute is no decision.
bool is_measured(const std::string& name) {
  return name == "turn";
}

/// What left while it hung on a guess.
bool is_guess(const Json& json) {
  const auto found = json.find("final");
  return found != json.end() && found->is_boolean() && !found->get<bool>();
}

/// What a gate or a caller decided, and the words; what follows from it block by block is left out.
bool is_decision(const Json& json) {
  static const std::vector<std::string> kNames{"speculation_started",
                                               "speculation_confirmed",
                                               "speculation_cancelled",
                                               "speech_started",
                                               "speech_ended",
                                               "eager_end_of_turn",
                                               "turn_resumed",
                                               "end_of_turn",
                                               "interrupt",
                                               "playback_paused",
                                               "playback_resumed",
                                               "budget",
                                               "control"};
  const std::string name = name_of(json);
  if (name == "output") return json.contains("text") && !is_guess(json);
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

base::Result<std::vector<Json>> comparable(std::string_view session, const EventLines& lines) {
  std::vector<Json> all;
  for (const std::string& line : lines) {
    auto json = read_line(session, line);
    if (!json) return std::unexpected(std::move(json.error()));
    if (is_measured(name_of(*json))) continue;
    for (const char* field : kWallFields) json->erase(field);
    all.push_back(std::move(*json));
  }
  return all;
}

/// Decisions by kind and node, in the order of their places, without numbers of segments.
using Kinds = std::map<std::string, std::vector<Json>>;

base::Result<Kinds> by_kind(std::string_view session, const EventLines& lines) {
  auto all = comparable(session, lines);
  if (!all) return std::unexpected(std::move(all.error()));
  Kinds kinds;
  std::map<std::int64_t, std::int64_t> begins;  // of segments: a confirmation does not say it
  for (Json& json : *all) {
    if (!is_decision(json)) continue;
    const std::string name = name_of(json);
    const std::int64_t segment = number(json, "segment");
    if (name == "speculation_started") begins[segment] = place(json);
    if (name == "speculation_confirmed" && begins.contains(segment))
      json["from_us"] = begins[segment];
    for (const char* field : {"segment", "segments", "target_segment_id"}) json.erase(field);
    const auto node = json.find("node");
    const std::string where =
        node != json.end() && node->is_string() ? node->get<std::string>() : "";
    kinds[name + " " + where].push_back(std::move(json));
  }
  for (auto& [kind, of] : kinds)
    std::stable_sort(of.begin(), of.end(),
                     [](const Json& a, const Json& b) { return place(a) < place(b); });
  return kinds;
}

void compare_kind(std::string_view session, const std::vector<Json>& recorded,
                  const std::vector<Json>& replayed, Comparison& into) {
  std::size_t r = 0;
  std::size_t p = 0;
  while (r < recorded.size() || p < replayed.size()) {
    const Json* a = r < recorded.size() ? &recorded[r] : nullptr;
    const Json* b = p < replayed.size() ? &replayed[p] : nullptr;
    const std::int64_t apart = a != nullptr && b != nullptr ? place(*b) - place(*a) : 0;
    if (b == nullptr || (a != nullptr && apart > kSamePlaceUs)) {
      ++into.only_recorded;
      into.differences.push_back(difference(session, a, nullptr));
      ++r;
    } else if (a == nullptr || apart < -kSamePlaceUs) {
      ++into.only_replayed;
      into.differences.push_back(difference(session, nullptr, b));
      ++p;
    } else {
      if (*a == *b) {
        ++into.same;
      } else {
        ++into.changed;
        into.differences.push_back(difference(session, a, b));
      }
      ++r;
      ++p;
    }
  }
}

/// Cut to `width` characters of UTF-8.
std::string fitted(std::string text, std::size_t width) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;
    if (++characters > width) return text.substr(0, i) + "…";
  }
  return text;
}

}  // namespace

void Comparison::add(Comparison&& other) {
  same += other.same;
  changed += other.changed;
  only_recorded += other.only_recorded;
  only_replayed += other.only_replayed;
  differences.insert(differences.end(), std::make_move_iterator(other.differences.begin()),
                     std::make_move_iterator(other.differences.end()));
}

base::Result<Comparison> compare_exactly(std::string_view session, const EventLines& recorded,
                                         const EventLines& replayed, bool cut) {
  const auto a = comparable(session, recorded);
  if (!a) return std::unexpected(a.error());
  const auto b = comparable(session, replayed);
  if (!b) return std::unexpected(b.error());
  Comparison comparison;
  const std::size_t both = std::min(a->size(), b->size());
  const std::size_t all = cut ? both : std::max(a->size(), b->size());
  for (std::size_t i = 0; i < all; ++i) {
    const Json* was = i < a->size() ? &(*a)[i] : nullptr;
    const Json* is = i < b->size() ? &(*b)[i] : nullptr;
    if (was != nullptr && is != nullptr && *was == *is) {
      ++comparison.same;
      continue;
    }
    ++(was == nullptr  ? comparison.only_replayed
       : is == nullptr ? comparison.only_recorded
                       : comparison.changed);
    Difference made = difference(session, was, is);
    if (was != nullptr && is != nullptr && name_of(*was) != name_of(*is))
      made.replayed = name_of(*is) + ": " + made.replayed;
    comparison.differences.push_back(std::move(made));
  }
  return comparison;
}

base::Result<Comparison> compare_pipelines(std::string_view session, const EventLines& recorded,
                                           const EventLines& replayed) {
  auto a = by_kind(session, recorded);
  if (!a) return std::unexpected(std::move(a.error()));
  auto b = by_kind(session, replayed);
  if (!b) return std::unexpected(std::move(b.error()));
  Comparison comparison;
  for (const auto& [kind, of] : *a) compare_kind(session, of, (*b)[kind], comparison);
  for (const auto& [kind, of] : *b)
    if (!a->contains(kind)) compare_kind(session, {}, of, comparison);
  std::stable_sort(comparison.differences.begin(), comparison.differences.end(),
                   [](const Difference& x, const Difference& y) { return x.at_us < y.at_us; });
  return comparison;
}

std::string difference_table(const std::vector<Difference>& differences, std::size_t rows) {
  constexpr std::size_t kWidth = 160;
  std::string table;
  for (std::size_t i = 0; i < std::min(rows, differences.size()); ++i) {
    const Difference& d = differences[i];
    table += fmt::format("{:<4} {:>9.3f} s  {}\n", d.session, static_cast<double>(d.at_us) / 1e6,
                         d.what);
    const auto line = [&](const char* side, const std::string& text) {
      table += fmt::format("        {}  {}\n", side, text.empty() ? "-" : fitted(text, kWidth));
    };
    line("record", d.recorded);
    line("replay", d.replayed);
  }
  if (differences.size() > rows) table += fmt::format("… and {} more\n", differences.size() - rows);
  return table;
}

}  // namespace millrace::app
