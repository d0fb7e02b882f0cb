#include "millrace/manifest/type_name.hpp"

#include <gtest/gtest.h>

namespace millrace::manifest {
namespace {

TEST(CanonicalTypeName, SplitsPascalCaseAndKeepsAcronymsWhole) {
  EXPECT_EQ(canonical_type_name("SpeculativeVADGate"), "speculative_vad_gate");
  EXPECT_EQ(canonical_type_name("SileroVAD"), "silero_vad");
  EXPECT_EQ(canonical_type_name("AudioResample"), "audio_resample");
  EXPECT_EQ(canonical_type_name("MoonshineASR"), "moonshine_asr");
  EXPECT_EQ(canonical_type_name("TextCollector"), "text_collector");
  EXPECT_EQ(canonical_type_name("FliteTTS"), "flite_tts");
  EXPECT_EQ(canonical_type_name("BufferedProcessor"), "buffered_processor");
  EXPECT_EQ(canonical_type_name("AudioInput"), "audio_input");
  EXPECT_EQ(canonical_type_name("VADGate"), "vad_gate");
}

TEST(CanonicalTypeName, DropsTheWordNode) {
  EXPECT_EQ(canonical_type_name("SileroVADNode"), "silero_vad");
  EXPECT_EQ(canonical_type_name("TextCollectorNode"), "text_collector");
  EXPECT_EQ(canonical_type_name("Node"), "node");
}

TEST(CanonicalTypeName, KnowsTheIrregularOnes) {
  EXPECT_EQ(canonical_type_name("FastResampleNode"), "audio_resample");
  EXPECT_EQ(canonical_type_name("AudioResampler"), "audio_resample");
}

TEST(CanonicalTypeName, LeavesTheRegistrysOwnNamesAlone) {
  EXPECT_EQ(canonical_type_name("silero_vad"), "silero_vad");
  EXPECT_EQ(canonical_type_name("my_node"), "my_node");
  EXPECT_EQ(canonical_type_name("resample"), "resample");
  EXPECT_EQ(canonical_type_name(""), "");
}

TEST(CanonicalTypeName, HandlesDigitsAndMixedSpelling) {
  EXPECT_EQ(canonical_type_name("Vosk2ASR"), "vosk2_asr");
  EXPECT_EQ(canonical_type_name("Silero_VAD"), "silero_vad");
}

}  // namespace
}  // namespace millrace::manifest
