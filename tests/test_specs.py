"""Specs are checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from zoo_core import DatasetSpec, ModelSpec, Preprocess, TensorSpec, TrainerSpec, ZooError


def build(*, in_channels: int = 1, num_classes: int = 10) -> None:
    """For the tests below."""


def load(root: str, *, split: str, download: bool, fold: int = 0) -> None:
    """For the tests below."""


def fit(job: Any, *, on_epoch: Any) -> None:
    """For the tests below."""


@dataclass(frozen=True)
class Config:
    epochs: int = 1


MODEL: dict[str, Any] = {
    "name": "net",
    "build": build,
    "task": "image-classification",
    "summary": "A net",
    "inputs": {"image": TensorSpec("N", "in_channels", 28, 28)},
    "outputs": {"logits": TensorSpec("N", "num_classes")},
}
DATASET: dict[str, Any] = {
    "name": "data",
    "load": load,
    "task": "image-classification",
    "summary": "Some data",
    "inputs": {"image": TensorSpec("N", 1, 28, 28)},
}
TRAINER: dict[str, Any] = {"name": "trainer", "fit": fit, "summary": "A trainer", "config": Config}


def test_good_specs() -> None:
    assert [option.name for option in ModelSpec(**MODEL).options] == ["in_channels", "num_classes"]
    dataset = DatasetSpec(**DATASET)
    assert [option.name for option in dataset.own_options] == ["fold"]
    assert {"root", "classes", "size", "fold"} <= {option.name for option in dataset.options}
    assert [option.name for option in TrainerSpec(**TRAINER).options] == ["epochs"]


@pytest.mark.parametrize("name", ["lenet5", "a", "resnet-18.a1", "timm/resnet18.a1_in1k", "x_1"])
def test_names(name: str) -> None:
    assert ModelSpec(**{**MODEL, "name": name}).name == name


def clash(root: str, *, split: str, download: bool, size: int = 1) -> None: ...


@pytest.mark.parametrize(
    ("kind", "base", "change", "message"),
    [
        (ModelSpec, MODEL, {"name": "LeNet"}, "ModelSpec: 'LeNet' is not a name"),
        (ModelSpec, MODEL, {"name": ""}, "ModelSpec: '' is not a name"),
        (ModelSpec, MODEL, {"name": "../x"}, "is not a name"),
        (ModelSpec, MODEL, {"name": "a:b"}, "is not a name"),
        (ModelSpec, MODEL, {"name": "x\n"}, "is not a name"),
        (ModelSpec, MODEL, {"summary": ""}, "ModelSpec 'net': summary is one line of text, not ''"),
        (ModelSpec, MODEL, {"summary": "a\nb"}, "summary is one line of text"),
        (ModelSpec, MODEL, {"task": "to classify"}, "ModelSpec 'net', task: 'to classify' is not a name"),
        (ModelSpec, MODEL, {"outputs": {"image": TensorSpec("N", 2)}}, "'image' is an input and an output"),
        (ModelSpec, MODEL, {"inputs": {}}, "ModelSpec 'net', inputs declares no tensor"),
        (ModelSpec, MODEL, {"outputs": {"x": (1, 2)}}, "'x' is a tuple, not a TensorSpec"),
        (ModelSpec, MODEL, {"inputs": {"image": TensorSpec("depth")}}, "axis depth is no option of its builder"),
        (ModelSpec, MODEL, {"build": 3}, "build is not callable"),
        (DatasetSpec, DATASET, {"splits": ("test",)}, "splits must have 'train'"),
        (DatasetSpec, DATASET, {"load": clash}, "option size belongs to the core"),
        (DatasetSpec, DATASET, {"task": "x y"}, "DatasetSpec 'data', task: 'x y' is not a name"),
        (
            ModelSpec,
            MODEL,
            {"stages": print, "export_wrapper": print},
            "stages and export_wrapper cannot both be given",
        ),
        (ModelSpec, MODEL, {"loss": print, "losses": print}, "loss and losses cannot both be given"),
        (ModelSpec, MODEL, {"smallest": {"Q": 2}}, "smallest={'Q': 2}, but the free axes of its inputs are"),
        (ModelSpec, MODEL, {"smallest": {"N": 0}}, "smallest={'N': 0}"),
        (ModelSpec, MODEL, {"size_options": {"H": "height"}}, "size_options={'H': 'height'} is no free axis"),
        (ModelSpec, MODEL, {"size_options": {"N": "num_classes"}}, "with an option of its builder that may be None"),
        (TrainerSpec, TRAINER, {"config": int}, "config is a dataclass, not <class 'int'>"),
        (TrainerSpec, TRAINER, {"fit": None}, "fit is not callable"),
        (TrainerSpec, TRAINER, {"check": "later"}, "check is not callable"),
    ],
)
def test_bad_specs(kind: type, base: dict[str, Any], change: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError) as caught:
        kind(**{**base, **change})
    assert message in caught.value.message


def test_preprocess() -> None:
    recipe = Preprocess(resize=256, crop=(224, 224), mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    assert (recipe.channels, recipe.size) == (3, (224, 224))
    assert recipe.resized(112) == Preprocess(resize=128, crop=(112, 112), mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2))
    assert Preprocess(resize=(28, 28), color="L").resized(32).size == (32, 32)
    assert Preprocess.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mean": (0.1, 0.2)}, "mean has 2 values for 3 channels"),
        ({"std": (0.0,)}, "std cannot be 0"),
        ({"resize": 256}, "a resize of the shorter side needs a crop"),
    ],
)
def test_a_preprocess_that_is_none(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        Preprocess(**values)


@pytest.mark.parametrize(
    ("data", "message"),
    [({"blur": 3}, "preprocess: unknown field blur"), ({"color": "CMYK"}, "color cannot be 'CMYK'")],
)
def test_a_preprocess_from_wrong_json(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        Preprocess.from_json(data)


def test_a_dataset_names_augmentations_that_there_are() -> None:
    with pytest.raises(ZooError, match=r"DatasetSpec .*: unknown augmentation twist") as caught:
        DatasetSpec(**{**DATASET, "augment": ("flip", "twist")})
    assert caught.value.hint == "one of resized-crop, flip, crop, affine, color, rand, erase"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"color": "gray"}, "color cannot be 'gray'"),
        ({"interpolation": "cubic"}, "interpolation cannot be 'cubic'"),
        ({"layout": "XYZ"}, "layout cannot be 'XYZ'"),
        ({"mean": 0.5}, "mean is a tuple of numbers, one for each channel, not 0.5"),
        ({"std": ("a",)}, "std is a tuple of numbers"),
        ({"resize": [16, 16]}, r"resize is \(height, width\) in pixels, not \[16, 16\]"),
        ({"crop": 16}, r"crop is \(height, width\) in pixels, not 16"),
    ],
)
def test_preprocessing_that_cannot_be_is_refused_when_it_is_declared(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ZooError, match=f"preprocess: {words}"):
        Preprocess(**fields)
