"""Models that are no plain function of a batch of pictures: free sizes, dictionaries, wrappers, one sample a time."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from checking import plan_of
from torch import Tensor, nn

from zoo_core import TensorSpec
from zoo_core.errors import ZooError
from zoo_core.export.bundle import RejectedExportError, export
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.records import ExportReport
from zoo_core.runtime import open_model
from zoo_core.verification.conclude.recheck import verify_export

PICTURE = {"image": TensorSpec("N", 3, "H", "W")}


class Blur(nn.Module):
    """Fully convolutional, with two outputs in a dictionary whose order is not the declared one."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.norm = nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6)
        self.out, self.aux = nn.Conv2d(6, 4, 1), nn.Conv2d(6, 5, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y = torch.relu(self.norm(self.down(x)))
        size = x.shape[-2:]
        return {
            "aux": nn.functional.interpolate(self.aux(y), size=size, mode="bilinear"),
            "out": nn.functional.interpolate(self.out(y), size=size, mode="bilinear"),
        }


def blur_plan() -> ExportPlan:
    return plan_of(
        Blur,
        inputs=PICTURE,
        outputs={"out": TensorSpec("N", 4, "H", "W"), "aux": TensorSpec("N", 5, "H", "W")},
        task="semantic-segmentation",
    )


class Blocks(nn.Module):
    """Takes only multiples of 8, from 16 on."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 8, stride=8)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] % 8 or x.shape[-2] % 8 or min(x.shape[-2:]) < 16:
            raise ValueError("a side is a multiple of 8, at least 16")
        found: Tensor = self.conv(x)
        return found


def rules(report: ExportReport, outcome: str) -> set[str]:
    return {check.rule for check in report.checks if check.outcome == outcome}


def rejected(plan: ExportPlan, folder: Path) -> ExportReport:
    with pytest.raises(RejectedExportError) as caught:
        export(plan, folder / "export")
    assert not (folder / "export").exists()
    return caught.value.report


def test_free_height_and_width_and_a_dictionary_in_another_order(tmp_path: Path) -> None:
    plan = blur_plan()
    report = export(plan, tmp_path / "export")
    assert report.outcome == "verified"
    inputs = next(check for check in report.checks if check.rule == "inputs")
    assert inputs.detail.endswith("sizes H=64, W=96; H=1, W=1; H=2, W=2")
    decisions = [check.detail for check in report.checks if check.rule == "decisions"]
    assert len(decisions) == 3 + 1  # three sizes, and one of them without optimisations
    model = onnx.load(tmp_path / "export" / "model.onnx")
    assert [value.name for value in model.graph.output] == ["out", "aux"]
    assert [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == [
        "N", 3, "H", "W",
    ]  # fmt: skip
    modules = {prop.value for node in model.graph.node for prop in node.metadata_props if prop.key == "module"}
    assert modules <= {"down", "norm", "out", "aux"}  # no trace of what puts the outputs in order
    assert {"down.weight", "out.weight"} <= {tensor.name for tensor in model.graph.initializer}
    again = verify_export(tmp_path / "export")
    assert again.outcome == "verified"
    # Settings, outputs, and the sizes with nearly constant inputs.
    assert sum(check.rule == "self-test" for check in again.checks) == 2 * 2 * (3 + 1)
    image = torch.rand(1, 3, 7, 31)
    found = open_model(tmp_path / "export").run({"image": image.numpy()})
    with torch.no_grad():
        module = plan.build().eval()
        module.load_state_dict(dict(plan.checkpoint))
        assert torch.allclose(torch.from_numpy(found["aux"]), module(image)["aux"], atol=1e-6)


def test_only_multiples_of_a_size_from_the_smallest_on(tmp_path: Path) -> None:
    plan = plan_of(
        Blocks,
        inputs={"image": TensorSpec("N", 3, "8*H", "8*W")},
        outputs={"features": TensorSpec("N", 4, "H", "W")},
        smallest={"H": 2, "W": 2},
    )
    report = export(plan, tmp_path / "export")
    assert report.outcome == "verified"
    assert report.axes["image"] == ("N", 3, "8*H", "8*W")
    with pytest.raises(ZooError, match="must be a multiple of 8"):
        open_model(tmp_path / "export").run({"image": torch.rand(1, 3, 16, 20).numpy()})


def test_a_size_below_the_smallest_is_told(tmp_path: Path) -> None:
    plan = plan_of(
        Blocks,
        inputs={"image": TensorSpec("N", 3, "8*H", "8*W")},
        outputs={"features": TensorSpec("N", 4, "H", "W")},
    )
    report = rejected(plan, tmp_path)
    assert "a side is a multiple of 8, at least 16" in report.checks[0].detail


class Remembers(nn.Module):
    """Its output depends on a size that was a constant of the trace."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.conv(x) * len(range(x.shape[2]))
        return found


def test_a_size_that_is_baked_in_is_found(tmp_path: Path) -> None:
    plan = plan_of(Remembers, inputs=PICTURE, outputs={"features": TensorSpec("N", 4, "H", "W")})
    report = rejected(plan, tmp_path)
    assert report.outcome == "failed"


class Single(nn.Module):
    """Takes one picture at a time, and gives the last of several results."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> list[Tensor]:
        if len(x) != 1:
            raise ValueError("one picture at a time")
        y = self.conv(x)
        return [y, torch.tanh(y)]


def test_one_sample_at_a_time_and_outputs_that_are_picked(tmp_path: Path) -> None:
    plan = plan_of(
        Single,
        inputs={"image": TensorSpec(1, 3, 12, 10)},
        outputs={"features": TensorSpec(1, 4, 10, 8)},
        read_outputs=lambda results: results[-1],
        fixed_axes={"N": "one picture at a time"},
    )
    report = export(plan, tmp_path / "export")
    assert report.outcome == "verified"
    again = verify_export(tmp_path / "export")
    assert again.outcome == "verified"
    assert "batches" not in {check.rule for check in again.checks}
    with pytest.raises(ZooError, match="axis 0 is 2, and must be 1"):
        open_model(tmp_path / "export").run({"image": torch.rand(2, 3, 12, 10).numpy()})


class Wrapped(nn.Module):
    def __init__(self, module: Single, shift: float) -> None:
        super().__init__()
        self.inner, self.shift = module, shift

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.inner.conv(x)) + self.shift


@pytest.mark.parametrize(("shift", "outcome"), [(0.0, "verified"), (1e-3, "failed")])
def test_a_wrapper_is_exported_and_judged_by_the_original(tmp_path: Path, shift: float, outcome: str) -> None:
    plan = plan_of(
        Single,
        inputs={"image": TensorSpec(1, 3, 12, 10)},
        outputs={"features": TensorSpec(1, 4, 10, 8)},
        read_outputs=lambda results: results[-1],
        export_wrapper=lambda module: Wrapped(module, shift),
    )
    if outcome == "verified":
        assert export(plan, tmp_path / "export").outcome == "verified"
        model = onnx.load(tmp_path / "export" / "model.onnx")
        assert "conv.weight" in {tensor.name for tensor in model.graph.initializer}
    else:
        assert "values" in rules(rejected(plan, tmp_path), "failed")


def test_a_wrapper_that_is_no_module(tmp_path: Path) -> None:
    plan = plan_of(
        nn.Identity,
        inputs={"image": TensorSpec("N", 3)},
        outputs={"features": TensorSpec("N", 3)},
        export_wrapper=lambda module: 1,
    )
    assert "export_wrapper gives a int, not a module" in rejected(plan, tmp_path).checks[0].detail


def test_first_axes_and_axes_that_no_input_has() -> None:
    with pytest.raises(ZooError, match="the first axis of every input must be 'N', not image \\(2, 3\\)"):
        plan_of(nn.Identity, inputs={"image": TensorSpec(2, 3)}, outputs={"features": TensorSpec(2, 3)})
    with pytest.raises(ZooError, match="no input has the axis K of its output boxes"):
        plan_of(nn.Identity, inputs={"image": TensorSpec(1, 3)}, outputs={"boxes": TensorSpec("K", 4)})
    with pytest.raises(ZooError, match="the first axis of features must be 'N'"):
        plan_of(nn.Identity, inputs={"image": TensorSpec("N", 3)}, outputs={"features": TensorSpec(3, "N")})


class Branch(nn.Module):
    """Decides by a value that no input of the check has."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return 2 * y if x.sum() > 1e9 else y


def test_a_trace_that_decided_by_its_example_is_no_export(tmp_path: Path) -> None:
    plan = plan_of(Branch, inputs={"image": TensorSpec("N", 3, 6, 6)}, outputs={"features": TensorSpec("N", 4, 4, 4)})
    report = rejected(plan, tmp_path)
    assert report.checks[0].rule == "conversion"
    assert "nor by the TorchScript exporter: a trace would not be the model" in report.checks[0].detail


def test_what_dynamo_cannot_convert_goes_to_torchscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = torch.onnx.export

    def broken(*args: object, dynamo: bool, **options: object) -> object:
        if dynamo:
            raise RuntimeError("no translation for this operator")
        return real(*args, dynamo=False, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.onnx, "export", broken)
    plan = blur_plan()
    report = export(plan, tmp_path / "export")
    assert report.outcome == "verified"
    told = next(check.detail for check in report.checks if check.rule == "exporter")
    assert "converted by the TorchScript exporter" in told
    assert "no translation for this operator" in told


@pytest.mark.parametrize("how", ["breaks down", "is wrong"])
def test_a_guilty_optimiser_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    from torch.onnx import ONNXProgram

    real = ONNXProgram.optimize

    def guilty(program: ONNXProgram) -> None:
        if how == "breaks down":
            raise IndexError("list index out of range")
        real(program)
        value = next(v for name, v in program.model.graph.initializers.items() if name == "conv.weight")
        import onnx_ir

        value.const_value = onnx_ir.tensor(value.const_value.numpy() * 1.01, name="conv.weight")

    monkeypatch.setattr(ONNXProgram, "optimize", guilty)
    plan = plan_of(
        Single,
        inputs={"image": TensorSpec(1, 3, 12, 10)},
        outputs={"features": TensorSpec(1, 4, 10, 8)},
        read_outputs=lambda results: results[-1],
    )
    report = export(plan, tmp_path / "export")
    assert report.outcome == "verified"
    told = next(check.detail for check in report.checks if check.rule == "exporter")
    assert told.startswith("not optimised, because")
    assert ("list index out of range" if how == "breaks down" else "the optimised file failed: weights") in told
