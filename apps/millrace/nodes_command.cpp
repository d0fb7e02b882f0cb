#include "apps/millrace/nodes_command.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "apps/millrace/learned_costs.hpp"
#include "apps/millrace/registry.hpp"
#include "apps/millrace/report.hpp"
#include "millrace/manifest/nearest.hpp"
#include "millrace/manifest/type_name.hpp"

namespace millrace::app {

namespace {

using node::Contract;

void list() {
  fmt::print("{:<22} {:<10} {:<9}  {}\n", "type", "role", "placement", "what it does");
  for (const node::NodeType& type : registry().types()) {
    const Contract& contract = *type.contract;
    const char* role = contract.role == node::Role::source ? "source"
                       : contract.role == node::Role::sink ? "sink"
                                                           : "transform";
    fmt::print("{:<22} {:<10} {:<9}  {}{}\n", contract.type, role, node::name(contract.placement),
               contract.summary,
               contract.alias.empty() ? "" : fmt::format(" (alias {})", contract.alias));
  }
}

void list_merges() {
  fmt::print("{:<22} {:<7}  {}\n", "merge", "of", "what it does");
  for (const node::MergeType& merge : registry().merges())
    fmt::print("{:<22} {:<7}  {}\n", merge.name, media::name(merge.kind), merge.summary);
}

void show_ports(const char* title, std::span<const node::PortDecl> ports) {
  if (ports.empty()) return;
  fmt::print("\n{}\n", title);
  for (const node::PortDecl& port : ports) {
    std::string kind(media::name(port.kind));
    if (port.rate_hz != 0) kind += fmt::format(" {} Hz", port.rate_hz);
    if (port.channels != 0) kind += fmt::format(" x{}", port.channels);
    std::string notes;
    if (!port.alias.empty()) notes += fmt::format(" (alias {})", port.alias);
    if (!port.required) notes += " (optional)";
    if (port.feedback) notes += " (may be fed back)";
    fmt::print("  {:<18} {:<16} {}{}\n", port.name, kind, port.summary, notes);
  }
}

std::string range(const node::ParamDecl& param) {
  switch (param.kind) {
    case node::ParamKind::boolean: return "true or false";
    case node::ParamKind::text: return "text";
    case node::ParamKind::json: return "list or map";
    case node::ParamKind::choice: {
      std::string all;
      for (const std::string_view choice : param.choices)
        all += (all.empty() ? "" : " | ") + std::string(choice);
      return all;
    }
    case node::ParamKind::integer:
    case node::ParamKind::number:
      if (param.minimum == 0.0 && param.maximum == 0.0) return "any";
      return fmt::format("{:g} to {:g}", param.minimum, param.maximum);
  }
  return "";
}

void show(const Contract& contract) {
  fmt::print("{}: {}\n", contract.type, contract.summary);
  if (!contract.alias.empty()) fmt::print("alias: {}\n", contract.alias);
  show_ports("inputs", contract.inputs);
  show_ports("outputs", contract.outputs);
  if (!contract.params.empty()) {
    fmt::print("\nparameters\n");
    for (const node::ParamDecl& param : contract.params)
      fmt::print("  {:<20} {:<28} default {:<10} {}\n", param.name,
                 range(param) + (param.unit.empty() ? "" : " " + std::string(param.unit)),
                 param.initial.empty() ? "-" : param.initial, param.summary);
  }
  const node::Capabilities& can = contract.capabilities;
  fmt::print("\ncapabilities\n  parallelizable {}, batch_aware {}, queue {} {}\n",
             can.parallelizable ? "yes" : "no", can.batch_aware ? "yes" : "no", can.queue_capacity,
             node::name(can.overflow));
  fmt::print("  placement {}{}\n", node::name(contract.placement),
             contract.inline_only ? " only"
             : contract.pool_only ? " only"
                                  : "");
  if (contract.gives_up.any())
    fmt::print("  for a deadline gives up {}{}{}\n",
               contract.gives_up.smaller_first_chunk ? "smaller_first_chunk" : "",
               contract.gives_up.smaller_first_chunk && contract.gives_up.lower_quality ? ", " : "",
               contract.gives_up.lower_quality ? "lower_quality" : "");
  if (contract.virtual_cost.first_us != 0)
    fmt::print(
        "  under the virtual clock: first output after {} us, each further one {} us later\n",
        contract.virtual_cost.first_us, contract.virtual_cost.per_unit_us);
  if (!contract.resets.empty()) fmt::print("  after a gap: {}\n", contract.resets);
}

void show_cost(const Contract& contract) {
  const auto file = CostFile::usual(manifest::process_environment());
  auto costs = file ? file->read() : LearnedCosts{};
  if (!costs) {
    warn(costs.error().text());
    costs = LearnedCosts{};
  }
  fmt::print("\nlearned on this machine\n{}", cost_text(*costs, std::string(contract.type)));
}

int show_type(const std::string& written) {
  const std::string name = manifest::canonical_type_name(written);
  const node::NodeType* type = registry().find(name);
  if (type != nullptr) {
    show(*type->contract);
    show_cost(*type->contract);
    return kGood;
  }
  std::vector<std::string_view> names;
  for (const node::NodeType& known : registry().types()) names.push_back(known.contract->type);
  return report(base::Error{base::Code::bad_argument,
                            fmt::format("there is no node type '{}'{}; 'millrace nodes list' shows "
                                        "them all",
                                        written, manifest::did_you_mean(name, names)),
                            "nodes show"});
}

}  // namespace

void add_nodes(CLI::App& app, int& exit_code) {
  CLI::App* nodes = app.add_subcommand("nodes", "The node types that pipelines are made of");
  auto type = std::make_shared<std::string>();  // shared: with the callback below
  CLI::App* show_command =
      nodes->add_subcommand("show", "Ports, parameters and limits of one type");
  show_command->add_option("type", *type, "Type name, as in a manifest")->required();
  show_command->callback([type, &exit_code] { exit_code = show_type(*type); });
  nodes->add_subcommand("list", "Every type, a line each");
  CLI::App* merges =
      nodes->add_subcommand("merges", "Every merge that merge_strategy: {custom: {name: X}} knows");
  nodes->callback([show_command, merges, &exit_code] {
    if (show_command->parsed()) return;
    merges->parsed() ? list_merges() : list();
    exit_code = kGood;
  });
}

}  // namespace millrace::app
