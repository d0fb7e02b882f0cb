"""docs/tuning.md: each step is taken from the page, run before and after, and changes the events as the page says."""

import re
import unittest

from runs import ROOT, ProgramTest, named, one_sentence, pause, prompt, syllable, write_wav

PAGE = ROOT / "docs" / "tuning.md"
BLOCK = re.compile(r"<!-- tuning: (?P<step>[a-z]+ (?:before|after)), (?P<example>[\w/.]+) -->\n```yaml\n(?P<yaml>.*?)^```$", re.M | re.S)
NODE_ID = re.compile(r"^  - (?:\{)?id: (\w+)")


def node_entry(node):
    """The entry of one node in a manifest that is laid out as the examples are."""
    return re.compile(rf"^  - (?:\{{)?id: {node}\b.*?(?=^  - |^\w)", re.M | re.S)


def manifest_with(example, block):
    """`example` with the node that `block` describes in place of its own, or with one more key at the top."""
    text = (ROOT / example).read_text()
    node = NODE_ID.match(block)
    if node is None:
        return text + block
    changed, count = node_entry(node[1]).subn(lambda _: block, text)
    if count != 1:
        raise AssertionError(f"{example}: node '{node[1]}' stands there {count} times; expected once")
    return changed


class Tuning(ProgramTest):
    def setUp(self):
        super().setUp()
        self.blocks = {match["step"]: (match["example"], match["yaml"]) for match in BLOCK.finditer(PAGE.read_text())}

    def run_step(self, step, *pieces):
        """Events of the example with the block of `step` in it."""
        pipeline = self.folder / f"{step.replace(' ', '-')}.yaml"
        pipeline.write_text(manifest_with(*self.blocks[step]))
        return self.events_of(pipeline, write_wav(self.folder / "caller.wav", *pieces), name="tuned.jsonl")

    def run_example(self, *pieces):
        return self.events_of(ROOT / "examples/turns.yaml", write_wav(self.folder / "caller.wav", *pieces))

    def test_every_block_of_the_page_is_run_here(self):
        tested = {"onset before", "onset after", "lookback before", "lookback after", "endpoint before", "endpoint after",
                  "eager after", "listen before", "listen after", "queue before", "queue after", "budget after"}

        self.assertEqual(set(self.blocks), tested)
        self.assertEqual(PAGE.read_text().count("```yaml"), len(tested))

    # 1 ----------------------------------------------------------------------------------------------

    def test_a_shorter_min_speech_lets_a_short_answer_through(self):
        short_answer = pause(0.8), syllable(), pause(1.2)

        before = self.run_step("onset before", *short_answer)
        after = self.run_step("onset after", *short_answer)

        self.assertEqual([event["reason"] for event in named(before, "speculation_cancelled")], ["too_short"])
        self.assertEqual(named(before, "output"), [])
        self.assertEqual(named(after, "speculation_cancelled"), [])
        self.assertEqual(len(named(after, "speculation_confirmed")), 1)
        self.assertIn("hello", named(after, "output")[0]["text"].lower())

    def test_a_shorter_min_speech_confirms_sooner_what_flowed_from_the_same_place(self):
        before = self.run_step("onset before", *one_sentence())
        after = self.run_step("onset after", *one_sentence())

        (slow,), (quick,) = named(before, "speculation_confirmed"), named(after, "speculation_confirmed")
        self.assertGreaterEqual(slow["t_us"] - quick["t_us"], 100_000)
        self.assertEqual(named(before, "speculation_started")[0]["from_us"], named(after, "speculation_started")[0]["from_us"])

    def test_lookback_begins_earlier_and_decides_no_later(self):
        before = self.run_step("lookback before", *one_sentence())
        after = self.run_step("lookback after", *one_sentence())

        begins = [named(events, "speech_started")[0]["at_us"] for events in (before, after)]
        self.assertEqual(begins[0] - begins[1], 150_000)
        started = [named(events, "speculation_started")[0]["t_us"] for events in (before, after)]
        self.assertEqual(started[0], started[1])

    # 2 ----------------------------------------------------------------------------------------------

    def test_a_longer_silence_does_not_take_a_breath_for_an_end(self):
        breath = pause(0.6), prompt("queue-thankyou"), pause(0.2), prompt("hello-world"), pause(2)

        before = self.run_step("endpoint before", *breath)
        after = self.run_step("endpoint after", *breath)

        self.assertEqual(len(named(before, "end_of_turn")), 2)
        self.assertEqual(named(before, "turn_resumed"), [])
        self.assertEqual(len(named(after, "end_of_turn")), 1)
        self.assertEqual(len(named(after, "turn_resumed")), 1)
        self.assertEqual(len(named(before, "output")), 2)
        self.assertEqual(len(named(after, "output")), 1)
        waits = [named(events, "turn")[0]["parts"]["endpoint_wait"] for events in (before, after)]
        self.assertAlmostEqual(waits[0], 300_000, delta=50_000)
        self.assertAlmostEqual(waits[1], 600_000, delta=50_000)

    def test_an_earlier_guess_leaves_the_end_where_it_was(self):
        before = self.run_step("endpoint after", *one_sentence())
        after = self.run_step("eager after", *one_sentence())

        guessed = [named(events, "eager_end_of_turn")[0]["t_us"] for events in (before, after)]
        self.assertAlmostEqual(guessed[0] - guessed[1], 100_000, delta=32_000)
        ended = [named(events, "end_of_turn")[0]["t_us"] for events in (before, after)]
        self.assertEqual(ended[0], ended[1])

    def test_a_model_that_listens_tells_a_breath_from_an_end(self):
        sentence = (pause(0.6), prompt("demo-abouttotry", 0.0, 1.72), pause(0.7), prompt("demo-abouttotry", 1.72, 7.335), pause(2))

        before = self.run_step("listen before", *sentence)
        after = self.run_step("listen after", *sentence)

        self.assertEqual(len(named(before, "end_of_turn")), 2)
        self.assertEqual(len(named(after, "end_of_turn")), 1)
        self.assertTrue(named(after, "turn_resumed"))
        last = [named(events, "end_of_turn")[-1] for events in (before, after)]
        self.assertEqual(last[0]["at_us"], last[1]["at_us"])
        self.assertLess(last[1]["t_us"], last[0]["t_us"])

    # 3 ----------------------------------------------------------------------------------------------

    def test_a_queue_that_blocks_loses_no_beginning(self):
        before = self.run_step("queue before", *one_sentence())
        after = self.run_step("queue after", *one_sentence())

        def overflow(events):
            return sum(event["count"] for event in named(events, "dropped") if event["reason"] == "overflow")

        self.assertGreater(overflow(before), 0)
        self.assertEqual(overflow(after), 0)
        for events, whole in ((before, False), (after, True)):
            began, heard = named(events, "speech_started")[0]["at_us"], named(events, "output")[0]["from_us"]
            with self.subTest(whole=whole):
                self.assertEqual(began == heard, whole, (began, heard))

    def test_a_budget_stops_guessing_and_the_turn_ends_all_the_same(self):
        hesitant = [pause(0.6)]
        for _ in range(4):
            hesitant += [prompt("hello-world"), pause(0.25)]
        hesitant.append(pause(2))

        before = self.run_example(*hesitant)
        after = self.run_step("budget after", *hesitant)

        self.assertEqual(named(before, "budget"), [])
        self.assertEqual(len(named(before, "eager_end_of_turn")), 4)
        self.assertEqual([event["speculation"] for event in named(after, "budget")], ["paused"])
        self.assertEqual(len(named(after, "eager_end_of_turn")), 2)
        ends = [[event["t_us"] for event in named(events, "end_of_turn")] for events in (before, after)]
        self.assertEqual(ends[0], ends[1])
        totals = [named(events, "turn")[0] for events in (before, after)]
        self.assertEqual(totals[0]["parts"].get("compute.asr", 0), 0)
        self.assertEqual(totals[1]["total_us"] - totals[0]["total_us"], totals[1]["parts"]["compute.asr"])


if __name__ == "__main__":
    unittest.main()
