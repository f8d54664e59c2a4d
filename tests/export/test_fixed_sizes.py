"""`zoo export --size AXIS=N`: a free axis is fixed, in the file and in everything that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from checking import plan_of
from torch import nn
from warm import Result

from zoo_core import TensorSpec, UsageError, ZooError
from zoo_core.export.bundle import export
from zoo_core.export.plan.cut import cut_plan
from zoo_core.export.plan.free_axes import AxisChoice
from zoo_core.export.plan.plan import DEFAULT_OPSET
from zoo_core.runtime import open_model
from zoo_core.workflows.exports.export_source import plan_model

Zoo = Callable[..., Result]

PICTURES = """
    from zoo_core import ModelSpec, Preprocess, TensorSpec, hookimpl

    def build(*, in_channels: int = 1, num_classes: int = 3):
        import torch

        class Pool(torch.nn.Module):
            def forward(self, x):
                return x.mean((2, 3))

        return torch.nn.Sequential(torch.nn.Conv2d(in_channels, 8, 3, padding=1), torch.nn.ReLU(), Pool(),
                                   torch.nn.Linear(8, num_classes))

    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="any-size", build=build, task="image-classification", summary="pictures of any size",
            inputs={"image": TensorSpec("N", "in_channels", "2*H", "2*W")},
            outputs={"logits": TensorSpec("N", "num_classes")}, smallest={"H": 3}, largest={"H": 400},
            preprocess=Preprocess(resize=40, crop=(32, 32), color="L"),
        )
"""


@pytest.fixture
def any_size(fake_distribution: Callable[..., Path]) -> None:
    fake_distribution("zoo-any-size", PICTURES)


def test_everything_has_the_fixed_size(any_size: None, tmp_path: Path, zoo_here: Zoo) -> None:
    done = zoo_here("export", "any-size", "--size", "H=10", "--size", "W=12", "--json")
    assert done.code == 0, done.stderr
    assert done.json["axes"]["image"] == ["N", 1, 20, 24]
    assert done.json["fixed_axes"] == {"H": "exported with --size H=10", "W": "exported with --size W=12"}
    made = open_model(tmp_path / "exported" / "any-size")
    assert made.metadata.preprocess is not None
    assert made.metadata.preprocess.size == (20, 24)
    assert not made.metadata.largest
    assert [draw["shape"][1:] for draw in made.metadata.self_test["inputs"].values()] == [[1, 20, 24]]
    assert made.run({"image": np.zeros((5, 1, 20, 24), np.float32)})["logits"].shape == (5, 3)
    with pytest.raises(ZooError, match="20, 24"):
        made.run({"image": np.zeros((5, 1, 24, 24), np.float32)})
    assert zoo_here("verify", "exported/any-size").code == 0


def test_the_batch_is_fixed_to_one_and_other_axes_stay_free(any_size: None, tmp_path: Path, zoo_here: Zoo) -> None:
    done = zoo_here("export", "any-size", "--size", "N=1", "--dynamic", "H", "--json")
    assert done.code == 0, done.stderr
    assert done.json["axes"] == {"image": [1, 1, "2*H", 32], "logits": [1, 3]}
    done = zoo_here("export", "any-size", "--size", "H=10", "--json")
    assert done.json["axes"]["image"] == ["N", 1, 20, "2*W"]
    assert open_model(tmp_path / "exported" / "any-size").metadata.preprocess.size == (20, 32)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--size", "D=3"], "--size: any-size has no free axis D\nHint: Known: H, N, W"),
        (
            ["--size", "in_channels=3"],
            "the free axes are N, H, W; in_channels is an option of the model: -o in_channels=...",
        ),
        (["--size", "H=2"], "--size H=2 (2*H is 4): any-size takes H from 3 on"),
        (["--size", "W=0"], "--size W=0 (2*W is 0): any-size takes W from 1 on"),
        (["--size", "H=401"], "--size H=401 (2*H is 802): any-size takes H up to 400"),
        (["--size", "N=2"], "--size N=2: a file takes any number of rows, or one at a time"),
        (["--size", "H=4", "--dynamic", "H"], "--dynamic H leaves the axis free, and --size H=4 fixes it"),
        (["--size", "H=4", "--size", "H=5"], "--size H is given twice"),
        (["--size", "H=many"], "--size: H takes int, not 'many'"),
        (["--size", "H"], "--size takes K=V, not 'H'\nHint: for example --size H=32"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_sizes_that_cannot_be(arguments: list[str], told: str, any_size: None, zoo_here: Zoo) -> None:
    done = zoo_here("export", "any-size", *arguments)
    assert done.code == 2, done.stderr
    assert told in done.stderr


def test_a_size_that_leaves_an_output_without_elements() -> None:
    free = {"inputs": {"x": TensorSpec("N", 1, "L")}, "outputs": {"y": TensorSpec("N", 3, "L-6")}}
    model = plan_of(lambda: nn.Conv1d(1, 3, 7), **free, smallest={"L": 1}).model
    with pytest.raises(UsageError, match=r"--size L=6 is too small: y \(N, 3, L-6\) would have no element"):
        plan_model(model, {}, name="small", opset=DEFAULT_OPSET, axes=AxisChoice(sizes={"L": 6}))


def test_a_run_is_checked_on_its_pictures_at_that_size(any_size: None, tmp_path: Path, zoo_here: Zoo) -> None:
    few = ("-d", "train_size=40", "-d", "val_size=20", "-d", "size=16")
    assert zoo_here("train", "any-size", "--dataset", "digits", "--epochs", "1", "--run", "tiny", *few).code == 0
    assert zoo_here("export", "tiny").code == 0
    assert open_model("exported/tiny").metadata.metrics
    done = zoo_here("export", "tiny", "--size", "H=10", "--size", "W=10", "--json")
    assert done.code == 0, done.stderr
    made = open_model(tmp_path / "exported" / "tiny")
    assert made.metadata.preprocess.size == (20, 20)
    assert not made.metadata.metrics, "they were measured at another size"
    kinds = next(check["detail"] for check in done.json["checks"] if check["rule"] == "inputs")
    assert "sample" in kinds
    evaluated = zoo_here("eval", "exported/tiny", "--json")
    assert evaluated.code == 0, evaluated.stderr


def test_a_run_on_samples_of_one_length_says_which(zoo_here: Zoo) -> None:
    data = ("-d", "length=48", "-d", "train_size=20", "-d", "val_size=20")
    done = zoo_here("train", "unet1d", "--dataset", "peaks", "--epochs", "1", "--run", "line", *data)
    assert done.code == 0, done.stderr
    done = zoo_here("export", "line", "--size", "L=48")
    assert done.code == 2, done.stderr
    told = "--size L=48: the inputs are then (N, 1, 96), but the samples of dataset peaks have the shape (1, 48)"
    assert told in done.stderr
    done = zoo_here("export", "line", "--size", "L=24", "--json")
    assert done.json["axes"]["sequence"] == ["N", 1, 48]


def test_a_layer_of_a_model_whose_axis_ends(tmp_path: Path) -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.inner, self.last = nn.Embedding(20, 4), nn.Linear(4, 6), nn.Linear(6, 3)

        def forward(self, x):  # type: ignore[no-untyped-def]
            return self.last(self.inner(x + self.table.weight[: x.shape[1]]))

    free = {"inputs": {"x": TensorSpec("N", "T", 4)}, "outputs": {"y": TensorSpec("N", "T", 3)}}
    plan = cut_plan(plan_of(Positions, **free, smallest={"T": 2}, largest={"T": 20}), "inner")
    assert str(plan.outputs["features"]) == "(N, T, 6)"
    assert plan.model.spec.largest == {"T": 20}
    assert export(plan, tmp_path / "made").outcome == "verified"
