"""Ctrl-C and SIGTERM while a model is converted, where the exporter catches them and makes an error of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from checking import plan_for
from torch import nn

from zoo_core.errors import Terminated
from zoo_core.export.bundle import export


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), Terminated(143)], ids=["Ctrl-C", "SIGTERM"])
def test_what_stops_the_exporter_stops_the_export(
    stop: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `torch.onnx.export` does it from time to time; every other way to a file was tried then."""
    asked: list[bool] = []

    def interrupted(*args: object, **options: object) -> None:
        asked.append(True)
        try:
            raise stop
        except BaseException as error:
            raise RuntimeError("Failed to export the model") from error

    monkeypatch.setattr(torch.onnx, "export", interrupted)
    with pytest.raises(type(stop)):
        export(plan_for(lambda: nn.Sequential(nn.Flatten(), nn.Linear(768, 5))), tmp_path / "export")
    assert asked == [True]
    assert list(tmp_path.iterdir()) == []
