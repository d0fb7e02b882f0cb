"""At the pace of the audio: many sessions at once, and Ctrl-C in the middle. Nothing here is measured."""

import os
import signal
import subprocess
import time
import unittest

from runs import (BINARY, HANG_S, ROOT, SPECULATIVE, ProgramTest, by_session, named, one_sentence, pause, prompt, read_events,
                  read_wav, write_wav)


class ManySessions(ProgramTest):
    def test_twenty_sessions_end_and_none_loses_an_event(self):
        wav = write_wav(self.folder / "a.wav", pause(0.3), prompt("hello-world"), pause(0.4), rate_hz=48000)
        log = self.folder / "e.jsonl"

        done = self.millrace("run", SPECULATIVE, "--input", wav, "--sessions", 20, "--realtime", "--events", log)

        sessions = by_session(read_events(log))
        self.assertEqual(len(sessions), 20)
        for name, events in sessions.items():
            with self.subTest(session=name):
                started = {event["segment"] for event in named(events, "speculation_started")}
                ended = [event["segment"] for event in named(events, "speculation_confirmed", "speculation_cancelled")]
                self.assertTrue(started)
                self.assertEqual(sorted(ended), sorted(started))
                self.assertEqual(len(named(events, "speech_started")), len(named(events, "speech_ended")))
        self.assertRegex(done.stdout, r"events lost 0\b")
        self.assertNotIn("did not end", done.stderr)


class CtrlC(ProgramTest):
    def wait_for_output(self, process, log):
        """Returns once audio has left, which the log shows; fails when the program ends or hangs instead."""
        give_up = time.monotonic() + HANG_S
        while time.monotonic() < give_up:
            if log.exists() and '"event":"output"' in log.read_text():
                return
            try:
                process.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            self.fail(f"ended by itself with {process.returncode}: {process.stderr.read()}")
        self.fail("no output in the event log")

    def interrupted_run(self, *options):
        """(events, out.wav) of a real-time run that Ctrl-C ended."""
        wav = write_wav(self.folder / "a.wav", *one_sentence(), rate_hz=48000)
        log, out = self.folder / "e.jsonl", self.folder / "out.wav"
        command = [BINARY, "run", SPECULATIVE, "--input", wav, "--loop", 1000, "--realtime", "--events", log, "--output", out,
                   *options]
        process = subprocess.Popen([str(part) for part in command], cwd=ROOT, stdin=subprocess.DEVNULL, text=True,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.environment)
        try:
            self.wait_for_output(process, log)
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=HANG_S)
        finally:
            process.kill()
            process.wait()
            process.stderr.close()
        self.assertEqual(process.returncode, 130, told)
        return read_events(log), out

    def test_the_wav_file_is_whole_and_so_is_every_line_of_the_log(self):
        events, out = self.interrupted_run()

        rate_hz, samples = read_wav(out)
        left_us = sum(event["duration_us"] for event in named(events, "output"))
        self.assertTrue(samples)
        self.assertAlmostEqual(len(samples) / rate_hz, left_us / 1e6, delta=0.01)
        self.assertEqual(os.path.getsize(out), 44 + 2 * len(samples))

    def test_what_was_under_way_is_decided(self):
        events, _ = self.interrupted_run("--sessions", 3)

        for name, own in by_session(events).items():
            with self.subTest(session=name):
                started = {event["segment"] for event in named(own, "speculation_started")}
                ended = [event["segment"] for event in named(own, "speculation_confirmed", "speculation_cancelled")]
                self.assertEqual(sorted(ended), sorted(started))
                self.assertEqual(len(named(own, "speech_started")), len(named(own, "speech_ended")))

    def test_one_more_ends_a_run_that_hangs_on_a_pipe(self):
        pipe, log = self.folder / "pipe.wav", self.folder / "e.jsonl"
        os.mkfifo(pipe)
        command = [BINARY, "run", SPECULATIVE, "--input", pipe, "--events", log]
        process = subprocess.Popen([str(part) for part in command], cwd=ROOT, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment)
        give_up = time.monotonic() + HANG_S
        try:
            while not log.exists() and time.monotonic() < give_up:
                time.sleep(0.01)
            while process.poll() is None and time.monotonic() < give_up:
                process.send_signal(signal.SIGINT)
                time.sleep(0.1)
            # Where the system breaks the wait off at the first signal, the run ends in order instead.
            self.assertIn(process.poll(), (-signal.SIGINT, 130))
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    unittest.main()
