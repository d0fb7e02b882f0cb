#include "apps/millrace/session_output.hpp"

#include <fmt/core.h>

#include <utility>

#include "apps/millrace/report.hpp"
#include "apps/millrace/run.hpp"
#include "millrace/base/printable.hpp"

namespace millrace::app {

namespace {

base::Result<void> text_error(const std::string& path) {
  return base::fail(base::Code::unavailable,
                    "the texts cannot be written; expected a path in a folder that exists, with "
                    "room on the disk",
                    path);
}

}  // namespace

SessionOutput::SessionOutput(const SessionTask& task, std::uint64_t number, RunState& run)
    : name_(task.name),
      number_(number),
      plan_(run.plan.get()),
      log_(&run.log),
      progress_(run.prints_texts ? &run.progress : nullptr),
      summary_(task.name),
      text_path_(task.text) {
  for (const AudioTarget& target : audio_targets(task, *plan_))
    audio_.push_back({target.stage, nodes::WavSink(target.path)});
  if (text_path_.empty()) return;
  text_.open(text_path_, std::ios::binary | std::ios::trunc);
  if (!text_) check(text_error(text_path_));
}

void SessionOutput::event(const engine::Event& event, base::Instant opened) {
  log_->add(event, *plan_, name_, number_, opened);
  summary_.add(event, *plan_);
}

void SessionOutput::output(const engine::OutputPacket& output) {
  if (output.packet.state != media::PacketState::confirmed) return;
  if (output.packet.kind == media::PacketKind::text) return say(output);
  for (AudioFile& file : audio_)
    if (file.stage == output.stage) check(file.sink.write(output.packet));
}

void SessionOutput::say(const engine::OutputPacket& output) {
  if (output.packet.role == media::TextRole::partial) return;
  const std::string_view text = output.packet.text();
  if (text_path_.empty()) {
    if (progress_ == nullptr) return;
    progress_->print(
        fmt::format("{}  {}: {}", name_, plan_->stages[output.stage].id, base::printable(text)));
  } else {
    text_ << text << '\n';
  }
}

bool SessionOutput::close() {
  for (AudioFile& file : audio_) check(file.sink.close());
  if (text_.is_open()) {
    text_.close();
    if (!text_) check(text_error(text_path_));
  }
  return good_;
}

void SessionOutput::check(base::Result<void> written) {
  if (written) return;
  if (good_) report(written.error());
  good_ = false;
}

}  // namespace millrace::app
