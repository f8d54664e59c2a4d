"""Sounds for tests: tones in noise, and the bytes of WAV and FLAC files."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TONES = {"low": 200, "mid": 600, "high": 1800}


def tone(
    hz: float, *, rate: int = 16000, seconds: float = 1.0, noise: float = 0.0, seed: int = 0
) -> NDArray[np.float64]:
    places = np.arange(round(rate * seconds)) / rate
    return 0.4 * np.sin(2 * np.pi * hz * places) + np.random.default_rng(seed).normal(0, noise, len(places))


def wav(samples: NDArray[np.float64], *, rate: int = 16000, width: int = 2) -> bytes:
    """Samples (T,) or (C, T) from -1 to 1 as a WAV of whole numbers of that many bytes."""
    content = io.BytesIO()
    scaled = np.clip(np.rint(np.atleast_2d(samples).T * 2.0 ** (8 * width - 1)), -(2 ** (8 * width - 1)), None)
    whole = np.minimum(scaled, 2 ** (8 * width - 1) - 1).astype(np.int64)
    with wave.open(content, "wb") as file:
        file.setnchannels(whole.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        little = (whole + 128 if width == 1 else whole).astype("<i8")
        file.writeframes(little[..., np.newaxis].view(np.uint8).reshape(-1, 8)[:, :width].tobytes())
    return content.getvalue()


def other_file(
    samples: NDArray[np.float64], *, rate: int = 16000, kind: str = "FLAC", subtype: str = "PCM_16"
) -> bytes:
    """As a FLAC, or a WAV of floats, by soundfile."""
    import soundfile

    content = io.BytesIO()
    soundfile.write(content, np.atleast_2d(samples).T, rate, format=kind, subtype=subtype)
    return content.getvalue()


def sound_folder(root: Path, *, train: int = 12, test: int = 4) -> Path:
    """A folder of classes, each a tone in noise at several rates and lengths."""
    random = np.random.default_rng(7)
    for split, count in (("train", train), ("test", test)):
        for name, hz in TONES.items():
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                rate = int(random.choice([8000, 16000, 22050]))
                seconds = float(random.uniform(0.4, 1.4))
                made = tone(hz * random.uniform(0.9, 1.1), rate=rate, seconds=seconds, noise=0.05, seed=number)
                (folder / f"{number}.wav").write_bytes(wav(made, rate=rate))
    return root
