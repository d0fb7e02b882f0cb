#include "nodes/flite_tts/flite_voice.hpp"

#include <flite/flite.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "millrace/base/limits.hpp"
#include "millrace/rt/mutex.hpp"
#include "nodes/flite_tts/sentences.hpp"

extern "C" {
cst_voice* register_cmu_us_slt(const char* voxdir);
cst_voice* register_cmu_us_kal16(const char* voxdir);
}

namespace millrace::nodes {
namespace {

constexpr int kChunkFrames = 400;
/// By how many of 24 coefficients flite shortens slt's filter (mlsa_speed_param of cst_mlsa.c): 10
/// save 22 % of the processor time of a sentence, measured; 15 would save a third, and halve its
/// loudness.
constexpr int kCoarse = 10;
/// What a filter so short loses in loudness: 0.61 to 0.77 of it is left, over six sentences.
constexpr float kCoarseGain = 1.45F;

/// What flite keeps for the whole process; whoever touches it holds the mutex.
struct Process {
  rt::Mutex mutex;
  cst_voice* slt MR_GUARDED_BY(mutex) = nullptr;
  cst_voice* kal16 MR_GUARDED_BY(mutex) = nullptr;
};

Process& process() {
  static Process made;
  return made;
}

/// The registered voice; the caller holds the mutex.
cst_voice* voice(Process& flite, FliteVoiceName name) MR_REQUIRES(flite.mutex) {
  if (flite.slt == nullptr) {
    flite_init();
    flite.slt = register_cmu_us_slt(nullptr);
    flite.kal16 = register_cmu_us_kal16(nullptr);
  }
  return name == FliteVoiceName::slt ? flite.slt : flite.kal16;
}

/// What flite's callback gets to see.
struct Stream {
  const FliteSink& sink;
  FliteReport& report;
  float gain = 1.0F;
  std::vector<std::int16_t> louder{};  ///< a chunk with its gain, if there is one
};

std::span<const std::int16_t> with_gain(Stream& stream, std::span<const std::int16_t> samples) {
  if (stream.gain == 1.0F) return samples;
  stream.louder.clear();
  for (const std::int16_t sample : samples) {
    const float value = std::clamp(static_cast<float>(sample) * stream.gain, -32'768.0F, 32'767.0F);
    stream.louder.push_back(static_cast<std::int16_t>(value));
  }
  return stream.louder;
}

int take_chunk(const cst_wave* wave, int start, int size, int last,
               cst_audio_streaming_info* info) {
  static_cast<void>(last);
  auto& stream = *static_cast<Stream*>(info->userdata);
  if (stream.report.stopped) return CST_AUDIO_STREAM_STOP;
  if (size <= 0) return CST_AUDIO_STREAM_CONT;
  const std::span<const std::int16_t> samples(wave->samples + start,
                                              static_cast<std::size_t>(size));
  if (!stream.sink(with_gain(stream, samples))) {
    stream.report.stopped = true;
    return CST_AUDIO_STREAM_STOP;
  }
  stream.report.frames += samples.size();
  return CST_AUDIO_STREAM_CONT;
}

base::Result<void> speak(const std::string& sentence, FliteVoiceName name, double rate,
                         FliteQuality quality, Stream& stream) {
  const bool coarse = quality == FliteQuality::coarse && name == FliteVoiceName::slt;
  stream.gain = coarse ? kCoarseGain : 1.0F;
  Process& flite = process();
  const rt::MutexLock lock(flite.mutex);
  cst_voice* with = voice(flite, name);
  if (with == nullptr) return base::fail(base::Code::internal, "flite has no such voice");

  // The settings go on this utterance, not on the voice, which everybody uses.
  cst_utterance* utterance = new_utterance();
  utt_set_input_text(utterance, sentence.c_str());
  cst_audio_streaming_info* info = new_audio_streaming_info();
  info->asc = take_chunk;
  info->min_buffsize = kChunkFrames;
  info->userdata = &stream;
  feat_set(utterance->features, "streaming_info", audio_streaming_info_val(info));
  const float natural = flite_get_param_float(with->features, "duration_stretch", 1.0F);
  feat_set_float(utterance->features, "duration_stretch", natural / static_cast<float>(rate));
  if (coarse) feat_set_int(utterance->features, "mlsa_speed_param", kCoarse);

  // slt draws its noise from rand(); from one seed a sentence sounds bit for bit the same each
  // time, which replay needs.
  std::srand(1);
  // On failure flite has deleted the utterance itself.
  utterance = flite_do_synth(utterance, with, utt_synth);
  if (utterance == nullptr) return base::fail(base::Code::internal, "flite cannot say the text");
  delete_utterance(utterance);
  return {};
}

}  // namespace

base::Result<FliteVoice> FliteVoice::create(FliteVoiceName name, double rate) {
  if (!(rate >= 0.5 && rate <= 2.0))
    return base::fail(base::Code::bad_argument,
                      "the rate is " + std::to_string(rate) + ", expected 0.5 to 2");
  return FliteVoice(name, rate);
}

base::Result<FliteReport> FliteVoice::synthesize(std::string_view text, const FliteSink& sink,
                                                 FliteQuality quality) const {
  if (text.size() > base::limits::kTextPacketBytes)
    return base::fail(base::Code::bad_argument, "the text has " + std::to_string(text.size()) +
                                                    " bytes, more than " +
                                                    std::to_string(base::limits::kTextPacketBytes));
  FliteReport report;
  Stream stream{sink, report};
  for (const std::string& sentence : sentences(text)) {
    ++report.sentences;
    if (auto said = speak(sentence, name_, rate_, quality, stream); !said)
      return std::unexpected(said.error());
    if (report.stopped) break;
  }
  return report;
}

}  // namespace millrace::nodes
