"""Who speaks: voices of espeak-ng, and what it is asked to say with them."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from zoo_core import ZooError

PROGRAM = "espeak-ng"

SPEAKERS = {
    "train": (
        *("m1", "m2", "m3", "m4", "f1", "f2", "f3", "adam", "Alex", "Alicia", "Andy", "Annie", "boris", "caleb"),
        *("david", "Denis", "Gene", "iven", "Jacky", "john", "klatt2", "linda", "max", "Michael", "Mike", "pablo"),
        *("paul", "rob", "steph", "zac"),
    ),
    "validation": ("m5", "m7", "f5", "Andrea", "benjamin", "norbert"),
    "test": ("m6", "m8", "f4", "aunty", "belinda", "antonio", "edward", "grandpa", "Lee", "victor"),
}
"""Variants of a voice, as espeak-ng calls them: each has a throat of its own."""

ACCENTS = {
    "train": ("en-gb", "en-us", "en-gb-scotland", "en-gb-x-gbclan", "en-029"),
    "validation": ("en-gb-x-gbcwmd",),
    "test": ("en-gb-x-rp", "en-us-nyc"),
}


@dataclass(frozen=True, kw_only=True)
class Utterance:
    """A word, who says it, how fast in words a minute, and how high from 0 to 99."""

    word: str
    accent: str
    speaker: str
    speed: int
    pitch: int


def check_speakers(split: str) -> None:
    """Raise ZooError where espeak-ng is not installed, or lacks a voice of this split: it would take another one."""
    if shutil.which(PROGRAM) is None:
        raise ZooError(
            f"dataset spoken-words: {PROGRAM}, which speaks the words, is not installed",
            hint=f"apt install {PROGRAM}, brew install {PROGRAM}, or https://github.com/espeak-ng/espeak-ng/releases",
        )
    known = _told("--voices") + _told("--voices=variant")
    lines = [line.split() for line in known.splitlines()]
    accents = {words[1] for words in lines if len(words) > 1}
    speakers = set(re.findall(r"!v/(\S+)", known))
    missing = [*(name for name in ACCENTS[split] if name not in accents)]
    missing += [name for name in SPEAKERS[split] if name not in speakers]
    if missing:
        raise ZooError(
            f"dataset spoken-words: {PROGRAM} has no voice {', '.join(missing)}",
            hint=f"version 1.51 and later have all of them; see {PROGRAM} --version",
        )


def speak(utterance: Utterance) -> bytes:
    """The content of a WAV file. Raises ZooError where espeak-ng fails."""
    voice, speed, pitch = f"{utterance.accent}+{utterance.speaker}", str(utterance.speed), str(utterance.pitch)
    words = ["-v", voice, "-s", speed, "-p", pitch, "-z", "--stdout", utterance.word]
    done = subprocess.run([PROGRAM, *words], capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    if done.returncode or not done.stdout:
        raise _failed(done.stderr)
    return done.stdout


def _told(option: str) -> str:
    done = subprocess.run([PROGRAM, option], capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    if done.returncode:
        raise _failed(done.stderr)
    return done.stdout.decode("utf-8", "replace")


def _failed(said: bytes) -> ZooError:
    line = said.decode("utf-8", "replace").strip().partition("\n")[0][:200]
    return ZooError(f"dataset spoken-words: {PROGRAM} failed: {line or 'it says nothing'}", hint=f"{PROGRAM} --version")
