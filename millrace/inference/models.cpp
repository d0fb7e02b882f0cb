#include <array>

#include "millrace/inference/model_store.hpp"

namespace millrace::inference {
namespace {

constexpr std::array<ModelFile, 5> kModels{{
    {"silero_vad", "silero_vad_16k_op15.onnx",
     "7ed98ddbad84ccac4cd0aeb3099049280713df825c610a8ed34543318f1b2c49", "MIT",
     "PyPI silero-vad 6.2.3"},
    {"smart_turn", "smart-turn-v3.2-cpu.onnx",
     "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f", "BSD-2-Clause",
     "PyPI pipecat-ai 1.14.0"},
    {"moonshine_encoder", "moonshine-tiny-en/encoder_model.ort",
     "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221", "MIT",
     "PyPI moonshine-voice 0.0.73"},
    {"moonshine_decoder", "moonshine-tiny-en/decoder_model_merged.ort",
     "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0", "MIT",
     "PyPI moonshine-voice 0.0.73"},
    {"moonshine_tokenizer", "moonshine-tiny-en/tokenizer.bin",
     "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d", "MIT",
     "PyPI moonshine-voice 0.0.73"},
}};

}  // namespace

std::span<const ModelFile> known_models() noexcept {
  return kModels;
}

}  // namespace millrace::inference
