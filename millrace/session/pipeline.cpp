#include "millrace/session/pipeline.hpp"

#include <algorithm>
#include <utility>

#include "millrace/base/limits.hpp"
#include "millrace/manifest/load.hpp"
#include "millrace/session/event_json.hpp"

namespace millrace::session {

namespace {

using Loaded = std::expected<std::unique_ptr<engine::Engine>, std::vector<base::Error>>;

Loaded start(manifest::LoadResult spec, const node::Registry& registry) {
  if (!spec) return std::unexpected(std::move(spec.error()));
  auto plan = graph::build_plan(*spec, registry);
  if (!plan) return std::unexpected(std::move(plan.error()));
  auto engine = engine::Engine::start(std::move(*plan));
  if (!engine) return std::unexpected(std::vector{std::move(engine.error())});
  return std::move(*engine);
}

}  // namespace

std::expected<std::unique_ptr<Pipeline>, std::vector<base::Error>> Pipeline::load(
    const std::filesystem::path& path, const node::Registry& registry) {
  auto engine = start(manifest::load_file(path, manifest::process_environment()), registry);
  if (!engine) return std::unexpected(std::move(engine.error()));
  return std::unique_ptr<Pipeline>(new Pipeline(std::move(*engine)));
}

std::expected<std::unique_ptr<Pipeline>, std::vector<base::Error>> Pipeline::load_text(
    std::string_view text, const std::string& name, const node::Registry& registry) {
  auto engine = start(manifest::load_text(text, name, manifest::process_environment()), registry);
  if (!engine) return std::unexpected(std::move(engine.error()));
  return std::unique_ptr<Pipeline>(new Pipeline(std::move(*engine)));
}

base::Result<std::unique_ptr<Session>> Pipeline::open_session(std::string name) {
  auto handle = engine_->open(std::move(name));
  if (!handle) return std::unexpected(std::move(handle.error()));
  const graph::Plan& plan = engine_->plan();
  return std::unique_ptr<Session>(new Session(plan, std::move(*handle), plan.sources.front()));
}

Session::Session(const graph::Plan& plan, std::unique_ptr<engine::SessionHandle> handle,
                 std::uint32_t source)
    : plan_(&plan), handle_(std::move(handle)), source_(source) {}

base::Result<void> Session::push(std::span<const float> interleaved, std::int32_t rate_hz,
                                 std::int16_t channels) {
  if (closed_) return refuse_closed();
  if (rate_hz < base::limits::kMinRateHz || rate_hz > base::limits::kMaxRateHz || channels < 1 ||
      channels > base::limits::kMaxChannels ||
      interleaved.size() % static_cast<std::size_t>(channels) != 0)
    return base::fail(base::Code::bad_argument,
                      "a block is whole frames of 1 to 8 channels at 8000 to 48000 Hz", name());
  media::Packet packet;
  packet.rate_hz = rate_hz;
  packet.channels = channels;
  packet.frames =
      static_cast<std::uint32_t>(interleaved.size() / static_cast<std::size_t>(channels));
  packet.payload = handle_->payloads().copy_of(std::as_bytes(interleaved));
  if (!packet.payload)
    return base::fail(base::Code::bad_argument, "a block is at most 4 MiB of samples", name());
  // Counted in frames, so that no rounding adds up; a new rate counts from where the old one ended.
  const bool same_rate = rate_hz == rate_hz_;
  const base::MediaTime since = same_rate ? since_ : pushed_;
  const std::int64_t first = same_rate ? frames_ : 0;
  const std::int64_t end = first + packet.frames;
  packet.from = since + base::media_time(first, rate_hz);
  packet.to = since + base::media_time(end, rate_hz);
  const base::MediaTime until = packet.to;
  if (!handle_->push(source_, std::move(packet)))
    return base::fail(base::Code::overloaded, "the session's inbox is full; nothing was taken",
                      name());
  since_ = since;
  rate_hz_ = rate_hz;
  frames_ = end;
  pushed_ = until;
  return {};
}

base::Result<void> Session::end() {
  if (closed_) return refuse_closed();
  if (!handle_->end_input(source_))
    return base::fail(base::Code::overloaded, "the session's inbox is full; nothing was taken",
                      name());
  return {};
}

std::optional<Output> Session::next_output() {
  engine::OutputPacket output;
  if (!handle_->next_output(output)) return std::nullopt;
  return Output{.node = plan_->stages[output.stage].id, .packet = std::move(output.packet)};
}

std::optional<std::string> Session::next_event() {
  engine::Event event;
  if (!handle_->next_event(event)) return std::nullopt;
  return event_line(event, *plan_, name(), handle_->opened());
}

void Session::close() noexcept {
  closed_ = true;
  handle_->close();
}

SessionStats Session::stats() const noexcept {
  return {.pushed = pushed_,
          .refused = handle_->refused(),
          .events_lost = closed_ ? handle_->events_lost() : 0,
          .ended = handle_->ended()};
}

std::unexpected<base::Error> Session::refuse_closed() const {
  return base::fail(base::Code::bad_argument, "the session is closed; open another one", name());
}

base::Result<void> Session::control(media::Control control) {
  if (closed_) return refuse_closed();
  if (!handle_->control(std::move(control)))
    return base::fail(base::Code::overloaded, "the control lane is full", name());
  return {};
}

}  // namespace millrace::session
