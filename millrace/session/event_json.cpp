#include "millrace/session/event_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "millrace/metrics/turn_ledger.hpp"

namespace millrace::session {

namespace {

using engine::Event;
using engine::EventType;
using Json = nlohmann::ordered_json;

std::string segment_name(std::string_view session, base::SegmentId segment) {
  return std::string(session) + "/" + std::to_string(segment.number);
}

void add_lineage(Json& line, const media::Lineage& lineage) {
  if (!lineage.segments.empty()) {
    line["segment"] = lineage.segments.back().number;
    Json all = Json::array();
    for (const base::SegmentId segment : lineage.segments) all.push_back(segment.number);
    line["segments"] = std::move(all);
  }
  if (lineage.turn) line["turn"] = lineage.turn.number;
  if (lineage.revision != 0) line["revision"] = lineage.revision;
}

/// What tells of an interrupted turn says which, and that it is not the turn's own output.
void add_about(Json& line, const Event& event) {
  if (!event.about_turn || event.lineage.turn) return;
  line["turn"] = event.about_turn.number;
  if (event.about_revision != 0) line["revision"] = event.about_revision;
  line["heard"] = true;
}

std::string part_name(const metrics::PartId& id, const graph::Plan& plan) {
  std::string name(metrics::name(id.part));
  if (id.part == metrics::TurnPart::compute) name += "." + plan.stages[id.node].id;
  return name;
}

void add_parts(Json& line, const Event& event, const graph::Plan& plan) {
  Json parts = Json::object();
  std::int64_t rest = base::to_us(event.total);
  const std::int64_t total = rest;
  for (const metrics::PartTime& part : event.body.as<metrics::PartTime>()) {
    const std::int64_t us = base::to_us(part.spent);
    parts[part_name(part.id, plan)] = us;
    rest -= us;
  }
  // What rounding to whole microseconds leaves over goes to the rest, so that the sum is exact.
  parts["unattributed"] = rest;
  line["total_us"] = total;
  line["parts"] = std::move(parts);
}

std::string body_text(const Event& event) {
  const auto chars = event.body.as<char>();
  return {chars.data(), chars.size()};
}

std::string_view strategy_name(const graph::Stage& stage) {
  return manifest::name(stage.batching ? stage.batching->merge.kind
                                       : manifest::MergeKind::keep_separate);
}

void add_fields(Json& line, const Event& event, const graph::Plan& plan, std::string_view session,
                base::Instant opened) {
  switch (event.type) {
    case EventType::speculation_started:
      line["segment"] = event.segment.number;
      line["kind"] = "onset";
      line["from_us"] = event.from.count();
      break;
    case EventType::speculation_confirmed: line["segment"] = event.segment.number; break;
    case EventType::speculation_cancelled:
      line["segment"] = event.segment.number;
      line["kind"] = "onset";
      line["from_us"] = event.from.count();
      line["to_us"] = event.to.count();
      line["reason"] = media::name(event.cancel_reason);
      break;
    case EventType::speech_started:
    case EventType::speech_ended: line["at_us"] = event.at.count(); break;
    case EventType::eager_end_of_turn:
    case EventType::turn_resumed:
    case EventType::end_of_turn:
      line["turn"] = event.lineage.turn.number;
      line["revision"] = event.lineage.revision;
      line["at_us"] = event.at.count();
      break;
    case EventType::interrupt:
      line["turn"] = event.lineage.turn.number;
      line["from_us"] = event.from.count();
      line["played_us"] = event.played.count();
      break;
    case EventType::playback_paused:
    case EventType::playback_resumed: line["turn"] = event.lineage.turn.number; break;
    case EventType::output:
      line["type"] = media::name(event.kind);
      add_lineage(line, event.lineage);
      add_about(line, event);
      line["state"] = event.state == media::PacketState::confirmed ? "confirmed" : "speculative";
      line["from_us"] = event.from.count();
      line["to_us"] = event.to.count();
      if (event.kind == media::PacketKind::audio) line["duration_us"] = event.duration.count();
      if (event.kind == media::PacketKind::text) {
        line["text"] = body_text(event);
        line["final"] = event.final;
      }
      break;
    case EventType::withheld:
      line["type"] = media::name(event.kind);
      add_lineage(line, event.lineage);
      line["reason"] = base::name(event.drop_reason);
      line["from_us"] = event.from.count();
      line["to_us"] = event.to.count();
      break;
    case EventType::dropped:
      line["reason"] = base::name(event.drop_reason);
      line["count"] = event.count;
      break;
    case EventType::batch:
      line["inputs"] = event.count;
      line["packets"] = event.calls;
      if (event.kept_separate > 0) line["kept_separate"] = event.kept_separate;
      line["strategy"] = strategy_name(plan.stages[event.stage]);
      break;
    case EventType::deadline_warning:
      add_lineage(line, event.lineage);
      line["deadline_us"] = base::to_us(event.until_deadline);
      line["late_us"] = base::to_us(event.total);
      break;
    case EventType::deadline_action:
      add_lineage(line, event.lineage);
      line["action"] = policy::name(event.action);
      line["deadline_us"] = base::to_us(event.until_deadline);
      break;
    case EventType::control:
      line["type"] = media::name(event.control_type);
      line["id"] = std::to_string(event.id);
      line["context"] = "local";
      line["status"] = engine::name(event.status);
      if (event.code != engine::ControlCode::none) line["code"] = engine::name(event.code);
      if (event.segment) line["target_segment_id"] = segment_name(session, event.segment);
      line["sent_wall_us"] = base::to_us(event.sent - opened);
      line["delivered_wall_us"] = base::to_us(event.wall - opened);
      break;
    case EventType::turn:
      line["turn"] = event.lineage.turn.number;
      line["revision"] = event.lineage.revision;
      add_parts(line, event, plan);
      break;
    case EventType::budget: line["speculation"] = event.count == 1 ? "paused" : "resumed"; break;
    case EventType::failed: line["what"] = body_text(event); break;
  }
}

bool names_a_node(EventType type) {
  return type != EventType::interrupt && type != EventType::playback_paused &&
         type != EventType::playback_resumed && type != EventType::control &&
         type != EventType::turn && type != EventType::budget;
}

// Text from a recogniser or a caller may hold anything: what is no UTF-8 is replaced, never thrown.
std::string dump(const Json& line) {
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string event_line(const Event& event, const graph::Plan& plan, std::string_view session,
                       base::Instant opened) {
  Json line;
  line["event"] = engine::name(event.type);
  line["session"] = session;
  if (names_a_node(event.type) && event.stage < plan.stages.size())
    line["node"] = plan.stages[event.stage].id;
  add_fields(line, event, plan, session, opened);
  line["t_us"] = event.at_media.count();
  line["wall_us"] = base::to_us(event.wall - opened);
  return dump(line);
}

std::string log_header(std::string_view pipeline, bool virtual_time) {
  Json line;
  line["event"] = "log";
  line["version"] = 1;
  line["pipeline"] = pipeline;
  line["time"] = virtual_time ? "virtual" : "real";
  return dump(line);
}

}  // namespace millrace::session
