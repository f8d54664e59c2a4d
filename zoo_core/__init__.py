"""A model zoo whose exports you can trust. The public names, all free of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ZooError
from .hookspecs import hookimpl
from .records import CheckResult, EpochRow, ExportReport, OutputError, RunInfo, TrainResult
from .shapes import TensorSpec
from .specs import DatasetSpec, ModelFamily, ModelSpec, Preprocess, TrainerSpec, Weights

if TYPE_CHECKING:
    from .registry import open_zoo
    from .training import load_run

__version__ = "0.1.0"

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
    "TensorSpec",
    "TrainResult",
    "TrainerSpec",
    "Weights",
    "ZooError",
    "hookimpl",
    "load_run",
    "open_zoo",
]


def __getattr__(name: str) -> Any:
    # A plugin that only declares specs pays for neither the registry nor training.
    if name == "open_zoo":
        from .registry import open_zoo

        return open_zoo
    if name == "load_run":
        from .training import load_run

        return load_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
