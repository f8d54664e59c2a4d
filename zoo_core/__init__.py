"""A model zoo whose exports you can trust. The public names, all free of torch until they are used."""

from __future__ import annotations

from zoo_core.lazy import lazy_names

from .version import __version__

TYPE_CHECKING = False
# Not that of typing, which `python -m zoo_core` would look for in the current folder: see __main__.py.

if TYPE_CHECKING:
    from .building import builder_options
    from .errors import MissingExtraError, UsageError, ZooError, did_you_mean
    from .hookspecs import hookimpl
    from .matching import bound_tensors, match_options
    from .records import CheckResult, EpochRow, ExportReport, OutputError, RunInfo, TrainResult
    from .registry import KINDS, Dataset, Entry, Kind, Model, Zoo, open_zoo
    from .shapes import TensorSpec
    from .specs import (
        IGNORED,
        DatasetSpec,
        ModelFamily,
        ModelSpec,
        Preprocess,
        Recipe,
        RecipeSpec,
        TaskSpec,
        TrainerSpec,
        Weights,
    )
    from .stages import Stage
    from .task_spec import Better, TargetForm
    from .training import load_run

__all__ = [
    "IGNORED",
    "KINDS",
    "Better",
    "CheckResult",
    "Dataset",
    "DatasetSpec",
    "Entry",
    "EpochRow",
    "ExportReport",
    "Kind",
    "MissingExtraError",
    "Model",
    "ModelFamily",
    "ModelSpec",
    "OutputError",
    "Preprocess",
    "Recipe",
    "RecipeSpec",
    "RunInfo",
    "Stage",
    "TargetForm",
    "TaskSpec",
    "TensorSpec",
    "TrainResult",
    "TrainerSpec",
    "UsageError",
    "Weights",
    "Zoo",
    "ZooError",
    "__version__",
    "bound_tensors",
    "builder_options",
    "did_you_mean",
    "hookimpl",
    "load_run",
    "match_options",
    "open_zoo",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".building": ("builder_options",),
        ".errors": (
            "MissingExtraError",
            "UsageError",
            "ZooError",
            "did_you_mean",
        ),
        ".hookspecs": ("hookimpl",),
        ".matching": (
            "bound_tensors",
            "match_options",
        ),
        ".records": (
            "CheckResult",
            "EpochRow",
            "ExportReport",
            "OutputError",
            "RunInfo",
            "TrainResult",
        ),
        ".registry": (
            "Dataset",
            "Entry",
            "KINDS",
            "Kind",
            "Model",
            "Zoo",
            "open_zoo",
        ),
        ".shapes": ("TensorSpec",),
        ".specs": (
            "DatasetSpec",
            "IGNORED",
            "ModelFamily",
            "ModelSpec",
            "Preprocess",
            "Recipe",
            "RecipeSpec",
            "TaskSpec",
            "TrainerSpec",
            "Weights",
        ),
        ".stages": ("Stage",),
        ".task_spec": (
            "Better",
            "TargetForm",
        ),
        ".training": ("load_run",),
    },
)
