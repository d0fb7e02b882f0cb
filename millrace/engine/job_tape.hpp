#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "millrace/media/control.hpp"
#include "millrace/media/lineage.hpp"

namespace millrace::engine {

/// Which job: the n-th (from 0) of one session in one pool stage.
struct JobName {
  std::uint64_t session = 0;
  std::uint32_t stage = 0;
  std::uint64_t number = 0;
  friend auto operator<=>(const JobName&, const JobName&) noexcept = default;
};

/// Where finished tapes go, or where they come from.
///   threads  any worker
class JobTapes {
 public:
  virtual ~JobTapes() = default;
  /// Takes the tape of a job that is over.
  virtual void put(const JobName& job, std::string&& tape) = 0;
  /// The tape of a job that is to be played; none: the job is run without one.
  [[nodiscard]] virtual std::optional<std::string_view> get(const JobName& job) = 0;
};

/// What a pool job was told by the world around it while it ran: the clock, what of its work was
/// withdrawn meanwhile, which messages had come. Played back, the same job does the same again,
/// whenever it runs.
///   threads  the worker that runs the job
class JobTape {
 public:
  enum class Mode : std::uint8_t { record, play };
  enum class Asked : std::uint8_t { now, live, stop, controls, handed, room, segment, field, body };

  JobTape(Mode mode, std::shared_ptr<JobTapes> tapes, std::uint64_t session, std::uint32_t stage)
      : mode_(mode), tapes_(std::move(tapes)), job_{session, stage, 0} {}

  /// A job begins.
  void begin();
  /// It is over.
  void end();
  /// Answers come from the tape: it has one for this job, and the job has asked nothing else so
  /// far than when it was recorded.
  [[nodiscard]] bool playing() const noexcept { return playing_; }
  /// The job that runs, or the next one.
  [[nodiscard]] const JobName& job() const noexcept { return job_; }
  /// Jobs that asked something else than when they were recorded.
  [[nodiscard]] std::uint64_t parted() const noexcept { return parted_; }

  /// The answer to a question: `actual` when recording (it is noted) and without a tape.
  [[nodiscard]] std::int64_t answer(Asked asked, std::int64_t actual);
  [[nodiscard]] bool answer(Asked asked, bool actual) {
    return answer(asked, std::int64_t{actual ? 1 : 0}) != 0;
  }
  /// A control message that the job takes; `actual` is overwritten when playing.
  void answer(media::Control& control);
  /// What a lineage hangs on once the ledger has made room in it.
  void answer(media::Lineage& lineage);

 private:
  [[nodiscard]] std::optional<std::int64_t> read(Asked asked);
  void write(Asked asked, std::int64_t value);
  void part();
  void answer_body(media::Control& control);

  Mode mode_;
  std::shared_ptr<JobTapes> tapes_;  // shared: with every lane of the run
  JobName job_;
  std::string tape_;          ///< what is being recorded
  std::string_view rest_;     ///< what is still to be played
  std::int64_t last_ns_ = 0;  ///< instants are kept as steps from the one before
  bool playing_ = false;
  std::uint64_t parted_ = 0;
};

}  // namespace millrace::engine
