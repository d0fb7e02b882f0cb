#include "nodes/text_input/plain_text.hpp"

#include "millrace/base/utf8.hpp"

namespace millrace::nodes {

FlawAt flaw_of(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const base::CodePoint here = base::decode_utf8(text.substr(at));
    if (!here.well_formed) return {TextFlaw::not_utf8, at};
    if (here.value == U'\0') return {TextFlaw::nul, at};
    at += here.size_bytes;
  }
  return {};
}

}  // namespace millrace::nodes
