"""The recipe of sounds: files to numbers, another rate, lengths, channels, and spectrograms beside torchaudio's."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest
import soundfile
import torch
import torchaudio
from sounds import other_file, tone, wav

from zoo_core import MissingExtraError, Recipe, UsageError, ZooError
from zoo_core.recipes import load_recipe
from zoo_plugins.waveform.resampling import resampled


def read(content: object, **fields: object) -> np.ndarray:
    return load_recipe(Recipe("waveform", **fields)).read(content, name="a.wav")


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_whole_numbers_of_any_width_are_read_without_soundfile(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    samples = tone(300, noise=0.01)
    found = read(wav(samples, width=width))
    assert found.shape == (1, 16000)
    assert found.dtype == np.float32
    assert np.abs(found[0] - samples).max() <= 0.51 / 2 ** (8 * width - 1) + 1e-7


@pytest.mark.parametrize(("kind", "subtype"), [("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("WAV", "FLOAT")])
def test_other_files_are_read_as_soundfile_reads_them(kind: str, subtype: str) -> None:
    samples = np.stack([tone(300), tone(500)])
    found = read(other_file(samples, kind=kind, subtype=subtype), channels=2)
    assert np.abs(found - samples).max() < 1e-4
    assert not np.array_equal(found[0], found[1])


def test_flac_without_soundfile_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    content = other_file(tone(300))
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtraError, match="soundfile"):
        read(content)


def test_channels_are_mixed_or_repeated() -> None:
    both = np.stack([tone(300), tone(500)])
    assert np.allclose(read(wav(both))[0], both.mean(axis=0), atol=1e-4)
    assert np.array_equal(*read(wav(both[0]), channels=2))


def test_a_short_sound_gets_silence_and_a_long_one_is_cut_at_both_ends() -> None:
    short = read(wav(np.full(100, 0.5)), seconds=0.01)
    assert np.flatnonzero(short[0]).tolist() == list(range(30, 130))
    ramp = np.arange(320) / 1000
    assert np.allclose(read(wav(ramp), seconds=0.01)[0], ramp[80:240], atol=1e-4)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_another_rate_keeps_a_tone_and_its_place(rate: int) -> None:
    made = read(wav(tone(440, rate=rate), rate=rate))[0]
    inside = slice(200, -200)
    assert np.abs(made[inside] - tone(440)[inside]).max() < 1e-3


def test_what_the_lower_rate_cannot_hold_is_gone() -> None:
    assert np.abs(read(wav(tone(7000)), rate=8000)[0, 100:-100]).max() < 1e-3


@pytest.mark.parametrize(("rate", "wanted"), [(44100, 16000), (8000, 16000)])
def test_resampling_is_close_to_that_of_torchaudio(rate: int, wanted: int) -> None:
    quiet = np.convolve(np.random.default_rng(0).normal(0, 0.1, rate), np.hanning(64) / 32, "same")
    theirs = torchaudio.functional.resample(torch.from_numpy(quiet), rate, wanted, lowpass_filter_width=16)
    ours = read(wav(quiet, rate=rate, width=4), rate=wanted)[0]
    assert np.abs(ours - theirs.numpy())[300:-300].max() < 2e-3


@pytest.mark.parametrize(("rate", "window", "hop", "bands"), [(16000, 400, 160, 40), (8000, 256, 80, 20)])
def test_spectrograms_are_those_of_torchaudio(rate: int, window: int, hop: int, bands: int) -> None:
    recipe = load_recipe(Recipe("waveform", rate=rate, mel=bands, window=window, hop=hop))
    waves = np.stack([recipe.read(wav(tone(hz, rate=rate, noise=0.1), rate=rate), name="a") for hz in (300, 900)])
    theirs = torchaudio.transforms.MelSpectrogram(
        rate, n_fft=window, hop_length=hop, n_mels=bands, center=False, norm=None, mel_scale="htk"
    )
    expected = (theirs(torch.from_numpy(waves)) + 1e-6).log().numpy()
    found = recipe.prepare(waves)
    assert found.dtype == np.float32
    assert found.shape[1:] == recipe.shape == expected.shape[1:]
    assert np.abs(found - expected).max() < 1e-4


def test_a_spectrogram_does_not_depend_on_its_batch() -> None:
    recipe = load_recipe(Recipe("waveform", mel=20))
    waves = np.stack([tone(hz, noise=0.1)[np.newaxis] for hz in (300, 500, 900)]).astype(np.float32)
    assert np.array_equal(recipe.prepare(waves)[1:2], recipe.prepare(waves[1:2]))


def _header(**changes: int) -> bytes:
    content = bytearray(wav(tone(300, seconds=0.01)))
    places = {"channels": (22, 2), "rate": (24, 4), "bits": (34, 2)}
    for name, value in changes.items():
        start, size = places[name]
        content[start : start + size] = value.to_bytes(size, "little")
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"ID3\x04", "is neither a WAV nor a FLAC file"),
        (b"RIFF\x04\0\0\0WAVE", "is a sound that cannot be read"),
        (wav(np.zeros(0)), "is a sound without samples"),
        (_header(rate=10**9), "at 1,000,000,000 Hz, more than is read"),
        (_header(channels=1000), "has 1,000 channels"),
        (_header(bits=40), "its samples have 5 bytes"),
        (b"fLaC" + bytes(40), "is a sound that cannot be read"),
        (other_file(np.full(10, np.nan), kind="WAV", subtype="FLOAT"), "has samples that are no finite numbers"),
        ("a text", "is no sound"),
    ],
)
def test_what_is_no_sound_is_told(content: object, words: str) -> None:
    with pytest.raises(ZooError, match=words) as caught:
        read(content)
    assert "a.wav" in caught.value.message


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rate": 10}, "10 Hz, 1.0 s and 1 channels cannot be"),
        ({"seconds": 0.0}, "0.0 s"),
        ({"mel": 40, "hop": 500}, "windows of 400 samples, 500 apart, do not fit"),
        ({"mel": 40, "high_hz": 9000.0}, "40 bands from 0 to 9000 Hz cannot be"),
        ({"mels": 40}, "mels"),
        ({"rate": "fast"}, "rate takes int"),
    ],
)
def test_fields_that_cannot_be_are_told(fields: dict[str, object], words: str) -> None:
    with pytest.raises((ZooError, UsageError), match=words):
        load_recipe(Recipe("waveform", **fields))


def test_soundfile_reads_a_wav_alike() -> None:
    samples, rate = soundfile.read(io.BytesIO(wav(tone(300), width=2)))
    assert rate == 16000
    assert np.allclose(read(wav(tone(300), width=2))[0], samples, atol=1e-7)


@pytest.mark.parametrize(("rate", "wanted"), [(8000, 11025), (44100, 8000), (8000, 8000)])
def test_the_middle_alone_is_as_it_is_in_the_whole(rate: int, wanted: int) -> None:
    samples = np.random.default_rng(3).normal(size=(2, 700)).astype(np.float32)
    whole = resampled(samples, rate, wanted)
    begin = (whole.shape[1] - 101) // 2
    assert np.array_equal(resampled(samples, rate, wanted, most=101), whole[:, begin : begin + 101])
    assert np.array_equal(resampled(samples, rate, wanted, most=10_000), whole)


def test_a_file_that_says_one_sample_a_second_does_not_take_hours() -> None:
    """Its million of samples would be sixteen thousand millions."""
    assert resampled(np.ones((1, 1_000_000), np.float32), 1, 16000, most=10).shape == (1, 10)


def test_a_recipe_of_more_samples_than_a_file_may_have_is_refused() -> None:
    with pytest.raises(ZooError, match="1 channel of 460,800,000 samples are too many"):
        load_recipe(Recipe("waveform", rate=768_000, seconds=600.0))
