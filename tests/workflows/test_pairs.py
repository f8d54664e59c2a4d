"""Pairs are an ordinary binary classification over two named inputs: a siamese net learns which digits are the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digit_pairs import PAIRS

from zoo_core.runtime import open_model


@pytest.mark.slow
def test_a_siamese_net_is_trained_exported_and_asked(
    fake_distribution: Callable[..., Path], zoo_here: Callable[..., Any]
) -> None:
    fake_distribution("zoo-pairs", PAIRS)
    trained = zoo_here("train", "siamese", "--dataset", "digit-pairs", "-d", "count=4000", "--json")
    assert trained.code == 0, trained.stderr
    exported = zoo_here("export", "siamese-digit-pairs", "--json")
    assert exported.json["outcome"] == "verified", exported.stdout
    measured = zoo_here("eval", "export:siamese-digit-pairs", "--json")
    assert measured.json["metrics"]["accuracy"] > 0.9
    assert measured.json["metrics"] == pytest.approx(zoo_here("eval", "siamese-digit-pairs", "--json").json["metrics"])
    model = open_model("exported/siamese-digit-pairs")
    left, right = np.random.default_rng(0).random((2, 3, 1, 8, 8), np.float32)
    found = model.run({"left": left, "right": right})["logits"]
    np.testing.assert_allclose(found, model.run({"left": right, "right": left})["logits"], rtol=1e-5)
    assert len(np.unique(found)) == 3


SIDES = '''
"""Pairs of arrays, and nets for some of them: one side alone, and both in another order."""

from zoo_core import DatasetSpec, ModelSpec, Recipe, TensorSpec, hookimpl

SIDE = TensorSpec("N", 1, 8, 8)


def load(root, *, split, download):
    import numpy as np

    from zoo_core.data import ArraySplit

    random = np.random.default_rng(len(split))
    left, right = random.normal(size=(2, 120, 1, 8, 8)).astype(np.float32)
    brighter = (right.mean((1, 2, 3)) > left.mean((1, 2, 3))).astype(np.int64)
    return ArraySplit(inputs={"left": list(left), "right": list(right)}, targets=brighter)


@hookimpl
def zoo_datasets():
    yield DatasetSpec(
        name="sides", load=load, task="binary-classification", summary="which of two arrays is brighter",
        inputs={"left": SIDE, "right": SIDE}, classes=("left", "right"), splits=("train", "validation", "test"),
        recipes={"left": Recipe("array"), "right": Recipe("array")},
    )


def one():
    from torch import nn

    return nn.Sequential(nn.Flatten(), nn.Linear(64, 1))


def turned():
    import torch
    from torch import nn

    class Turned(nn.Module):
        def __init__(self):
            super().__init__()
            self.weigh, self.decide = nn.Linear(64, 8), nn.Linear(64 + 8, 1)

        def forward(self, right, left):
            return self.decide(torch.cat([self.weigh(right.flatten(1)), left.flatten(1)], dim=1))

    return Turned()


@hookimpl
def zoo_models():
    for name, build, inputs in (("one-side", one, ("right",)), ("turned", turned, ("right", "left"))):
        yield ModelSpec(
            name=name, build=build, task="binary-classification", summary=name,
            inputs={each: SIDE for each in inputs}, outputs={"logits": TensorSpec("N", 1)},
        )
'''


@pytest.mark.parametrize("model", ["one-side", "turned"])
def test_a_model_takes_those_inputs_of_a_dataset_that_it_declares_in_its_own_order(
    fake_distribution: Callable[..., Path], zoo_here: Callable[..., Any], model: str
) -> None:
    fake_distribution("zoo-sides", SIDES)
    trained = zoo_here("train", model, "--dataset", "sides", "--epochs", "2", "--json")
    assert trained.code == 0, trained.stderr
    measured = zoo_here("eval", f"run:{model}-sides", "--json")
    assert measured.code == 0, measured.stderr
    assert measured.json["metrics"] == pytest.approx(trained.json["test"])
    exported = zoo_here("export", f"{model}-sides", "--json")
    assert exported.json["outcome"] == "verified", exported.stdout
    of_file = zoo_here("eval", f"export:{model}-sides", "--json")
    assert of_file.json["metrics"] == pytest.approx(trained.json["test"], rel=1e-4)
    layer = {"one-side": "1", "turned": "weigh"}[model]
    done = zoo_here("features", f"run:{model}-sides", "--layer", layer, "--split", "test")
    assert done.code == 0, done.stderr
