"""`zoo eval`: a run with torch, an exported file with onnxruntime; the same numbers, and classes that must agree."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mask_files import filter_bank, light_mask
from onnx_files import brightness_metadata, brightness_model, write_digits, write_model
from PIL import Image

from zoo_core import Preprocess, open_zoo
from zoo_core.cli.class_table import class_table
from zoo_core.data import bind_dataset
from zoo_core.runtime.running.model import open_model


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_digits(tmp_path_factory.mktemp("digits"))


@pytest.fixture
def export(bundle: Path, tmp_path: Path) -> Path:
    shutil.copytree(bundle.parents[1], tmp_path / "exported")
    return tmp_path / "exported" / "linear-digits" / "model.onnx"


@pytest.mark.parametrize("arguments", [[], ["--dataset", "digits"], ["--dataset", "dataset:digits", "--split", "test"]])
def test_an_export_on_its_own_dataset(arguments: list[str], run_zoo: Callable[..., Any], export: Path) -> None:
    done = run_zoo("eval", "linear-digits", *arguments, "--json")
    assert (done.code, done.stderr) == (0, "")
    assert set(done.json) == {"metrics", "n", "split", "details", "skipped", "same_data", "remarks"}
    assert [row["label"] for row in done.json["details"]["classes"]] == list("0123456789")
    matrix = np.array(done.json["details"]["confusion"])
    assert matrix.sum() == 360
    assert matrix.trace() / 360 == done.json["metrics"]["accuracy"]
    assert (done.json["n"], done.json["split"]) == (360, "test")
    samples = bind_dataset(open_zoo().dataset("digits"), {}).load("test")
    logits = open_model(export).run({"image": samples.batch(slice(0, 360))})["logits"].astype(np.float64)
    assert done.json["metrics"]["accuracy"] == (logits.argmax(1) == samples.targets).mean() > 0.9
    losses = np.log(np.exp(logits).sum(1)) - logits[np.arange(360), samples.targets]
    assert done.json["metrics"]["loss"] == pytest.approx(losses.mean(), rel=1e-6)


def test_text_for_people(run_zoo: Callable[..., Any], export: Path) -> None:
    done = run_zoo("eval", "linear-digits", "--split", "validation")
    assert (done.code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "linear-digits: 180 samples, split validation"
    assert [line.split()[0] for line in lines[1:7]] == ["loss", "accuracy", "top5", "precision", "recall", "f1"]
    assert lines[8].split() == ["CLASS", "PRECISION", "RECALL", "F1", "N"]
    assert [line.split()[0] for line in lines[9:19]] == list("0123456789")
    assert sum(int(line.split()[-1]) for line in lines[9:19]) == 180
    assert lines[-1] == "Next: zoo predict linear-digits PICTURE..."


def test_the_recipe_is_that_of_the_model(run_zoo: Callable[..., Any], tmp_path: Path) -> None:
    """An export trained with another normalisation is fed with its own, not with that of the dataset."""
    swapped = Preprocess(resize=(28, 28), color="L", mean=(1.0,), std=(-1.0,))
    write_digits(tmp_path, preprocess=swapped)
    wrong = run_zoo("eval", "linear-digits", "--json").json["metrics"]["accuracy"]
    assert wrong < 0.7


def test_recorded_options_hold_unless_others_are_given(run_zoo: Callable[..., Any], tmp_path: Path) -> None:
    trained_on = {"name": "digits", "plugin": "zoo-core:digits", "options": {"val_size": 50, "size": 28, "classes": []}}
    write_digits(tmp_path, dataset=trained_on)
    assert run_zoo("eval", "linear-digits", "--split", "validation", "--json").json["n"] == 50
    assert run_zoo("eval", "linear-digits", "--split", "validation", "-d", "val_size=30", "--json").json["n"] == 30


def test_another_dataset_of_the_same_classes(run_zoo: Callable[..., Any], export: Path, tmp_path: Path) -> None:
    """Pictures of any size and colour, from the user's folder."""
    samples = bind_dataset(open_zoo().dataset("digits"), {}).load("test")
    for index in range(60):
        folder = tmp_path / "mine" / "test" / samples.classes[samples.targets[index]]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = Image.fromarray(samples.main[index, 0]).convert("RGB")
        pixels.save(folder / f"{index}.png")
        (tmp_path / "mine" / "train" / folder.name).mkdir(parents=True, exist_ok=True)
        for copy in range(12):
            pixels.save(tmp_path / "mine" / "train" / folder.name / f"{copy}.png")
    done = run_zoo("eval", "linear-digits", "--dataset", "image-folder", "-d", "root=mine", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert (done.json["n"], done.json["split"]) == (60, "test")
    assert done.json["metrics"]["accuracy"] > 0.85


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing"], 2, "unknown run or export 'nothing'"),
        (["linear-digit"], 2, "Did you mean 'linear-digits'?"),
        (["run:linear-digits"], 2, "linear-digits"),
        (["linear-digits", "--dataset", "digit"], 2, "Did you mean 'digits'"),
        (["linear-digits", "--split", "tset"], 2, "has no split 'tset'\nHint: Did you mean 'test'?"),
        (["linear-digits", "-d", "clases=1"], 2, "has no option 'clases'\nHint: Did you mean 'classes'?"),
        (["linear-digits", "-d", "val_size=x"], 2, "val_size takes int"),
        (["linear-digits", "-d", "size=20"], 1, "shape (64, 1, 20, 20), and must be (N, 1, 28, 28)"),
        (
            ["linear-digits", "-d", "classes=7,8"],
            1,
            "the classes of dataset digits are not those of export 'linear-digits'; only in the model: 0, 1, 2, 3, 4",
        ),
    ],
)
def test_what_does_not_fit(
    arguments: list[str], code: int, words: str, run_zoo: Callable[..., Any], export: Path
) -> None:
    done = run_zoo("eval", *arguments, "--json")
    assert (done.code, done.stdout) == (code, "")
    assert words in done.stderr


MASK_DATA = """
    import numpy as np
    from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl
    from zoo_core.data import ArraySplit

    def load(root, *, split, download):
        generator = np.random.default_rng(len(split))
        pictures = generator.integers(0, 256, (9, 8, 8)).astype(np.uint8)
        masks = (pictures > 150).astype(np.uint8)
        masks[:, 0] = 255
        return ArraySplit(inputs=pictures, targets=masks)

    @hookimpl
    def zoo_datasets():
        yield DatasetSpec(
            name="lights", load=load, task="semantic-segmentation", summary="bright places",
            inputs={"image": TensorSpec("N", 1, 8, 8)}, classes=("ground", "light"),
            preprocess=Preprocess(color="L"),
        )
"""


def test_an_export_that_gives_masks(
    run_zoo: Callable[..., Any], fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    fake_distribution("lights", MASK_DATA)
    light_mask(tmp_path)
    done = run_zoo("eval", "light", "--dataset", "lights", "--json")
    assert (done.code, done.stderr) == (0, "")
    assert list(done.json["metrics"]) == ["loss", "iou_mean", "dice", "pixel_accuracy"]
    ground, light = done.json["details"]["classes"]
    assert (ground["label"], light["label"]) == ("ground", "light")
    assert done.json["metrics"]["iou_mean"] == (ground["iou"] + light["iou"]) / 2
    # what is above 127 is decided to be light, what is above 150 is light
    assert ground["precision"] == light["recall"] == 1.0
    assert 0.5 < ground["recall"] < 1
    assert sum(map(sum, done.json["details"]["confusion"])) == ground["n"] + light["n"] == 9 * 7 * 8
    told = run_zoo("eval", "light", "--dataset", "lights")
    assert f"  {'pixel_accuracy':<15}{done.json['metrics']['pixel_accuracy']:.4f}" in told.stdout.splitlines()
    assert "CLASS   IOU     DICE    PRECISION  RECALL  N" in told.stdout


def test_another_task_than_that_of_the_dataset(run_zoo: Callable[..., Any], tmp_path: Path) -> None:
    light_mask(tmp_path)
    done = run_zoo("eval", "light", "--dataset", "digits")
    assert (done.code, done.stdout) == (1, "")
    words = "export 'light' is for semantic-segmentation, dataset 'digits' for image-classification"
    assert words in done.stderr
    filter_bank(tmp_path, np.ones((1, 1, 3, 3)))
    nothing = run_zoo("eval", "filter", "--dataset", "digits")
    assert (nothing.code, nothing.stdout) == (1, "")
    assert "image-filter has no metrics: there is no truth" in nothing.stderr


def test_of_many_classes_the_weakest_are_shown() -> None:
    rows = [{"label": f"c{index}", "f1": index / 50 if index else None, "n": index} for index in range(50)]
    lines = class_table(rows)
    assert [line.split()[0] for line in lines[1:-1]] == [f"c{index}" for index in range(1, 21)]
    assert lines[-1] == "  the 20 weakest of 50 classes; --json has all of them"
    assert class_table(rows[:2])[1].split() == ["c0", "-", "0"]
    assert [line.split() for line in class_table([{"label": "a"}, {"n": 3}])[1:]] == [["a", "-"], ["-", "3"]]
    boxes = [{"label": row["label"], "map": row["f1"], "recall": 1.0, "n": row["n"]} for row in rows]
    assert [line.split()[0] for line in class_table(boxes)[1:-1]] == [f"c{index}" for index in range(1, 21)]


def test_a_file_that_has_changed_since_it_was_checked_is_told_of(run_zoo: Callable[..., Any], export: Path) -> None:
    assert "Warning" not in run_zoo("eval", "linear-digits").stderr
    export.with_name("report.json").write_text('{"files": {"model.onnx": "0"}}')
    assert (
        "Warning: exported/linear-digits/report.json is about another model.onnx"
        in run_zoo("eval", "linear-digits").stderr
    )


def test_classes_in_another_order(run_zoo: Callable[..., Any], tmp_path: Path) -> None:
    write_digits(tmp_path, labels=tuple("1023456789"))
    done = run_zoo("eval", "linear-digits")
    assert done.code == 1
    assert "the order differs: 0, 1, 2, 3" in done.stderr
    assert "Hint: choose the classes, in the order of the model, with -d classes=A,B,..." in done.stderr
    again = run_zoo("eval", "linear-digits", "-d", "classes=1,0,2,3,4,5,6,7,8,9", "--json")
    assert (again.code, again.json["n"]) == (0, 360)


def test_classes_of_something_else(run_zoo: Callable[..., Any], tmp_path: Path) -> None:
    write_model(tmp_path / "model.onnx", brightness_model(), brightness_metadata())
    done = run_zoo("eval", "model.onnx", "--dataset", "digits")
    assert done.code == 1
    assert (
        "only in the dataset: 0, 1, 2, 3, 4, 5, 6, 7, ... (10); only in the model: dark, middle, bright" in done.stderr
    )


def test_an_export_that_does_not_say_its_dataset(run_zoo: Callable[..., Any], tmp_path: Path) -> None:
    write_digits(tmp_path, dataset=None)
    done = run_zoo("eval", "linear-digits")
    assert (done.code, done.stdout) == (2, "")
    assert "does not say what it was trained on\nHint: name a dataset: --dataset D" in done.stderr
    assert run_zoo("eval", "linear-digits", "--dataset", "digits").code == 0


def test_a_run_and_a_run_with_the_name_of_an_export(run_zoo: Callable[..., Any], tmp_path: Path) -> None:
    trained = run_zoo(
        "train", "mlp", "--dataset", "digits", "--epochs", "2", "--run", "linear-digits", "-o", "hidden=16", "--json"
    )
    assert trained.code == 0, trained.stderr
    done = run_zoo("eval", "linear-digits", "--json")
    assert (done.code, done.json["split"]) == (0, "test")
    assert done.json["metrics"] == pytest.approx(trained.json["test"])
    validation = run_zoo("eval", "run:linear-digits", "--split", "validation")
    accuracy = trained.json["validation"]["accuracy"]
    assert f"  {'accuracy':<12}{accuracy:.4f}" in validation.stdout.splitlines()
    assert validation.stdout.splitlines()[-1] == "Next: zoo export linear-digits"
    write_digits(tmp_path)
    clash = run_zoo("eval", "linear-digits")
    assert clash.code == 2
    assert "run:linear-digits or export:linear-digits" in clash.stderr
    assert run_zoo("eval", "export:linear-digits", "--json").json["metrics"] != done.json["metrics"]
