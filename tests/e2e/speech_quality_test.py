"""The gates on labelled human speech, by the tools that anyone can score a run with. Virtual time: never flaky."""

import json
import subprocess
import sys
import unittest

from runs import BINARY, HANG_S, ROOT, ProgramTest


class SpeechQuality(ProgramTest):
    def test_every_floor_is_met_on_a_small_set(self):
        figures = self.folder / "figures.json"

        command = [sys.executable, ROOT / "tools" / "speech_eval", "--check", "--quick", "--files", 4, "--binary", BINARY,
                   "--work", self.folder / "set", "--json", figures]

        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, timeout=HANG_S,
                              stdin=subprocess.DEVNULL)

        print(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        result = json.loads(figures.read_text())
        self.assertEqual(result["files"], 4)
        self.assertGreater(result["cancelled_ranges"], 0)


class SpeechSet(ProgramTest):
    def make(self, name, *options):
        folder = self.folder / name
        subprocess.run([sys.executable, str(ROOT / "tools" / "make_speech_set"), str(folder), "--files", "2", "--quick",
                        *options], check=True, capture_output=True, timeout=HANG_S)
        return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}

    def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(self):
        first, again, other = self.make("a"), self.make("b"), self.make("c", "--seed", "2")

        self.assertEqual(first, again)
        self.assertEqual(sorted(first), ["clipped-000.wav", "labels.json", "noise-000.wav", "noise-001.wav", "speech-000.wav", "speech-001.wav"])
        self.assertNotEqual(first["speech-000.wav"], other["speech-000.wav"])

    def test_telephone_speech_is_8_kHz_at_the_source(self):
        made = self.make("phone", "--source", "wav", "--rate-hz", "8000")

        self.assertEqual(json.loads(made["labels.json"])["prompts"], "wav")


if __name__ == "__main__":
    unittest.main()
