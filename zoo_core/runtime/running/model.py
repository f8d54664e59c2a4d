"""An exported file, ready to use: `open_model("model.onnx")(["a.png"])`."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.pictures import read_picture
from zoo_core.preprocess import normalize, stack_pictures
from zoo_core.runtime.reading.metadata import Metadata, read_metadata
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.runtime.vetting.agreement import check_agreement
from zoo_core.runtime.vetting.vet import vet
from zoo_core.shelf import model_file
from zoo_core.specs import Preprocess
from zoo_core.tasks import get_task

from .inputs import check_ends, check_inputs, check_large_enough
from .isolated import Isolated, limits_of, open_session
from .sequences import read_sequence, sequence_input
from .session import Optimization, SessionSettings

BATCH = 64
"""Pictures that are run at a time: enough to keep the processors busy, little enough for any memory."""

BATCH_VALUES = 1 << 22
"""Input values that are run at a time, for pictures that are big."""


def batch_of(values: int) -> int:
    """How many samples of that many values are run at a time."""
    return max(1, min(BATCH, BATCH_VALUES // max(1, values)))


def open_model(
    path: str | Path,
    *,
    optimization: Optimization = "all",
    threads: int | None = None,
    isolated: Isolated = None,
) -> ExportedModel:
    """Vet an exported file (`model.onnx`, or its folder) and make it ready to run on the CPU.

    A file that was not exported or verified on this machine runs in a child process, whose memory and time are limited:
    `isolated` is Limits for other limits, True for a child process in any case, and False for a file that you trust,
    which then runs in this process. Raises RefusedFileError for a hostile file or one that is no ONNX file, ZooError
    for one without our metadata and for a child process that reached a limit.
    """
    settings = SessionSettings(optimization=optimization, threads=threads)
    path = Path(path)
    file = vet(model_file(path))
    metadata = read_metadata(file)
    check_agreement(file, metadata)
    return ExportedModel(file=file, metadata=metadata, settings=settings, isolated=isolated)


class ExportedModel:
    """A vetted file in an onnxruntime session. Made by `open_model`."""

    def __init__(self, *, file: OnnxFile, metadata: Metadata, settings: SessionSettings, isolated: Isolated) -> None:
        self.path = file.path
        self.file = file
        self.metadata = metadata
        self._isolated: Isolated = limits_of(file, isolated) or False
        self._session = open_session(file, settings, isolated=self._isolated)

    def with_content(self, content: bytes) -> ExportedModel:
        """The same model with other bytes of its file, run without optimisations, in this process or in one of its
        own."""
        file = dataclasses.replace(self.file, content=content)
        settings = SessionSettings(optimization="none")
        return ExportedModel(file=file, metadata=self.metadata, settings=settings, isolated=self._isolated)

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
        """Predictions, one for each file, or for each row of an array that is already prepared.

        Files are pictures, or CSV and .npy files where the task is about sequences. For classification: `{label,
        probability, probabilities: {label: probability}}`, best first. For segmentation `{mask, probability}`, arrays;
        for features and filters `{output: array}`. Raises ZooError or RefusedFileError that names the file.
        """
        if isinstance(inputs, np.ndarray):
            return get_task(self.task).decode(self.run_rows(inputs), labels=self.labels)
        paths = [Path(inputs)] if isinstance(inputs, str | Path) else [Path(item) for item in inputs]
        return list(self.answers(paths))

    def answers(self, paths: Sequence[Path]) -> Iterator[dict[str, Any]]:
        """The predictions of `__call__` for files, one after the other; few of them are in memory at a time.

        A mask has the size of its picture where the recipe resized it and cut nothing off, else that of the model's
        output. An answer for a sequence also has its `values`, shape (length, channels).
        """
        if get_task(self.task).gives == "sequences":
            return map(self._sequence_answer, paths)
        recipe = self.picture_recipe()
        step = 1 if recipe.size is None else batch_of(recipe.channels * recipe.size[0] * recipe.size[1])
        parts = (paths[start : start + step] for start in range(0, len(paths), step))
        return itertools.chain.from_iterable(self._picture_answers(part, recipe) for part in parts)

    def _picture_answers(self, paths: Sequence[Path], recipe: Preprocess) -> Iterator[dict[str, Any]]:
        task = get_task(self.task)
        sizes: list[tuple[int, int]] = []
        inputs = normalize(stack_pictures(_read(paths, recipe, sizes), len(paths), recipe), recipe)
        with _named(paths[0] if recipe.size is None else None):
            outputs = self.run_rows(inputs)
        self._check_finite(outputs, paths)
        for size, answer in zip(sizes, task.decode(outputs, labels=self.labels), strict=True):
            if task.gives == "masks" and recipe.resize is not None and recipe.crop is None:
                yield {name: stretched(array, size) for name, array in answer.items()}
            else:
                yield answer

    def _sequence_answer(self, path: Path) -> dict[str, Any]:
        values = read_sequence(path)
        inputs = sequence_input(values, self.metadata.inputs[self.input_name], where=str(path))
        with _named(path):
            outputs = self.run_rows(inputs)
        self._check_finite(outputs, [path])
        (answer,) = get_task(self.task).decode(outputs, labels=self.labels)
        return {**answer, "values": values}

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """All outputs by name for inputs by name, prepared and of the declared dtype and shape.

        Raises ZooError that says what was given, what is needed and the fix.
        """
        sizes = check_inputs(inputs, self.metadata.inputs, where=str(self.path))
        check_ends(sizes, largest=self.metadata.largest, where=str(self.path))
        check_large_enough(sizes, self.metadata.inputs, self.metadata.outputs, where=str(self.path))
        return self._session.run(inputs)

    def run_rows(
        self, rows: NDArray[Any] | Callable[[slice], NDArray[Any]], *, count: int | None = None
    ) -> dict[str, NDArray[Any]]:
        """All outputs for any number of rows, run in batches; a fixed batch size is filled up and cut again.

        `rows` is an array whose first axis is the batch, or a function that gives a slice of `count` rows.
        """
        parts = [outputs for _, outputs in self.run_batches(rows, count=count)]
        return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}

    def run_batches(
        self, rows: NDArray[Any] | Callable[[slice], NDArray[Any]], *, count: int | None = None
    ) -> Iterator[tuple[slice, dict[str, NDArray[Any]]]]:
        """As `run_rows`, batch by batch: which rows, and their outputs."""
        fetch = rows.__getitem__ if isinstance(rows, np.ndarray) else rows
        total = len(rows) if isinstance(rows, np.ndarray) else count or 0
        if total == 0:
            raise ZooError(f"{self.path}: nothing to run: there are no rows")
        name = self.input_name
        first = self.metadata.inputs[name].axes[0]
        size = first if isinstance(first, int) else batch_of(fetch(slice(0, 1)).size)
        size = min(size, self.metadata.largest.get(str(first), size))
        for start in range(0, total, size):
            part = slice(start, min(start + size, total))
            batch = fetch(part)
            held = len(batch)
            if isinstance(first, int) and held < first:
                batch = np.concatenate([batch, np.repeat(batch[-1:], first - held, axis=0)])
            outputs = self.run({name: batch})
            self._check_rows(outputs, len(batch))
            yield part, {key: value[:held] for key, value in outputs.items()}

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


def stretched(array: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A mask (h, w) brought to another size (height, width); each place takes the value of the one nearest to it."""
    rows, columns = (
        ((np.arange(wanted) + 0.5) * have / wanted).astype(np.int64)
        for have, wanted in zip(array.shape, size, strict=True)
    )
    return array if array.shape == size else array[np.ix_(rows, columns)]


def _read(
    paths: Sequence[Path], recipe: Preprocess, sizes: list[tuple[int, int]]
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Pictures with their names; their own sizes are noted in `sizes`."""
    for path in paths:
        pixels = read_picture(path, color=recipe.color)
        sizes.append((pixels.shape[0], pixels.shape[1]))
        yield str(path), pixels


@contextlib.contextmanager
def _named(path: Path | None) -> Iterator[None]:
    """An error about the size of an input also says which file has it."""
    try:
        yield
    except ZooError as error:
        if path is not None:
            error.message = f"{path}: {error.message}"
            error.args = (error.message,)
        raise
