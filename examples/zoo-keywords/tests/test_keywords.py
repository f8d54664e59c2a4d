from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.fft import dct
from zoo_core import Recipe, ZooError, open_zoo
from zoo_core.data import FileSplit, bind_dataset
from zoo_core.recipes import load_recipe
from zoo_core.testing import TmpZoo, conformance

from zoo_keywords import WORDS, spoken_words, tcresnet
from zoo_keywords.speakers import ACCENTS, PROGRAM, SPEAKERS

FEW = {"takes": 1}
needs_espeak = pytest.mark.skipif(shutil.which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")

test_plugin = conformance("keywords", only=("loads", "imports*", "names-stay-apart"))
test_model = conformance("tcresnet")
test_dataset = needs_espeak(conformance("spoken-words", data=FEW))


def load(root: Path, split: str = "test", **options: Any) -> FileSplit:
    return spoken_words(root, split=split, download=False, **{**FEW, **options})


def tone(*, loudness: float = 0.5, rate: int = 16000) -> NDArray[np.float32]:
    """A sound that rises, with some noise."""
    places = np.arange(rate) / rate
    noise = np.random.default_rng(0).normal(0, 0.1, rate)
    return np.asarray(loudness * (np.sin(2 * np.pi * (300 + 900 * places) * places) + noise), np.float32)


def test_cepstra_are_those_of_scipy() -> None:
    recipe = load_recipe(Recipe("mfcc", coefficients=13, bands=32, hop=200))
    found = recipe.stack([recipe.read(tone(), name="a tone")])[0]
    waveform = load_recipe(Recipe("waveform", mel=32, hop=200))
    bands = waveform.prepare(waveform.stack([waveform.read(tone(), name="a tone")]))[0, 0]
    wanted = dct(bands.astype(np.float64), axis=0, norm="ortho")[:13]
    wanted = (wanted - wanted.mean(1, keepdims=True)) / wanted.std(1, keepdims=True)
    assert found.shape == recipe.shape == (13, 79)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_loudness_does_not_matter_and_silence_is_zero() -> None:
    recipe = load_recipe(Recipe("mfcc"))
    loud, soft = (recipe.read(tone(loudness=each), name="a tone") for each in (0.8, 0.2))
    np.testing.assert_allclose(loud, soft, atol=0.02)
    silence = recipe.read(np.zeros(16000, np.float32), name="silence")
    np.testing.assert_allclose(silence, 0, atol=1e-6)


@pytest.mark.parametrize("coefficients", [0, 41])
def test_coefficients_that_there_are_not(coefficients: int) -> None:
    with pytest.raises(ZooError, match=f"{coefficients} coefficients of 40 bands cannot be"):
        load_recipe(Recipe("mfcc", coefficients=coefficients))


@pytest.mark.parametrize(
    ("options", "message"),
    [({"width": 5}, "width is even and at least 2, not 5"), ({"kernel_size": 4}, "kernel_size is odd")],
)
def test_options_that_the_model_cannot_take(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tcresnet(**options)


def test_nobody_is_heard_in_two_parts() -> None:
    for voices in (SPEAKERS, ACCENTS):
        everybody = [voice for part in voices.values() for voice in part]
        assert len(set(everybody)) == len(everybody)


@needs_espeak
def test_each_speaker_says_each_word_somewhere_in_a_second() -> None:
    bound = bind_dataset(open_zoo().dataset("spoken-words"), {**FEW, "noise": 0.0})
    split = spoken_words(bound.root, split="test", download=False, takes=1, noise=0.0)
    assert len(split) == len(WORDS) * len(SPEAKERS["test"])
    assert {path.stem.rpartition("-")[0] for path in split.paths} == set(SPEAKERS["test"])
    assert [WORDS[number] for number in split.targets] == [path.parent.name for path in split.paths]
    begins = []
    for path in split.paths:
        with wave.open(str(path)) as file:
            assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (16000, 1, 16000)
            samples = np.frombuffer(file.readframes(16000), "<i2") / 32767
        assert 0.29 < np.abs(samples).max() < 0.91
        begins.append(np.flatnonzero(samples)[0])
    assert min(begins) < 2000
    assert max(begins) > 6000


@needs_espeak
def test_the_seed_decides_and_what_is_there_is_kept(tmp_path: Path) -> None:
    first, second, other = (
        load(tmp_path / each, "validation", seed=seed) for each, seed in (("a", 0), ("b", 0), ("a", 1))
    )
    for path, again, differs in zip(first.paths[:6], second.paths[:6], other.paths[:6], strict=True):
        assert path.read_bytes() == again.read_bytes() != differs.read_bytes()
    first.paths[0].write_bytes(b"mine")
    assert load(tmp_path / "a", "validation").paths[0].read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"takes": 0}, "takes is 1 to 100, not 0"),
        ({"noise": 1.5}, "noise is 0.0 to 1.0, not 1.5"),
        ({"seed": -1}, "seed is 0 to"),
    ],
)
def test_options_that_it_cannot_take(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        load(tmp_path, **options)


def test_without_espeak_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ZooError, match="espeak-ng, which speaks the words, is not installed") as raised:
        load(tmp_path / "data")
    assert "apt install espeak-ng" in str(raised.value.hint)
    assert not (tmp_path / "data").exists()


@needs_espeak
def test_a_voice_that_is_missing_is_not_replaced_by_another_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SPEAKERS, "test", ("m6", "nobody"))
    monkeypatch.setitem(ACCENTS, "test", ("en-gb", "en-nowhere"))
    with pytest.raises(ZooError, match="espeak-ng has no voice en-nowhere, nobody"):
        load(tmp_path)


@needs_espeak
@pytest.mark.skipif(os.name == "nt", reason="a program is a shell script here")
def test_what_is_interrupted_leaves_nothing_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / PROGRAM
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\ncase "$1" in --voices*) exec {shutil.which(PROGRAM)} "$1";; esac\n'
        "echo no sound today >&2; exit 3\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(ZooError, match="espeak-ng failed: no sound today"):
        load(tmp_path / "data")
    assert [path for path in (tmp_path / "data").rglob("*") if path.is_file()] == []
    assert not list((tmp_path / "data").glob("*/test"))


@needs_espeak
def test_it_learns_the_words_and_the_file_hears_them_without_torch(tmp_zoo: TmpZoo) -> None:
    words = ("train", "tcresnet", "--dataset", "spoken-words", "-d", "takes=1", "--epochs", "12", "--json")
    trained = tmp_zoo.run(*words)
    assert trained.json["test"]["accuracy"] > 0.5, trained.stderr
    assert tmp_zoo.run("export", "tcresnet-spoken-words", "--json").json["outcome"] == "verified"
    found = [tmp_zoo.run("eval", f"{kind}:tcresnet-spoken-words", "--json").json for kind in ("run", "export")]
    assert found[0]["metrics"] == pytest.approx(found[1]["metrics"], rel=1e-4)
    samples = bind_dataset(open_zoo().dataset("spoken-words"), FEW).load("test")
    paths = [str(path) for path in samples.files[::7]]
    said = tmp_zoo.run("predict", "exported/tcresnet-spoken-words", *paths, "--json").json
    program = (
        "import json, sys; sys.modules['torch'] = None\n"
        "from zoo_core.runtime import open_model\n"
        "answers = open_model('exported/tcresnet-spoken-words')(sys.argv[1:])\n"
        "print(json.dumps([each['label'] for each in answers]))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program, *paths], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [row["label"] for row in said]
    assert {row["label"] for row in said} <= set(WORDS)
