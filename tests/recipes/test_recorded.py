"""The recipe of a dataset: shown before anything is read, fixed after a training, learnt of data that come later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zoo_core import Recipe, TensorSpec, UsageError, open_zoo
from zoo_core.recipes import learning, load_recipe
from zoo_core.workflows.answers.prepared import bind_prepared


def test_info_shows_the_recipe_of_each_input_with_the_options_in_force(zoo_here: Any) -> None:
    shown = zoo_here("info", "audio-folder", "-d", "rate=8000").stdout
    assert "recipe      spectrogram: waveform rate=8000 seconds=1.0 mel=40\n" in shown
    shown = zoo_here("info", "text-file").stdout
    assert "recipe      mask: text gives=mask text=text length=64 most=5000 least=2 (of text)\n" in shown
    found = zoo_here("info", "audio-folder", "-d", "rate=8000", "--json").json
    assert found["recipes"]["spectrogram"]["fields"]["rate"] == 8000
    assert zoo_here("info", "digits", "--json").json["recipes"] == {}


WAVE = {"spectrogram": Recipe("waveform", rate=16000, seconds=1.0, mel=40)}
SPECTROGRAM = {"spectrogram": TensorSpec("N", 1, 40, 98)}


def test_an_option_that_would_change_what_was_trained_is_refused() -> None:
    sounds = open_zoo().dataset("audio-folder")
    for given, told in (("8000", "rate=8000 cannot be: the model was trained with rate=16000"), ("0", "rate=0 cannot")):
        with pytest.raises(UsageError, match=told) as caught:
            bind_prepared(sounds, {"rate": given}, recipe=None, inputs=SPECTROGRAM, recipes=WAVE)
        assert (caught.value.exit_code, caught.value.hint) == (2, "leave out -d rate")
    same = bind_prepared(sounds, {"rate": "16000"}, recipe=None, inputs=SPECTROGRAM, recipes=WAVE)
    assert same.options["rate"] == 16000
    assert bind_prepared(sounds, {"rate": "8000"}, recipe=None, inputs=SPECTROGRAM).options["rate"] == 8000


def test_the_column_of_another_table_may_have_another_name(tmp_path: Path) -> None:
    texts = open_zoo().dataset("text-file")
    recorded = learning(load_recipe(Recipe("text", text="review", length=4, least=1)), ["a b", "b c"]).recipe
    inputs = {name: TensorSpec("N", 4, dtype="int64", low=0, high=6) for name in ("tokens", "mask")}
    recipes = {"tokens": recorded, "mask": recorded.changed(gives="mask")}
    (tmp_path / "t.csv").write_text("words,label\nb c,x\na,y\n")
    asked = {"text": "words", "root": str(tmp_path / "t.csv"), "val_size": "1", "stratified": "false"}
    bound = bind_prepared(texts, asked, recipe=None, inputs=inputs, recipes=recipes)
    assert bound.load("train").inputs["tokens"].shape == (1, 4)
    with pytest.raises(UsageError, match="length=9 cannot be: the model was trained with length=4, as the recipe of"):
        bind_prepared(texts, {**asked, "length": "9"}, recipe=None, inputs=inputs, recipes=recipes)


CODE = """
from zoo_core import DatasetSpec, Recipe, TensorSpec, ZooError, hookimpl


def load(root, *, split, download, length: int = 8):
    import numpy as np
    from zoo_core.data import ArraySplit

    file = root / "texts.txt"
    if not file.exists():
        if not download:
            raise ZooError("there are no texts here", hint="--download")
        root.mkdir(parents=True, exist_ok=True)
        file.write_text("\\n".join(["good fine great", "bad poor awful"] * 60))
    lines = file.read_text().splitlines()
    lines = lines[:90] if split == "train" else [f"{line} only{number}" for number, line in enumerate(lines[90:])]
    texts = np.array(lines, object)
    return ArraySplit(inputs={"text": texts}, targets=np.array([line.startswith("bad") for line in lines]).astype(int))


@hookimpl
def zoo_datasets():
    yield DatasetSpec(
        name="fetched", load=load, task="text-classification", summary="fetched", classes=("good", "bad"),
        inputs={
            "tokens": TensorSpec("N", "length", dtype="int64", low=0),
            "mask": TensorSpec("N", "length", dtype="bool"),
        },
        recipes={name: Recipe("text", source="text", gives=name, length=8, least=1) for name in ("tokens", "mask")},
        download_bytes=1000, splits=("train", "test"), source="https://example.org",
    )
"""


@pytest.mark.heavy
def test_a_dataset_is_fetched_before_its_vocabulary_is_learnt(
    run_zoo: Any, fake_distribution: Any, tmp_path: Path
) -> None:
    fake_distribution("zoo-fetched", CODE, entries={"fetched": "zoo_fetched"})
    home = {"ZOO_DATA": str(tmp_path / "data")}
    mistyped = run_zoo("train", "textcnn", "--dataset", "fetched", "--download", "-o", "widht=3", env=home)
    assert (mistyped.code, (tmp_path / "data").exists()) == (2, False)
    few = ("--dataset", "fetched", "--epochs", "1", "--run", "a", "--download")
    assert run_zoo("train", "textcnn", *few, env=home).code == 0
    record = json.loads((tmp_path / "runs" / "a" / "run.json").read_text())
    vocabulary = record["recipes"]["tokens"]["learnt"]["tokenizer"]["model"]["vocab"]
    assert sorted(vocabulary) == sorted(["[PAD]", "[UNK]", *["good", "fine", "great", "bad", "poor", "awful"]])
    assert record["options"]["vocabulary"] == len(vocabulary)
