"""tools/score_events and tools/speech_eval: figures from logs and labels that are made by hand."""

import json
import pathlib
import subprocess
import tempfile
import unittest

import loading

score = loading.tool("score_events")
speech_eval = loading.tool("speech_eval")


def started(segment, from_us, t_us):
    return {"event": "speculation_started", "session": "s1", "segment": segment, "kind": "onset", "from_us": from_us,
            "t_us": t_us}


def confirmed(segment):
    return {"event": "speculation_confirmed", "session": "s1", "segment": segment, "t_us": 0}


def cancelled(segment, from_us, to_us):
    return {"event": "speculation_cancelled", "session": "s1", "segment": segment, "from_us": from_us, "to_us": to_us}


def output(segment, from_us, to_us, state="confirmed"):
    return {"event": "output", "session": "s1", "type": "audio", "segments": [segment], "state": state, "from_us": from_us,
            "to_us": to_us}


def withheld(segment, from_us, to_us):
    return {"event": "withheld", "session": "s1", "type": "audio", "segments": [segment], "from_us": from_us, "to_us": to_us}


def entry(*speech_us, kind="speech", duration_us=10_000_000):
    utterances = [{"prompt": "a", "text": "", "from_us": stretches[0][0], "to_us": stretches[-1][1],
                   "speech_us": stretches} for stretches in speech_us]
    turns = [{"from_us": utterances[0]["from_us"], "to_us": utterances[-1]["to_us"], "utterances": utterances}] if utterances else []
    return {"file": "a.wav", "kind": kind, "snr_db": None, "noise": None, "duration_us": duration_us,
            "turns": turns, "gaps": []}


def figures_of(one, speculative, plain=None, released=None):
    return score.figures({"files": [one]}, [score.score_file(one, speculative, plain, released)])


class Intervals(unittest.TestCase):
    def test_what_touches_or_overlaps_becomes_one(self):
        self.assertEqual(score.union([(5, 7), (0, 2), (2, 4), (6, 9), (3, 3)]), [[0, 4], [5, 9]])

    def test_overlap_counts_common_time_once(self):
        self.assertEqual(score.overlap([[0, 10], [20, 30]], [[5, 25]]), 10)


class Speech(unittest.TestCase):
    def test_coverage_and_waste_are_of_the_audio_that_left_confirmed(self):
        one = entry([[1_000_000, 2_000_000]])
        log = [started(1, 800_000, 1_050_000), confirmed(1), output(1, 800_000, 1_500_000), output(1, 1_500_000, 1_900_000)]

        figures = figures_of(one, log)

        self.assertAlmostEqual(figures["speech_accepted_fraction"], 0.9)
        self.assertAlmostEqual(figures["nonspeech_ms_per_utterance"], 200)

    def test_audio_of_a_cancelled_segment_is_not_accepted(self):
        log = [started(1, 0, 1), cancelled(1, 0, 10), output(1, 1_000_000, 2_000_000, "speculative")]

        figures = figures_of(entry([[1_000_000, 2_000_000]]), log)

        self.assertEqual(figures["speech_accepted_fraction"], 0)
        self.assertEqual(figures["onset_cancelled_fraction"], 1)

    def test_the_cancelled_fraction_is_of_ended_segments(self):
        log = [started(n, n, n) for n in range(1, 6)] + [confirmed(1), confirmed(2), confirmed(3), cancelled(4, 4, 5)]

        self.assertEqual(figures_of(entry([[0, 10]]), log)["onset_cancelled_fraction"], 0.25)

    def test_gain_pairs_each_utterance_with_itself(self):
        one = entry([[1_000_000, 2_000_000]], [[3_000_000, 4_000_000]])
        ours = [started(1, 900_000, 1_050_000), confirmed(1), started(2, 2_900_000, 3_060_000), confirmed(2)]
        theirs = [started(1, 900_000, 1_250_000), confirmed(1), started(2, 2_900_000, 3_300_000), confirmed(2)]

        figures = figures_of(one, ours, theirs)

        self.assertEqual(figures["onset_pairs"], 2)
        self.assertEqual(figures["onset_gain_p50_us"], 220_000)
        self.assertEqual(figures["onset_p50_us"], 55_000)

    def test_a_utterance_that_one_gate_did_not_open_for_has_no_gain(self):
        ours = [started(1, 900_000, 1_050_000), confirmed(1)]

        self.assertIsNone(figures_of(entry([[1_000_000, 2_000_000]]), ours, [])["onset_gain_p50_us"])

    def test_noise_alone_counts_false_starts_a_minute(self):
        log = [started(1, 0, 1), cancelled(1, 0, 1), started(2, 5, 6), confirmed(2)]

        figures = figures_of(entry(kind="noise", duration_us=30_000_000), log)

        self.assertEqual(figures["false_starts_per_minute"], 4)
        self.assertEqual(figures["false_accepts_per_minute"], 2)

    def test_speech_told_of_and_never_ended_lasts_to_the_end(self):
        log = [{"event": "speech_started", "at_us": 5}, {"event": "speech_ended", "at_us": 7},
               {"event": "speech_started", "at_us": 9}]

        self.assertEqual(score.told_speech(log, 12), [[5, 7], [9, 12]])


class CancelledRanges(unittest.TestCase):
    def test_a_range_that_is_the_audio_sent_is_exact(self):
        log = [started(1, 62, 100), output(1, 62, 20_000, "speculative"), output(1, 20_000, 30_000, "speculative"),
               cancelled(1, 62, 30_000)]

        self.assertEqual(score.inexact_cancels(log), [])

    def test_what_the_sink_still_held_was_sent_too(self):
        log = [output(1, 62, 20_000, "speculative"), cancelled(1, 62, 30_000), withheld(1, 20_000, 30_000)]

        self.assertEqual(score.inexact_cancels(log), [])

    def test_a_range_that_leaves_a_frame_out_is_not(self):
        log = [started(1, 62, 100), output(1, 62, 30_000, "speculative"), cancelled(1, 62, 29_937)]

        self.assertEqual(len(score.inexact_cancels(log)), 1)

    def test_a_range_with_a_hole_is_not(self):
        log = [output(1, 0, 10_000, "speculative"), output(1, 20_000, 30_000, "speculative"), cancelled(1, 0, 30_000)]

        self.assertEqual(len(score.inexact_cancels(log)), 1)

    def test_times_are_those_of_frames_rounded_down(self):
        self.assertTrue(all(score.on_frame(at) for at in (0, 62, 125, 187, 1_000_000)))
        self.assertFalse(any(score.on_frame(at) for at in (1, 61, 63, 126, 188)))


class Command(unittest.TestCase):
    def score(self, folder, log):
        (folder / "labels.json").write_text(json.dumps({"files": [entry([[0, 1_000_000]])]}))
        if log is not None:
            (folder / "a.jsonl").write_text(log)
        return subprocess.run([loading.TOOLS / "score_events", folder / "labels.json", "--speculative", folder],
                              capture_output=True, text=True, check=False)

    def test_a_log_gives_a_table(self):
        log = "\n".join(map(json.dumps, [started(1, 0, 40_000), confirmed(1), output(1, 0, 1_000_000)])) + "\n"
        with tempfile.TemporaryDirectory() as folder:
            done = self.score(pathlib.Path(folder), log)

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"speech time inside accepted segments +100\.0 %")

    def test_a_missing_log_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.score(pathlib.Path(folder), None)

        self.assertEqual(done.returncode, 2)
        self.assertIn("a.jsonl", done.stderr)

    def test_a_line_that_is_no_json_is_named_by_number(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.score(pathlib.Path(folder), '{"event":"log"}\n{"event":\n')

        self.assertEqual(done.returncode, 2)
        self.assertIn("a.jsonl:2", done.stderr)


class Floors(unittest.TestCase):
    GOOD = {"onset_cancelled_fraction": 0.02, "speech_accepted_fraction": 0.97, "nonspeech_ms_per_utterance": 330.0,
            "onset_gain_p50_us": 200_000, "cancelled_ranges_inexact": []}

    def test_good_figures_miss_nothing(self):
        self.assertEqual(speech_eval.missed_floors(self.GOOD), [])

    def test_each_floor_is_watched(self):
        bad = {"onset_cancelled_fraction": 0.05, "speech_accepted_fraction": 0.949, "nonspeech_ms_per_utterance": 401,
               "onset_gain_p50_us": 149_999, "cancelled_ranges_inexact": [{"segment": 1}]}

        for field, value in bad.items():
            self.assertEqual(len(speech_eval.missed_floors({**self.GOOD, field: value})), 1, field)

    def test_a_figure_that_is_not_there_is_missed(self):
        self.assertEqual(len(speech_eval.missed_floors({**self.GOOD, "onset_gain_p50_us": None})), 1)

    def test_the_sink_of_the_example_is_made_to_let_speculative_audio_out(self):
        self.assertEqual(speech_eval.released_manifest("- {id: out, type: audio_output}\n"),
                         "- {id: out, type: audio_output, release: speculative}\n")


if __name__ == "__main__":
    unittest.main()
