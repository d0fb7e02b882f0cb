#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "millrace/base/result.hpp"
#include "millrace/inference/model_store.hpp"
#include "millrace/inference/onnx_session.hpp"
#include "nodes/moonshine_asr/decode_batch.hpp"
#include "nodes/moonshine_asr/tokenizer.hpp"

namespace millrace::nodes {

/// What was said.
struct Transcript {
  std::string text;
  std::vector<std::int32_t> tokens;
  std::uint32_t steps = 0;      ///< of the decoder
  std::int64_t encoder_us = 0;  ///< real time spent, for metrics only
  std::int64_t decode_us = 0;   ///< the same, in steps that it shared with others
  bool truncated = false;       ///< the decoder was still talking at its limit of steps
};

struct DecodeOptions {
  /// At most so many steps for each piece; 0: what speech can need (6.5 a second, and 6).
  std::uint32_t max_steps = 0;
  /// Called after each decode step, on the thread that did it: counts them.
  std::function<void()> stepped = {};
};

/// Asked before and after the encoder and between decode steps; true: give up.
using StopPredicate = std::function<bool()>;

/// Ends one transcription from outside, even inside the encoder, and tells how far it got.
///   threads  any; one transcription at a time uses it
class TranscribeControl {
 public:
  /// The transcription in flight ends with `cancelled` as soon as ONNX Runtime sees it (between
  /// two operators of the graph); in a decode step that others share, when that step is done.
  void terminate() noexcept { run_.stop(); }
  [[nodiscard]] bool terminated() const noexcept { return run_.stopped(); }
  /// Ready for another transcription. Not while one is in flight.
  void reset() noexcept;

  /// Decode steps done so far.
  [[nodiscard]] std::uint32_t steps() const noexcept { return steps_.load(); }
  /// Steps that were in flight when the stop came; never more than one.
  [[nodiscard]] std::uint32_t steps_after_stop() const noexcept { return after_stop_.load(); }

 private:
  friend class MoonshineModel;
  inference::RunControl run_;
  std::atomic<std::uint32_t> steps_{0};       // written by the transcription, read by any
  std::atomic<std::uint32_t> after_stop_{0};  // the same
};

/// One of several transcriptions that are made together; each may be withdrawn by itself.
struct TranscribeRequest {
  std::span<const float> mono16k;
  DecodeOptions options = {};
  StopPredicate stop = {};
  TranscribeControl* control = nullptr;
};

/// Told once for each request, by its index, on the thread that works for it.
using Transcribed = std::function<void(std::size_t index, base::Result<Transcript>&& result)>;

/// Moonshine tiny-en: English speech to text, greedy, one thread for each call.
/// Audio longer than 30 s is cut into pieces, each at the quietest 20 ms between 20 s and 30 s
/// after the cut before, and their texts are joined: nothing is left out.
///   units    16 kHz mono in [-1, 1]; 0.3 s of silence are put before and behind each piece
///   threads  worker; any number of transcriptions at once
///   errors   create: as ModelStore and OnnxModel; each transcription: cancelled when stopped,
///            bad_argument for samples that are no finite numbers, internal
///   source   docs/dependencies.md (moonshine-voice 0.0.73, tiny-en)
class MoonshineModel {
 public:
  static constexpr std::int32_t kRateHz = 16'000;
  static constexpr std::size_t kMaxPieceFrames = 30 * kRateHz;

  [[nodiscard]] static base::Result<MoonshineModel> create(const inference::ModelStore& store);

  [[nodiscard]] base::Result<Transcript> transcribe(std::span<const float> mono16k,
                                                    const DecodeOptions& options = {},
                                                    const StopPredicate& stop = {},
                                                    TranscribeControl* control = nullptr) const;

  /// Transcribes all of `requests`, and tells each result as soon as it is there: the short ones
  /// first. Each is encoded by itself, because padding would change what the encoder hears; the
  /// decoder takes its steps together for all that are about as long. One that is stopped or that
  /// fails does not end the others. Where two words are nearly as likely, company can decide
  /// between them: see DecodeBatch.
  void transcribe_together(std::span<const TranscribeRequest> requests,
                           const Transcribed& transcribed) const;

  /// Where `frames` of audio would be cut: the length of each piece.
  [[nodiscard]] static std::vector<std::size_t> pieces(std::span<const float> mono16k);

 private:
  struct Call;

  explicit MoonshineModel(MoonshineTokenizer tokenizer) : tokenizer_(std::move(tokenizer)) {}
  base::Result<inference::Tensor> encode(Call& call) const;
  void transcribe_group(std::span<Call* const> group) const;
  void decode(std::span<const inference::Tensor> hidden, std::vector<Call*>& rows) const;
  bool goes_on(Call& call, std::int32_t token) const;
  void end_piece(Call& call) const;

  MoonshineTokenizer tokenizer_;
  // shared: immutable weights, one copy for the process
  std::shared_ptr<const inference::OnnxModel> encoder_, decoder_;
  DecoderSlots slots_;
};

}  // namespace millrace::nodes
