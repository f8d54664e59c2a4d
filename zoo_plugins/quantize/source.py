"""The float file that is made smaller, the data that it is measured on, and those that it is calibrated with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import MissingExtraError, UsageError, Zoo, ZooError
from zoo_core.commands import Located, find_export, model_file
from zoo_core.data import Samples
from zoo_core.runtime import Metadata, OnnxFile, metadata_for_use, open_model, vet
from zoo_core.tasks import Task
from zoo_core.workflows.answers import load_part, open_predictor

if TYPE_CHECKING:
    import onnx

Arrays = dict[str, NDArray[Any]]

BATCH = "N"
LEAST_OPSET = 13
"""The first with a scale for each channel."""
_CALIBRATION_BATCH = 16
_QUANTIZED = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "MatMulInteger", "ConvInteger"})


@dataclass(frozen=True, kw_only=True)
class Source:
    """A float file, and the parts of a dataset for it.

    `validation` decides what is published; `calibration` are samples of the training part, which say how large values
    become. `labels` and `task` are those of the file. `remarks`: what is to be known of the data, in sentences.
    """

    typed: str
    path: Path
    metadata: Metadata
    sha256: str
    proto: onnx.ModelProto = field(repr=False)
    task: Task
    dataset: str
    validation: Samples = field(repr=False)
    calibration: Samples = field(repr=False)
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the export is called, and what is made of it begins with."""
        return self.metadata.name

    @property
    def fixed_batch(self) -> int | None:
        """The only batch that the file takes; None where it is free."""
        first = next(iter(self.metadata.inputs.values())).axes[0]
        return first if isinstance(first, int) else None

    def calibration_batches(self, count: int) -> Iterator[Arrays]:
        """Inputs of so many calibration samples at most, batch by batch, of the size that the file takes."""
        size = self.fixed_batch or _CALIBRATION_BATCH
        for start in range(0, min(count, len(self.calibration)), size):
            rows = self.calibration.arrays(slice(start, min(start + size, len(self.calibration))))
            if all(len(value) == size for value in rows.values()) or self.fixed_batch is None:
                yield rows


def open_source(
    typed: str,
    zoo: Zoo,
    *,
    dataset: str | None,
    data: Mapping[str, Any],
    samples: int,
    download: bool,
    accept_changes: bool,
    trusted: bool,
) -> Source:
    """The export of that name or path, with its data.

    Raises UsageError for unknown names and for a file that is quantized already, ZooError where it cannot be quantized,
    or where this machine does not know it.
    """
    path = find_export(typed)
    file = vet(model_file(path))
    metadata = metadata_for_use(file)
    _check_graph(typed, file, metadata)
    if not trusted:
        _require_known(typed, path)
    predictor = open_predictor(Located(kind="export", name=typed, path=path), zoo, isolated=False)
    named: dict[str, Any] = {"dataset": dataset, "data": data, "download": download, "accept_changes": accept_changes}
    validation = load_part(predictor, zoo, split="validation", **named)
    training = load_part(predictor, zoo, split="train", **named)
    places = np.unique(np.linspace(0, len(training.samples) - 1, min(samples, len(training.samples))).astype(np.int64))
    return Source(
        typed=typed,
        path=path,
        metadata=metadata,
        sha256=hashlib.sha256(file.content).hexdigest(),
        proto=_loaded(file.path),
        task=predictor.task,
        dataset=validation.dataset,
        validation=validation.samples,
        calibration=training.samples.at(places),
        remarks=validation.remarks,
    )


def need_onnx() -> None:
    """Raise MissingExtraError without the onnx package, which onnxruntime's tools need."""
    try:
        import onnx  # noqa: F401
    except ImportError:
        raise MissingExtraError(needed_for="zoo quantize", extra="quantize", missing="onnx") from None


def _require_known(typed: str, path: Path) -> None:
    with open_model(path) as model:
        if model.isolated is not False:
            raise ZooError(
                f"this machine does not know {typed}, and calibration runs it without limits",
                hint=f"zoo verify {typed} first, or --trusted",
            )


def _check_graph(typed: str, file: OnnxFile, metadata: Metadata) -> None:
    if metadata.baked:
        raise UsageError(
            f"{typed} prepares its pictures itself, in whole numbers that have to stay exact",
            hint="name the export without --bake-preprocess",
        )
    if done := sorted({node.op_type for node in file.nodes} & _QUANTIZED):
        raise UsageError(f"{typed} is quantized already: it has {done[0]}", hint="name the float file it was made of")
    if (opset := file.opsets.get("", 0)) < LEAST_OPSET:
        raise ZooError(
            f"{typed} has opset {opset}, and a scale for each channel needs {LEAST_OPSET} or later",
            hint=f"export it again: zoo export RUN --opset {LEAST_OPSET + 4}",
        )
    if metadata.self_test is None:
        raise ZooError(f"{typed} holds no self-test, whose inputs a smaller file could be tried with")


def _loaded(path: Path) -> onnx.ModelProto:
    """The whole file, with the weights beside it; each node has a name of its own, by which it is spoken of."""
    import onnx

    proto = onnx.load(path)
    seen: set[str] = set()
    for number, node in enumerate(proto.graph.node):
        if not node.name or node.name in seen:
            node.name = f"{node.op_type}_{number}"
        seen.add(node.name)
    return proto
