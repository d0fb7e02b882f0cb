"""validate, nodes and the usage of the program."""

import json
import unittest

from runs import EXAMPLES, VOICE_REPLY, ProgramTest


class Validate(ProgramTest):
    def test_every_example_is_valid_and_its_latency_is_told(self):
        examples = sorted(EXAMPLES.glob("*.yaml"))
        self.assertGreaterEqual(len(examples), 3)
        for example in examples:
            with self.subTest(example=example.name):
                printed = self.millrace("validate", example).stdout
                self.assertRegex(printed, r"latency by design: \d+\.\d+ ms")
                self.assertIn("valid: ", printed)

    def test_the_latency_budget_is_the_sum_along_the_slowest_path(self):
        plan = json.loads(self.millrace("validate", VOICE_REPLY, "--json").stdout)

        latency = {node["id"]: node["latency_us"] for node in plan["nodes"]}
        self.assertTrue(plan["valid"])
        self.assertEqual(sum(latency[node] for node in plan["slowest_path"]), plan["latency_us"])

    def test_every_mistake_of_a_manifest_is_told_at_once(self):
        path = self.folder / "bad.yaml"
        path.write_text("version: v1\nnodes:\n  - {id: mic, type: audio_inptu}\n  - {id: out, type: audio_ouptut}\nedges: []\n")

        told = self.millrace("validate", path, exit_code=2).stderr

        self.assertRegex(told, r"bad\.yaml:3:\d+: .*audio_input")
        self.assertRegex(told, r"bad\.yaml:4:\d+: .*audio_output")


class Nodes(ProgramTest):
    def test_every_type_that_is_listed_can_be_shown(self):
        listed = [line.split()[0] for line in self.millrace("nodes", "list").stdout.splitlines()[1:] if line.strip()]

        self.assertGreaterEqual(set(listed), {"audio_input", "audio_resample", "silero_vad", "speculative_vad_gate", "vad_gate",
                                              "moonshine_asr", "text_collector", "reply", "flite_tts", "text_output",
                                              "audio_output"})
        for name in listed:
            with self.subTest(node=name):
                self.assertTrue(self.millrace("nodes", "show", name).stdout.startswith(f"{name}: "))

    def test_merges_are_listed_by_the_name_that_a_manifest_gives_them(self):
        self.assertIn("concatenate_sentences  text", self.millrace("nodes", "merges").stdout)

    def test_a_mistyped_type_gets_the_nearest_name(self):
        told = self.millrace("nodes", "show", "silero_vda", exit_code=2).stderr

        self.assertIn("silero_vad", told.replace("silero_vda", ""))


class Usage(ProgramTest):
    def test_help_shows_how_to_begin(self):
        self.assertIn("millrace run examples/", self.millrace("--help").stdout)
        for command in ("run", "validate", "nodes"):
            with self.subTest(command=command):
                self.assertIn("Usage", self.millrace(command, "--help").stdout)

    def test_bad_usage_has_exit_code_2(self):
        for arguments in ([], ["rnu"], ["run"], ["run", VOICE_REPLY], ["run", VOICE_REPLY, "--input", "a.wav", "--sessions", 0],
                          ["run", VOICE_REPLY, "--input", "a.wav", "--fast", "--realtime"]):
            with self.subTest(arguments=arguments):
                self.assertTrue(self.millrace(*arguments, exit_code=2).stderr)


if __name__ == "__main__":
    unittest.main()
