#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/engine/engine.hpp"
#include "millrace/node/registry.hpp"

namespace millrace::session {

/// What a session gave: a packet that left through a sink, or something that happened.
struct Output {
  std::string_view node;  ///< id of the sink; valid as long as the pipeline
  media::Packet packet;
};

/// How a session has fared so far.
///   events_lost  happened, but found the ring of events full; known from close() on, 0 until then
struct SessionStats {
  base::MediaTime pushed{0};  ///< audio that push() took
  std::uint64_t refused = 0;  ///< blocks that push() could not take
  std::uint64_t events_lost = 0;
  bool ended = false;
};

/// One caller's conversation with a pipeline. Destroying it closes it.
///   threads  push(), end() and stats(): one thread; next_output() and next_event(): one thread;
///            control(): any. They may all be different. close(): when no other call is under way.
///   errors   overloaded when a bound is reached: nothing was taken, try again later
class Session {
 public:
  /// Hands a block of audio to the pipeline's source: [frames][channels] interleaved float32.
  /// Media time goes on from the block before.
  [[nodiscard]] base::Result<void> push(std::span<const float> interleaved, std::int32_t rate_hz,
                                        std::int16_t channels = 1);
  /// No more audio will come: what is held back is decided and let out, then ended() becomes true.
  [[nodiscard]] base::Result<void> end();
  [[nodiscard]] std::optional<Output> next_output();
  /// The next thing that happened, as a line of the event log.
  [[nodiscard]] std::optional<std::string> next_event();
  /// Withdraws a segment, interrupts a reply, … What became of it comes as an event.
  [[nodiscard]] base::Result<void> control(media::Control control);
  /// Ends the session now, whatever is under way; bounded in time. What had left by then can still
  /// be taken. push(), end() and control() are refused afterwards.
  void close() noexcept;
  [[nodiscard]] SessionStats stats() const noexcept;
  [[nodiscard]] bool ended() const noexcept { return handle_->ended(); }
  [[nodiscard]] const std::string& name() const noexcept { return handle_->name(); }

 private:
  friend class Pipeline;
  Session(const graph::Plan& plan, std::unique_ptr<engine::SessionHandle> handle,
          std::uint32_t source);
  [[nodiscard]] std::unexpected<base::Error> refuse_closed() const;

  const graph::Plan* plan_;
  std::unique_ptr<engine::SessionHandle> handle_;
  std::uint32_t source_;
  base::MediaTime pushed_{0};
  std::int64_t frames_ = 0;  ///< since `since_`, all at `rate_hz_`
  std::int32_t rate_hz_ = 0;
  base::MediaTime since_{0};
  bool closed_ = false;
};

/// A running pipeline: load a manifest, open sessions. The door for programs that embed Millrace.
///   threads  load(), open_session(): control
///   stop     its sessions must be gone first
class Pipeline {
 public:
  /// Loads, checks and starts a manifest with the node types of `registry`, which must outlive the
  /// pipeline. Every mistake comes back, each with its place.
  [[nodiscard]] static std::expected<std::unique_ptr<Pipeline>, std::vector<base::Error>> load(
      const std::filesystem::path& path, const node::Registry& registry);
  /// The same for manifest text; `name` is what messages call it.
  [[nodiscard]] static std::expected<std::unique_ptr<Pipeline>, std::vector<base::Error>> load_text(
      std::string_view text, const std::string& name, const node::Registry& registry);

  /// Opens a session whose audio goes into the pipeline's first source. overloaded: the manifest's
  /// max_sessions are open, or one more would break them; then retry_after_ms says when to ask
  /// again.
  [[nodiscard]] base::Result<std::unique_ptr<Session>> open_session(std::string name);

  [[nodiscard]] const graph::Plan& plan() const noexcept { return engine_->plan(); }
  [[nodiscard]] const engine::Engine& engine() const noexcept { return *engine_; }

 private:
  explicit Pipeline(std::unique_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}
  std::unique_ptr<engine::Engine> engine_;
};

}  // namespace millrace::session
