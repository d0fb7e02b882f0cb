#pragma once

#include <span>
#include <string>
#include <string_view>

#include "millrace/node/merge.hpp"

namespace millrace::node {

/// The pieces behind each other, without the space around them. Where a piece ends in no
/// punctuation, a full stop (or U+3002 after an ideograph or kana) comes before the next one, so
/// that a voice makes a pause.
///   source   sentence terminals and pause marks of Unicode UAX 29, those that voices know
[[nodiscard]] std::string join_sentences(std::span<const std::string_view> pieces);

/// `concatenate_sentences`: join_sentences() as a merge.
[[nodiscard]] MergeType sentence_merge();

}  // namespace millrace::node
