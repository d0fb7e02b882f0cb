"""examples/voice_reply.yaml, turns.yaml and barge_in.yaml: heard, answered, interrupted, all in virtual time."""

import unittest

from runs import (EXAMPLES, VOICE_REPLY, ProgramTest, decisions, loudness, named, one_sentence, pause, prompt, read_events,
                  read_wav, write_wav)


class VoiceReply(ProgramTest):
    def reply(self, wav, name, *options):
        """(events, reply.wav, what was printed) of one run."""
        log, out = self.folder / f"{name}.jsonl", self.folder / f"{name}.wav"
        done = self.millrace("run", VOICE_REPLY, "--input", wav, "--output", out, "--events", log, "--fast", *options)
        return read_events(log), out, done.stdout

    def test_speech_is_recognised_and_answered_aloud(self):
        wav = write_wav(self.folder / "a.wav", *one_sentence(), pause(2))

        events, out, printed = self.reply(wav, "reply")

        rate_hz, samples = read_wav(out)
        self.assertGreater(len(samples) / rate_hz, 0.5)
        self.assertGreater(max(loudness(samples[at:at + rate_hz // 10]) for at in range(0, len(samples), rate_hz // 10)), 500)
        texts = " ".join(event["text"] for event in named(events, "output") if event["type"] == "text").lower()
        heard = {word for word in ("thank", "you", "for", "your", "patience") if word in texts or word in printed.lower()}
        self.assertGreaterEqual(len(heard), 4, f"heard: {texts}\n{printed}")

    def test_what_the_reply_says_is_understood_by_the_recogniser(self):
        wav = write_wav(self.folder / "a.wav", *one_sentence(), pause(2))
        _, first, _ = self.reply(wav, "first")
        rate_hz, samples = read_wav(first)
        self.assertTrue(samples)

        events, second, _ = self.reply(first, "second")

        self.assertTrue(named(events, "end_of_turn"))
        self.assertGreater(len(read_wav(second)[1]) / rate_hz, 0.5)

    def test_two_runs_write_the_same_bytes(self):
        wav = write_wav(self.folder / "a.wav", pause(0.5), prompt("hello-world"), pause(3), prompt("queue-thankyou"), pause(3))

        self.reply(wav, "first")
        self.reply(wav, "second")

        for ending in ("jsonl", "wav"):
            with self.subTest(ending=ending):
                first, second = (self.folder / f"{name}.{ending}" for name in ("first", "second"))
                self.assertEqual(first.read_bytes(), second.read_bytes())

    def test_frames_of_10_20_and_31_ms_give_the_same_decisions(self):
        wav = write_wav(self.folder / "a.wav", *one_sentence(), pause(1))
        of_20 = decisions(self.reply(wav, "of_20", "--frame-ms", 20)[0])

        for frame_ms in (10, 31):
            with self.subTest(frame_ms=frame_ms):
                self.assertEqual(decisions(self.reply(wav, f"of_{frame_ms}", "--frame-ms", frame_ms)[0]), of_20)

    def test_the_parts_of_each_turn_add_up_to_its_whole(self):
        events, _, _ = self.reply(write_wav(self.folder / "a.wav", *one_sentence(), pause(2)), "reply")

        turns = named(events, "turn")
        self.assertTrue(turns)
        for turn in turns:
            self.assertEqual(sum(turn["parts"].values()), turn["total_us"], turn)
            self.assertIn("endpoint_wait", turn["parts"])

    def test_no_reply_leaves_before_its_turn_has_ended(self):
        events, _, _ = self.reply(write_wav(self.folder / "a.wav", *one_sentence(), pause(2)), "reply")

        ended = {(event["turn"], event["revision"]): event["wall_us"] for event in named(events, "end_of_turn")}
        replies = [event for event in named(events, "output") if event["type"] == "audio"]
        self.assertTrue(replies)
        for event in replies:
            self.assertEqual(event["state"], "confirmed")
            self.assertGreaterEqual(event["wall_us"], ended[event["turn"], event["revision"]])


class Turns(ProgramTest):
    def test_a_short_pause_withdraws_the_guess_and_a_long_one_ends_the_turn(self):
        # The prompts' own silence comes on top: about 0.1 s at each end.
        wav = write_wav(self.folder / "a.wav", pause(0.6), prompt("queue-thankyou"), pause(0.25), prompt("hello-world"), pause(2))

        events = self.events_of(EXAMPLES / "turns.yaml", wav)

        guesses = named(events, "eager_end_of_turn")
        self.assertGreaterEqual(len(guesses), 2)
        self.assertEqual([event["revision"] for event in guesses], sorted({event["revision"] for event in guesses}))
        resumed = named(events, "turn_resumed")
        self.assertTrue(resumed)
        ended = named(events, "end_of_turn")
        self.assertEqual(len(ended), 1)
        self.assertEqual(ended[0]["revision"], guesses[-1]["revision"])
        withdrawn = {(event["turn"], event["revision"]) for event in resumed}
        left = {(event.get("turn"), event.get("revision")) for event in named(events, "output")}
        self.assertFalse(withdrawn & left)


class BargeIn(ProgramTest):
    def test_speech_interrupts_the_reply_and_what_was_played_is_told(self):
        question = write_wav(self.folder / "question.wav", pause(0.5), prompt("queue-thankyou"), pause(0.3))
        stop = write_wav(self.folder / "stop.wav", prompt("vm-changeto"), pause(3))
        log, out = self.folder / "b.jsonl", self.folder / "b.wav"

        self.millrace("run", EXAMPLES / "barge_in.yaml", "--input", f"{question}+{stop}", "--gap-ms", 900, "--events", log,
                      "--output", out, "--fast")

        events = read_events(log)
        interrupts = named(events, "interrupt")
        self.assertTrue(interrupts, [event["event"] for event in events if event["event"] != "output"])
        turn, played_us = interrupts[0]["turn"], interrupts[0]["played_us"]
        self.assertGreater(played_us, 0)
        heard_us = sum(event["duration_us"] for event in named(events, "output")
                       if event["type"] == "audio" and event["turn"] == turn)
        self.assertAlmostEqual(played_us, heard_us, delta=40_000)
        after = [event for event in named(events, "output")
                 if event["type"] == "audio" and event["turn"] == turn and event["wall_us"] > interrupts[0]["wall_us"]]
        self.assertEqual(after, [])


if __name__ == "__main__":
    unittest.main()
