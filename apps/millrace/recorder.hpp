#pragma once

#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/millrace/manifest_text.hpp"
#include "apps/millrace/record_codec.hpp"
#include "millrace/engine/tape.hpp"
#include "millrace/engine/virtual_runner.hpp"
#include "millrace/rt/mutex.hpp"

namespace millrace::app {

/// Writes the recording of a run: what entered its sessions, what its shards took and when, what
/// was decided. What is in the file at any time can be replayed: nothing is written before what it
/// follows from.
///   threads  input(): the feeder; the rest: one other thread. Nothing runs on a shard.
///   errors   a file that cannot be written is told of by close()
class Recorder {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<Recorder>> open(const std::string& path,
                                                                    const ManifestText& manifest,
                                                                    bool virtual_time);

  /// What the engine of a run in real time is started with.
  [[nodiscard]] engine::RunTape* tape() noexcept { return &tape_; }
  /// A session begins; `phase` is when its media time 0 is due.
  void session(std::uint64_t number, const std::string& name, const std::string& input,
               base::Instant phase);
  /// Records a packet that `push` hands to a session; false, and nothing is recorded, when it says
  /// that the session does not take it.
  bool input(std::uint64_t session, base::Instant due, const engine::InputPacket& input,
             const std::function<bool()>& push);
  /// Something that happened, as a line of the event log.
  void event(std::uint64_t session, const std::string& line);
  /// Writes what has come since.
  void write();
  /// A session has lost so many events: its decisions are not all known.
  void events_lost(std::uint64_t count) noexcept { events_lost_ += count; }
  [[nodiscard]] base::Result<void> close();

 private:
  class Jobs final : public engine::JobTapes {
   public:
    void put(const engine::JobName& job, std::string&& tape) override;
    [[nodiscard]] std::optional<std::string_view> get(const engine::JobName&) override {
      return std::nullopt;
    }
    [[nodiscard]] std::vector<std::string> take();

   private:
    rt::Mutex mutex_;
    std::vector<std::string> chunks_ MR_GUARDED_BY(mutex_);
  };

  Recorder() = default;
  [[nodiscard]] std::vector<std::string> take_steps();

  std::string path_;
  std::ofstream file_;
  engine::RunTape tape_;
  std::shared_ptr<Jobs> jobs_ = std::make_shared<Jobs>();  // shared: with the lanes of the run
  std::vector<std::string> events_;
  std::uint64_t events_lost_ = 0;
  rt::Mutex mutex_;
  std::vector<std::string> inputs_ MR_GUARDED_BY(mutex_);
};

/// A feed whose inputs are recorded as they are taken.
class RecordedFeed final : public engine::InputFeed {
 public:
  RecordedFeed(engine::InputFeed& feed, Recorder& recorder, std::uint64_t session)
      : feed_(feed), recorder_(recorder), session_(session) {}
  [[nodiscard]] base::Instant due() const noexcept override { return feed_.due(); }
  [[nodiscard]] engine::InputPacket take() noexcept override;

 private:
  engine::InputFeed& feed_;
  Recorder& recorder_;
  std::uint64_t session_;
};

}  // namespace millrace::app
