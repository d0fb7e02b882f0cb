#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "millrace/base/result.hpp"
#include "millrace/graph/plan.hpp"
#include "nodes/audio_input/file_source.hpp"
#include "nodes/text_input/text_source.hpp"

namespace millrace::app {

/// What a session is fed from: files of audio, or files of text.
///   threads  one; blocks on the file
class InputSource {
 public:
  // Both kinds of source become one without a word from the caller.
  InputSource(nodes::FileSource audio) : source_(std::move(audio)) {}
  InputSource(nodes::TextSource text) : source_(std::move(text)) {}

  /// The next block or line; none at the end.
  [[nodiscard]] std::optional<media::Packet> next(rt::PayloadPool& pool);
  /// One line for the user about what was wrong so far; empty when nothing was.
  [[nodiscard]] std::string warning() const;

 private:
  std::variant<nodes::FileSource, nodes::TextSource> source_;
};

/// The stage that inputs are pushed into: the plan's source of audio or of text.
///   errors  bad_manifest: it has none, or one of each
[[nodiscard]] base::Result<std::uint32_t> input_stage(const graph::Plan& plan);
/// Whether that stage takes text.
[[nodiscard]] bool takes_text(const graph::Plan& plan, std::uint32_t stage);

/// Opens the input of a session, and checks that the plan can take its kind, rate and channels.
/// With a source of text, `options.frame` is the time that a line takes.
[[nodiscard]] base::Result<InputSource> open_input(const std::string& input,
                                                   const nodes::FileOptions& options,
                                                   const graph::Plan& plan);

}  // namespace millrace::app
