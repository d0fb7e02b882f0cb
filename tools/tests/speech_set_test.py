"""tools/make_speech_set: the labels say where speech is, by energy alone."""

import array
import math
import pathlib
import random
import unittest

import loading

speech_set = loading.tool("make_speech_set")
STEP = speech_set.STEP


def tone(steps, amplitude=8000):
    return array.array("h", (round(amplitude * math.sin(0.3 * at)) for at in range(steps * STEP)))


def silence(steps):
    return array.array("h", [0] * (steps * STEP))


def speech_in(samples):
    return speech_set.speech_steps(speech_set.step_energies(samples))


class Labels(unittest.TestCase):
    def test_speech_is_where_the_energy_is(self):
        self.assertEqual(speech_in(silence(20) + tone(50) + silence(30)), [(20, 70)])

    def test_a_dip_as_long_as_a_plosive_belongs_to_the_word(self):
        self.assertEqual(speech_in(tone(20) + silence(10) + tone(20)), [(0, 50)])

    def test_a_longer_dip_is_a_pause(self):
        self.assertEqual(speech_in(tone(20) + silence(11) + tone(20)), [(0, 20), (31, 51)])

    def test_silence_before_and_after_is_no_dip(self):
        self.assertEqual(speech_in(silence(5) + tone(20) + silence(5)), [(5, 25)])

    def test_a_click_is_no_speech(self):
        self.assertEqual(speech_in(tone(50) + silence(20) + tone(2) + silence(20)), [(0, 50)])

    def test_what_is_35_dB_below_the_loud_parts_is_no_speech(self):
        self.assertEqual(speech_in(tone(50) + tone(30, 8000 * 10 ** (-40 / 20))), [(0, 50)])

    def test_a_soft_ending_within_35_dB_is_speech(self):
        self.assertEqual(speech_in(tone(50) + tone(30, 8000 * 10 ** (-25 / 20))), [(0, 80)])

    def test_silence_alone_has_no_speech(self):
        self.assertEqual(speech_in(silence(50)), [])
        self.assertEqual(speech_in(silence(0)), [])

    def test_a_prompt_is_cut_to_its_speech_with_20_ms_on_both_sides(self):
        samples, speech = speech_set.cut_to_speech(silence(30) + tone(40) + silence(30))

        self.assertEqual(len(samples), 44 * STEP)
        self.assertEqual(speech, [(2 * STEP, 42 * STEP)])

    def test_a_prompt_without_speech_is_empty(self):
        samples, speech = speech_set.cut_to_speech(silence(30))

        self.assertEqual((len(samples), speech), (0, []))


class Lines(unittest.TestCase):
    class FewPrompts:
        """Six prompts of one tone, with silence around it."""

        texts = {}
        files = [pathlib.PurePath(name) for name in "abcdef"]

        def load(self, _):
            return speech_set.cut_to_speech(silence(5) + tone(60) + silence(5))

    def line(self, seed):
        return speech_set.make_line(random.Random(seed), self.FewPrompts(), -20)

    def test_gaps_and_utterances_fill_the_line_without_holes(self):
        line = self.line(1)

        pieces = [(gap["from_us"], gap["to_us"]) for gap in line.gaps]
        edge_us = speech_set.us(speech_set.EDGE_STEPS * STEP)
        pieces += [(utterance["from_us"] - edge_us, utterance["to_us"] + edge_us)
                   for turn in line.turns for utterance in turn["utterances"]]
        pieces.sort()
        self.assertEqual(pieces[0][0], 0)
        self.assertEqual(pieces[-1][1], speech_set.us(len(line.audio)))
        self.assertEqual([end for _, end in pieces[:-1]], [start for start, _ in pieces[1:]])

    def test_gaps_are_silent_before_noise_is_added(self):
        line = self.line(2)

        for gap in line.gaps:
            frames = range(gap["from_us"] * 16 // 1000, gap["to_us"] * 16 // 1000)
            self.assertFalse(any(line.audio[at] for at in frames))

    def test_speech_has_the_level_asked_for_within_the_wobble(self):
        line = self.line(3)

        for turn in line.turns:
            for utterance in turn["utterances"]:
                frames = [(start * 16 // 1000, end * 16 // 1000) for start, end in utterance["speech_us"]]
                level = 10 * math.log10(speech_set.power_of(line.audio, frames) / 32768 ** 2)
                self.assertAlmostEqual(level, -20, delta=2.1)

    def test_the_same_seed_gives_the_same_line(self):
        self.assertEqual(self.line(4).audio, self.line(4).audio)
        self.assertNotEqual(self.line(4).gaps, self.line(5).gaps)

    def test_noise_has_the_power_asked_for(self):
        noise = [1.0, -1.0] * 500

        noisy = speech_set.add_noise([0.0] * 3000, noise, 250.0, 7)

        self.assertAlmostEqual(speech_set.power_of(noisy, [(0, 3000)]), 250.0 ** 2)


if __name__ == "__main__":
    unittest.main()
