"""examples/batched_tts.yaml and full.yaml: lines that come fast share calls, each is audible once, in order."""

import unittest

from runs import EXAMPLES, ProgramTest, named, read_events, read_wav

BATCHED = EXAMPLES / "batched_tts.yaml"
FULL = EXAMPLES / "full.yaml"
LINES = ["We are open from nine to five.", "Please hold the line.", "One moment.", "It costs three pounds.",
         "Goodbye, and thank you."]


class BatchedSpeech(ProgramTest):
    def speak(self, mode, *options):
        text, log, out = (self.folder / name for name in ("lines.txt", f"{mode}.jsonl", f"{mode}.wav"))
        text.write_text("\n".join(LINES) + "\n")
        self.millrace("run", BATCHED, "--input", text, "--line-ms", 5, "--output", out, "--events", log, *options,
                      environment={"MODE": mode})
        return read_events(log), *read_wav(out)

    def check_all_spoken(self, events, rate_hz, samples):
        self.assertEqual(named(events, "dropped", "failed", "withheld"), [])
        self.assertEqual(sum(batch["inputs"] for batch in named(events, "batch")), len(LINES))
        self.assertGreater(len(samples), 4 * rate_hz)

    def test_joins_what_gathered_while_the_voice_was_busy(self):
        events, *audio = self.speak("greedy", "--fast")
        self.check_all_spoken(events, *audio)
        sizes = [batch["inputs"] for batch in named(events, "batch")]
        self.assertEqual(sizes[0], 1, "the first line waits for nothing")
        self.assertLess(len(sizes), len(LINES))
        self.assertTrue(all(batch["packets"] == 1 for batch in named(events, "batch")))

    def test_waits_for_a_number_in_fixed_mode(self):
        events, *audio = self.speak("fixed", "--fast")
        self.check_all_spoken(events, *audio)
        self.assertEqual([batch["inputs"] for batch in named(events, "batch")][0], 3)

    def test_speaks_them_in_real_time(self):
        self.check_all_spoken(*self.speak("greedy", "--realtime"))

    def test_says_the_same_however_it_is_batched(self):
        _, _, greedy = self.speak("greedy", "--fast")
        _, _, fixed = self.speak("fixed", "--fast")
        self.assertAlmostEqual(len(greedy), len(fixed), delta=len(greedy) // 10)

    def test_validate_says_what_is_wrapped_and_why(self):
        shown = self.millrace("validate", BATCHED).stdout
        self.assertIn("tts: behind a buffered_processor (greedy, concatenate_text", shown)
        shown = self.millrace("validate", EXAMPLES / "voice_reply.yaml").stdout
        self.assertIn("it takes one call at a time and gains from joined inputs", shown)


class Everything(ProgramTest):
    def test_answers_every_session(self):
        log = self.folder / "full.jsonl"
        self.millrace("run", FULL, "--input", self.caller(48_000), "--sessions", 4, "--events", log, "--fast")
        events = read_events(log)
        spoken = {event["session"] for event in named(events, "output") if event["node"] == "speaker"}
        self.assertEqual(spoken, {"s1", "s2", "s3", "s4"})
        self.assertTrue(named(events, "batch"))


if __name__ == "__main__":
    unittest.main()
