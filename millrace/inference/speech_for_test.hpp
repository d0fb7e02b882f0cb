#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// Real speech for the tests of models: prompts of Debian's asterisk-core-sounds-en (CC-BY-SA-3.0),
/// found where apt puts them and decoded by ffmpeg into the folder the test runs in. A missing
/// prompt fails the test that asks, with the remedy. Only tests include this.
namespace millrace::inference::speech_for_test {

inline constexpr std::string_view kRemedy =
    "run './dev setup' (apt-get install ffmpeg asterisk-core-sounds-en "
    "asterisk-core-sounds-en-wav asterisk-core-sounds-en-g722)";

/// Runs `command`, which writes to its last word; the file appears under `target` whole or not at
/// all, because tests run side by side.
inline bool make_file(const std::string& command, const std::filesystem::path& target) {
  if (std::filesystem::exists(target)) return true;
  const auto part = target.string() + "." + std::to_string(std::random_device{}());
  if (std::system((command + " " + part).c_str()) != 0) return false;
  std::filesystem::rename(part, target);
  return true;
}

/// The prompt `name` at 16 kHz mono, in [-1, 1]; fails the test when it is not there.
inline std::vector<float> prompt(const std::string& name) {
  const std::filesystem::path source = "/usr/share/asterisk/sounds/en/" + name + ".g722";
  const std::filesystem::path target = "speech_for_test/" + name + ".f32";
  std::filesystem::create_directories(target.parent_path());
  if (!std::filesystem::exists(source) ||
      !make_file("ffmpeg -v error -y -f g722 -i " + source.string() + " -ar 16000 -ac 1 -f f32le",
                 target)) {
    ADD_FAILURE() << "no speech from " << source << ": " << kRemedy;
    return {};
  }
  std::vector<float> samples(std::filesystem::file_size(target) / sizeof(float));
  std::ifstream(target, std::ios::binary)
      .read(reinterpret_cast<char*>(samples.data()),
            static_cast<std::streamsize>(samples.size() * sizeof(float)));
  return samples;
}

/// What is said in the prompt `name`; fails the test when it is not there.
inline std::string prompt_text(const std::string& name) {
  const std::filesystem::path target = "speech_for_test/texts.txt";
  std::filesystem::create_directories(target.parent_path());
  if (make_file("gzip -dc /usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz >",
                target)) {
    std::ifstream file(target);
    for (std::string line; std::getline(file, line);)
      if (line.starts_with(name + ": ")) return line.substr(name.size() + 2);
  }
  ADD_FAILURE() << "no text for " << name << ": " << kRemedy;
  return {};
}

/// Words in lower case without punctuation, as word error rates are counted.
inline std::vector<std::string> words(std::string_view text) {
  std::string plain;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (std::isalnum(u) != 0) plain += static_cast<char>(std::tolower(u));
    if (c == '-' || std::isspace(u) != 0) plain += ' ';
  }
  std::istringstream stream(plain);
  std::vector<std::string> result;
  for (std::string word; stream >> word;) result.push_back(word);
  return result;
}

/// Fewest words to insert, delete or replace to make `heard` of `said`.
inline std::size_t word_errors(std::span<const std::string> said,
                               std::span<const std::string> heard) {
  std::vector<std::size_t> row(heard.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= said.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= heard.size(); ++j) {
      const std::size_t replaced = diagonal + (said[i - 1] == heard[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace millrace::inference::speech_for_test
