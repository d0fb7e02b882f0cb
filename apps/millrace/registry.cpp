#include "apps/millrace/registry.hpp"

#include "millrace/node/sentence_merge.hpp"
#include "nodes/audio_input/audio_input.hpp"
#include "nodes/audio_output/audio_output.hpp"
#include "nodes/audio_resample/audio_resample.hpp"
#include "nodes/flite_tts/flite_tts.hpp"
#include "nodes/moonshine_asr/moonshine_asr.hpp"
#include "nodes/reply/reply.hpp"
#include "nodes/silero_vad/silero_vad.hpp"
#include "nodes/smart_turn/smart_turn.hpp"
#include "nodes/speculative_vad_gate/speculative_vad_gate.hpp"
#include "nodes/text_collector/text_collector.hpp"
#include "nodes/text_input/text_input.hpp"
#include "nodes/text_output/text_output.hpp"
#include "nodes/vad_gate/vad_gate.hpp"

namespace millrace::app {

const node::Registry& registry() {
  static const node::Registry all = [] {
    node::Registry made;
    made.add(nodes::audio_input_type());
    made.add(nodes::text_input_type());
    made.add(nodes::audio_resample_type());
    made.add(nodes::silero_vad_type());
    made.add(nodes::speculative_vad_gate_type());
    made.add(nodes::vad_gate_type());
    made.add(nodes::moonshine_asr_type());
    made.add(nodes::smart_turn_type());
    made.add(nodes::text_collector_type());
    made.add(nodes::reply_type());
    made.add(nodes::flite_tts_type());
    made.add(nodes::text_output_type());
    made.add(nodes::audio_output_type());
    made.add_merge(node::sentence_merge());
    return made;
  }();
  return all;
}

}  // namespace millrace::app
