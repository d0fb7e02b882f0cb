#include "nodes/flite_tts/flite_voice.hpp"

#include <flite/flite.h>

#include <cstdlib>
#include <string>

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
};

int take_chunk(const cst_wave* wave, int start, int size, int last,
               cst_audio_streaming_info* info) {
  static_cast<void>(last);
  auto& stream = *static_cast<Stream*>(info->userdata);
  if (stream.report.stopped) return CST_AUDIO_STREAM_STOP;
  if (size <= 0) return CST_AUDIO_STREAM_CONT;
  const std::span<const std::int16_t> samples(wave->samples + start,
                                              static_cast<std::size_t>(size));
  if (!stream.sink(samples)) {
    stream.report.stopped = true;
    return CST_AUDIO_STREAM_STOP;
  }
  stream.report.frames += samples.size();
  return CST_AUDIO_STREAM_CONT;
}

base::Result<void> speak(const std::string& sentence, FliteVoiceName name, double rate,
                         Stream& stream) {
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

base::Result<FliteReport> FliteVoice::synthesize(std::string_view text,
                                                 const FliteSink& sink) const {
  if (text.size() > base::limits::kTextPacketBytes)
    return base::fail(base::Code::bad_argument, "the text has " + std::to_string(text.size()) +
                                                    " bytes, more than " +
                                                    std::to_string(base::limits::kTextPacketBytes));
  FliteReport report;
  Stream stream{sink, report};
  for (const std::string& sentence : sentences(text)) {
    ++report.sentences;
    if (auto said = speak(sentence, name_, rate_, stream); !said)
      return std::unexpected(said.error());
    if (report.stopped) break;
  }
  return report;
}

}  // namespace millrace::nodes
