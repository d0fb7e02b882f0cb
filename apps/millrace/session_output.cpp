#include "apps/millrace/session_output.hpp"

#include <utility>

#include "apps/millrace/report.hpp"

namespace millrace::app {

SessionOutput::SessionOutput(const SessionTask& task, std::uint64_t number, const graph::Plan& plan,
                             EventLog& log)
    : name_(task.name), number_(number), plan_(&plan), log_(&log), summary_(task.name) {
  if (task.output.empty()) return;
  wav_.emplace(task.output);
  for (const std::uint32_t sink : plan.sinks)
    if (!audio_sink_ &&
        plan.stages[sink].contract().inputs.front().kind == media::PacketKind::audio)
      audio_sink_ = sink;
}

void SessionOutput::event(const engine::Event& event, base::Instant opened) {
  log_->add(event, *plan_, name_, number_, opened);
  summary_.add(event, *plan_);
}

void SessionOutput::output(const engine::OutputPacket& output) {
  if (!wav_ || audio_sink_ != output.stage) return;
  // What may still be withdrawn is for live carriers; a file holds what was said for good.
  if (output.packet.state != media::PacketState::confirmed) return;
  check(wav_->write(output.packet));
}

bool SessionOutput::close() {
  if (wav_) check(wav_->close());
  return good_;
}

void SessionOutput::check(base::Result<void> written) {
  if (written) return;
  if (good_) report(written.error());
  good_ = false;
}

}  // namespace millrace::app
