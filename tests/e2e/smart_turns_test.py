"""examples/smart_turns.yaml: a turn model tells a breath inside a sentence from its end."""

import unittest

from runs import EXAMPLES, ProgramTest, named, pause, prompt, write_wav

SMART = EXAMPLES / "smart_turns.yaml"
SENTENCE = "demo-abouttotry"  # "I am about to attempt ..."
BREATH_S, END_S = 1.72, 7.335  # inside the first sentence, and behind it


class SmartTurns(ProgramTest):
    def setUp(self):
        super().setUp()
        # The same graph and the same presets, and nobody who listens.
        self.deaf = self.folder / "deaf.yaml"
        lines = SMART.read_text().replace(", turn_model: true, turn_model_range: 2", "").splitlines(keepends=True)
        self.deaf.write_text("".join(line for line in lines if "listener" not in line))

    def test_a_breath_inside_a_sentence_is_not_taken_for_its_end(self):
        wav = write_wav(self.folder / "breath.wav", pause(0.6), prompt(SENTENCE, 0, BREATH_S), pause(0.7),
                        prompt(SENTENCE, BREATH_S, END_S), pause(1.5))

        deaf, smart = self.events_of(self.deaf, wav), self.events_of(SMART, wav)

        self.assertEqual(len(named(deaf, "end_of_turn")), 2, "the silence alone ends the turn in mid-sentence")
        (ended,) = named(smart, "end_of_turn")
        guess, resumed = named(smart, "eager_end_of_turn")[0], named(smart, "turn_resumed")[0]
        self.assertEqual((guess["turn"], guess["revision"]), (resumed["turn"], resumed["revision"]))
        self.assertEqual(guess["at_us"], named(deaf, "end_of_turn")[0]["at_us"])
        self.assertGreater(guess["t_us"], named(deaf, "eager_end_of_turn")[0]["t_us"], "it waited longer to guess")
        self.assertEqual(len(named(deaf, "output")), 2)
        (whole,) = named(smart, "output")
        self.assertEqual(whole["revision"], ended["revision"])
        self.assertLess(whole["from_us"], 1_000_000)
        self.assertGreater(whole["to_us"], 7_000_000)
        self.assert_silences_within_bounds(smart)

    def assert_silences_within_bounds(self, events):
        for event in named(events, "eager_end_of_turn", "end_of_turn"):
            # at_us lies pad_ms (30) behind the start of the silence; windows are 32 ms and blocks 20.
            silence_us = event["t_us"] - event["at_us"] + 30_000
            low, high = (100_000, 400_000) if event["event"] == "eager_end_of_turn" else (300_000, 1_200_000)
            with self.subTest(event=event):
                self.assertGreaterEqual(silence_us, low)
                self.assertLessEqual(silence_us, high + 60_000)

    def test_a_finished_sentence_ends_sooner(self):
        for name in ("queue-thankyou", "please-try-call-later"):
            wav = write_wav(self.folder / f"{name}.wav", pause(0.6), prompt(name), pause(1))
            (deaf,) = named(self.events_of(self.deaf, wav), "end_of_turn")
            smart = self.events_of(SMART, wav)
            (ended,) = named(smart, "end_of_turn")
            with self.subTest(name=name):
                self.assertEqual(ended["at_us"], deaf["at_us"])
                self.assertGreater(deaf["t_us"] - ended["t_us"], 150_000)
            self.assert_silences_within_bounds(smart)

    def test_two_runs_write_the_same_bytes(self):
        wav = write_wav(self.folder / "a.wav", pause(0.6), prompt("queue-thankyou"), pause(1))
        for name in ("first.jsonl", "second.jsonl"):
            self.events_of(SMART, wav, name=name)

        self.assertEqual((self.folder / "first.jsonl").read_bytes(), (self.folder / "second.jsonl").read_bytes())


if __name__ == "__main__":
    unittest.main()
