"""examples/speculative_vad.yaml and plain_vad.yaml on recorded speech: what is decided, and that it is always the same."""

import unittest

from runs import PLAIN, SPECULATIVE, ProgramTest, by_session, decisions, loudness, named, read_events, read_wav


class Speculation(ProgramTest):
    def test_speech_is_confirmed_and_a_clipped_syllable_withdrawn(self):
        events = self.events_of(SPECULATIVE, self.caller())

        self.assertEqual(len(named(events, "speculation_cancelled")), 1)
        cancelled = named(events, "speculation_cancelled")[0]
        self.assertEqual(cancelled["reason"], "too_short")
        self.assertLess(cancelled["from_us"], cancelled["to_us"])
        self.assertGreaterEqual(len(named(events, "speculation_confirmed")), 2)

    def test_every_segment_is_decided_once_and_numbers_are_never_reused(self):
        events = self.events_of(SPECULATIVE, self.caller())

        started = [event["segment"] for event in named(events, "speculation_started")]
        ended = [event["segment"] for event in named(events, "speculation_confirmed", "speculation_cancelled")]
        self.assertEqual(len(set(started)), len(started))
        self.assertEqual(sorted(started), sorted(ended))

    def test_each_start_of_speech_has_one_end(self):
        events = self.events_of(SPECULATIVE, self.caller())

        order = [event["event"] for event in named(events, "speech_started", "speech_ended")]
        self.assertEqual(order, ["speech_started", "speech_ended"] * (len(order) // 2))
        self.assertGreaterEqual(len(order), 4)

    def test_nothing_of_a_withdrawn_segment_leaves_confirmed(self):
        events = self.events_of(SPECULATIVE, self.caller())

        withdrawn = {event["segment"] for event in named(events, "speculation_cancelled")}
        left = [event for event in named(events, "output") if withdrawn.intersection(event.get("segments", []))]
        self.assertEqual(left, [])

    def test_the_wav_file_holds_the_confirmed_audio_and_no_more(self):
        log, out = self.folder / "e.jsonl", self.folder / "out.wav"
        self.millrace("run", SPECULATIVE, "--input", self.caller(), "--events", log, "--output", out, "--fast")

        rate_hz, samples = read_wav(out)
        left_us = sum(event["duration_us"] for event in named(read_events(log), "output"))
        self.assertAlmostEqual(len(samples) / rate_hz, left_us / 1e6, delta=0.01)
        self.assertGreater(loudness(samples), 300)

    def test_two_runs_write_the_same_bytes(self):
        wav = self.caller()
        for name in ("first.jsonl", "second.jsonl"):
            self.events_of(SPECULATIVE, wav, name=name)

        self.assertEqual((self.folder / "first.jsonl").read_bytes(), (self.folder / "second.jsonl").read_bytes())

    def test_the_log_of_a_fast_run_says_that_its_time_is_virtual(self):
        self.events_of(SPECULATIVE, self.caller())

        self.assertIn('"time":"virtual"', (self.folder / "events.jsonl").read_text().splitlines()[0])

    def test_the_gate_that_waits_opens_later_for_the_same_speech(self):
        wav = self.caller()
        speculative, plain = self.events_of(SPECULATIVE, wav), self.events_of(PLAIN, wav)

        opened = {event["from_us"]: event["t_us"] for event in named(speculative, "speculation_started")}
        waited = {event["at_us"]: event["t_us"] for event in named(plain, "speech_started")}
        self.assertGreaterEqual(len(waited), 2)
        for at_us, t_us in waited.items():
            self.assertGreater(t_us, opened[at_us])
        self.assertEqual(named(plain, "speculation_cancelled"), [])


class SameDecisions(ProgramTest):
    def test_eight_sessions_have_the_events_of_one(self):
        wav = self.caller()
        alone = by_session(self.events_of(SPECULATIVE, wav))["s1"]

        together = by_session(self.events_of(SPECULATIVE, wav, "--sessions", 8))

        self.assertEqual(sorted(together), [f"s{number}" for number in range(1, 9)])
        for name, events in together.items():
            self.assertEqual(events, alone, name)

    def test_events_of_several_sessions_are_in_the_order_of_their_time(self):
        events = self.events_of(SPECULATIVE, self.caller(), "--sessions", 3)

        keys = [(event["wall_us"], event["session"]) for event in events]
        self.assertEqual(keys, sorted(keys))

    def test_frames_of_10_20_and_31_ms_give_the_same_decisions(self):
        for rate_hz in (8000, 48000):
            wav = self.caller(rate_hz)
            of_20 = decisions(self.events_of(SPECULATIVE, wav, "--frame-ms", 20))
            self.assertTrue(of_20)
            for frame_ms in (10, 31):
                with self.subTest(rate_hz=rate_hz, frame_ms=frame_ms):
                    self.assertEqual(decisions(self.events_of(SPECULATIVE, wav, "--frame-ms", frame_ms)), of_20)

    def test_two_inputs_are_two_sessions(self):
        wav = self.caller()

        sessions = by_session(self.events_of(SPECULATIVE, f"{wav},{wav}"))

        self.assertEqual(sessions["s1"], sessions["s2"])


if __name__ == "__main__":
    unittest.main()
