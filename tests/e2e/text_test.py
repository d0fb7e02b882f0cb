"""examples/read_aloud.yaml: a text is read aloud line by line, and what is no text is told of in one line."""

import unittest

from runs import EXAMPLES, PLAIN, ProgramTest, by_session, loudness, named, one_sentence, read_events, read_wav, write_wav

READ_ALOUD = EXAMPLES / "read_aloud.yaml"
LINES = ["We are open from nine to five.", "Dr. Jones is in at 10.30 a.m.", "Please hold the line.", "It costs 3.14 pounds.",
         "Goodbye, and thank you."]


class ReadAloud(ProgramTest):
    def write(self, content, name="lines.txt"):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def read_aloud(self, text, *options, name="out", pace="--fast"):
        """(events, rate, samples) of one run of lines 5 ms apart."""
        log, out = self.folder / f"{name}.jsonl", self.folder / f"{name}.wav"
        self.millrace("run", READ_ALOUD, "--input", text, "--line-ms", 5, "--output", out, "--events", log, pace, *options)
        return read_events(log), *read_wav(out)

    def texts(self, events):
        return [event["text"] for event in named(events, "output") if event["type"] == "text"]

    def voices(self, events):
        """(from_us, frames' worth of time) of each sentence's audio, in the order in which it left."""
        chains = []
        for event in named(events, "output"):
            if event["type"] != "audio" or event["duration_us"] == 0:
                continue
            if not chains or chains[-1][0] != event["from_us"]:
                chains.append([event["from_us"], 0])
            chains[-1][1] += event["duration_us"]
        return chains

    def check_every_sentence_once_in_order(self, events, rate_hz, samples):
        self.assertEqual(self.texts(events), LINES)
        self.assertEqual(named(events, "failed", "dropped", "withheld"), [])
        chains = self.voices(events)
        self.assertEqual([from_us for from_us, _ in chains], [5_000 * n for n in range(len(LINES))])
        at = 0
        for _, duration_us in chains:
            self.assertGreater(duration_us, 500_000)
            frames = round(duration_us * rate_hz / 1_000_000)
            self.assertGreater(loudness(samples[at:at + frames]), 300)
            at += frames
        self.assertAlmostEqual(len(samples), at, delta=len(LINES))

    def test_every_sentence_is_audible_once_and_in_order(self):
        self.check_every_sentence_once_in_order(*self.read_aloud(self.write("\n".join(LINES))))

    def test_also_at_the_pace_of_the_lines(self):
        self.check_every_sentence_once_in_order(*self.read_aloud(self.write("\n".join(LINES)), pace="--realtime"))

    def test_line_ends_of_windows_a_byte_order_mark_and_blank_lines_change_nothing_but_time(self):
        plain = self.read_aloud(self.write("\n".join(LINES)), name="plain")
        odd = self.read_aloud(self.write("\ufeff" + "\r\n\r\n".join(LINES) + "\r\n", "odd.txt"), name="odd")

        self.assertEqual(self.texts(odd[0]), LINES)
        self.assertEqual(odd[2], plain[2])
        self.assertEqual([from_us for from_us, _ in self.voices(odd[0])], [10_000 * n for n in range(len(LINES))])

    def test_two_runs_write_the_same_bytes(self):
        text = self.write("\n".join(LINES))
        self.read_aloud(text, name="first")
        self.read_aloud(text, name="second")

        for ending in ("jsonl", "wav"):
            with self.subTest(ending=ending):
                first, second = (self.folder / f"{name}.{ending}" for name in ("first", "second"))
                self.assertEqual(first.read_bytes(), second.read_bytes())

    def test_a_comma_and_sessions_read_each_text_in_a_session_of_its_own(self):
        texts = f"{self.write('One.', 'a.txt')},{self.write('Two.', 'b.txt')}"
        events, _, _ = self.read_aloud(texts, "--sessions", 2)

        sessions = by_session(events)
        self.assertEqual([self.texts(sessions[f"s{n}"]) for n in range(1, 5)], [["One."], ["Two."], ["One."], ["Two."]])

    def test_a_plus_joins_texts_and_a_loop_begins_again(self):
        joined = f"{self.write('One.', 'a.txt')}+{self.write('Two.', 'b.txt')}"

        self.assertEqual(self.texts(self.read_aloud(joined, "--loop", 2)[0]), ["One.", "Two.", "One.", "Two."])


class NoText(ProgramTest):
    def refused(self, content, *parts, name="bad.txt", pipeline=READ_ALOUD, exit_code=2, options=()):
        """`content` is told of in one line, and a good input of the same run is read."""
        bad, log = self.folder / name, self.folder / "e.jsonl"
        if content is not None:
            bad.write_bytes(content)
        good = self.folder / "good.txt"
        good.write_text("Good.\n")
        done = self.millrace("run", pipeline, "--input", f"{bad},{good}", "--events", log, "--fast", *options,
                             exit_code=exit_code)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for part in (f"millrace: {bad}", *parts):
            self.assertIn(part, lines[0])
        self.assertEqual([event["text"] for event in named(by_session(read_events(log))["s2"], "output")
                          if event["type"] == "text"], ["Good."])

    def test_bytes_that_are_not_utf8(self):
        self.refused(b"fine\nnot \xff fine\n", "bad.txt:2: ", "UTF-8", "byte 5")

    def test_a_nul_byte(self):
        self.refused(b"fine\nfine\nb\0d\n", "bad.txt:3: ", "NUL")

    def test_an_empty_file_and_one_of_blank_lines(self):
        self.refused(b"", "empty")
        self.refused(b"\n \n", "blank")

    def test_a_line_and_a_file_over_their_limits(self):
        self.refused(b"a" * 32769, "bad.txt:1: ", "32768")
        self.refused((b"a" * 1023 + b"\n") * 4097, "4194304")

    def test_a_recording(self):
        wav = write_wav(self.folder / "call.wav", *one_sentence())

        self.refused(wav.read_bytes(), "WAV", "expected UTF-8 text", "'lines'", "text_input", name="call2.wav")

    def test_utf16(self):
        self.refused("Hello".encode("utf-16"), "UTF-16", "UTF-8")

    def test_a_directory_and_no_such_file(self):
        (self.folder / "folder").mkdir()

        self.refused(None, "directory", name="folder")
        self.refused(None, "no such file", name="none.txt")


class OtherKind(ProgramTest):
    def one_line(self, done, *parts):
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_text_for_a_pipeline_that_takes_audio(self):
        text = self.folder / "lines.txt"
        text.write_text("Hello.\n")

        done = self.millrace("run", PLAIN, "--input", text, "--fast", exit_code=2)

        self.one_line(done, "lines.txt", "expected a WAV file", "'mic'", "audio_input")

    def test_options_that_are_for_the_other_kind(self):
        text = self.folder / "lines.txt"
        text.write_text("Hello.\n")
        wav = write_wav(self.folder / "a.wav", *one_sentence())

        for option in (("--frame-ms", 10), ("--gap-ms", 100), ("--raw-rate", 8000)):
            with self.subTest(option=option):
                self.one_line(self.millrace("run", READ_ALOUD, "--input", text, "--fast", *option, exit_code=2), option[0])
        self.one_line(self.millrace("run", PLAIN, "--input", wav, "--fast", "--line-ms", 5, exit_code=2), "--line-ms")


if __name__ == "__main__":
    unittest.main()
