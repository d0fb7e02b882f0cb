#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "millrace/base/rng.hpp"
#include "millrace/manifest/detail/example_manifest.hpp"
#include "millrace/manifest/load.hpp"

namespace millrace::manifest {
namespace {

using detail::kExampleManifest;

constexpr std::uint64_t kSeed = 20261128;
constexpr int kRounds = 20'000;

/// Pieces that mean something to YAML or to the loader.
constexpr std::array<std::string_view, 34> kPieces{
    "{",    "}",   "[",     "]",    ":",    ",",  "- ",    "&a ",    "*a ",      "? ",  "|", ">",
    "'",    "\"",  "#",     "\n",   "\n  ", "\t", "---\n", "...\n",  "!!str ",   "!x ", "~", "${A}",
    "${A|", "$${", "%YAML", "<<: ", "null", "-1", "1e999", "0x7fff", "\xC3\xA4", "\x04"};

std::size_t below(base::Rng& rng, std::size_t bound) {
  return static_cast<std::size_t>(rng.below(bound));
}

void mutate(std::string& text, base::Rng& rng) {
  const std::size_t at = below(rng, text.size() + 1);
  const std::size_t length = std::min(below(rng, 24), text.size() - at);
  switch (below(rng, 5)) {
    case 0: text.erase(at, length); break;
    case 1: text.insert(at, kPieces[below(rng, kPieces.size())]); break;
    case 2: text.insert(at, text.substr(below(rng, text.size() + 1), length)); break;
    case 3:
      if (at < text.size()) text[at] = static_cast<char>(below(rng, 256));
      break;
    default:
      if (below(rng, 4) == 0) text.resize(at);
      break;
  }
}

/// Starts from two lines of the example too, since its whole length is slow to read 20,000 times.
std::string start(int round) {
  constexpr std::string_view kShort =
      "version: v1\nnodes:\n- {id: a, type: x, params: {k: [1, 'b']}, queue: {capacity: 4}}\n"
      "- {id: b, node_type: SileroVAD, buffering: {merge_strategy: {custom: {name: n}}}}\n"
      "edges:\n- {from: a.out, to: b}\n";
  return std::string(round % 100 == 0 ? kExampleManifest : kShort);
}

TEST(LoadMutations, GiveAGraphOrMistakesWithPlacesAndNeverCrash) {
  base::Rng rng(kSeed);
  const Environment environment = detail::environment_of({{"A", "[x"}});
  int graphs = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::string text = start(round);
    for (std::size_t left = 1 + below(rng, 3); left > 0; --left) mutate(text, rng);

    const auto result = load_text(text, "m.yaml", environment);

    if (result) {
      ++graphs;
      ASSERT_FALSE(result->nodes.empty()) << "seed " << kSeed << ", round " << round;
      ASSERT_FALSE(canonical_text(*result).empty());
      continue;
    }
    ASSERT_FALSE(result.error().empty()) << "seed " << kSeed << ", round " << round << "\n" << text;
    for (const base::Error& error : result.error()) {
      ASSERT_EQ(error.code, base::Code::bad_manifest);
      ASSERT_TRUE(error.where.starts_with("m.yaml:")) << text;
      ASSERT_FALSE(error.message.empty());
    }
  }
  EXPECT_GT(graphs, kRounds / 50) << "mutations should not all be fatal";
  EXPECT_LT(graphs, kRounds);
}

}  // namespace
}  // namespace millrace::manifest
