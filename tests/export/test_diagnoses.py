"""Why an export fails, in true words; and healthy models that were refused for what the exporter only says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from checking import plan_of
from healthy_models import Tagger
from torch import Tensor, nn

from zoo_core import Model, ModelSpec, TensorSpec, ZooError
from zoo_core.errors import NotVerifiedError
from zoo_core.export.bundle import RejectedExportError, export, reference_of
from zoo_core.runtime import open_model

IMAGE = {"x": TensorSpec("N", 3, 16, 16)}


class WithoutStatistics(nn.Module):
    """A norm over the rows of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class Half(nn.Module):
    """Half precision inside, float32 outside."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 8, 3).half(), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.conv(x.half()).relu().float().mean((2, 3)))


class Odd(nn.Module):
    """A pooling that neither exporter can convert."""

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.adaptive_max_pool2d(x, 5)


def test_rows_that_depend_on_each_other_are_told_as_that() -> None:
    plan = plan_of(WithoutStatistics, inputs=IMAGE, outputs={"y": TensorSpec("N", 4, 14, 14)})
    drawn = {"x": np.random.default_rng(0).normal(size=(4, 3, 16, 16)).astype(np.float32)}
    with pytest.raises(
        NotVerifiedError, match="rows depend on each other in PyTorch itself: y of a row moves by"
    ) as told:
        reference_of(plan).run(drawn)
    assert "make rows independent" in str(told.value.hint)


@pytest.mark.parametrize(
    ("give", "output", "told"),
    [
        (lambda y: y.sum(), TensorSpec(), "y has no axes in PyTorch, and the first axis of every output must be"),
        (
            lambda y: torch.cat([y, y + 1]),
            TensorSpec(2, 5),
            "y has 16 rows for 8 of the inputs, and the first axis of an output is",
        ),
    ],
    ids=["scalar", "two rows"],
)
def test_another_number_of_rows_is_told_as_that(
    give: Callable[[Tensor], Tensor], output: TensorSpec, told: str, tmp_path: Path
) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(8, 5)

        def forward(self, x: Tensor) -> Tensor:
            return give(self.layer(x))

    with pytest.raises(RejectedExportError, match=told):
        export(plan_of(Odd, inputs={"x": TensorSpec(1, 8)}, outputs={"y": output}), tmp_path / "made")


def test_half_precision_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(RejectedExportError, match=r"2 parameters are float16, conv\.weight among them: half precision"):
        export(plan_of(Half, inputs=IMAGE, outputs={"y": TensorSpec("N", 3)}), tmp_path / "made")


def test_the_second_exporter_gives_its_own_reason(tmp_path: Path) -> None:
    with pytest.raises(RejectedExportError, match=r"nor by the TorchScript exporter: .*not factor of input size"):
        export(plan_of(Odd, inputs=IMAGE, outputs={"y": TensorSpec("N", 3, 5, 5)}), tmp_path / "made")


def test_lazy_layers_are_the_builders_fault() -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5))

    fields = {"task": "features", "summary": "lazy", "inputs": IMAGE, "outputs": {"y": TensorSpec("N", 5)}}
    with pytest.raises(ZooError, match=r"its builder returns lazy layers, which have no size yet: 0\.weight") as told:
        Model(spec=ModelSpec(name="lazy", build=build, **fields), plugin="tests:tests").build()
    assert "call the module once in the builder" in str(told.value.hint)


def test_a_recurrent_net_of_free_length_is_judged_by_what_it_does(tmp_path: Path) -> None:
    plan = plan_of(Tagger, inputs={"x": TensorSpec("N", "T", 4)}, outputs={"y": TensorSpec("N", "T", 3)})
    assert export(plan, tmp_path / "made").outcome == "verified"
    module = plan.build()
    module.load_state_dict(dict(plan.checkpoint))
    for length in (1, 7, 64, 130):
        x = np.random.default_rng(length).normal(size=(2, length, 4)).astype(np.float32)
        with torch.no_grad():
            expected = module(torch.from_numpy(x)).numpy()
        assert np.allclose(open_model(tmp_path / "made").run({"x": x})["y"], expected, atol=1e-5)
    told = onnx.load(tmp_path / "made" / "model.onnx").graph.output[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in told] == ["N", "T", 3]


def test_inner_shapes_with_two_meanings_of_a_symbol_are_left_out(tmp_path: Path) -> None:
    def build() -> nn.Module:
        return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AvgPool2d(4), nn.Conv2d(4, 2, 1))

    inputs, outputs = {"x": TensorSpec("N", 3, "4*H", "4*W")}, {"y": TensorSpec("N", 2, "H", "W")}
    assert export(plan_of(build, inputs=inputs, outputs=outputs), tmp_path / "made").outcome == "verified"
    assert not onnx.load(tmp_path / "made" / "model.onnx").graph.value_info


class Counting(nn.Module):
    """Counts its calls in a buffer that no output shows."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 5)
        self.register_buffer("calls", torch.zeros((), dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.linear(x)


def test_state_that_changes_unseen_is_told(tmp_path: Path) -> None:
    plan = plan_of(Counting, inputs={"x": TensorSpec("N", 8)}, outputs={"y": TensorSpec("N", 5)})
    with pytest.raises(RejectedExportError, match="calls changes each time the model is run, even in eval mode"):
        export(plan, tmp_path / "export")
