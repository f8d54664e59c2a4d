"""A model zoo whose exports you can trust. The public names, all free of torch."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .errors import ZooError
    from .hookspecs import hookimpl
    from .records import CheckResult, EpochRow, ExportReport, OutputError, RunInfo, TrainResult
    from .registry import open_zoo
    from .shapes import TensorSpec
    from .specs import DatasetSpec, ModelFamily, ModelSpec, Preprocess, TrainerSpec, Weights
    from .stages import Stage
    from .training import load_run

__all__ = [
    "CheckResult",
    "DatasetSpec",
    "EpochRow",
    "ExportReport",
    "ModelFamily",
    "ModelSpec",
    "OutputError",
    "Preprocess",
    "RunInfo",
    "Stage",
    "TensorSpec",
    "TrainResult",
    "TrainerSpec",
    "Weights",
    "ZooError",
    "__version__",
    "hookimpl",
    "load_run",
    "open_zoo",
]


_HOMES = {
    "errors": ("ZooError",),
    "hookspecs": ("hookimpl",),
    "records": ("CheckResult", "EpochRow", "ExportReport", "OutputError", "RunInfo", "TrainResult"),
    "registry": ("open_zoo",),
    "shapes": ("TensorSpec",),
    "specs": ("DatasetSpec", "ModelFamily", "ModelSpec", "Preprocess", "TrainerSpec", "Weights"),
    "stages": ("Stage",),
    "training": ("load_run",),
}


def __getattr__(name: str) -> Any:
    # A name is loaded when it is used: `zoo list` needs none of them, and a plugin only those that it declares with.
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
