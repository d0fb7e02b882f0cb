"""What the end-to-end tests share: the program, recorded speech put together on the spot, and event logs read back.

MILLRACE_BINARY names the program (default: build/release/millrace), MILLRACE_DEPS_DIR where its models lie. Time
limits here only end a hang; nothing is measured against them.
"""

import array
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import wave

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("MILLRACE_BINARY", ROOT / "build" / "release" / "millrace"))
EXAMPLES = ROOT / "examples"
MODELS = pathlib.Path(os.environ.get("MILLRACE_DEPS_DIR", ROOT / ".deps")) / "models"
PROMPTS = pathlib.Path("/usr/share/asterisk/sounds/en")
PROMPT_RATE_HZ = 8000
HANG_S = 240

SPECULATIVE = EXAMPLES / "speculative_vad.yaml"
PLAIN = EXAMPLES / "plain_vad.yaml"
VOICE_REPLY = EXAMPLES / "voice_reply.yaml"

# What a gate decides; everything else in a log follows from it.
DECISIONS = {"speculation_started", "speculation_confirmed", "speculation_cancelled", "speech_started", "speech_ended",
             "eager_end_of_turn", "turn_resumed", "end_of_turn"}


# ---- speech --------------------------------------------------------------------------------------


def prompt(name, from_s=0.0, to_s=None):
    """Samples of a recorded sentence, or of a part of it."""
    path = PROMPTS / f"{name}.wav"
    if not path.exists():
        raise AssertionError(f"{path} is missing: run './dev setup test'")
    with wave.open(str(path), "rb") as file:
        samples = array.array("h", file.readframes(file.getnframes()))
    if sys.byteorder == "big":
        samples.byteswap()
    end = len(samples) if to_s is None else round(to_s * PROMPT_RATE_HZ)
    return samples[round(from_s * PROMPT_RATE_HZ):end]


def pause(seconds):
    return array.array("h", bytes(2 * round(seconds * PROMPT_RATE_HZ)))


def write_wav(path, *pieces, rate_hz=PROMPT_RATE_HZ):
    """The pieces one behind the other; at another rate than the prompts' by way of sox."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, PROMPT_RATE_HZ, 0, "NONE", ""))
        for piece in pieces:
            file.writeframes(piece.tobytes())
    if rate_hz != PROMPT_RATE_HZ:
        narrow = path.with_suffix(".narrow.wav")
        path.rename(narrow)
        subprocess.run(["sox", "-R", "-D", narrow, path, "rate", "-h", str(rate_hz)], check=True, timeout=HANG_S)
        narrow.unlink()
    return path


def one_sentence():
    return pause(0.8), prompt("queue-thankyou"), pause(1.2)


def syllable():
    """A clipped sound: a gate that speculates passes it on and takes it back."""
    return prompt("hello", 0.10, 0.26)


def read_wav(path):
    """(rate, samples) of a mono or mixed WAV file of 16 bits."""
    with wave.open(str(path), "rb") as file:
        assert file.getsampwidth() == 2, f"{path}: {8 * file.getsampwidth()} bits; expected 16"
        samples = array.array("h", file.readframes(file.getnframes()))
        return file.getframerate(), samples


def loudness(samples):
    return (sum(s * s for s in samples) / len(samples)) ** 0.5 if samples else 0.0


# ---- logs ----------------------------------------------------------------------------------------


def read_events(path):
    """Every line of a log but the first, which says what log it is."""
    text = pathlib.Path(path).read_text()
    assert text.endswith("\n"), f"{path}: the last line is cut off"
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["event"] == "log", f"{path}: first line {lines[0]}"
    return lines[1:]


def named(events, *names):
    return [event for event in events if event["event"] in names]


def by_session(events):
    """session -> its events as a log of it alone would hold them."""
    sessions = {}
    for event in events:
        own = dict(event)
        name = own.pop("session")
        target = own.get("target_segment_id")
        if target is not None:
            own["target_segment_id"] = target.removeprefix(name + "/")
        sessions.setdefault(name, []).append(own)
    return sessions


def decisions(events):
    """What was decided about which part of the audio, without when that was known and where it ran."""
    told = ("event", "segment", "kind", "reason", "from_us", "to_us", "at_us", "turn", "revision")
    return [{field: event[field] for field in told if field in event} for event in events if event["event"] in DECISIONS]


# ---- the program ---------------------------------------------------------------------------------


class ProgramTest(unittest.TestCase):
    """Runs the program in a folder of its own."""

    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        if not BINARY.exists():
            raise AssertionError(f"{BINARY} is missing: run './dev build', or set MILLRACE_BINARY")
        if not shutil.which("sox"):
            raise AssertionError("sox is missing: run './dev setup test'")

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        state = tempfile.TemporaryDirectory()  # what a run learns belongs to no other
        self.addCleanup(state.cleanup)
        self.environment = {**os.environ, "MILLRACE_STATE_DIR": state.name}

    def millrace(self, *arguments, exit_code=0, environment=None):
        """Runs it to its end; `exit_code` is the one expected, or several."""
        command = [str(BINARY), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=HANG_S, cwd=ROOT,
                              stdin=subprocess.DEVNULL, env={**self.environment, **(environment or {})})
        expected = (exit_code,) if isinstance(exit_code, int) else exit_code
        self.assertIn(done.returncode, expected, f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done

    def events_of(self, pipeline, wav, *options, name="events.jsonl"):
        """Events of a run in virtual time."""
        log = self.folder / name
        self.millrace("run", pipeline, "--input", wav, "--events", log, "--fast", *options)
        return read_events(log)

    def caller(self, rate_hz=PROMPT_RATE_HZ):
        """Two sentences and a clipped syllable between them."""
        return write_wav(self.folder / f"caller-{rate_hz}.wav", pause(0.8), prompt("hello-world"), pause(1.5), syllable(),
                         pause(1.5), prompt("queue-thankyou"), pause(1.2), rate_hz=rate_hz)
