"""A free axis that the model fixes: the message says which, to what, in which module and line, and what works."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from checking import plan_of
from torch import Tensor, nn
from warm import Result

from zoo_core import TensorSpec
from zoo_core.export.bundle import RejectedExportError, export
from zoo_core.export.plan.plan import ExportPlan

Zoo = Callable[..., Result]


class OverLinear(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.mix(x.transpose(1, 2))


class Viewed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x).view(-1, 64, 3)


class Positions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table, self.last = nn.Parameter(torch.randn(1, 20, 4)), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x + self.table)


class Joined(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(8, 3)
        self.register_buffer("more", torch.randn(1, 20, 4))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.cat([x, self.more.expand(len(x), -1, -1)], 2))


class Steps(nn.Module):
    """Of any length in PyTorch, but unrolled by a trace."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 3)
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return state


class Packed(nn.Module):
    """A recurrent net on packed sequences of exactly 20 steps, which the trace does not come through."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn, self.weight = nn.GRU(4, 3, batch_first=True), nn.Parameter(torch.ones(20))

    def forward(self, x: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(x, torch.full((len(x),), 20), batch_first=True)
        return self.rnn(packed)[1][0] + (x * self.weight[:, None]).mean(1)[:, :3]


CASES = {
    "linear": (
        OverLinear,
        TensorSpec("N", 4, 3),
        32,
        r"nn\.Linear 'mix' at .*test_axis_conflicts\.py:\d+ fixes it to 32",
    ),
    "view": (Viewed, TensorSpec("N", 64, 3), 64, r"Viewed at .*test_axis_conflicts\.py:\d+ fixes it to 64"),
    "positions": (Positions, TensorSpec("N", 20, 3), 20, r"Positions at .*test_axis_conflicts\.py:\d+ fixes it to 20"),
    "joined": (Joined, TensorSpec("N", 20, 3), 20, r"Joined at .*test_axis_conflicts\.py:\d+ fixes it to 20"),
    "steps": (Steps, TensorSpec("N", 3), 64, r"the trace takes its size \d+ for a constant in Steps at .*\.py:\d+"),
    "packed": (
        Packed,
        TensorSpec("N", 3),
        20,
        r"PyTorch takes L=\d+, and fails with L=\d+, L=\d+, L=\d+ in Packed at ",
    ),
}


LONG = "steps"
"""An unrolled net, of which each way to a file takes long: for `make test-all`."""


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        pytest.param(name, factor, marks=[pytest.mark.slow] if name == LONG else [])
        for name in CASES
        for factor in (1, 4)
    ],
)
def test_a_declared_axis_that_cannot_be_free(name: str, factor: int, tmp_path: Path) -> None:
    module, output, size, told = CASES[name]
    axis = "L" if factor == 1 else f"{factor}*L"
    plan = plan_of(module, inputs={"x": TensorSpec("N", axis, 4)}, outputs={"y": output})
    with pytest.raises(RejectedExportError) as caught:
        export(plan, tmp_path / "made")
    message = caught.value.message
    assert "axis L cannot be free: " in message
    assert re.search(told, message), message
    assert f'declare x as TensorSpec("N", {size}, 4), the size by an option of the builder' in message
    assert f"or give --size L={size // factor}" in message
    fixed = plan_of(module, inputs={"x": TensorSpec("N", size, 4)}, outputs={"y": output})
    if name != "packed":  # of which no exporter makes a file
        assert export(fixed, tmp_path / "made").outcome == "verified"


PLUGIN = """
    from zoo_core import ModelSpec, TensorSpec, hookimpl

    def build():
        from torch import nn

        return nn.Sequential(nn.Conv1d(4, 6, 3, padding=1), nn.ReLU(), nn.Linear(48, 3))

    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="bound", build=build, task="features", summary="a length that is bound",
            inputs={"x": TensorSpec("N", 4, "8*L")}, outputs={"y": TensorSpec("N", 6, 3)},
        )
"""


@pytest.mark.parametrize("asked", [[], ["--dynamic", "N", "--dynamic", "L"]], ids=["declared", "asked for"])
def test_what_the_message_says_works(asked: list[str], fake_distribution: Callable[..., Path], zoo_here: Zoo) -> None:
    fake_distribution("zoo-bound", PLUGIN)
    done = zoo_here("export", "bound", *asked)
    assert done.code == 3
    assert "axis L cannot be free: nn.Linear '2' fixes it to 48; declare x as TensorSpec(\"N\", 4, 48)" in done.stderr
    assert "or give --size L=6" in done.stderr
    assert zoo_here("export", "bound", "--size", "L=6").code == 0


def test_an_axis_that_is_only_limited_is_not_called_fixed(tmp_path: Path) -> None:
    class Limited(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.last = nn.Parameter(torch.randn(20, 4)), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(x + self.table[: x.shape[1]])

    plan = plan_of(Limited, inputs={"x": TensorSpec("N", "L", 4)}, outputs={"y": TensorSpec("N", "L", 3)})
    with pytest.raises(RejectedExportError, match=r"PyTorch takes L up to 20: declare largest={'L': 20} in") as caught:
        export(plan, tmp_path / "made")
    assert "cannot be free" not in caught.value.message


class Halved(nn.Module):
    """Of even heights and widths, or of multiples of some other number."""

    def __init__(self, step: int = 2) -> None:
        super().__init__()
        self.step, self.last = step, nn.Linear(step * step, 3)

    def forward(self, x: Tensor) -> Tensor:
        n, _, height, width = x.shape
        parts = x.view(n, height // self.step, self.step, width // self.step, self.step)
        return self.last(parts.transpose(2, 3).flatten(3)).mean((1, 2))


class FromFive(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(1, 4, 5), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.conv(x).mean((2, 3)))


def test_a_model_of_multiples_is_told_which_and_they_work(tmp_path: Path) -> None:
    def declared(*axes: str | int) -> ExportPlan:
        return plan_of(Halved, inputs={"x": TensorSpec("N", 1, *axes)}, outputs={"y": TensorSpec("N", 3)})

    with pytest.raises(RejectedExportError) as caught:
        export(declared("H", "W"), tmp_path / "made")
    message = caught.value.message
    assert 'PyTorch takes H=64 and H=66, and nothing between: declare "2*H" in place of "H"; ' in message
    assert 'PyTorch takes W=96 and W=98, and nothing between: declare "2*W" in place of "W"; ' in message
    assert "or give --size H=64 --size W=96)" in message
    assert export(declared("2*H", "2*W"), tmp_path / "made").outcome == "verified"
    assert export(declared(64, 96), tmp_path / "fixed").outcome == "verified"


def test_a_model_of_sizes_from_some_number_on_is_told_which(tmp_path: Path) -> None:
    plan = plan_of(FromFive, inputs={"x": TensorSpec("N", 1, "H", "W")}, outputs={"y": TensorSpec("N", 3)})
    with pytest.raises(RejectedExportError) as caught:
        export(plan, tmp_path / "made")
    assert "PyTorch takes H from 5 on: declare smallest={'H': 5} in its ModelSpec; " in caught.value.message
    assert "or give --size H=64 --size W=96)" in caught.value.message


class Never(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(-1, 7, 1_000_003)


def test_a_model_that_takes_no_size_at_all_is_told_those_that_were_tried(tmp_path: Path) -> None:
    plan = plan_of(Never, inputs={"x": TensorSpec("N", "L", 4)}, outputs={"y": TensorSpec("N", 3)})
    with pytest.raises(RejectedExportError, match="sizes that are tried: L=64; L=1; L=2; what it cannot take is decl"):
        export(plan, tmp_path / "made")


MULTIPLES = """
    from zoo_core import ModelSpec, TensorSpec, hookimpl

    def build():
        from torch import nn

        class Patches(nn.Module):
            def __init__(self):
                super().__init__()
                self.last = nn.Linear(14, 3)

            def forward(self, x):
                return self.last(x.view(len(x), -1, 14)).mean(1)

        return Patches()

    @hookimpl
    def zoo_models():
        yield ModelSpec(
            name="patches", build=build, task="features", summary="patches of fourteen",
            inputs={"x": TensorSpec("N", "L")}, outputs={"y": TensorSpec("N", 3)},
        )
"""


def test_multiples_that_are_no_usual_size_are_found(fake_distribution: Callable[..., Path], zoo_here: Zoo) -> None:
    fake_distribution("zoo-patches", MULTIPLES)
    done = zoo_here("export", "patches")
    assert done.code == 3
    assert 'PyTorch takes L=14 and L=28, and nothing between: declare "14*L" in place of "L"; ' in done.stderr
    assert "or give --size L=14)" in done.stderr
    assert zoo_here("export", "patches", "--size", "L=14").code == 0
