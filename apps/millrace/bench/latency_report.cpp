#include "apps/millrace/bench/latency_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace millrace::app {
namespace {

using Json = nlohmann::ordered_json;

double tenth(double value) {
  return std::round(value * 10.0) / 10.0;
}

double per(double value, double whole, double digits) {
  return whole > 0.0 ? std::round(value / whole * digits) / digits : 0.0;
}

double seconds(base::Duration d) {
  return std::chrono::duration<double>(d).count();
}

/// A quantile in microseconds; null without enough samples.
Json quantile_us(const metrics::Distribution& all, double q, std::uint64_t samples = 1) {
  if (all.count() < samples) return nullptr;
  return tenth(static_cast<double>(all.quantile(q)) / 1000.0);
}

/// How much longer the pipeline took than a thread that only sleeps; may be negative.
Json excess_us(const LatencyCounts& counts, double q, std::uint64_t samples) {
  if (counts.latency.count() < samples || counts.null.count() < samples) return nullptr;
  return tenth((static_cast<double>(counts.latency.quantile(q)) -
                static_cast<double>(counts.null.quantile(q))) /
               1000.0);
}

/// Names what is null or stands in for something else, with the reason.
class Notes {
 public:
  void stub(const std::string& name, std::string why) {
    stubs_.push_back(name);
    notes_[name] = std::move(why);
  }
  void note(const std::string& name, std::string what) { notes_[name] = std::move(what); }
  void put_into(Json& figures) {
    figures["stubs"] = std::move(stubs_);
    figures["notes"] = std::move(notes_);
  }

 private:
  Json stubs_ = Json::array();
  Json notes_ = Json::object();
};

void add_latencies(Json& out, const LatencyCounts& counts, Notes& notes) {
  out["p50_us"] = quantile_us(counts.latency, 0.50);
  out["p95_us"] = quantile_us(counts.latency, 0.95);
  out["p99_us"] = quantile_us(counts.latency, 0.99);
  out["p999_us"] = quantile_us(counts.latency, 0.999, kSamplesForP999);
  out["max_us"] = quantile_us(counts.latency, 1.0);
  out["null_p99_us"] = quantile_us(counts.null, 0.99);
  out["excess_p99_us"] = excess_us(counts, 0.99, 1);
  out["excess_p999_us"] = excess_us(counts, 0.999, kSamplesForP999);
  out["windows_decided"] = counts.latency.count();
  out["null_samples"] = counts.null.count();
  notes.note("null_p99_us",
             "measured between the stretches of load; system, generator and control are on the "
             "cores that the scheduler gives them");
  if (counts.latency.count() == 0) {
    notes.stub("p99_us", "no window was decided");
  } else if (counts.latency.count() < kSamplesForP99) {
    notes.note("p99_us", fmt::format("rests on {} windows; a claim needs {}: more sessions, or "
                                     "more --seconds",
                                     counts.latency.count(), kSamplesForP99));
  }
  if (out["p999_us"].is_null())
    notes.stub("p999_us", fmt::format("needs {} windows", kSamplesForP999));
  if (out["excess_p999_us"].is_null())
    notes.stub("excess_p999_us",
               fmt::format("needs {} windows and as many null samples", kSamplesForP999));
}

void add_costs(Json& out, const LatencyCounts& counts, Notes& notes) {
  const double wall = seconds(counts.wall);
  const double cores = counts.wall.count() > 0 ? seconds(counts.system_cpu) / wall : 0.0;
  const auto sessions = static_cast<double>(counts.sessions);
  out["cpu_cores"] = per(cores, 1.0, 1e4);
  out["generator_cpu_cores"] = per(seconds(counts.generator_cpu), wall, 1e4);
  out["cpu_seconds_per_session_hour"] = per(cores * 3600.0, sessions, 1e2);
  out["wakeups_per_s"] = per(static_cast<double>(counts.wake_ups), wall, 10.0);
  if (counts.allocations) {
    out["allocs_per_block"] =
        per(static_cast<double>(*counts.allocations), static_cast<double>(counts.blocks), 1e6);
  } else {
    out["allocs_per_block"] = nullptr;
    notes.stub("allocs_per_block",
               "this program does not watch allocations, so as to be what is shipped; "
               "tests/allocations does, on the same graph, and expects 0");
  }
  if (counts.memory_bytes) {
    out["rss_bytes_per_session"] =
        std::llround(static_cast<double>(*counts.memory_bytes) / sessions);
    notes.note("rss_bytes_per_session",
               "growth of the resident memory from before the engine to after the warm-up, models "
               "and code included, over the sessions");
  } else {
    out["rss_bytes_per_session"] = nullptr;
    notes.stub("rss_bytes_per_session", "memory of an earlier run of this process was used again");
  }
}

void add_turns(Json& out, const LatencyCounts& counts, const graph::Plan& plan, Notes& notes) {
  out["decision_to_response_p99_us"] = quantile_us(counts.response, 0.99);
  out["acoustic_to_response_p50_us"] = quantile_us(counts.acoustic, 0.50);
  out["acoustic_to_response_p95_us"] = quantile_us(counts.acoustic, 0.95);
  out["turns"] = counts.acoustic.count();
  for (const graph::Stage& stage : plan.stages)
    if (stage.contract().type == "reply")
      notes.stub(stage.id,
                 "answers by rules written in the manifest, in place of a language model");
  if (counts.acoustic.count() > 0) {
    notes.note("decision_to_response_p99_us",
               fmt::format("rests on {} turns; the turn's total without its endpoint wait, model "
                           "compute included",
                           counts.acoustic.count()));
    return;
  }
  constexpr const char* kWhy =
      "no turn was answered; a pipeline that speaks measures it (--pipeline "
      "examples/voice_reply.yaml)";
  notes.stub("decision_to_response_p99_us", kWhy);
  notes.stub("acoustic_to_response_p50_us", kWhy);
  notes.stub("acoustic_to_response_p95_us", kWhy);
}

std::string cell(const Json& value) {
  if (value.is_null()) return "-";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

Json latency_figures(const LatencyCounts& counts, const graph::Plan& plan) {
  Json out;
  Notes notes;
  out["phase"] = name(counts.pattern);
  out["sessions"] = counts.sessions;
  out["measured_s"] = tenth(seconds(counts.wall));
  add_latencies(out, counts, notes);
  const std::uint64_t decided = counts.latency.count();
  out["windows_due"] = counts.windows_due;
  out["windows_late"] = counts.windows_late;
  out["windows_lost"] = counts.windows_due > decided ? counts.windows_due - decided : 0;
  out["frames_refused"] = counts.refused;
  out["generator_late_p99_us"] = quantile_us(counts.generator_late, 0.99);
  add_costs(out, counts, notes);
  add_turns(out, counts, plan, notes);
  notes.put_into(out);
  return out;
}

Json latency_figures(std::span<const LatencyCounts> patterns, const graph::Plan& plan) {
  Json out = latency_figures(patterns.back(), plan);
  // Memory is told once: a later pattern uses that of the first again.
  if (patterns.size() > 1) {
    const Json first = latency_figures(patterns.front(), plan);
    out["rss_bytes_per_session"] = first["rss_bytes_per_session"];
    if (!first["rss_bytes_per_session"].is_null()) {
      out["notes"]["rss_bytes_per_session"] = first["notes"]["rss_bytes_per_session"];
      auto& stubs = out["stubs"];
      stubs.erase(std::remove(stubs.begin(), stubs.end(), Json("rss_bytes_per_session")),
                  stubs.end());
    }
  }
  for (const LatencyCounts& counts : patterns)
    out["phases"][std::string(name(counts.pattern))] = latency_figures(counts, plan);
  return out;
}

std::string latency_table(std::span<const LatencyCounts> patterns, const graph::Plan& plan) {
  struct Row {
    const char* label;
    const char* figure;
  };
  constexpr Row kRows[] = {
      {"phases of the sessions", "phase"},
      {"frame due to decision, P50 (us)", "p50_us"},
      {"  P95", "p95_us"},
      {"  P99", "p99_us"},
      {"  P99.9", "p999_us"},
      {"  largest", "max_us"},
      {"null control, P99 (us)", "null_p99_us"},
      {"excess over it, P99 (us)", "excess_p99_us"},
      {"windows due", "windows_due"},
      {"  late (> 20 ms)", "windows_late"},
      {"  lost", "windows_lost"},
      {"CPU of the system (cores)", "cpu_cores"},
      {"  of the generator", "generator_cpu_cores"},
      {"CPU seconds a session-hour", "cpu_seconds_per_session_hour"},
      {"wake-ups a second", "wakeups_per_s"},
      {"allocations a block", "allocs_per_block"},
      {"memory a session (bytes)", "rss_bytes_per_session"},
      {"turns answered", "turns"},
      {"decision to response, P99 (us)", "decision_to_response_p99_us"},
      {"end of speech to response, P50 (us)", "acoustic_to_response_p50_us"},
      {"  P95", "acoustic_to_response_p95_us"},
  };
  std::vector<Json> columns;
  for (const LatencyCounts& counts : patterns) columns.push_back(latency_figures(counts, plan));
  std::string out = fmt::format("{:<36}{:>14}\n", "sessions", patterns.front().sessions);
  for (const Row& row : kRows) {
    fmt::format_to(std::back_inserter(out), "{:<36}", row.label);
    for (const Json& column : columns)
      fmt::format_to(std::back_inserter(out), "{:>14}", cell(column[row.figure]));
    out += '\n';
  }
  for (const auto& [about, note] : columns.back()["notes"].items())
    fmt::format_to(std::back_inserter(out), "note: {}: {}\n", about, note.get<std::string>());
  return out;
}

bool bound_kept(std::span<const LatencyCounts> patterns, std::optional<double> max_p99_us) {
  if (!max_p99_us) return true;
  return std::all_of(patterns.begin(), patterns.end(), [&](const LatencyCounts& counts) {
    return counts.latency.count() > 0 &&
           static_cast<double>(counts.latency.quantile(0.99)) / 1000.0 <= *max_p99_us;
  });
}

}  // namespace millrace::app
