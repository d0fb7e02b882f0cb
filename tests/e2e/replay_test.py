"""run --record and replay: the same decisions again, also of a run in real time; another manifest shows what it changes."""

import unittest

from runs import EXAMPLES, PLAIN, SPECULATIVE, ProgramTest, pause, prompt, write_wav

TURNS = EXAMPLES / "turns.yaml"
BARGE_IN = EXAMPLES / "barge_in.yaml"


class Replay(ProgramTest):
    def call(self, name="call.wav"):
        """Two sentences with a pause that ends a turn between them."""
        path = self.folder / name
        write_wav(path, pause(0.3), prompt("hello-world"), pause(1.2), prompt("vm-goodbye"), pause(1.2))
        return path

    def record(self, pipeline, audio, *options):
        recording = self.folder / "call.rec"
        self.millrace("run", pipeline, "--input", audio, "--record", recording, *options)
        return recording

    def check_identical(self, recording, sessions=1):
        shown = self.millrace("replay", recording).stdout
        self.assertRegex(shown, r"\d+ decisions, all identical")
        self.assertNotIn("\n0 decisions", shown)
        self.assertIn(f"{sessions} session", shown)

    def test_repeats_a_run_on_virtual_time(self):
        self.check_identical(self.record(TURNS, self.call(), "--fast"))

    def test_says_when_there_was_nothing_to_decide(self):
        silence = write_wav(self.folder / "silence.wav", pause(1.0))

        shown = self.millrace("replay", self.record(SPECULATIVE, silence, "--fast")).stdout

        self.assertIn("no decision was recorded", shown)

    def test_repeats_a_run_in_real_time(self):
        self.check_identical(self.record(TURNS, self.call(), "--realtime"))

    def test_repeats_an_interruption_in_real_time(self):
        other = self.folder / "other.wav"
        write_wav(other, prompt("queue-thankyou"), pause(0.5))
        self.check_identical(self.record(BARGE_IN, f"{self.call()}+{other}", "--gap-ms", "-1000", "--realtime"))

    def test_keeps_every_session_of_a_run(self):
        self.check_identical(self.record(SPECULATIVE, self.call(), "--realtime", "--sessions", 3), sessions=3)

    def test_replays_into_the_files_that_run_writes(self):
        recording = self.record(SPECULATIVE, self.call(), "--fast", "--output", self.folder / "a.wav")
        self.millrace("replay", recording, "--output", self.folder / "b.wav")
        self.assertEqual((self.folder / "a.wav").read_bytes(), (self.folder / "b.wav").read_bytes())

    def test_shows_what_another_manifest_decides(self):
        recording = self.record(SPECULATIVE, self.call(), "--fast")
        shown = self.millrace("replay", recording, "--pipeline", PLAIN).stdout
        self.assertRegex(shown, r"\d+ only in the record")
        self.assertNotIn("all identical", shown)

    def test_replays_a_recording_up_to_where_it_was_cut_off(self):
        whole = self.record(TURNS, self.call(), "--fast").read_bytes()
        cut = self.folder / "cut.rec"
        cut.write_bytes(whole[:len(whole) - 7])
        done = self.millrace("replay", cut)
        self.assertIn("cut off at byte", done.stderr)

    def test_says_what_is_no_recording(self):
        call = self.call()
        for bad, said in ((call, "expected"), (self.folder / "none.rec", "none.rec")):
            done = self.millrace("replay", bad, exit_code=(1, 2))
            self.assertIn(said, done.stderr)
            self.assertEqual(len(done.stderr.strip().splitlines()), 1)

    def test_says_where_a_recording_is_damaged(self):
        recording = self.record(TURNS, self.call(), "--fast")
        bytes_ = bytearray(recording.read_bytes())
        bytes_[len(bytes_) // 2] ^= 0x40
        recording.write_bytes(bytes_)
        done = self.millrace("replay", recording, exit_code=2)
        self.assertIn("byte", done.stderr)


if __name__ == "__main__":
    unittest.main()
