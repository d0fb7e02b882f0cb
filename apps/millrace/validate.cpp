#include "apps/millrace/validate.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/millrace/report.hpp"

namespace millrace::app {

namespace {

using Json = nlohmann::ordered_json;

double ms(base::MediaTime t) {
  return static_cast<double>(t.count()) / 1000.0;
}

std::string format_text(const node::Format& format) {
  if (format.kind != media::PacketKind::audio) return std::string(media::name(format.kind));
  const std::string rate = format.rate_hz == 0 ? "any rate" : fmt::format("{} Hz", format.rate_hz);
  return format.channels == 0 ? fmt::format("audio {}", rate)
                              : fmt::format("audio {} x{}", rate, format.channels);
}

std::string queue_text(const graph::QueueConfig& queue) {
  std::string text = fmt::format("{} {}", queue.capacity, node::name(queue.policy));
  if (queue.max_age)
    text +=
        fmt::format(", at most {} ms",
                    std::chrono::duration_cast<std::chrono::milliseconds>(*queue.max_age).count());
  return text;
}

std::string path_text(const graph::Plan& plan) {
  std::string path;
  for (const std::string& id : plan.slowest_path) path += (path.empty() ? "" : " -> ") + id;
  return path;
}

}  // namespace

std::string plan_text(const graph::Plan& plan) {
  std::string out;
  auto line = std::back_inserter(out);
  fmt::format_to(line, "{:<16} {:<22} {:<9} {:>12} {:>12}  {}\n", "node", "type", "placement",
                 "adds (ms)", "so far (ms)", "queue");
  for (const graph::Stage& stage : plan.stages) {
    std::string queue = "-";
    if (!stage.in_edges.empty()) queue = queue_text(plan.edges[stage.in_edges.front()].queue);
    fmt::format_to(
        line, "{:<16} {:<22} {:<9} {:>12.2f} {:>12.2f}  {}{}\n", stage.id, stage.contract().type,
        node::name(stage.placement), ms(stage.latency), ms(stage.path_latency), queue,
        stage.commit
            ? (stage.release_speculative ? "; lets guesses out, marked" : "; holds until confirmed")
            : "");
  }
  out += '\n';
  for (const graph::Edge& edge : plan.edges) {
    const graph::Stage& from = plan.stages[edge.from];
    const graph::Stage& to = plan.stages[edge.to];
    fmt::format_to(line, "  {}.{} -> {}.{}  {}{}\n", from.id,
                   from.contract().outputs[edge.from_port].name, to.id,
                   to.contract().inputs[edge.to_port].name, format_text(edge.format),
                   edge.feedback ? "  (feedback: on the next tick)" : "");
  }
  if (!plan.notes.empty()) out += '\n';
  for (const std::string& note : plan.notes) fmt::format_to(line, "note: {}\n", note);
  fmt::format_to(line, "\nlatency by design: {:.2f} ms ({})\n", ms(plan.path_latency),
                 path_text(plan));
  fmt::format_to(
      line,
      "    filters, windows and waits that the nodes declare; compute and pool time come on top\n");
  fmt::format_to(line, "valid: {} nodes, {} edges\n", plan.stages.size(), plan.edges.size());
  return out;
}

std::string plan_json(const graph::Plan& plan) {
  Json out;
  out["valid"] = true;
  out["name"] = plan.name;
  out["latency_us"] = plan.path_latency.count();
  out["slowest_path"] = plan.slowest_path;
  Json stages = Json::array();
  for (const graph::Stage& stage : plan.stages)
    stages.push_back({{"id", stage.id},
                      {"type", stage.contract().type},
                      {"placement", node::name(stage.placement)},
                      {"latency_us", stage.latency.count()},
                      {"path_latency_us", stage.path_latency.count()}});
  out["nodes"] = std::move(stages);
  Json edges = Json::array();
  for (const graph::Edge& edge : plan.edges) {
    const graph::Stage& from = plan.stages[edge.from];
    const graph::Stage& to = plan.stages[edge.to];
    Json line;
    line["from"] = from.id + "." + std::string(from.contract().outputs[edge.from_port].name);
    line["to"] = to.id + "." + std::string(to.contract().inputs[edge.to_port].name);
    line["format"] = format_text(edge.format);
    line["feedback"] = edge.feedback;
    line["capacity"] = edge.queue.capacity;
    line["policy"] = node::name(edge.queue.policy);
    edges.push_back(std::move(line));
  }
  out["edges"] = std::move(edges);
  out["notes"] = plan.notes;
  return out.dump();
}

std::string mistakes_json(const std::vector<base::Error>& errors) {
  Json out;
  out["valid"] = false;
  Json all = Json::array();
  for (const base::Error& error : errors) {
    Json mistake;
    mistake["code"] = base::name(error.code);
    mistake["where"] = error.where;
    mistake["message"] = error.message;
    all.push_back(std::move(mistake));
  }
  out["errors"] = std::move(all);
  // A manifest may hold bytes that are no UTF-8, and a message may quote them.
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void add_validate(CLI::App& app, int& exit_code) {
  auto path = std::make_shared<std::string>();  // shared: with the callback below
  auto json = std::make_shared<bool>(false);    // shared: likewise
  CLI::App* command = app.add_subcommand(
      "validate", "Check a manifest: every mistake with its place, or the plan and its latency");
  command->add_option("pipeline", *path, "Manifest (YAML or JSON)")->required();
  command->add_flag("--json", *json, "One JSON object instead of tables");
  command->callback([path, json, &exit_code] {
    const auto plan = load_plan(*path);
    if (!plan) {
      exit_code = report(plan.error());
      if (*json) fmt::print("{}\n", mistakes_json(plan.error()));
      const bool manifest = plan.error().front().code == base::Code::bad_manifest;
      if (manifest && !*json)
        fmt::print(stderr, "millrace: {} is not valid: {} mistake{}\n", *path, plan.error().size(),
                   plan.error().size() == 1 ? "" : "s");
      return;
    }
    fmt::print("{}", *json ? plan_json(**plan) + "\n" : plan_text(**plan));
    exit_code = kGood;
  });
}

}  // namespace millrace::app
