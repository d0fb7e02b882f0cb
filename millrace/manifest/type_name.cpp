#include "millrace/manifest/type_name.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace millrace::manifest {
namespace {

/// Names of the older format that the rule would spell otherwise, after the rule.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kIrregular{{
    {"resample", "audio_resample"},
    {"resampler", "audio_resample"},
    {"audio_resampler", "audio_resample"},
    {"fast_resample", "audio_resample"},
    {"silero", "silero_vad"},
    {"moonshine", "moonshine_asr"},
    {"speculative_gate", "speculative_vad_gate"},
    {"buffered", "buffered_processor"},
}};

bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}

std::string split_at_capitals(std::string_view written) {
  std::string out;
  for (std::size_t i = 0; i < written.size(); ++i) {
    const char c = written[i];
    if (!is_upper(c)) {
      out += c;
      continue;
    }
    const char before = i == 0 ? '_' : written[i - 1];
    const bool next_lower = i + 1 < written.size() && is_lower(written[i + 1]);
    if (before != '_' && (!is_upper(before) || next_lower)) out += '_';
    out += static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

std::string canonical_type_name(std::string_view written) {
  // Only PascalCase is foreign; a name already in lower case is the registry's own, whatever it is.
  if (std::ranges::none_of(written, is_upper)) return std::string(written);
  std::string name = split_at_capitals(written);
  constexpr std::string_view kSuffix = "_node";
  if (name.size() > kSuffix.size() && name.ends_with(kSuffix))
    name.resize(name.size() - kSuffix.size());
  const auto it =
      std::ranges::find(kIrregular, name, &std::pair<std::string_view, std::string_view>::first);
  return it == kIrregular.end() ? name : std::string(it->second);
}

}  // namespace millrace::manifest
