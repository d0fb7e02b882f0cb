#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "millrace/testing/node_harness.hpp"
#include "nodes/speculative_vad_gate/speculative_vad_gate.hpp"

namespace millrace::nodes {

/// For the tests of the gate: drives it as a graph does, with a VAD in the same tick. Audio comes
/// in frames of any length, and the decision about a window right before the frame that completes
/// it. Every sample says which frame it is.
class GateDriver {
 public:
  static constexpr std::int32_t kRate = 16'000;
  static constexpr std::int64_t kWindow = 512;
  static constexpr std::size_t kVad = 0;
  static constexpr std::size_t kTurn = 1;
  static constexpr std::size_t kAudio = 2;

  explicit GateDriver(std::vector<testing::GivenParam> params = {}, bool in_rt = false,
                      node::Format audio = {.rate_hz = kRate, .channels = 1}) {
    auto made = testing::NodeHarness::create(
        speculative_vad_gate_type(),
        {.params = std::move(params), .inputs = {{}, {}, audio}, .in_rt = in_rt});
    EXPECT_TRUE(made.has_value()) << made.error().text();
    harness_ = std::move(*made);
  }

  testing::NodeHarness& harness() { return *harness_; }
  testing::RecordedSpeculation& speculation() { return harness_->speculation(); }
  static base::MediaTime ms(std::int64_t milliseconds) {
    return base::MediaTime{milliseconds * 1000};
  }
  static float sample(std::int64_t frame) { return static_cast<float>(frame % 60'000); }

  /// `probabilities` follow what was given before, one for each window of audio.
  GateDriver& run(const std::vector<float>& probabilities, std::int64_t frame_ms = 20) {
    probabilities_.insert(probabilities_.end(), probabilities.begin(), probabilities.end());
    return run_to(static_cast<std::int64_t>(probabilities_.size()) * kWindow, frame_ms);
  }
  /// Gives audio up to frame number `until`, and what was decided on the way.
  GateDriver& run_to(std::int64_t until, std::int64_t frame_ms = 20) {
    while (at_ < until) {
      const std::int64_t next = std::min(at_ + frame_ms * kRate / 1000, until);
      decide_to(next - late_ * kRate / 1000);
      give(at_, next);
      at_ = next;
    }
    return *this;
  }
  /// Decisions come this much later than the audio that completes their window.
  GateDriver& late(std::int64_t milliseconds) {
    late_ = milliseconds;
    return *this;
  }
  /// Audio from here to `frame` never comes, nor any decision about it.
  GateDriver& lose_to(std::int64_t frame) {
    at_ = frame;
    decided_ = (frame + kWindow - 1) / kWindow;
    probabilities_.resize(static_cast<std::size_t>(decided_), 0.0F);
    return *this;
  }
  void give(std::int64_t from, std::int64_t to) {
    std::vector<float> samples;
    for (std::int64_t frame = from; frame < to; ++frame) samples.push_back(sample(frame));
    harness_->push_audio(kAudio, samples, base::media_time(from, kRate), kRate);
  }
  void decide(std::int64_t window, float probability) {
    harness_->push_tensor(kVad, probability, base::media_time(window * kWindow, kRate),
                          base::media_time((window + 1) * kWindow, kRate));
  }
  /// Every decision about a window that ends at or before frame number `until`.
  void decide_to(std::int64_t until) {
    for (; (decided_ + 1) * kWindow <= until &&
           decided_ < static_cast<std::int64_t>(probabilities_.size());
         ++decided_)
      decide(decided_, probabilities_[static_cast<std::size_t>(decided_)]);
  }
  void end() { harness_->end(); }

  /// What was sent under each segment, checked to be one piece with the right samples.
  struct Sent {
    base::MediaTime from{0};
    base::MediaTime to{0};
    bool discontinuity = false;  ///< of its first packet
    std::vector<base::TurnId> turns;
  };
  std::map<std::uint32_t, Sent> sent() {
    std::map<std::uint32_t, Sent> found;
    for (const media::Packet& packet : harness_->data(0)) {
      const auto& segments = packet.lineage.segments;
      EXPECT_LE(segments.size(), 1U);
      EXPECT_EQ(packet.lineage.revision, 0U);
      const std::uint32_t number = segments.empty() ? 0 : segments[0].number;
      const auto [at, first] = found.try_emplace(number);
      Sent& sent = at->second;
      if (first) {
        sent.from = packet.from;
        sent.discontinuity = packet.discontinuity;
      } else if (!packet.discontinuity) {
        EXPECT_EQ(packet.from, sent.to);
      }
      sent.to = packet.to;
      sent.turns.push_back(packet.lineage.turn);
      const std::int64_t begin = base::frame_at(packet.from, kRate);
      EXPECT_EQ(packet.to, base::media_time(begin + packet.frames, kRate));
      for (std::size_t i = 0; i < packet.frames; ++i)
        EXPECT_EQ(packet.samples()[i], sample(begin + static_cast<std::int64_t>(i)));
    }
    return found;
  }

 private:
  std::unique_ptr<testing::NodeHarness> harness_;
  std::vector<float> probabilities_;
  std::int64_t at_ = 0;
  std::int64_t decided_ = 0;
  std::int64_t late_ = 0;
};

/// `windows` windows of `probability`, behind `before`.
inline std::vector<float> then(std::vector<float> before, std::size_t windows, float probability) {
  before.insert(before.end(), windows, probability);
  return before;
}
/// Windows in turn silent and speaking, beginning with silent ones.
inline std::vector<float> trace(std::initializer_list<std::size_t> windows) {
  std::vector<float> made;
  float probability = 0.0F;
  for (const std::size_t count : windows) {
    made = then(std::move(made), count, probability);
    probability = 1.0F - probability;
  }
  return made;
}

}  // namespace millrace::nodes
