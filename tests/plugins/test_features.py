"""`zoo features`, and the dataset that a small classifier trains on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_datasets import bound

from zoo_core import TensorSpec, open_zoo
from zoo_core.data import ArraySplit, FileSplit, bind_dataset
from zoo_core.errors import UsageError, ZooError
from zoo_core.training import load_run
from zoo_plugins.features.extraction import write_features
from zoo_plugins.features.feature_file import check_target, write_features_file

Zoo = Callable[..., Any]

SMALL = ("--dataset", "digits", "-d", "train_size=40")


def test_a_small_classifier_trains_on_the_features_of_a_run(workplace: Path, zoo_here: Zoo) -> None:
    for split in ("train", "test"):
        done = zoo_here(
            "features", "lenet5-digits", "--layer", "fc2", "--split", split, "--out", f"feats/{split}.npz", "--json"
        )
        assert done.code == 0, done.stderr
        assert set(done.json) == {"file", "shape"}
        assert done.json["shape"][1:] == [84]
    done = zoo_here("train", "mlp", "--dataset", "features-file", "-d", "root=feats", "--epochs", "8", "--json")
    assert done.code == 0, done.stderr
    assert done.json["test"]["accuracy"] > 0.6
    info = json.loads(Path("runs/mlp-features-file/run.json").read_text())
    assert (info["options"]["in_channels"], info["options"]["height"], info["options"]["num_classes"]) == (84, 1, 10)
    done = zoo_here("export", "mlp-features-file", "--json")
    assert done.code == 0, done.stderr
    assert done.json["outcome"] == "verified"
    assert done.json["axes"]["image"] == ["N", 84, 1, 1]


def test_the_file_holds_what_the_layer_gives_in_the_order_of_the_split(workplace: Path, zoo_here: Zoo) -> None:
    done = zoo_here("features", "lenet5-digits", "--layer", "conv2", "--split", "test")
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("features.npz: conv2 of lenet5-digits on digits, split test: (")
    assert done.stdout.splitlines()[-1] == "Next: the same with --split train --out train.npz"
    run = load_run("lenet5-digits")
    samples = run.dataset().load("test")
    module = run.build()
    with torch.no_grad():
        x = module.pool(module.relu(module.conv1(torch.from_numpy(samples.batch(slice(None))))))
        wanted = module.conv2(x).numpy()
    with np.load("features.npz", allow_pickle=False) as file:
        assert set(file) == {"features", "targets", "classes"}
        np.testing.assert_allclose(file["features"], wanted, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(file["targets"], samples.targets)
        assert tuple(file["classes"]) == samples.classes
    first = Path("features.npz").read_bytes()
    done = zoo_here("features", "lenet5-digits", "--layer", "conv2", "--split", "test", "--out", "again.npz")
    assert Path("again.npz").read_bytes() == first
    pooled = ("features", "lenet5-digits", "--layer", "conv2", "--split", "test", "--pool", "--out", "pooled.npy")
    done = zoo_here(*pooled)
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Next: zoo export lenet5-digits --layer conv2"
    found = np.load("pooled.npy", mmap_mode="r", allow_pickle=False)
    np.testing.assert_allclose(found, wanted.mean((2, 3)), rtol=0, atol=1e-5)
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]


def test_a_model_with_fresh_weights_says_so_and_weights_of_a_file_are_used(tmp_path: Path, zoo_here: Zoo) -> None:
    command = ("features", "lenet5", "--layer", "fc1", *SMALL, "--json")
    done = zoo_here(*command, "--out", "fresh.npy")
    assert done.code == 0, done.stderr
    assert "untrained: the weights of lenet5 are fresh, seeded with 0" in done.stderr
    assert done.json == {"file": "fresh.npy", "shape": [40, 120]}
    zoo_here(*command, "--out", "again.npy")
    assert Path("again.npy").read_bytes() == Path("fresh.npy").read_bytes()
    state = open_zoo().model("lenet5").build().state_dict()
    save_file({name: torch.zeros_like(value) for name, value in state.items()}, "zero.safetensors")
    done = zoo_here(*command, "--out", "zero.npy", "--weights", "zero.safetensors")
    assert done.code == 0, done.stderr
    assert "untrained" not in done.stderr
    assert not np.load("zero.npy").any()


def test_pictures_are_prepared_by_the_recipe_of_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = write_features(
        open_zoo(),
        source="torchvision/squeezenet1_1",
        layer="features",
        out="maps.npz",
        dataset="digits",
        data={"train_size": "12"},
        options={"height": "64", "width": "64"},
    )
    assert found.shape == (12, 512, 3, 3), "grey digits of 28 by 28 as colour pictures of 64 by 64"
    assert found.untrained


def test_another_dataset_for_a_run_is_prepared_by_its_recipe(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    found = write_features(
        open_zoo(),
        source="run:lenet5-digits",
        layer="fc1",
        out="f.npy",
        dataset="dataset:digits",
        data={"train_size": "30", "classes": "1,4"},
        split="train",
    )
    assert found.shape == (30, 120)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("lenet5", *SMALL), 2, "Error: which layer of model lenet5? --layer NAME is missing\nHint: Its layers: conv1"),
        (("lenet5", "--layer", "fc", *SMALL), 2, "Error: model lenet5 has no layer 'fc'\nHint: Did you mean 'fc"),
        (("lenet5", "--layer", "relu", *SMALL), 2, "Error: the layer 'relu' runs 4 times"),
        (("lenet5", "--layer", "fc1"), 2, "Error: features of model lenet5 need a dataset"),
        (("lenet5", "--layer", "fc1", "--pool", *SMALL), 2, "Error: --pool is for maps (N, C, H, W), but the layer"),
        (("lenet5", "--layer", "fc1", "--out", "f.csv", *SMALL), 2, "Error: --out f.csv: features are written as .npz"),
        (("lenet5", "--layer", "fc1", "--split", "tset", *SMALL), 2, "Error: dataset digits has no split 'tset'"),
        (("lenet5", "--layer", "fc1", "--weights", "none", *SMALL), 2, "Error: lenet5 has no weights called 'none'"),
        (("lenet5", "--layer", "fc1", "--weights", "no.safetensors", *SMALL), 1, "Error: there is no file no.safe"),
        (("lenet6", "--layer", "fc1", *SMALL), 2, "Error: unknown run or model 'lenet6'"),
    ],
)
def test_what_cannot_be_is_told(arguments: tuple[str, ...], code: int, message: str, zoo_here: Zoo) -> None:
    done = zoo_here("features", *arguments)
    assert done.code == code
    assert message in done.stderr
    assert not list(Path().iterdir())


def test_what_comes_next_can_be_done(zoo_here: Zoo) -> None:
    small = ("features", "lenet5", "--layer", "fc2", *SMALL)
    assert (
        "Next: zoo train mlp --dataset features-file -d root=train.npz" in zoo_here(*small, "--out", "train.npz").stdout
    )
    # What is measured in the end is not what is learnt from.
    test = zoo_here(*small, "--split", "test", "--out", "test.npz").stdout
    assert "Next: zoo train mlp --dataset features-file -d root=.\n" in test
    Path("other").mkdir()
    alone = zoo_here(*small, "--split", "test", "--out", "other/test.npz").stdout
    assert "Next: the same with --split train --out other/train.npz\n" in alone
    peaks = ("features", "unet1d", "--layer", "down1", "--dataset", "peaks", "-d", "count=4", "--out", "peaks.npz")
    masks = zoo_here(*peaks)
    assert masks.code == 0, masks.stderr
    assert "features-file" not in masks.stdout
    assert "Next: zoo export unet1d --layer down1" in masks.stdout


def test_weights_that_do_not_fit_are_called_by_their_name(zoo_here: Zoo) -> None:
    save_file({"fc9.weight": torch.zeros(3)}, "mine.safetensors")
    done = zoo_here("features", "lenet5", "--layer", "fc2", "--weights", "mine.safetensors", *SMALL)
    assert done.code == 1
    assert "Error: the weights in mine.safetensors do not fit the model: missing: conv1.bias" in done.stderr


def test_a_run_brings_its_own_weights(workplace: Path, zoo_here: Zoo) -> None:
    done = zoo_here("features", "lenet5-digits", "--layer", "fc1", "--weights", "DEFAULT")
    assert done.code == 2
    assert "Error: lenet5-digits is a run: it brings its own weights and options" in done.stderr


def test_samples_that_the_model_does_not_take_are_told(fake_distribution: Callable[..., Path], zoo_here: Zoo) -> None:
    fake_distribution(
        "zoo-odd",
        """
        from zoo_core import DatasetSpec, ModelSpec, TensorSpec, hookimpl

        def endless(*, value: float = 1e300):
            import torch

            class Endless(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layer = torch.nn.Identity()
                    self.whole = torch.nn.Flatten(0)
                def forward(self, x):
                    if x.shape[-1] > 4:
                        raise ValueError("too wide for it")
                    self.whole(x)
                    return self.layer(x * value)

            return Endless()

        def rows(root, *, split, download, width: int = 4):
            import numpy as np
            from zoo_core.data import ArraySplit
            return ArraySplit(inputs=np.ones((20, width), np.float32), targets=np.arange(20) % 2)

        @hookimpl
        def zoo_models():
            spec = TensorSpec("N", "W")
            yield ModelSpec(name="endless", build=endless, task="features", summary="no end",
                            inputs={"x": spec}, outputs={"y": spec})

        @hookimpl
        def zoo_datasets():
            yield DatasetSpec(name="rows", load=rows, task="image-classification", summary="ones",
                              inputs={"x": TensorSpec("N", "W")}, classes=("a", "b"), splits=("train",))
        """,
    )
    done = zoo_here("features", "endless", "--layer", "layer", "--dataset", "rows")
    assert done.code == 1
    assert "Error: the features of sample 0 are not finite" in done.stderr
    done = zoo_here("features", "endless", "--layer", "layer", "--dataset", "rows", "-d", "width=5")
    assert done.code == 1
    assert "model endless fails on samples of rows of the shape (18, 5): too wide for it" in done.stderr
    done = zoo_here("features", "endless", "--layer", "whole", "--dataset", "rows", "-o", "value=1")
    assert done.code == 2
    assert "the layer 'whole' gives float32 numbers of the shape (72,) for 18 samples" in done.stderr
    assert not Path("features.npz").exists()


@pytest.mark.parametrize("suffix", [".npz", ".npy"])
def test_a_file_is_written_batch_by_batch_and_whole_or_not_at_all(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"new{suffix}"
    targets, classes = np.arange(4), ("a", "b", "c", "d")
    batches = [np.full((2, 3), 1, np.float32), np.full((2, 3), 2, np.float32)]
    assert write_features_file(path, iter(batches), count=4, targets=targets, classes=classes) == (4, 3)
    found = np.load(path, allow_pickle=False)
    features = found if suffix == ".npy" else found["features"]
    np.testing.assert_array_equal(features, np.concatenate(batches))
    before = path.read_bytes()
    with pytest.raises(ZooError, match="there are features of 4 samples, and 5 samples"):
        write_features_file(path, iter(batches), count=5, targets=targets, classes=classes)
    with pytest.raises(ZooError, match="features of one shape are needed"):
        write_features_file(path, [batches[0], np.ones((2, 4), np.float32)], count=4, targets=targets, classes=classes)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_folder_is_no_file_for_features(tmp_path: Path) -> None:
    (tmp_path / "f.npz").mkdir()
    with pytest.raises(UsageError, match="is a folder, and a file is needed"):
        check_target(tmp_path / "f.npz")


def _saved(path: Path, **arrays: Any) -> Path:
    usual = {"features": np.ones((20, 3), np.float32), "targets": np.arange(20) % 2, "classes": np.array(["a", "b"])}
    np.savez(path, **{name: value for name, value in {**usual, **arrays}.items() if value is not None})
    return path


@pytest.mark.parametrize(
    ("shape", "inputs"), [((20, 3), (3, 1, 1)), ((20, 3, 2), (3, 2, 1)), ((20, 3, 4, 5), (3, 4, 5))]
)
def test_only_the_file_knows_the_shape(shape: tuple[int, ...], inputs: tuple[int, ...], tmp_path: Path) -> None:
    path = _saved(tmp_path / "f.npz", features=np.ones(shape, np.float32))
    dataset = bind_dataset(open_zoo().dataset("features-file"), {"root": str(path)})
    assert dataset.inputs == {"features": TensorSpec("N", *inputs)}
    assert dataset.split_names == ("train", "validation")
    assert dataset.class_names() == ("a", "b")
    assert dataset.load("train").main.shape[1:] == inputs
    unbound = bind_dataset(open_zoo().dataset("features-file"), {})
    assert str(unbound.inputs["features"]) == "(N, C, H, W)"


def test_a_file_for_each_split(tmp_path: Path) -> None:
    for split, count in (("train", 20), ("validation", 6), ("test", 4)):
        _saved(tmp_path / f"{split}.npz", features=np.ones((count, 3), np.float32), targets=np.zeros(count, np.int64))
    dataset = bind_dataset(open_zoo().dataset("features-file"), {"root": str(tmp_path)})
    assert [len(dataset.load(split)) for split in dataset.split_names] == [20, 6, 4]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"targets": None, "classes": None}, "has no targets and no classes"),
        ({"features": np.ones((20, 3))}, r"features are float32 of 2 to 4 axes, not float64 of shape \(20, 3\)"),
        ({"features": np.ones(20, np.float32)}, "features are float32 of 2 to 4 axes"),
        ({"features": np.full((20, 3), np.nan, np.float32)}, "features have values that are not finite"),
        ({"targets": np.zeros((20, 4, 4), np.uint8)}, "a classifier needs a class number for each sample"),
        ({"classes": np.arange(2)}, "classes are texts, not int64"),
        ({"classes": np.array(["a", None], object)}, "does not hold features: Object arrays cannot be loaded"),
        ({"targets": np.arange(20)}, "targets from 0 to 19, but 2 classes"),
    ],
)
def test_files_that_hold_no_features_are_refused(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = _saved(tmp_path / "f.npz", **arrays)
    with pytest.raises(ZooError, match=message):
        bind_dataset(open_zoo().dataset("features-file"), {"root": str(path)}).load("train")


def test_missing_and_damaged_files_are_told(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(b"PK\x03\x04 and nothing more")
    alone = tmp_path / "alone.npy"
    np.save(alone, np.ones((4, 3), np.float32))
    for root, message in (
        (damaged, "does not hold features"),
        (alone, "holds only features, but a classifier needs their classes"),
        (tmp_path / "none.npz", "there is no file .* with features"),
        (tmp_path, "has no train.npz"),
    ):
        with pytest.raises(ZooError, match=message):
            bind_dataset(open_zoo().dataset("features-file"), {"root": str(root)}).load("train")


def test_a_dataset_that_declares_sizes_does_not_read_its_data_for_them() -> None:
    def load(root: Path, *, split: str, download: bool) -> ArraySplit:
        raise AssertionError

    assert str(bound(load).inputs["image"]) == "(N, 1, 6, 5)"


def test_picture_files_without_a_recipe_keep_what_is_declared(tmp_path: Path) -> None:
    def load(root: Path, *, split: str, download: bool) -> FileSplit:
        return FileSplit(paths=(root,), targets=np.zeros(1, np.int64))

    dataset = bound(load, {"root": str(tmp_path)}, inputs={"image": TensorSpec("N", 1, "H", "W")}, preprocess=None)
    with contextlib.suppress(ZooError):
        assert str(dataset.inputs["image"]) == "(N, 1, H, W)"
