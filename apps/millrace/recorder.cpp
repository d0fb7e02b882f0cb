#include "apps/millrace/recorder.hpp"

#include <algorithm>

#include "millrace/engine/varint.hpp"
#include "millrace/inference/model_store.hpp"

namespace millrace::app {

namespace {

/// The string to append to: the last one, until it is long enough.
std::string& open_chunk(std::vector<std::string>& chunks) {
  if (chunks.empty() || chunks.back().size() >= kChunkBytes) chunks.emplace_back();
  return chunks.back();
}

}  // namespace

base::Result<std::unique_ptr<Recorder>> Recorder::open(const std::string& path,
                                                       const ManifestText& manifest,
                                                       bool virtual_time) {
  std::unique_ptr<Recorder> recorder(new Recorder());
  recorder->path_ = path;
  recorder->tape_.jobs = recorder->jobs_;
  recorder->file_.open(path, std::ios::binary | std::ios::trunc);
  if (!recorder->file_)
    return base::fail(base::Code::unavailable,
                      "cannot write the recording; expected a path in a folder that exists", path);
  std::string head;
  engine::put_varint(head, virtual_time ? 1 : 0);
  put_text(head, MILLRACE_VERSION);
  put_text(head, manifest.name);
  put_text(head, manifest.text);
  engine::put_varint(head, static_cast<std::int64_t>(manifest.variables.size()));
  for (const auto& [name, value] : manifest.variables) {
    put_text(head, name);
    put_text(head, value);
  }
  const auto models = inference::known_models();
  engine::put_varint(head, static_cast<std::int64_t>(models.size()));
  for (const inference::ModelFile& model : models) {
    put_text(head, model.name);
    put_text(head, model.sha256);
  }
  recorder->file_ << kRecordMagic << chunk(kHeadChunk, head);
  recorder->file_.flush();
  return recorder;
}

void Recorder::session(std::uint64_t number, const std::string& name, const std::string& input,
                       base::Instant phase) {
  std::string contents;
  engine::put_varint(contents, static_cast<std::int64_t>(number));
  put_text(contents, name);
  put_text(contents, input);
  engine::put_varint(contents, phase.since_start.count());
  file_ << chunk(kSessionChunk, contents);
}

bool Recorder::input(std::uint64_t session, base::Instant due, const engine::InputPacket& input,
                     const std::function<bool()>& push) {
  // Recorded before the session can act on it, so that no step is written before its input.
  const rt::MutexLock lock(mutex_);
  std::string& chunk = open_chunk(inputs_);
  const std::size_t before = chunk.size();
  put_input(chunk, session, due, input);
  if (push()) return true;
  chunk.resize(before);
  return false;
}

void Recorder::event(std::uint64_t session, const std::string& line) {
  std::string& contents = open_chunk(events_);
  engine::put_varint(contents, static_cast<std::int64_t>(session));
  put_text(contents, line);
}

std::vector<std::string> Recorder::take_steps() {
  std::vector<std::string> chunks;
  for (std::size_t i = 0; i < tape_.shards.size(); ++i) {
    engine::ShardTape& shard = *tape_.shards[i];
    engine::TapeEntry entry;
    bool more = shard.next(entry);
    while (more) {
      std::string& steps = chunks.emplace_back();
      engine::put_varint(steps, static_cast<std::int64_t>(i));
      std::int64_t before = 0;
      for (; more && steps.size() < kChunkBytes; more = shard.next(entry)) {
        put_entry(steps, entry, before);
        if (entry.what != engine::TapeEntry::What::foreign) continue;
        engine::ForeignControl foreign;
        if (shard.next_foreign(foreign)) put_foreign(steps, foreign);
      }
    }
  }
  return chunks;
}

// Taken in the order events, steps, jobs and inputs, and written in the reverse one: whatever an
// event or a step follows from was there before it.
void Recorder::write() {
  const std::vector<std::string> events = std::exchange(events_, {});
  const std::vector<std::string> steps = take_steps();
  const std::vector<std::string> jobs = jobs_->take();
  std::vector<std::string> inputs;
  {
    const rt::MutexLock lock(mutex_);
    inputs.swap(inputs_);
  }
  for (const std::string& contents : inputs) file_ << chunk(kInputChunk, contents);
  for (const std::string& contents : jobs) file_ << chunk(kJobChunk, contents);
  for (const std::string& contents : steps) file_ << chunk(kTapeChunk, contents);
  for (const std::string& contents : events) file_ << chunk(kEventChunk, contents);
  file_.flush();
}

base::Result<void> Recorder::close() {
  write();
  const bool complete = std::all_of(tape_.shards.begin(), tape_.shards.end(),
                                    [](const auto& shard) { return shard->complete(); });
  std::string done;
  engine::put_varint(done, complete ? 1 : 0);
  engine::put_varint(done, static_cast<std::int64_t>(events_lost_));
  file_ << chunk(kDoneChunk, done);
  file_.flush();
  if (!file_)
    return base::fail(base::Code::unavailable,
                      "the recording could not be written to its end; expected room on the disk",
                      path_);
  file_.close();
  return {};
}

void Recorder::Jobs::put(const engine::JobName& job, std::string&& tape) {
  const rt::MutexLock lock(mutex_);
  std::string& chunk = open_chunk(chunks_);
  engine::put_varint(chunk, static_cast<std::int64_t>(job.session));
  engine::put_varint(chunk, job.stage);
  engine::put_varint(chunk, static_cast<std::int64_t>(job.number));
  put_text(chunk, tape);
}

std::vector<std::string> Recorder::Jobs::take() {
  const rt::MutexLock lock(mutex_);
  return std::exchange(chunks_, {});
}

engine::InputPacket RecordedFeed::take() noexcept {
  const base::Instant due = feed_.due();
  engine::InputPacket input = feed_.take();
  (void)recorder_.input(session_, due, input, [] { return true; });
  return input;
}

}  // namespace millrace::app
