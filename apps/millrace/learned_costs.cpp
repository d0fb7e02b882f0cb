#include "apps/millrace/learned_costs.hpp"

#include <fmt/chrono.h>
#include <fmt/core.h>

#include <cmath>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "apps/millrace/report.hpp"
#include "millrace/base/clock.hpp"

namespace millrace::app {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr int kVersion = 1;
// A few hundred bytes a type: a larger file is not ours.
constexpr std::uintmax_t kMaxBytes = 1 << 20;

std::optional<double> number(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  if (!std::isfinite(value) || value < 0.0) return std::nullopt;
  return value;
}

std::uint64_t count(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::optional<LearnedCost> cost_of(const Json& entry) {
  if (!entry.is_object()) return std::nullopt;
  const auto when = entry.find("when");
  const auto average = number(entry, "avg_us");
  if (when == entry.end() || !when->is_string() || !average) return std::nullopt;
  LearnedCost cost{.when = when->get<std::string>(),
                   .calls = count(entry, "calls"),
                   .avg_us = *average,
                   .runs = count(entry, "runs"),
                   .fixed_us = number(entry, "fixed_us"),
                   .per_input_us = number(entry, "per_input_us")};
  if (!cost.fixed_us || !cost.per_input_us) cost.fixed_us = cost.per_input_us = std::nullopt;
  return cost;
}

Json json_of(const LearnedCost& cost) {
  Json entry = {{"when", cost.when}, {"calls", cost.calls}, {"avg_us", cost.avg_us}};
  if (cost.runs > 0) entry["runs"] = cost.runs;
  if (cost.fixed_us && cost.per_input_us) {
    entry["fixed_us"] = *cost.fixed_us;
    entry["per_input_us"] = *cost.per_input_us;
  }
  return entry;
}

std::unexpected<base::Error> unavailable(const std::string& what, const fs::path& path) {
  return base::fail(base::Code::unavailable, what, path.string());
}

}  // namespace

void learn(LearnedCosts& costs, const graph::Plan& plan, const std::vector<StageFigures>& stages,
           const std::string& when) {
  std::map<std::string, const StageFigures*> busiest;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (stages[i].calls == 0) continue;
    const StageFigures*& of_type = busiest[std::string(plan.stages[i].contract().type)];
    if (of_type == nullptr || of_type->calls < stages[i].calls) of_type = &stages[i];
  }
  for (const auto& [type, stage] : busiest) {
    LearnedCost cost{.when = when,
                     .calls = stage->calls,
                     .avg_us = stage->avg_us,
                     .runs = stage->cost.runs,
                     .fixed_us = std::nullopt,
                     .per_input_us = std::nullopt};
    if (stage->cost.identified) {
      cost.fixed_us = stage->cost.fixed_us;
      cost.per_input_us = stage->cost.per_input_us;
    }
    costs[type] = std::move(cost);
  }
}

std::optional<CostFile> CostFile::usual(const manifest::Environment& environment) {
  const auto folder = [&](const char* name) -> std::optional<fs::path> {
    const auto value = environment(name);
    if (!value || value->empty()) return std::nullopt;
    return fs::path(*value);
  };
  constexpr const char* kName = "costs.json";
  if (const auto own = folder("MILLRACE_STATE_DIR")) return CostFile(*own / kName);
  // The XDG rules say that a relative path is to be ignored.
  if (const auto state = folder("XDG_STATE_HOME"); state && state->is_absolute())
    return CostFile(*state / "millrace" / kName);
  if (const auto home = folder("HOME"))
    return CostFile(*home / ".local" / "state" / "millrace" / kName);
  return std::nullopt;
}

base::Result<LearnedCosts> CostFile::read() const {
  std::error_code error;
  if (!fs::exists(path_, error)) return LearnedCosts{};
  const auto bad = [&](const std::string& what) {
    return base::fail(base::Code::bad_peer_data, "no file of learned costs: " + what,
                      path_.string());
  };
  const std::uintmax_t bytes = fs::file_size(path_, error);
  if (error) return unavailable("learned costs cannot be read: " + error.message(), path_);
  if (bytes > kMaxBytes) return bad(fmt::format("{} bytes, expected at most {}", bytes, kMaxBytes));
  std::ifstream file(path_, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) return unavailable("learned costs cannot be read", path_);
  const Json all = Json::parse(text, nullptr, false);
  if (!all.is_object()) return bad("expected a JSON object");
  if (count(all, "version") != kVersion) return bad(fmt::format("expected version {}", kVersion));
  const auto types = all.find("node_types");
  if (types == all.end() || !types->is_object()) return bad("expected an object 'node_types'");
  LearnedCosts costs;
  for (const auto& [type, entry] : types->items()) {
    auto cost = cost_of(entry);
    if (!cost) return bad("the entry of '" + type + "' has no 'when' and 'avg_us'");
    costs[type] = std::move(*cost);
  }
  return costs;
}

base::Result<void> CostFile::write(const LearnedCosts& costs) const {
  Json types = Json::object();
  for (const auto& [type, cost] : costs) types[type] = json_of(cost);
  const Json all = {{"version", kVersion}, {"node_types", std::move(types)}};
  std::error_code error;
  fs::create_directories(path_.parent_path(), error);
  if (error) return unavailable("learned costs cannot be kept: " + error.message(), path_);
  // A name of its own, for another run may end at the same time.
  const fs::path temporary = path_.string() + fmt::format(".{:x}.tmp", base::unix_time_us());
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file << all.dump(1, ' ', false, Json::error_handler_t::replace) << "\n";
    file.close();
    if (!file) {
      fs::remove(temporary, error);
      return unavailable("learned costs cannot be kept: the file cannot be written", path_);
    }
  }
  fs::rename(temporary, path_, error);
  if (!error) return {};
  const std::string what = error.message();
  fs::remove(temporary, error);
  return unavailable("learned costs cannot be kept: " + what, path_);
}

void keep_costs(const graph::Plan& plan, const std::vector<StageFigures>& stages) {
  const auto file = CostFile::usual(manifest::process_environment());
  if (!file) return;
  auto costs = file->read();
  if (!costs) {
    warn(costs.error().text() + "; it is written anew");
    costs = LearnedCosts{};
  }
  learn(*costs, plan, stages,
        fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(base::unix_time_us() / 1'000'000)));
  if (const auto kept = file->write(*costs); !kept) warn(kept.error().text());
}

std::string cost_text(const LearnedCosts& costs, const std::string& type) {
  const auto found = costs.find(type);
  if (found == costs.end()) return "  not measured yet: run a pipeline with it\n";
  const LearnedCost& cost = found->second;
  std::string out;
  auto line = std::back_inserter(out);
  fmt::format_to(line, "  avg_processing_us {:.1f} (moving average over {} calls, {})\n",
                 cost.avg_us, cost.calls, cost.when);
  if (cost.fixed_us && cost.per_input_us) {
    fmt::format_to(line,
                   "  a batch of b inputs takes {:.0f} + {:.0f} b us (learned from {} runs)\n",
                   *cost.fixed_us, *cost.per_input_us, cost.runs);
  } else if (cost.runs > 0) {
    fmt::format_to(line, "  what a batch costs is not known: all {} runs were of the same size\n",
                   cost.runs);
  }
  return out;
}

}  // namespace millrace::app
