"""Files, texts and rows made up for a recipe to be tried on."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

WORDS = ("the", "a", "cat", "dog", "sat", "ran", "on", "under", "mat", "café", "2", "!")
"""So few that each is there often enough to be learnt."""

Made = Callable[[np.random.Generator], Any]


def made_up_sources(
    suffixes: Sequence[str], *, takes_text: bool, takes_rows: bool, count: int, random: np.random.Generator
) -> list[Any]:
    """So many texts, rows, or contents of files of the first of these kinds that is known; none where none is.

    They differ in what may differ: lengths, sizes, rates and channels of sounds, cells that are missing.
    """
    own: list[Made] = [*([made_text] * takes_text), *([made_row] * takes_rows)]
    made = next(iter([*own, *(_FILES[suffix] for suffix in suffixes if suffix in _FILES)]), None)
    return [] if made is None else [made(random) for _ in range(count)]


def made_text(random: np.random.Generator, words: Sequence[str] = WORDS) -> str:
    """One to nine words."""
    return " ".join(words[place] for place in random.integers(0, len(words), int(random.integers(1, 10))))


def made_row(random: np.random.Generator) -> dict[str, Any]:
    """Cells as a CSV has them: a number and a category, of which either may be missing."""
    number, category = f"{random.normal(40, 10):.3f}", str(random.choice(["oslo", "rome", "bonn"]))
    missing = int(random.integers(0, 6))
    return {"number": "" if missing == 0 else number, "category": "" if missing == 1 else category}


def made_sound(random: np.random.Generator, *, seconds: float = 0.03) -> bytes:
    """A WAV of one or two channels of noise at 8 or 16 kHz, of about that length."""
    channels, rate = int(random.integers(1, 3)), int(random.choice([8000, 16000]))
    frames = int(rate * seconds * random.uniform(0.5, 1.5))
    samples = random.integers(-20_000, 20_000, (frames, channels)).astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, 2 * rate * channels, 2 * channels, 16)
    head = form + struct.pack("<4sI", b"data", len(samples))
    return b"RIFF" + struct.pack("<I", 4 + len(head) + len(samples)) + b"WAVE" + head + samples


def _array(random: np.random.Generator) -> bytes:
    content = io.BytesIO()
    np.save(content, random.normal(0, 1, int(random.integers(3, 10))).astype(np.float32))
    return content.getvalue()


def _picture(random: np.random.Generator, kind: str) -> bytes:
    from PIL import Image

    content = io.BytesIO()
    # Of one size: a recipe without a resize takes no others.
    Image.fromarray(random.integers(0, 256, (12, 16, 3)).astype(np.uint8)).save(content, kind)
    return content.getvalue()


_FILES: dict[str, Made] = {
    ".wav": made_sound,
    ".npy": _array,
    ".txt": lambda random: made_text(random).encode(),
    ".png": lambda random: _picture(random, "PNG"),
    ".jpg": lambda random: _picture(random, "JPEG"),
    ".bmp": lambda random: _picture(random, "BMP"),
}
