"""An exported file, ready to use: `open_model("model.onnx")(["a.png"])`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.preprocess import load_pictures
from zoo_core.specs import Preprocess
from zoo_core.tasks import get_task

from .agreement import check_agreement
from .inputs import check_inputs
from .metadata import Metadata, read_metadata
from .session import Optimization, open_session, run_session
from .vet import vet
from .wire import OnnxFile

BATCH = 64
"""Pictures that are run at a time: enough to keep the processors busy, little enough for any memory."""


def open_model(path: str | Path, *, optimization: Optimization = "all", threads: int | None = None) -> ExportedModel:
    """Vet an exported file (`model.onnx`, or its folder) and make it ready to run on the CPU.

    Raises RefusedFileError for a hostile file or one that is no ONNX file, ZooError for one without our metadata.
    """
    path = Path(path)
    file = vet(path / "model.onnx" if path.is_dir() else path)
    metadata = read_metadata(file)
    check_agreement(file, metadata)
    return ExportedModel(file=file, metadata=metadata, optimization=optimization, threads=threads)


class ExportedModel:
    """A vetted file in an onnxruntime session. Made by `open_model`."""

    def __init__(self, *, file: OnnxFile, metadata: Metadata, optimization: Optimization, threads: int | None) -> None:
        self.path = file.path
        self.file = file
        self.metadata = metadata
        self._session = open_session(file, optimization=optimization, threads=threads)

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""
        return self.metadata.labels

    @property
    def task(self) -> str:
        """The name of the task."""
        return self.metadata.task

    @property
    def preprocess(self) -> Preprocess | None:
        """How a picture becomes an input; None when the model does not take pictures."""
        return self.metadata.preprocess

    @property
    def input_name(self) -> str:
        """The name of the only input. Raises ZooError if there are several."""
        names = list(self.metadata.inputs)
        if len(names) != 1:
            raise ZooError(
                f"{self.path} has {len(names)} inputs: {', '.join(names)}",
                hint="give all of them by name to run()",
            )
        return names[0]

    def __call__(self, inputs: str | Path | Sequence[str | Path] | NDArray[Any]) -> list[dict[str, Any]]:
        """Predictions, one for each picture file, or for each row of an array that is already prepared.

        For classification: `{label, probability, probabilities: {label: probability}}`, best first. Raises
        ZooError or RefusedFileError that names the picture.
        """
        task = get_task(self.task)
        if isinstance(inputs, np.ndarray):
            return task.decode(self.run_rows(inputs), labels=self.labels)
        paths = [Path(inputs)] if isinstance(inputs, str | Path) else [Path(item) for item in inputs]
        found: list[dict[str, Any]] = []
        recipe = self.picture_recipe()
        step = BATCH if recipe.size is not None else 1
        for start in range(0, len(paths), step):
            part = paths[start : start + step]
            outputs = self.run_rows(load_pictures(part, recipe))
            self._check_finite(outputs, part)
            found.extend(task.decode(outputs, labels=self.labels))
        return found

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """All outputs by name for inputs by name, prepared and of the declared dtype and shape.

        Raises ZooError that says what was given, what is needed and the fix.
        """
        check_inputs(inputs, self.metadata.inputs, where=str(self.path))
        return run_session(self._session, inputs, path=str(self.path))

    def run_rows(
        self, rows: NDArray[Any] | Callable[[slice], NDArray[Any]], *, count: int | None = None
    ) -> dict[str, NDArray[Any]]:
        """All outputs for any number of rows, run in batches; a fixed batch size is filled up and cut again.

        `rows` is an array whose first axis is the batch, or a function that gives a slice of `count` rows.
        """
        fetch = rows.__getitem__ if isinstance(rows, np.ndarray) else rows
        total = len(rows) if isinstance(rows, np.ndarray) else count or 0
        if total == 0:
            raise ZooError(f"{self.path}: nothing to run: there are no rows")
        name = self.input_name
        first = self.metadata.inputs[name].axes[0]
        size = first if isinstance(first, int) else BATCH
        parts: list[dict[str, NDArray[Any]]] = []
        for start in range(0, total, size):
            batch = fetch(slice(start, min(start + size, total)))
            held = len(batch)
            if isinstance(first, int) and held < first:
                batch = np.concatenate([batch, np.repeat(batch[-1:], first - held, axis=0)])
            outputs = self.run({name: batch})
            self._check_rows(outputs, len(batch))
            parts.append({key: value[:held] for key, value in outputs.items()})
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def picture_recipe(self) -> Preprocess:
        """The preprocessing. Raises ZooError when the model does not take pictures."""
        if self.preprocess is None:
            raise ZooError(
                f"{self.path} does not take pictures: it says nothing about preprocessing",
                hint="give prepared arrays to run() in Python",
            )
        return self.preprocess

    def _check_rows(self, outputs: Mapping[str, NDArray[Any]], rows: int) -> None:
        for name, value in outputs.items():
            if value.ndim == 0 or len(value) != rows:
                raise ZooError(
                    f"{self.path}: output {name!r} has shape {value.shape} for a batch of {rows}",
                    hint="the export is wrong: check it with `zoo verify`",
                )

    def _check_finite(self, outputs: Mapping[str, NDArray[Any]], paths: Sequence[Path]) -> None:
        for name, value in outputs.items():
            for row, path in zip(value, paths, strict=True):
                if value.dtype.kind == "f" and not np.isfinite(row).all():
                    raise ZooError(
                        f"{self.path}: output {name!r} is not finite for {path}",
                        hint="check the export with `zoo verify`",
                    )
