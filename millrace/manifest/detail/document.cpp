#include "millrace/manifest/detail/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <utility>
#include <vector>

#include "millrace/base/limits.hpp"
#include "millrace/manifest/detail/scalar.hpp"

namespace millrace::manifest::detail {
namespace {

namespace limits = base::limits;

/// Leaves the parser after a mistake that makes the rest meaningless; caught in parse_document().
struct Stop {
  Place place;
  std::string message;
};

std::size_t depth_of(const Value& value) {
  std::size_t below = 0;
  for (const Value& item : value.items()) below = std::max(below, depth_of(item));
  for (const Value::Entry& entry : value.entries()) below = std::max(below, depth_of(entry.value));
  const bool nests = value.kind() == Value::Kind::list || value.kind() == Value::Kind::map;
  return below + (nests ? 1 : 0);
}

/// Builds the tree from the parser's events, so that every limit acts before memory is spent.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string name, const Environment& environment, Diagnostics& diagnostics)
      : name_(std::move(name)), environment_(environment), diagnostics_(diagnostics) {
    root_ = Value(Place{name_, 1, 1});
  }

  [[nodiscard]] Value take() { return std::move(root_); }
  [[nodiscard]] Place place(const YAML::Mark& mark) const {
    return {name_, std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(started_, true))
      throw Stop{place(mark), "a second YAML document begins here: expected one document a file"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) throw Stop{place(mark), "a key is missing: found nothing, expected a word"};
    Place here = place(mark);
    // Where nothing stands the parser's mark is that of the next word, often lines below.
    const bool has_key = !open_.empty() && open_.back().is_map;
    if (has_key && here.line > key_place_.line) here = key_place_;
    count(here, 1, 0);
    add(Value(here), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (++aliases_ > limits::kManifestAliases)
      throw Stop{place(mark), "too many YAML aliases: expected at most " +
                                  std::to_string(limits::kManifestAliases)};
    const auto it = anchored_.find(anchor);
    if (it == anchored_.end()) throw Stop{place(mark), "this YAML alias refers to itself"};
    const Value& original = it->second;
    if (expects_key()) {
      const auto text = original.as_string();
      if (!text) throw bad_key(place(mark), original.described());
      return begin_entry(std::string(*text), place(mark));
    }
    check_depth(place(mark), depth_of(original));
    count_tree(place(mark), original);
    add(original.at(place(mark)), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const Place here = place(mark);
    if (expects_key()) {
      if (anchor != 0) anchored_.insert_or_assign(anchor, Value(text, here));
      return begin_entry(text, here);
    }
    const bool is_plain = tag.empty() || tag == "?";
    if (!is_plain && tag != "!" && tag != "tag:yaml.org,2002:str")
      diagnostics_.add(here,
                       "the YAML tag " + in_quotes(tag) + " means nothing here: expected none");
    auto value = scalar_value(text, !is_plain, here, environment_, diagnostics_);
    if (!value) value = Value(here);
    count(here, 1, std::max(text.size(), value->as_string().value_or("").size()));
    add(*std::move(value), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin_nest(mark, tag, anchor, false);
  }
  void OnSequenceEnd() override {
    Nest nest = pop();
    add(Value(std::move(nest.items), std::move(nest.place)), nest.anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin_nest(mark, tag, anchor, true);
  }
  void OnMapEnd() override {
    Nest nest = pop();
    add(Value(std::move(nest.entries), std::move(nest.place)), nest.anchor);
  }

 private:
  /// A list or map that has begun and not ended.
  struct Nest {
    Place place;
    YAML::anchor_t anchor = 0;
    bool is_map = false;
    Value::List items;
    Value::Map entries;
    bool key_pending = false;  ///< the last entry waits for its value
    bool discarded = false;    ///< the pending key is a duplicate: its value goes nowhere
    std::unordered_map<std::string, Place> seen;
  };

  [[nodiscard]] bool expects_key() const {
    return !open_.empty() && open_.back().is_map && !open_.back().key_pending;
  }

  static Stop bad_key(const Place& here, const std::string& found) {
    return {here, "keys are words: found " + found +
                      " as a key, expected a word (is every bracket closed?)"};
  }

  void begin_nest(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  bool is_map) {
    const Place here = place(mark);
    if (expects_key()) throw bad_key(here, is_map ? "a map" : "a list");
    if (!tag.empty() && tag != "?" && tag != "!" && !tag.starts_with("tag:yaml.org,2002:"))
      diagnostics_.add(here,
                       "the YAML tag " + in_quotes(tag) + " means nothing here: expected none");
    check_depth(here, 1);
    count(here, 1, 0);
    Nest nest;
    nest.place = here;
    nest.anchor = anchor;
    nest.is_map = is_map;
    open_.push_back(std::move(nest));
  }

  void begin_entry(std::string key, const Place& here) {
    count(here, 1, key.size());
    key_place_ = here;
    Nest& nest = open_.back();
    nest.key_pending = true;
    const auto [first, fresh] = nest.seen.try_emplace(key, here);
    nest.discarded = !fresh;
    if (fresh)
      nest.entries.push_back({std::move(key), here, Value()});
    else
      diagnostics_.add(here, "the key " + in_quotes(key) + " stands here twice: first at " +
                                 first->second.text() + ", expected once");
  }

  void add(Value value, YAML::anchor_t anchor) {
    if (anchor != 0) {
      // The kept copy is charged too: anchors nested in anchors would hold the tree many times.
      count_tree(value.place(), value);
      anchored_.insert_or_assign(anchor, value);
    }
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    Nest& nest = open_.back();
    if (!nest.is_map) {
      nest.items.push_back(std::move(value));
      return;
    }
    nest.key_pending = false;
    if (!nest.discarded) nest.entries.back().value = std::move(value);
  }

  Nest pop() {
    Nest nest = std::move(open_.back());
    open_.pop_back();
    return nest;
  }

  void check_depth(const Place& here, std::size_t more) const {
    if (open_.size() + more > limits::kManifestDepth)
      throw Stop{here, "nested too deep: expected at most " +
                           std::to_string(limits::kManifestDepth) + " lists and maps"};
  }

  void count(const Place& here, std::size_t values, std::size_t bytes) {
    values_ += values;
    bytes_ += bytes;
    if (values_ > limits::kManifestScalars)
      throw Stop{here, "too many values, aliases counted at each use: expected at most " +
                           std::to_string(limits::kManifestScalars)};
    if (bytes_ > limits::kManifestBytes)
      throw Stop{here,
                 "too much text once aliases and environment are filled in: expected at "
                 "most " +
                     std::to_string(limits::kManifestBytes) + " bytes"};
  }

  void count_tree(const Place& here, const Value& value) {
    count(here, 1, value.as_string().value_or("").size());
    for (const Value& item : value.items()) count_tree(here, item);
    for (const Value::Entry& entry : value.entries()) {
      count(here, 1, entry.key.size());
      count_tree(here, entry.value);
    }
  }

  std::string name_;
  const Environment& environment_;
  Diagnostics& diagnostics_;
  Value root_;
  std::vector<Nest> open_;
  Place key_place_;  ///< of the key read last
  std::unordered_map<YAML::anchor_t, Value> anchored_;
  std::size_t aliases_ = 0;
  std::size_t values_ = 0;
  std::size_t bytes_ = 0;
  bool started_ = false;
};

/// Length of the UTF-8 character at the front of `text`, 0 when there is none (RFC 3629, section
/// 4).
std::size_t character_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i)
      if ((byte(i) & 0xC0U) != 0x80U) return false;
    return true;
  };
  const unsigned first = byte(0);
  const unsigned second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(1, 2) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second > 0x9F;
    return continues(1, 3) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && second < 0x90;
    const bool too_high = first == 0xF4 && second > 0x8F;
    return continues(1, 4) && !overlong && !too_high ? 4 : 0;
  }
  return 0;
}

Place place_of_byte(std::string_view text, std::size_t at, const std::string& name) {
  const std::string_view before = text.substr(0, at);
  const std::size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  return {name, static_cast<int>(std::ranges::count(before, '\n')) + 1,
          static_cast<int>(at - line_start) + 1};
}

}  // namespace

std::size_t first_bad_byte(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const bool is_layout = byte == '\n' || byte == '\r' || byte == '\t';
    if ((byte < 0x20 && !is_layout) || byte == 0x7F) return at;
    const std::size_t length = character_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::optional<Value> parse_document(std::string_view text, const std::string& name,
                                    const Environment& environment, Diagnostics& diagnostics) {
  if (text.size() > limits::kManifestBytes) {
    diagnostics.add({name, 1, 1}, "the manifest has " + std::to_string(text.size()) +
                                      " bytes: expected at most " +
                                      std::to_string(limits::kManifestBytes));
    return std::nullopt;
  }
  if (const std::size_t bad = first_bad_byte(text); bad != std::string_view::npos) {
    diagnostics.add(place_of_byte(text, bad, name),
                    "this byte is no text: expected UTF-8 without control characters");
    return std::nullopt;
  }
  TreeBuilder builder(name, environment, diagnostics);
  // yaml-cpp reports by exceptions; none leaves this function.
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take();
  } catch (const Stop& stop) {
    diagnostics.add(stop.place, stop.message);
  } catch (const YAML::Exception& error) {
    diagnostics.add(builder.place(error.mark), "no valid YAML: " + error.msg);
  } catch (const std::exception& error) {
    diagnostics.add({name, 1, 1}, std::string("no valid YAML: ") + error.what());
  }
  return std::nullopt;
}

}  // namespace millrace::manifest::detail
