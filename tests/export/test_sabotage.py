"""An exporter that is sabotaged from outside: nothing is published, and the report names the guilty node."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx_ir
import pytest
import torch
from checking import plan_of
from sabotaging import sabotage
from warm import Result

from zoo_core import TensorSpec
from zoo_core.export.bundle import RejectedExportError, export

Zoo = Callable[..., Result]


def _files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


SABOTAGE = """
import sys

if "export" in sys.orig_argv:
    import numpy, onnx_ir, torch.onnx

    convert = torch.onnx.export

    def sabotaged(*arguments, **options):
        program = convert(*arguments, **options)
        value = next(v for v in program.model.graph.initializers.values() if len(v.shape) == 4)
        array = value.const_value.numpy().copy()
        array.flat[0] += 0.001
        value.const_value = onnx_ir.tensor(array, name=value.name)
        return program

    torch.onnx.export = sabotaged
"""


def test_a_sabotaged_exporter_never_publishes(workplace: Path, site: Path, run_zoo: Zoo) -> None:
    site.mkdir()
    (site / "sitecustomize.py").write_text(SABOTAGE)
    before = _files(workplace / "exported")
    done = run_zoo("export", "lenet5-digits", "--json")
    assert done.code == 3, done.stderr
    assert done.json["outcome"] == "failed"
    assert "weights" in {check["rule"] for check in done.json["checks"] if check["outcome"] == "failed"}
    assert "nothing was published" in done.stderr
    assert _files(workplace / "exported") == before


def test_a_rejected_export_is_nowhere_but_where_it_is_kept(
    workplace: Path, zoo_here: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch, in_optimiser=False)
    done = zoo_here("export", "lenet5-digits", "--to", "fresh")
    assert done.code == 3
    assert "lenet5-digits: failed" in done.stdout
    assert not (workplace / "fresh").exists()
    assert not list(workplace.glob(".fresh*"))
    done = zoo_here("export", "lenet5-digits", "--to", "kept", "--keep-rejected")
    assert done.code == 3
    assert not (workplace / "kept").exists()
    assert (workplace / "kept.rejected" / "model.onnx").exists()


PLACE = r"first at node node_conv2d_1 \(Conv\) of conv2, zoo_plugins/lenet5/net\.py:\d+: off by \S+, \S+ times its"


def test_the_error_names_the_guilty_node(
    tmp_path: Path, zoo_here: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch, in_optimiser=False)
    done = zoo_here("export", "lenet5", "--json")
    assert done.code == 3
    assert re.search(PLACE, " ".join(done.stderr.split())), done.stderr
    assert [re.match(PLACE, check["detail"]) for check in done.json["checks"] if check["rule"] == "blame"]
    assert not (tmp_path / "exported" / "lenet5").exists()


def test_a_guilty_optimiser_is_done_without(
    tmp_path: Path, zoo_here: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage(monkeypatch, in_optimiser=True)
    done = zoo_here("export", "lenet5", "--json")
    assert done.code == 0, done.stderr
    assert done.json["outcome"] == "verified"
    told = next(check["detail"] for check in done.json["checks"] if check["rule"] == "exporter")
    assert "not optimised, because the optimised file failed" in told
    assert re.search(PLACE, told), told
    assert re.search(r"it takes \d+\.\d\d times as long as the optimised one$", told), told
    metrics = json.loads((tmp_path / "exported" / "lenet5" / "netron.json").read_text())["metrics"]
    assert {"error", "error in floors"} <= {entry["name"] for entry in metrics if entry["target"] == "node_conv2d_1"}


class Clamped(torch.nn.Module):
    """Its clamp shows only where the inputs are extreme."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).clamp(max=4.0)


def test_a_node_that_is_wrong_for_extreme_inputs_alone_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = torch.onnx.export

    def sabotaged(*arguments: object, **options: object) -> object:
        program = honest(*arguments, **options)
        limit = next(node for node in program.model.graph if node.op_type == "Constant")
        limit.attributes["value"] = onnx_ir.AttrTensor("value", onnx_ir.tensor(np.array(4.5, np.float32)))
        return program

    monkeypatch.setattr(torch.onnx, "export", sabotaged)
    plan = plan_of(Clamped, inputs={"image": TensorSpec("N", 3, 6, 6)}, outputs={"features": TensorSpec("N", 4, 4, 4)})
    with pytest.raises(RejectedExportError) as caught:
        export(plan, tmp_path / "export")
    told = next(check.detail for check in caught.value.report.checks if check.rule == "blame")
    assert re.search(r"^first at node \S+ \((Clip|Min)\)", told), told
