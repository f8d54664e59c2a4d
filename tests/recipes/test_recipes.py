"""Recipes as data: what they may say, how they are found, and datasets whose inputs they make."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_datasets import bound
from sounds import sound_folder, tone, wav

from zoo_core import Preprocess, Recipe, RecipeSpec, TensorSpec, UsageError, ZooError, open_zoo
from zoo_core.data import ArraySplit, FileSplit, bind_dataset
from zoo_core.preprocess import load_pictures
from zoo_core.recipes import as_implementation, load_recipe

LABELS = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "a recipe is an object with its name"),
        ({"recipe": 5}, "a recipe cannot have 'recipe' as '5'"),
        ({"recipe": "text", "extra": 1}, "a recipe cannot have 'extra'"),
        ({"recipe": "text", "fields": {"learnt": 1}}, "a recipe cannot have the field 'learnt'"),
        ({"recipe": "Te xt"}, "is not a name"),
    ],
)
def test_json_that_is_no_recipe_is_told(data: Any, words: str) -> None:
    with pytest.raises(ZooError, match=words):
        Recipe.from_json(data)


def test_a_recipe_is_the_same_after_json() -> None:
    recipe = Recipe("array", source="row", length=5, side="begin", learnt={"a": [1]})
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert recipe.changed(length=6, source="x") == Recipe(
        "array", source="x", length=6, side="begin", learnt={"a": [1]}
    )


def test_a_recipe_that_nobody_offers_is_told() -> None:
    with pytest.raises(UsageError, match="unknown recipe 'waveforms'") as caught:
        load_recipe(Recipe("waveforms"))
    assert "waveform" in str(caught.value.hint)
    with pytest.raises(ZooError, match="the recipe 'sonar' comes from plugin zoo-deep:sonar, which is not installed"):
        load_recipe(Recipe("sonar", plugin="zoo-deep:sonar"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"load": 5}, "load is not callable"),
        ({"suffixes": ("wav",)}, "a suffix is written like '.wav', not 'wav'"),
        ({"suffixes": (".WAV",)}, "a suffix is written like '.wav', not '.WAV'"),
    ],
)
def test_bad_specs_are_told(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ZooError, match=words):
        RecipeSpec(**{"name": "sonar", "summary": "echoes", "load": lambda: None, **changes})


def test_bad_recipes_of_datasets_are_told() -> None:
    for changes, words in (
        ({"recipes": {"sound": Recipe("array")}}, "there is a recipe for 'sound', which is no input"),
        ({"recipes": {"image": "array"}}, "the recipe of 'image' is a str, not a Recipe"),
        ({"recipes": {"image": Recipe("array")}}, "the first input has both preprocess and a recipe"),
    ):
        with pytest.raises(ZooError, match=words):
            bound(**changes)


@pytest.mark.parametrize(
    ("fields", "samples", "expected"),
    [
        ({}, [[1, 2], [3]], [[1, 2], [3, 0]]),
        ({"pad": -1.0, "side": "begin", "multiple": 4}, [[1, 2], [3]], [[-1, -1, 1, 2], [-1, -1, -1, 3]]),
        ({"length": 1}, [[1, 2], [3]], [[1], [3]]),
        ({"gives": "mask", "multiple": 3}, [[1, 2], [3]], [[True, True, False], [True, False, False]]),
        ({"axis": 1}, [[[1, 2]], [[3]]], [[[1, 2]], [[3, 0]]]),
    ],
)
def test_arrays_are_padded_by_a_rule(fields: dict[str, Any], samples: Any, expected: Any) -> None:
    recipe = load_recipe(Recipe("array", **fields))
    read = [recipe.read(np.array(sample), name="a") for sample in samples]
    assert recipe.stack(read).tolist() == expected


def test_arrays_that_cannot_be_padded_are_told() -> None:
    recipe = load_recipe(Recipe("array"))
    with pytest.raises(ZooError, match=r"a has|an array of <U1 of shape \(1,\) has nothing to pad"):
        recipe.read(np.array(["x"]), name="a")
    with pytest.raises(ZooError, match=r"a.npy cannot be read"):
        recipe.read(b"\x93NUMPY", name="a.npy")
    with pytest.raises(ZooError, match="arrays differ along another axis than 0"):
        recipe.stack([np.zeros((2, 1)), np.zeros((2, 2))])
    with pytest.raises(ZooError, match="multiple and length are 1 or more"):
        load_recipe(Recipe("array", multiple=0))


def test_the_recipe_of_pictures_is_the_preprocessing(tmp_path: Path) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    preprocess = Preprocess(resize=(6, 5), mean=(0.1, 0.2, 0.3), std=(0.5,), color="BGR")
    recipe = load_recipe(Recipe.from_json(as_implementation(preprocess).to_json()))
    stored = recipe.stack([recipe.read((tmp_path / "a.png").read_bytes(), name="a.png")])
    assert np.array_equal(recipe.prepare(stored), load_pictures([tmp_path / "a.png"], preprocess))
    assert np.array_equal(recipe.stack([recipe.read(pixels, name="a")]), stored)
    assert recipe.shape == (3, 6, 5)
    for source, words in ((np.zeros((2, 2)), "pixels are uint8"), ("a", "is a str, and no picture")):
        with pytest.raises(ZooError, match=words):
            recipe.read(source, name="a")
    with pytest.raises(ZooError, match="pictures of one input differ in size"):
        recipe.stack([np.zeros((3, 2, 2)), np.zeros((3, 2, 3))])
    with pytest.raises(ZooError, match="resize has up to two numbers and crop two"):
        load_recipe(Recipe("picture", resize=(1, 2, 3)))


def test_a_dataset_of_ragged_arrays_with_a_mask() -> None:
    def load(root: Path, *, split: str, download: bool, pad: float = 0.0) -> ArraySplit:
        random = np.random.default_rng(0)
        arrays = [random.normal(size=length) for length in range(1, 11)]
        return ArraySplit(inputs={"signal": arrays}, targets=LABELS)

    fields = {"source": "signal", "length": 8}
    given = bound(
        load,
        {"pad": 5.0, "val_size": 2},
        preprocess=None,
        classes=("a", "b"),
        inputs={"values": TensorSpec("N", "L"), "own": TensorSpec("N", 8, dtype="bool")},
        recipes={
            "values": Recipe("array", pad=0.0, **fields),
            "own": Recipe("array", gives="mask", dtype="bool", **fields),
        },
    )
    train = given.load("train")
    inputs = train.arrays(slice(None))
    assert inputs["values"].shape == inputs["own"].shape == (8, 8)
    assert (inputs["values"][~inputs["own"]] == 5).all()
    assert not (inputs["values"][inputs["own"]] == 5).any()


def _cities(root: Path, *, split: str, download: bool) -> ArraySplit:
    seen = ["oslo", "rome"] * 5 if split == "train" else ["oslo", "bonn"] * 5
    rows = [{"size": str(place + 100 * (split == "test")), "city": city} for place, city in enumerate(seen)]
    return ArraySplit(inputs={"row": rows}, targets=LABELS)


CITIES: dict[str, Any] = {
    "preprocess": None,
    "classes": ("a", "b"),
    "inputs": {"numbers": TensorSpec("N", "K"), "categories": TensorSpec("N", "C", dtype="int64")},
    "recipes": {name: Recipe("table", source="row", gives=name) for name in ("numbers", "categories")},
}


def test_only_the_training_part_is_learnt_from() -> None:
    given = bound(_cities, {"val_size": 4}, **CITIES)
    assert {name: spec.axes for name, spec in given.inputs.items()} == {"numbers": ("N", 1), "categories": ("N", 1)}
    assert (given.inputs["categories"].low, given.inputs["categories"].high) == (0, 4)
    train, test = given.load("train"), given.load("test")
    assert len(train) == 6
    assert abs(train.inputs["numbers"].mean()) < 1e-6
    assert np.unique(test.inputs["categories"]).tolist() == [1, 2]
    assert test.inputs["numbers"].min() > 20


def test_recipes_that_were_learnt_before_are_used_as_they_are() -> None:
    first = bound(_cities, {"val_size": 4}, **CITIES)

    def other(root: Path, *, split: str, download: bool) -> ArraySplit:
        return _cities(root, split="test", download=download)

    again = bind_dataset(open_zoo().dataset("table-file"), {"target": "x"}, recipes=first.recorded_recipes)
    assert again.recipes["numbers"].to_json() == first.recipes["numbers"].to_json()
    relearnt = bound(other, {"val_size": 4}, **CITIES)
    assert relearnt.recipes["numbers"].to_json() != first.recipes["numbers"].to_json()


def test_folders_of_sounds_are_a_dataset(tmp_path: Path) -> None:
    root = sound_folder(tmp_path, train=4, test=2)
    given = bind_dataset(
        open_zoo().dataset("audio-folder"), {"root": str(root), "rate": "8000", "mel": "20", "val_size": 3}
    )
    assert given.inputs["spectrogram"].axes == ("N", 1, 20, 48)
    test = given.load("test")
    assert test.batch(slice(0, 2)).shape == (2, 1, 20, 48)
    assert test.classes == ("high", "low", "mid")
    assert given.recorded_recipes["spectrogram"].fields["rate"] == 8000
    (root / "test" / "low" / "0.wav").write_bytes(b"RIFF")
    with pytest.raises(ZooError, match="1 of 6 samples cannot be read"):
        bind_dataset(open_zoo().dataset("audio-folder"), {"root": str(root)}).load("test")
    (root / "test" / "low" / "x.mp3").touch()
    skipped = bind_dataset(open_zoo().dataset("audio-folder"), {"root": str(root), "skip_bad": "true"})
    assert skipped.skipped(skipped.load("test")) == ("test/low/0.wav", "test/low/x.mp3")


def test_files_are_read_by_every_recipe_of_one_source(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(tone(300, seconds=0.1)))

    def load(root: Path, *, split: str, download: bool) -> FileSplit:
        return FileSplit(paths=(path,) * 10, targets=LABELS)

    fields = {"source": "sound", "seconds": 0.05}
    both: dict[str, Any] = {
        "wave": Recipe("waveform", **fields),
        "picture": Recipe("waveform", mel=20, **fields),
    }
    inputs = {"wave": TensorSpec("N", 1, "T"), "picture": TensorSpec("N", 1, "B", "T")}
    test = bound(load, preprocess=None, classes=("a", "b"), inputs=inputs, recipes=both).load("test")
    assert {name: array.shape for name, array in test.arrays(slice(0, 2)).items()} == {
        "wave": (2, 1, 800),
        "picture": (2, 1, 20, 3),
    }
    alone = bound(load, preprocess=None, classes=("a", "b"), inputs=inputs, recipes={"wave": both["wave"]})
    with pytest.raises(ZooError, match="each sample is a file, and not every input can be made of it"):
        alone.load("test")


def test_two_files_a_sample_are_two_lists_of_paths(tmp_path: Path) -> None:
    for name, hz in (("a", 300), ("b", 600)):
        (tmp_path / f"{name}.wav").write_bytes(wav(tone(hz, seconds=0.1)))

    def load(root: Path, *, split: str, download: bool) -> ArraySplit:
        paths = {name: [tmp_path / f"{name}.wav"] * 10 for name in "ab"}
        return ArraySplit(inputs=paths, targets=LABELS)

    recipes = {name: Recipe("waveform", seconds=0.05) for name in "ab"}
    given = bound(
        load, preprocess=None, classes=("a", "b"), inputs=dict.fromkeys("ab", TensorSpec("N", 1, "T")), recipes=recipes
    )
    arrays = given.load("test").arrays(slice(0, 1))
    assert not np.array_equal(arrays["a"], arrays["b"])


@pytest.mark.parametrize("limit", [1, 1 << 30])
def test_the_feed_gives_what_the_samples_give(limit: int, tmp_path: Path) -> None:
    from zoo_core.training import Feed

    root = sound_folder(tmp_path, train=4, test=2)
    train = bind_dataset(open_zoo().dataset("audio-folder"), {"root": str(root), "val_size": "3"}).load("train")
    fed = np.concatenate([inputs.numpy() for inputs, _ in Feed(train, batch_size=4, ready_bytes=limit).in_order()])
    assert np.array_equal(fed, train.batch(slice(None)))
    shuffled, targets = next(Feed(train, batch_size=4, ready_bytes=limit).shuffled(seed=0, epoch=1))
    assert len(shuffled) == len(targets) == 4


def test_a_file_of_bytes_is_opened_by_nobody_but_the_core() -> None:
    recipe = load_recipe(Recipe("array"))
    content = io.BytesIO()
    np.save(content, np.arange(3))
    assert recipe.read(content.getvalue(), name="a.npy").tolist() == [0, 1, 2]


LETTERS = """
    from zoo_core import DatasetSpec, ModelSpec, Recipe, RecipeSpec, TensorSpec, hookimpl

    def letters(*, length: int = 8):
        import numpy as np
        from zoo_core.recipes import InputRecipe, padded

        class Letters(InputRecipe):
            takes_text = True
            shape = (length,)
            values = (0, 128)

            def read(self, source, *, name):
                return np.array([ord(letter) % 128 for letter in source], np.int64)

            def stack(self, samples):
                return padded(samples, length=length)

        return Letters()

    def load(root, *, split, download, length: int = 6):
        import numpy as np
        from zoo_core.data import ArraySplit

        return ArraySplit(inputs={"letters": ["aaab", "bbba"] * 20}, targets=np.array([0, 1] * 20))

    def build(*, length: int = 8, values: int = 128, num_classes: int = 2):
        from torch import nn

        return nn.Sequential(nn.Embedding(values, 4), nn.Flatten(), nn.Linear(4 * length, num_classes))

    @hookimpl
    def zoo_recipes():
        yield RecipeSpec(name="letters", summary="Letters as numbers", load=letters, suffixes=(".txt",))
        yield RecipeSpec(name="sonar", summary="echoes", load=lambda: 5)

    @hookimpl
    def zoo_datasets():
        inputs = {"letters": TensorSpec("N", "length", dtype="int64", low=0)}
        for name, recipe in (("notes", Recipe("letters", length=0)), ("echoes", Recipe("sonar"))):
            yield DatasetSpec(name=name, load=load, task="text-classification", summary="words", inputs=inputs,
                              recipes={"letters": recipe}, classes=("a", "b"))

    @hookimpl
    def zoo_models():
        yield ModelSpec(name="speller", build=build, task="text-classification", summary="letters",
                        inputs={"letters": TensorSpec("N", "length", dtype="int64", low=0, high="values")},
                        outputs={"logits": TensorSpec("N", "num_classes")})
"""


@pytest.mark.heavy
def test_a_stranger_offers_a_recipe(fake_distribution: Any, run_zoo: Any, tmp_path: Path) -> None:
    fake_distribution("zoo-letters", LETTERS)
    listed = {row["name"]: row["plugin"] for row in run_zoo("list", "recipes", "--json").json}
    assert listed["letters"] == "zoo-letters:zoo-letters"
    assert listed["waveform"] == "zoo-core:waveform"
    assert run_zoo("info", "recipe:letters", "--json").json["suffixes"] == [".txt"]
    done = run_zoo("train", "speller", "--dataset", "notes", "-d", "length=5", "--epochs", "3", "--run", "a")
    assert done.code == 0, done.stderr
    record = json.loads((tmp_path / "runs" / "a" / "run.json").read_text())
    assert record["recipes"]["letters"] == {
        "recipe": "letters",
        "plugin": "zoo-letters:zoo-letters",
        "fields": {"length": 5},
    }
    assert (record["options"]["length"], record["options"]["values"]) == (5, 128)
    assert run_zoo("eval", "a").code == 0
    wrong = run_zoo("train", "speller", "--dataset", "echoes")
    assert (wrong.code, wrong.stderr.splitlines()[0]) == (1, "Error: recipe sonar is implemented by a int")


def test_values_beyond_those_that_a_model_takes_are_told() -> None:
    from zoo_core import bound_tensors, match_options

    model = open_zoo().model("textcnn")
    offered = {
        "tokens": TensorSpec("N", 8, dtype="int64", low=0, high=50),
        "mask": TensorSpec("N", 8, dtype="bool"),
    }
    options = match_options(model, {}, dataset="texts", inputs=offered, num_classes=2)
    assert (options["vocabulary"], options["length"]) == (50, 8)
    assert bound_tensors(model, options)[0]["tokens"].high == 50
    with pytest.raises(ZooError, match="takes values up to 39, but those of dataset texts go up to 49") as caught:
        match_options(model, {"vocabulary": 40}, dataset="texts", inputs=offered, num_classes=2)
    assert caught.value.hint == "drop -o vocabulary"


def test_a_file_for_each_split(tmp_path: Path) -> None:
    table = b"a,label\n" + b"1,x\n2,y\n" * 5
    bind = open_zoo().dataset("table-file")
    (tmp_path / "train.csv").write_bytes(table)
    (tmp_path / "test.csv").write_bytes(table[:16])
    given = bind_dataset(bind, {"root": str(tmp_path), "target": "label"})
    assert [len(given.load(split)) for split in ("train", "validation", "test")] == [8, 2, 2]
    (tmp_path / "test.parquet").write_bytes(b"")
    with pytest.raises(ZooError, match=r"has two files for one split: test.csv and test.parquet"):
        bind_dataset(bind, {"root": str(tmp_path), "target": "label"}).load("test")
    for options, words in (
        ({"target": "labels"}, "has no column 'labels', but 'a', 'label'"),
        ({"target": "label", "drop": "a"}, "has no column beside label"),
    ):
        with pytest.raises(ZooError, match=words):
            bind_dataset(bind, {"root": str(tmp_path / "train.csv"), **options}).load("train")
