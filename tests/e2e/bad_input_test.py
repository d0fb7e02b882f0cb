"""Bad files, manifests and models: one clear message, the right exit code, and other inputs of the run finish."""

import array
import shutil
import struct
import unittest

from runs import MODELS, SPECULATIVE, ProgramTest, by_session, named, one_sentence, read_events, write_wav

BAD = (1, 2)
# What can be played of a bad input is played, and it is a bad input all the same.
PLAYED_AND_TOLD = 2


def wav_bytes(samples, *, channels=1, rate_hz=16000, bits=16, tag=1, data_bytes=None, align=None):
    """A WAV file whose header says what it is told to."""
    align = channels * bits // 8 if align is None else align
    data_bytes = len(samples) if data_bytes is None else data_bytes
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", (36 + data_bytes) & 0xFFFFFFFF, b"WAVE", b"fmt ", 16, tag, channels,
                         rate_hz, (rate_hz * align) & 0xFFFFFFFF, align & 0xFFFF, bits, b"data", data_bytes)
    return header + samples


class BadInput(ProgramTest):
    def one_message(self, done, *parts):
        """One line on stderr, with the program's name, that holds every one of `parts`."""
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("millrace: "), lines[0])
        for part in parts:
            self.assertIn(part, lines[0])

    def refused(self, content, *parts, name="bad.wav", exit_code=BAD):
        """`content` as a file is told of in one message, and the good inputs of the same run finish."""
        good = write_wav(self.folder / "good.wav", *one_sentence())
        bad, log = self.folder / name, self.folder / "e.jsonl"
        bad.write_bytes(content)
        done = self.millrace("run", SPECULATIVE, "--input", f"{good},{bad},{good}", "--events", log, "--fast",
                             exit_code=exit_code)
        self.one_message(done, name, *parts)
        sessions = by_session(read_events(log))
        for session in ("s1", "s3"):
            self.assertTrue(named(sessions[session], "speech_ended"), session)
        self.assertEqual(sessions["s1"], sessions["s3"])
        return sessions

    def test_what_is_no_wav(self):
        self.refused(b"This is a letter, not a recording.\n" * 30, "WAV")

    def test_an_empty_file(self):
        self.refused(b"")

    def test_a_header_cut_off(self):
        self.refused(wav_bytes(b"")[:30])

    def test_a_header_whose_sizes_contradict_each_other(self):
        self.refused(wav_bytes(bytes(3200), align=7))

    def test_a_format_that_no_one_has_heard_of(self):
        self.refused(wav_bytes(bytes(3200), tag=0x7777))

    def test_no_channels(self):
        self.refused(wav_bytes(bytes(3200), channels=0), "channel")

    def test_more_channels_than_anyone_has_ears(self):
        self.refused(wav_bytes(bytes(3200), channels=65535), "65535")

    def test_a_rate_outside_8_to_48_kHz(self):
        self.refused(wav_bytes(bytes(3200), rate_hz=4000), "4000")
        self.refused(wav_bytes(bytes(3200), rate_hz=192000), "192000")

    def test_no_such_file(self):
        good, log = write_wav(self.folder / "good.wav", *one_sentence()), self.folder / "e.jsonl"

        done = self.millrace("run", SPECULATIVE, "--input", f"{self.folder / 'none.wav'},{good}", "--events", log, "--fast",
                             exit_code=BAD)

        self.one_message(done, "none.wav")
        self.assertTrue(named(by_session(read_events(log))["s2"], "speech_ended"))

    def test_a_truncated_file_is_told_of_and_played_as_far_as_it_goes(self):
        samples = b"".join(piece.tobytes() for piece in one_sentence())
        whole = wav_bytes(samples, rate_hz=8000)

        sessions = self.refused(whole[:-4000], "truncated", exit_code=PLAYED_AND_TOLD)

        self.assertTrue(named(sessions["s2"], "speech_ended"))

    def test_a_header_that_promises_gigabytes(self):
        samples = b"".join(piece.tobytes() for piece in one_sentence())

        self.refused(wav_bytes(samples, rate_hz=8000, data_bytes=0xFFFFFF00), "truncated", exit_code=PLAYED_AND_TOLD)

    def test_samples_that_are_no_numbers_are_silence_and_told_of_once(self):
        speech = [sample / 32768 for piece in one_sentence() for sample in piece]
        speech[100:200] = [float("nan")] * 100
        speech[9000:9100] = [float("inf")] * 100
        content = wav_bytes(array.array("f", speech).tobytes(), rate_hz=8000, bits=32, tag=3)
        bad, log = self.folder / "nan.wav", self.folder / "e.jsonl"
        bad.write_bytes(content)

        done = self.millrace("run", SPECULATIVE, "--input", bad, "--events", log, "--fast", exit_code=PLAYED_AND_TOLD)

        self.assertTrue(named(read_events(log), "speech_ended"))
        self.one_message(done, "nan.wav", "200", "NaN")


class BadManifest(ProgramTest):
    def run_manifest(self, text, wav_rate_hz=8000):
        path = self.folder / "pipeline.yaml"
        path.write_text(text)
        wav = write_wav(self.folder / "good.wav", *one_sentence(), rate_hz=wav_rate_hz)
        return self.millrace("run", path, "--input", wav, "--fast", exit_code=2)

    def test_a_mistyped_node_type_is_named_with_its_place_and_the_right_name(self):
        text = SPECULATIVE.read_text()
        self.assertIn("type: silero_vad", text)
        line = next(number for number, line in enumerate(text.splitlines(), 1) if "type: silero_vad" in line)

        done = self.run_manifest(text.replace("type: silero_vad", "type: silero_vda"))

        self.assertRegex(done.stderr, rf"pipeline\.yaml:{line}:\d+: ")
        self.assertIn("silero_vad", done.stderr.replace("silero_vda", ""))

    def test_a_mistyped_key_is_named_with_its_place(self):
        done = self.run_manifest(SPECULATIVE.read_text().replace("edges:", "egdes:", 1))

        self.assertRegex(done.stderr, r"pipeline\.yaml:\d+:\d+: .*egdes")
        self.assertIn("edges", done.stderr.replace("egdes", ""))

    def test_a_manifest_that_is_no_yaml(self):
        done = self.run_manifest("nodes: [unfinished\n")

        self.assertRegex(done.stderr, r"pipeline\.yaml:\d+:\d+: ")

    def test_a_manifest_that_is_not_there(self):
        done = self.millrace("run", self.folder / "none.yaml", "--input", "a.wav", "--fast", exit_code=2)

        self.assertIn("none.yaml", done.stderr)

    def test_a_mistyped_parameter_of_the_gate(self):
        done = self.run_manifest(SPECULATIVE.read_text().replace("lookback_ms:", "lookbakc_ms:", 1))

        self.assertRegex(done.stderr, r"pipeline\.yaml:\d+:\d+: .*lookbakc_ms")
        self.assertIn("lookback_ms", done.stderr)

    def test_an_input_rate_that_the_graph_cannot_take(self):
        done = self.run_manifest("""
version: v1
nodes:
  - {id: mic, type: audio_input}
  - {id: vad, type: silero_vad}
  - {id: gate, type: speculative_vad_gate}
  - {id: out, type: audio_output}
edges:
  - {from: mic, to: vad}
  - {from: mic, to: gate.audio}
  - {from: vad, to: gate.vad}
  - {from: gate.speculative_audio, to: out}
""")

        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("8000", done.stderr)
        self.assertIn("16000", done.stderr)


class BadNames(ProgramTest):
    def told(self, name, exit_code=2):
        return self.millrace("run", SPECULATIVE, "--input", name, "--fast", exit_code=exit_code).stderr

    def test_an_input_that_is_not_there_is_bad_usage(self):
        self.assertIn("none.wav: no such file", self.told(self.folder / "none.wav"))

    def test_a_plus_with_nothing_behind_it(self):
        wav = write_wav(self.folder / "a.wav", *one_sentence())

        self.assertIn("an empty name beside a + in", self.told(f"{wav}+"))

    def test_control_characters_are_shown_and_not_obeyed(self):
        self.assertIn("\\x1b[31m", self.told("\x1b[31m"))

    def test_a_rate_with_no_small_ratio_is_told_with_the_remedy(self):
        wav = write_wav(self.folder / "a.wav", *one_sentence(), rate_hz=47999)

        self.assertIn("resample: 47999 to 16000 Hz", self.told(wav, exit_code=1))


class BadModels(ProgramTest):
    def run_with_models(self, models):
        wav = write_wav(self.folder / "good.wav", *one_sentence())
        done = self.millrace("run", SPECULATIVE, "--input", wav, "--fast", exit_code=BAD,
                             environment={"MILLRACE_MODELS": str(models)})
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        return done.stderr

    def test_a_missing_model_is_named_with_the_remedy(self):
        message = self.run_with_models("/nonexistent")

        self.assertIn("/nonexistent", message)
        self.assertIn("./dev setup", message)

    def test_a_model_with_another_checksum_is_refused(self):
        name = "silero_vad_16k_op15.onnx"
        copy = self.folder / "models" / name
        copy.parent.mkdir()
        shutil.copy(MODELS / name, copy)
        content = bytearray(copy.read_bytes())
        content[len(content) // 2] ^= 1
        copy.write_bytes(content)

        message = self.run_with_models(copy.parent)

        self.assertIn(name, message)
        self.assertRegex(message, "(?i)checksum|sha-?256")


if __name__ == "__main__":
    unittest.main()
