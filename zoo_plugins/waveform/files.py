"""WAV by Python's own library, FLAC and other kinds of WAV by soundfile."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
from numpy.typing import NDArray

from zoo_core import MissingExtraError, ZooError
from zoo_core.commands import counted
from zoo_core.recipes import MAX_AUDIO_CHANNELS, MAX_AUDIO_SAMPLES, MAX_SAMPLE_RATE

_HINT = "a WAV or FLAC file: for example ffmpeg -i FILE sound.wav"


def read_sound(content: bytes, *, name: str) -> tuple[NDArray[np.float32], int]:
    """The samples of a file, float32 (C, T) from -1 to 1, and their rate.

    Raises ZooError for a damaged file or one beyond the limits, MissingExtraError for one that needs soundfile.
    """
    if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
        found = _from_wave(content, name)
    elif content[:4] == b"fLaC":
        found = None
    else:
        raise ZooError(f"{name} is neither a WAV nor a FLAC file", hint=_HINT)
    samples, rate = found if found is not None else _from_soundfile(content, name)
    if not samples.size:
        raise ZooError(f"{name} is a sound without samples", hint=_HINT)
    return samples, rate


def _from_wave(content: bytes, name: str) -> tuple[NDArray[np.float32], int] | None:
    """What Python's library reads: whole numbers of 8 to 32 bits; None for another kind, such as floats."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            channels, width, rate, frames = file.getparams()[:4]
            _check_limits(channels, rate, min(frames, len(content)), name)
            raw = file.readframes(frames)
    except wave.Error as error:
        if "unknown format" in str(error):
            return None
        raise _damaged(name, str(error)) from None
    except (EOFError, struct.error, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise _damaged(name, str(error) or "it ends too early") from None
    if width not in {1, 2, 3, 4}:
        raise _damaged(name, f"its samples have {width} bytes")
    whole = raw[: len(raw) - len(raw) % (width * channels)]
    return _scaled(whole, width).reshape(-1, channels).T, rate


def _scaled(raw: bytes, width: int) -> NDArray[np.float32]:
    """Whole numbers, little-endian, as floats from -1 to 1; those of 8 bits count from 128."""
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
    if width == 3:
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        raw, width = wide.tobytes(), 4
    numbers = np.frombuffer(raw, f"<i{width}")
    return (numbers.astype(np.float64) / 2.0 ** (8 * width - 1)).astype(np.float32)


def _from_soundfile(content: bytes, name: str) -> tuple[NDArray[np.float32], int]:
    try:
        import soundfile
    except (ImportError, OSError):  # OSError: its library is missing
        raise MissingExtraError(needed_for=f"reading {name}", extra="audio", missing="soundfile") from None
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            _check_limits(file.channels, file.samplerate, file.frames, name)
            samples = file.read(frames=file.frames, dtype="float32", always_2d=True)
            rate = int(file.samplerate)
    except ZooError:
        raise
    except Exception as error:  # noqa: BLE001 what a damaged file raises is no part of soundfile's contract
        raise _damaged(name, str(error).partition("\n")[0][:200]) from None
    return np.ascontiguousarray(samples.T), rate


def _check_limits(channels: int, rate: int, frames: int, name: str) -> None:
    most = MAX_AUDIO_SAMPLES // max(1, channels)
    if not 1 <= channels <= MAX_AUDIO_CHANNELS or not 1 <= rate <= MAX_SAMPLE_RATE or not 0 <= frames <= most:
        size = f"{counted(channels, 'channel')} of {counted(frames, 'sample')}"
        raise ZooError(
            f"{name} has {size} at {rate:,} Hz, more than is read",
            hint=f"{MAX_AUDIO_CHANNELS} channels, {MAX_SAMPLE_RATE:,} Hz and {MAX_AUDIO_SAMPLES:,} samples in all",
        )


def _damaged(name: str, why: str) -> ZooError:
    return ZooError(f"{name} is a sound that cannot be read: {why}", hint=_HINT)
