#include "millrace/graph/detail/formats.hpp"

#include <memory>
#include <string>
#include <utility>

namespace millrace::graph::detail {
namespace {

using node::Format;
using node::PortDecl;

std::string channels_text(int channels) {
  return std::to_string(channels) + (channels == 1 ? " channel" : " channels");
}

/// The way through the stages of one plan, and what it needs to speak about them.
class Walk {
 public:
  Walk(Plan& plan, std::span<const DraftNode> nodes, std::span<const DraftEdge> edges,
       Diagnostics& mistakes)
      : plan_(plan), nodes_(nodes), edges_(edges), mistakes_(mistakes), known_(nodes.size()) {}

  void visit(Stage& stage) {
    gather(stage);
    known_[stage.index] = nodes_[stage.index].params.has_value() && inputs_known(stage);
    if (!known_[stage.index]) return;
    auto made = stage.type->create(stage.config());
    if (!made) {
      known_[stage.index] = false;
      report(nodes_[stage.index], made.error());
      return;
    }
    stage.latency = (*made)->latency();
    for (const std::uint32_t out : stage.out_edges)
      plan_.edges[out].format = (*made)->output_format(plan_.edges[out].from_port);
  }

  /// Whether the format of edge `index` is one that its end takes.
  void check(std::uint32_t index) {
    const Edge& edge = plan_.edges[index];
    const PortDecl& port = plan_.stages[edge.to].contract().inputs[edge.to_port];
    if (!known_[edge.from] || port.kind != media::PacketKind::audio) return;
    const std::string takes = input_name(edge) + " takes ";
    const std::string gives = ", but " + output_name(edge) + " gives ";
    const manifest::Place& place = edges_[index].spec->to_place;
    if (port.rate_hz != 0 && edge.format.rate_hz != 0 && port.rate_hz != edge.format.rate_hz)
      mistakes_.add(place, takes + std::to_string(port.rate_hz) + " Hz" + gives +
                               std::to_string(edge.format.rate_hz) +
                               " Hz: put an audio_resample with rate_hz: " +
                               std::to_string(port.rate_hz) + " between");
    if (port.channels != 0 && edge.format.channels != 0 && port.channels != edge.format.channels)
      mistakes_.add(place, takes + channels_text(port.channels) + gives +
                               std::to_string(edge.format.channels) + ": mix it to " +
                               channels_text(port.channels) + " before");
  }

 private:
  [[nodiscard]] std::string input_name(const Edge& edge) const {
    const Stage& to = plan_.stages[edge.to];
    return "'" + to.id + "." + std::string(to.contract().inputs[edge.to_port].name) + "'";
  }
  [[nodiscard]] std::string output_name(const Edge& edge) const {
    const Stage& from = plan_.stages[edge.from];
    return "'" + from.id + "." + std::string(from.contract().outputs[edge.from_port].name) + "'";
  }

  [[nodiscard]] bool inputs_known(const Stage& stage) const {
    for (const std::uint32_t in : stage.in_edges)
      if (!plan_.edges[in].feedback && !known_[plan_.edges[in].from]) return false;
    return true;
  }

  /// The formats of the inputs: where several edges reach one port they must not contradict each
  /// other, since a node keeps one state for it.
  void gather(Stage& stage) {
    const auto inputs = stage.contract().inputs;
    std::vector<const Edge*> first(inputs.size(), nullptr);
    stage.input_formats.clear();
    for (const PortDecl& port : inputs) stage.input_formats.push_back({.kind = port.kind});
    for (const std::uint32_t in : stage.in_edges) {
      const Edge& edge = plan_.edges[in];
      if (edge.feedback) continue;
      Format& format = stage.input_formats[edge.to_port];
      const Edge*& before = first[edge.to_port];
      if (before == nullptr) {
        before = &edge;
        format = edge.format;
        continue;
      }
      agree(in, *before);
      if (edge.format.rate_hz == 0) format.rate_hz = 0;
      if (edge.format.channels == 0) format.channels = 0;
    }
  }

  void agree(std::uint32_t index, const Edge& before) {
    const Edge& edge = plan_.edges[index];
    const PortDecl& port = plan_.stages[edge.to].contract().inputs[edge.to_port];
    // A port that takes one rate only has been, or will be, refused by check().
    const auto differ = [](std::int32_t a, std::int32_t b) { return a != 0 && b != 0 && a != b; };
    const std::string start = input_name(edge) + " gets ";
    const manifest::Place& place = edges_[index].spec->to_place;
    if (port.rate_hz == 0 && differ(before.format.rate_hz, edge.format.rate_hz))
      mistakes_.add(place, start + std::to_string(before.format.rate_hz) + " Hz from " +
                               output_name(before) + " and " + std::to_string(edge.format.rate_hz) +
                               " Hz from " + output_name(edge) +
                               ": put an audio_resample with rate_hz: " +
                               std::to_string(before.format.rate_hz) + " behind the second");
    if (port.channels == 0 && differ(before.format.channels, edge.format.channels))
      mistakes_.add(place, start + channels_text(before.format.channels) + " from " +
                               output_name(before) + " and " + channels_text(edge.format.channels) +
                               " from " + output_name(edge) + ": expected the same of both");
  }

  void report(const DraftNode& node, const base::Error& error) {
    // A node that names one of its parameters as the place means the place where that was written.
    const manifest::Value* param =
        error.where.empty() ? nullptr : node.spec->params.find(error.where);
    mistakes_.add(param == nullptr ? node.spec->place : param->place(),
                  node.called() + ": " + error.text(), error.code);
  }

  Plan& plan_;
  std::span<const DraftNode> nodes_;
  std::span<const DraftEdge> edges_;
  Diagnostics& mistakes_;
  std::vector<bool> known_;  ///< by stage: made, so that its formats are true
};

}  // namespace

void settle_formats(Plan& plan, std::span<const DraftNode> nodes, std::span<const DraftEdge> edges,
                    Diagnostics& mistakes) {
  Walk walk(plan, nodes, edges, mistakes);
  for (Stage& stage : plan.stages) walk.visit(stage);
  for (std::uint32_t i = 0; i < plan.edges.size(); ++i) walk.check(i);
}

}  // namespace millrace::graph::detail
