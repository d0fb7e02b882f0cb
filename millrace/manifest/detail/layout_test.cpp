#include "millrace/manifest/detail/layout.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "millrace/manifest/detail/example_manifest.hpp"
#include "millrace/manifest/graph_spec.hpp"

namespace millrace::manifest::detail {
namespace {

/// A manifest in which `written` stands under one key of one section.
struct Slot {
  const Section* section;
  std::string before;
  std::string after;

  [[nodiscard]] std::string with(std::string_view key, const std::string& written) const {
    return before + std::string(key) + ": " + written + after;
  }
};

Slot in_node(const char* section) {
  return {section_of(kNode, section), one_node(std::string("  ") + section + ": {") + "    ",
          "}\n"};
}

Slot at_top(const char* section) {
  return {section_of(kManifest, section), one_node("") + section + ": {", "}\n"};
}

std::vector<Slot> every_section() {
  const Section* cost = section_of(*section_of(kNode, "capabilities"), "virtual_cost");
  const Section* admission = section_of(*section_of(kManifest, "executor"), "admission");
  const auto audio = static_cast<std::size_t>(MergeKind::concatenate_audio);
  return {in_node("queue"),
          in_node("capabilities"),
          in_node("buffering"),
          in_node("deadline"),
          at_top("speculation"),
          at_top("executor"),
          {admission, one_node("") + "executor: {admission: {", "}}\n"},
          {cost, one_node("  capabilities: {virtual_cost: {"), "}}\n"},
          {&merge_section(audio), one_node("  buffering: {merge_strategy: {concatenate_audio: {"),
           "}}}\n"}};
}

TEST(Layout, BoundsEveryWholeNumberOnBothSides) {
  int numbers = 0;
  for (const Slot& slot : every_section()) {
    ASSERT_NE(slot.section, nullptr);
    for (const Field& field : slot.section->fields) {
      if (field.kind != FieldKind::integer) continue;
      ++numbers;
      const std::string above =  // one over the largest 64-bit number is written out
          field.max == INT64_MAX ? "9223372036854775808" : std::to_string(field.max + 1);

      EXPECT_TRUE(mistakes(slot.with(field.key, std::to_string(field.min))).empty()) << field.key;
      EXPECT_TRUE(mistakes(slot.with(field.key, std::to_string(field.max))).empty()) << field.key;
      EXPECT_EQ(mistakes(slot.with(field.key, std::to_string(field.min - 1))).size(), 1U)
          << field.key;
      EXPECT_EQ(mistakes(slot.with(field.key, above)).size(), 1U) << field.key;
    }
  }
  EXPECT_EQ(numbers, 21);
}

TEST(Layout, TakesEveryChoiceAndNoOther) {
  for (const Slot& slot : every_section()) {
    for (const Field& field : slot.section->fields) {
      if (field.kind != FieldKind::choice) continue;
      for (const std::string_view word : field.choices)
        EXPECT_TRUE(mistakes(slot.with(field.key, std::string(word))).empty()) << word;
      EXPECT_EQ(mistakes(slot.with(field.key, "nonsense")).size(), 1U) << field.key;
    }
  }
}

/// Every section below `section`, itself first.
void collect(const Section& section, std::vector<const Section*>& into) {
  into.push_back(&section);
  for (const Field& field : section.fields)
    if (field.section != nullptr) collect(*field.section, into);
}

TEST(Layout, SpellsNoKeyTwiceAndSaysWhatEachIsFor) {
  std::vector<const Section*> all;
  collect(kManifest, all);
  for (const Section* section : all) {
    std::set<std::string_view> keys;
    for (const Field& field : section->fields) {
      EXPECT_TRUE(keys.insert(field.key).second) << field.key;
      const bool is_new = field.alias.empty() || keys.insert(field.alias).second;
      EXPECT_TRUE(is_new) << field.alias;
      EXPECT_TRUE(field.about.ends_with('.')) << section->name << "." << field.key;
      EXPECT_LE(field.min, field.max) << field.key;
    }
  }
}

TEST(Layout, NamesAMergeSectionAfterItsStrategy) {
  for (std::size_t kind = 0; kind < kMergeKindNames.size(); ++kind)
    EXPECT_EQ(merge_section(kind).name, kMergeKindNames[kind]);
}

TEST(Layout, KnowsNoSectionUnderAPlainKey) {
  EXPECT_EQ(section_of(kNode, "commit"), nullptr);
  EXPECT_EQ(section_of(kNode, "nothing"), nullptr);
}

TEST(EnumNames, AreTheWordsOfTheManifest) {
  EXPECT_EQ(name(Placement::inline_), "inline");
  EXPECT_EQ(name(Placement::remote), "remote");
  EXPECT_EQ(name(QueuePolicy::latest_only), "latest_only");
  EXPECT_EQ(name(BufferingMode::fixed), "fixed");
  EXPECT_EQ(name(MergeKind::custom), "custom");
  EXPECT_EQ(name(GiveUp::drop), "drop");
  EXPECT_EQ(name(Release::speculative), "speculative");
}

}  // namespace
}  // namespace millrace::manifest::detail
