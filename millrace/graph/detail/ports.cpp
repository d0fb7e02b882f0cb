#include "millrace/graph/detail/ports.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "millrace/base/check.hpp"
#include "millrace/manifest/nearest.hpp"

namespace millrace::graph::detail {
namespace {

using node::PortDecl;

/// One end of an edge as the manifest gives it.
struct End {
  const DraftNode* node = nullptr;
  std::string_view port;  ///< empty: left out
  const manifest::Place* place = nullptr;
  bool output = false;

  [[nodiscard]] std::span<const PortDecl> ports() const {
    return output ? node->contract().outputs : node->contract().inputs;
  }
};

/// Ports of one end that the edge may mean, by index.
using Candidates = std::vector<std::uint32_t>;

std::string kind_of(const PortDecl& port) {
  return std::string(media::name(port.kind));
}

std::string port_name(const End& end, std::uint32_t port) {
  return "'" + end.node->spec->id + "." + std::string(end.ports()[port].name) + "'";
}

/// "audio (audio), vad (tensor)"
std::string listed(std::span<const PortDecl> ports) {
  std::string all;
  for (const PortDecl& port : ports)
    all += (all.empty() ? "" : ", ") + std::string(port.name) + " (" + kind_of(port) + ")";
  return all;
}

std::optional<Candidates> candidates(const End& end, Diagnostics& mistakes) {
  const auto ports = end.ports();
  const std::string direction = end.output ? "output" : "input";
  if (ports.empty()) {
    mistakes.add(*end.place, end.node->called() + " has no " + direction);
    return std::nullopt;
  }
  Candidates found;
  for (std::uint32_t i = 0; i < ports.size(); ++i)
    if (end.port.empty() || ports[i].name == end.port ||
        (!ports[i].alias.empty() && ports[i].alias == end.port))
      found.push_back(i);
  if (!found.empty()) return found;
  std::vector<std::string_view> names;
  for (const PortDecl& port : ports) {
    names.push_back(port.name);
    if (!port.alias.empty()) names.push_back(port.alias);
  }
  const std::string near = manifest::did_you_mean(end.port, names);
  mistakes.add(*end.place, end.node->called() + " has no " + direction + " " +
                               manifest::in_quotes(end.port) +
                               (near.empty() ? ": it has " + listed(ports) : near));
  return std::nullopt;
}

std::string no_pair(const End& from, const Candidates& outputs, const End& to,
                    const Candidates& inputs) {
  const auto give = from.ports();
  const auto take = to.ports();
  const std::string gives =
      outputs.size() == 1 ? port_name(from, outputs[0]) + " gives " + kind_of(give[outputs[0]])
                          : from.node->called() + " gives " + listed(give);
  const std::string takes = inputs.size() == 1
                                ? port_name(to, inputs[0]) + " takes " + kind_of(take[inputs[0]])
                                : to.node->called() + " takes " + listed(take);
  return gives + ", but " + takes;
}

Edge pair_of(std::uint32_t output, std::uint32_t input) {
  Edge edge;
  edge.from_port = output;
  edge.to_port = input;
  return edge;
}

/// The first output and input of one kind.
std::optional<Edge> paired(const End& from, const End& to, Diagnostics& mistakes) {
  const auto outputs = candidates(from, mistakes);
  const auto inputs = candidates(to, mistakes);
  if (!outputs || !inputs) return std::nullopt;
  for (const std::uint32_t output : *outputs)
    for (const std::uint32_t input : *inputs)
      if (from.ports()[output].kind == to.ports()[input].kind) return pair_of(output, input);
  mistakes.add(*to.place, no_pair(from, *outputs, to, *inputs));
  return std::nullopt;
}

std::uint32_t index_of(std::span<const DraftNode> nodes, std::string_view id) {
  for (std::uint32_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].spec->id == id) return i;
  MR_CHECK(false, "the manifest layer lets only edges between its nodes through");
  return 0;
}

bool same_ends(const Edge& a, const Edge& b) {
  return a.from == b.from && a.from_port == b.from_port && a.to == b.to && a.to_port == b.to_port;
}

/// Inputs that must be connected and are not.
bool check_required(const DraftNode& node, std::uint32_t index, std::span<const DraftEdge> edges,
                    Diagnostics& mistakes) {
  bool good = true;
  const auto inputs = node.contract().inputs;
  for (std::uint32_t port = 0; port < inputs.size(); ++port) {
    const bool connected = std::ranges::any_of(edges, [&](const DraftEdge& draft) {
      return draft.edge.to == index && draft.edge.to_port == port;
    });
    if (connected || !inputs[port].required) continue;
    mistakes.add(node.spec->place,
                 node.called() + ": its input '" + std::string(inputs[port].name) +
                     "' is not connected: expected an edge that brings " + kind_of(inputs[port]));
    good = false;
  }
  return good;
}

}  // namespace

std::vector<DraftEdge> connect(const manifest::GraphSpec& spec, std::span<DraftNode> nodes,
                               Diagnostics& mistakes) {
  std::vector<DraftEdge> edges;
  for (const manifest::EdgeSpec& written : spec.edges) {
    const std::uint32_t from = index_of(nodes, written.from_node);
    const std::uint32_t to = index_of(nodes, written.to_node);
    std::optional<Edge> edge;
    if (nodes[from].type != nullptr && nodes[to].type != nullptr)
      edge = paired({&nodes[from], written.from_port, &written.from_place, true},
                    {&nodes[to], written.to_port, &written.to_place, false}, mistakes);
    if (!edge) {
      nodes[from].doubtful = nodes[to].doubtful = true;
      continue;
    }
    edge->from = from;
    edge->to = to;
    const auto before = std::ranges::find_if(
        edges, [&](const DraftEdge& other) { return same_ends(other.edge, *edge); });
    if (before != edges.end()) {
      mistakes.add(written.place, "this edge is there already, in line " +
                                      std::to_string(before->spec->place.line));
      continue;
    }
    edges.push_back({*edge, &written});
  }
  return edges;
}

void check_connections(const manifest::GraphSpec& spec, std::span<const DraftNode> nodes,
                       std::span<const DraftEdge> edges, Diagnostics& mistakes) {
  bool all_known = true, source = false, sink = false;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    const DraftNode& node = nodes[i];
    all_known = all_known && node.type != nullptr;
    if (node.type == nullptr) continue;
    source = source || node.contract().role == node::Role::source;
    sink = sink || node.contract().role == node::Role::sink;
    if (node.doubtful || node.contract().role == node::Role::source) continue;
    if (!check_required(node, i, edges, mistakes)) continue;
    // In a graph whose cycles are all cut, whatever no source reaches hangs on a node like this.
    const bool fed = std::ranges::any_of(
        edges, [&](const DraftEdge& draft) { return draft.edge.to == i && !draft.edge.feedback; });
    if (!fed)
      mistakes.add(node.spec->place, node.called() +
                                         " gets nothing: no path from a source leads "
                                         "to it");
  }
  const manifest::Place whole{spec.file, 0, 0};
  if (all_known && !source)
    mistakes.add(whole, "the graph has no source: expected a node such as audio_input");
  if (all_known && !sink)
    mistakes.add(whole, "the graph has no sink: expected a node such as audio_output");
}

}  // namespace millrace::graph::detail
