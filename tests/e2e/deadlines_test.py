"""deadline and give_up on the voice: who will be late is told, and what the manifest lists is given up, in its order."""

import unittest

from runs import ProgramTest, named, read_events

LINES = ["We are open from nine to five on every day of the week.", "Please hold the line while I look for it.",
         "It costs three pounds and fifty pence.", "Goodbye, and thank you for calling us today."]

PIPELINE = """version: v1
nodes:
  - {{id: lines, type: text_input}}
  - {{id: answer, type: reply, params: {{rules: [{{when: "nine", say: "{{text}}", more: "This can wait, or be left out."}}], default: "{{text}}"}}}}
  - id: tts
    type: flite_tts
    queue: {{policy: block}}
    buffering: {{mode: greedy, merge_strategy: keep_separate}}
    deadline: {{budget_ms: {budget}, give_up: [{give_up}]}}
  - {{id: speaker, type: audio_output}}
edges:
  - {{from: lines, to: answer}}
  - {{from: answer, to: tts}}
  - {{from: tts.audio, to: speaker}}
"""


class Deadlines(ProgramTest):
    def manifest(self, budget, *give_up):
        path = self.folder / "deadlines.yaml"
        path.write_text(PIPELINE.format(budget=budget, give_up=", ".join(give_up)))
        return path

    def text(self):
        path = self.folder / "lines.txt"
        path.write_text("\n".join(LINES * 3) + "\n")
        return path

    def speak(self, manifest, *options):
        log = self.folder / "log.jsonl"
        shown = self.millrace("run", manifest, "--input", self.text(), "--line-ms", 20, "--output", self.folder / "o.wav",
                              "--events", log, *(options or ["--fast"])).stdout
        return read_events(log), shown

    def test_warns_and_gives_up_what_is_listed(self):
        events, shown = self.speak(self.manifest(60, "smaller_first_chunk", "lower_quality", "skip_optional"))
        warnings = named(events, "deadline_warning")
        self.assertTrue(warnings)
        for warning in warnings:
            self.assertEqual(warning["node"], "tts")
            self.assertGreater(warning["late_us"], 0)
            self.assertLessEqual(warning["deadline_us"], 60_000)
        actions = {action["action"] for action in named(events, "deadline_action")}
        self.assertTrue(actions)
        self.assertLessEqual(actions, {"smaller_first_chunk", "lower_quality", "skip_optional"})
        self.assertIn("inputs would be late; given up: ", shown)

    def test_leaves_out_what_may_be_missed_before_anything_else(self):
        events, _ = self.speak(self.manifest(120, "skip_optional"))
        actions = [action["action"] for action in named(events, "deadline_action")]
        self.assertEqual(set(actions), {"skip_optional"})
        self.assertLessEqual(len(actions), 3, "one for each answer that has more to say")

    def test_does_nothing_where_there_is_time(self):
        events, shown = self.speak(self.manifest(60_000, "flush_batch", "lower_quality", "skip_optional", "drop"))
        self.assertEqual(named(events, "deadline_warning", "deadline_action", "dropped"), [])
        self.assertNotIn("would be late", shown)

    def test_replays_what_was_given_up_in_real_time(self):
        recording = self.folder / "call.rec"
        manifest = self.manifest(60, "smaller_first_chunk", "lower_quality", "skip_optional", "drop")
        self.millrace("run", manifest, "--input", self.text(), "--line-ms", 20, "--record", recording, "--realtime")
        self.assertRegex(self.millrace("replay", recording).stdout, r"\d+ decisions, all identical")

    def test_the_types_say_what_they_can_give_up(self):
        self.assertIn("for a deadline gives up smaller_first_chunk, lower_quality",
                      self.millrace("nodes", "show", "flite_tts").stdout)
        self.assertNotIn("for a deadline", self.millrace("nodes", "show", "reply").stdout)


if __name__ == "__main__":
    unittest.main()
