"""The files: each word by each speaker, somewhere in a second of noise; made once, and kept."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from zoo_core import ZooError
from zoo_core.commands import note
from zoo_core.data import FileSplit
from zoo_core.recipes import Recipe, load_recipe

from . import SPLITS, WORDS
from .speakers import ACCENTS, SPEAKERS, Utterance, check_speakers, speak

RATE = 16000
EDITION = 1
"""To be counted up with every change of what is recorded, so that older files are not taken for it."""
SILENCE = 0.005
"""What is below this part of the loudest sample, before and behind a word, is not kept."""


def recorded(root: Path, split: str, *, takes: int, noise: float, seed: int) -> FileSplit:
    """The files of a split, which are made where they are not there.

    Raises ZooError where they have to be made, and espeak-ng cannot or `root` is not to be written.
    """
    folder = root / f"{EDITION}-takes{takes}-noise{noise:g}-seed{seed}" / split
    places = list(_places(split, takes))
    if not folder.is_dir():
        check_speakers(split)
        note(f"spoken-words: espeak-ng speaks {len(places):,} recordings for {split}, kept in {folder}")
        try:
            _record(folder, split, places, noise=noise, seed=seed)
        except OSError as error:
            raise ZooError(f"dataset spoken-words: {folder} cannot be written: {error}", hint="-d root=DIR") from None
    paths = tuple(folder / word / f"{speaker}-{take}.wav" for word, speaker, take in places)
    return FileSplit(paths=paths, targets=np.array([WORDS.index(word) for word, _, _ in places]))


def _places(split: str, takes: int) -> Iterator[tuple[str, str, int]]:
    """Word, speaker and take of each recording, in the order that counts."""
    for word in WORDS:
        for speaker in SPEAKERS[split]:
            for take in range(takes):
                yield word, speaker, take


def _record(folder: Path, split: str, places: list[tuple[str, str, int]], *, noise: float, seed: int) -> None:
    """Make all files of a split. They are there as a whole or not at all, also after Ctrl-C."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder.parent) as temporary:
        made = Path(temporary, split)
        for word in WORDS:
            (made / word).mkdir(parents=True)

        def make(place: tuple[str, str, int]) -> None:
            word, speaker, take = place
            number = WORDS.index(word), SPEAKERS[split].index(speaker), take
            random = np.random.default_rng([seed, SPLITS.index(split), *number])
            (made / word / f"{speaker}-{take}.wav").write_bytes(_recording(split, word, speaker, random, noise))

        with ThreadPoolExecutor(os.cpu_count()) as pool:  # most of the time is spent in espeak-ng
            try:
                for _ in pool.map(make, places):
                    pass
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        with contextlib.suppress(OSError):  # another process was quicker: its files are the same
            made.rename(folder)
    if not folder.is_dir():
        raise OSError(f"{folder.name} could not be put in its place")


def _recording(split: str, word: str, speaker: str, random: np.random.Generator, noise: float) -> bytes:
    accent = str(random.choice(ACCENTS[split]))
    speed, pitch = int(random.integers(120, 210)), int(random.integers(20, 80))
    spoken = speak(Utterance(word=word, accent=accent, speaker=speaker, speed=speed, pitch=pitch))
    samples = random.uniform(0.3, 0.9) * _word(spoken, f"{word} by {accent}+{speaker}")
    place = int(random.integers(0, RATE - len(samples) + 1))
    whole = noise * random.standard_normal(RATE)
    whole[place : place + len(samples)] += samples
    return _wav(whole)


def _word(content: bytes, name: str) -> NDArray[np.float64]:
    """The word alone, at most a second of it, its loudest sample at 1."""
    wave_of = load_recipe(Recipe("waveform", rate=RATE, seconds=2.0))
    samples = np.asarray(wave_of.read(content, name=name)[0], np.float64)
    loudest = np.abs(samples).max()
    if not loudest:
        raise ZooError(f"dataset spoken-words: espeak-ng says nothing for {name}", hint="espeak-ng --version")
    heard = np.flatnonzero(np.abs(samples) > SILENCE * loudest)
    return np.asarray(samples[heard[0] : heard[-1] + 1][:RATE] / loudest)


def _wav(samples: NDArray[np.float64]) -> bytes:
    """A file of 16 bits and one channel."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.clip(np.rint(samples * 32767), -32768, 32767).astype("<i2").tobytes())
    return content.getvalue()
