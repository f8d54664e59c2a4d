"""An exported file, ready to use: `open_model("model.onnx")(["a.png"])`."""

from __future__ import annotations

import dataclasses
import functools
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UnverifiedWarning, UsageError, ZooError
from zoo_core.file_limits import MAX_INPUT_ELEMENTS
from zoo_core.recipe_spec import sources_of
from zoo_core.recipes import InputRecipe
from zoo_core.runtime.reading.metadata import Metadata
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.runtime.vetting.for_use import metadata_for_use
from zoo_core.runtime.vetting.published import remark_on
from zoo_core.runtime.vetting.vet import vet
from zoo_core.shapes import filled_up, joined_rows, takes_one
from zoo_core.shelf import model_file
from zoo_core.specs import Preprocess
from zoo_core.tasks import Task, get_task
from zoo_core.unwatched import before_plugin_code

from .faults import WrongExportError
from .given_rows import Batch, Rows, fetching
from .inputs import check_ends, check_fetched, check_inputs, check_large_enough
from .isolated import Isolated, limits_of, open_session
from .outcomes import Prediction, batch_of
from .own_recipes import own_recipes
from .predictions import predictions_of
from .provider_verdicts import remark_on_provider
from .session import Optimization, Session, SessionSettings, Timing, settings_from
from .sources import Source, in_short, one_or_many
from .tiling import Tiling
from .tuned import tuned_settings


def open_model(
    path: str | Path,
    *,
    optimization: Optimization | None = None,
    threads: int | None = None,
    spinning: bool | None = None,
    provider: str | None = None,
    isolated: Isolated = None,
    edited: bool = False,
) -> ExportedModel:
    """Vet an exported file (`model.onnx`, or its folder) and make it ready to run.

    A file that was not exported or verified on this machine runs in a child process, whose memory and time are limited:
    `isolated` is Limits for other limits, True for a child process in any case, and False for a file that you trust,
    which then runs in this process. Settings that are None are those that `zoo bench --tune` found, else the usual
    ones: `optimization`, onnxruntime's own, "all"; `threads`, as many as there are processors, which wait busily
    between two runs where `spinning` is True; `provider`, what computes, "cpu". Close the model, or open it with
    `with`, where it has to give back its memory and its child.

    Warns (UnverifiedWarning, of Python's `warnings`) of a file that is another one than the report beside it was made
    for, that was never verified, there or on the provider, or whose report is missing or damaged.
    Raises RefusedFileError for a hostile file, for other formats, and where words were edited after the export, unless
    `edited`, for who compares; ZooError where there are no metadata of ours, a child process reached a limit, or a
    provider cannot be had or is wrong; UsageError for other kinds.
    """
    asked = settings_from(optimization=optimization, threads=threads, spinning=spinning, provider=provider)
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"open_model takes the path of a model.onnx or of its folder, not {in_short(path)}")
    if not os.fspath(path):
        raise UsageError("an empty text is no path of a model.onnx", hint="the current folder is a dot: .")
    file = vet(model_file(Path(path)))
    metadata = metadata_for_use(file, edited=edited)
    if metadata.needs_plugin:
        before_plugin_code()
    for remark in (remark_on(file), remark_on_provider(file, provider)):
        if remark is not None:
            warnings.warn(remark, UnverifiedWarning, stacklevel=2)
    settings = asked or tuned_settings(file) or SessionSettings()
    return ExportedModel(file=file, metadata=metadata, settings=settings, isolated=isolated)


class ExportedModel:
    """A vetted file in an onnxruntime session, until it is closed. Made by `open_model`."""

    def __init__(self, *, file: OnnxFile, metadata: Metadata, settings: SessionSettings, isolated: Isolated) -> None:
        self.path = file.path
        self.file = file
        self.metadata = metadata
        self.settings = settings
        self.isolated: Isolated = limits_of(file, isolated) or False
        self._session: Session | None = open_session(file, settings, isolated=self.isolated)

    def __enter__(self) -> ExportedModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back its memory, and end its child process if it has one. It may be closed again, but not run."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def with_content(self, content: bytes) -> ExportedModel:
        """The same model with other bytes of its file, run without optimisations, in a process as before."""
        file = dataclasses.replace(self.file, content=content)
        settings = SessionSettings(optimization="none")
        return ExportedModel(file=file, metadata=self.metadata, settings=settings, isolated=self.isolated)

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the outputs."""
        return self.metadata.labels

    @property
    def task(self) -> str:
        """The name of the task."""
        return self.metadata.task

    @functools.cached_property
    def meaning(self) -> Task:
        """What the outputs mean. Raises ZooError where the plugin that offers the task is not installed."""
        return get_task(self.task, plugin=self.metadata.task_plugin, settings=self.metadata.task_settings)

    def decide_at(self, threshold: float) -> None:
        """Take another probability than the file's own from which something counts as found.

        Raises UsageError for a task that has no such threshold, ZooError for an impossible one.
        """
        self.meaning = self.meaning.at_threshold(threshold)

    @property
    def preprocess(self) -> Preprocess | None:
        """How a picture becomes an input; None when the model does not take pictures."""
        return self.metadata.preprocess

    @functools.cached_property
    def recipes(self) -> dict[str, InputRecipe]:
        """How each input that is no picture is made. Raises ZooError where a plugin that offers one is not installed,
        or where the recipe in the file is damaged, or is none of this input."""
        return own_recipes(self.metadata, self.path)

    @property
    def sources(self) -> tuple[str, ...]:
        """What a sample is made of, by name: of each input its own, or what it shares with others."""
        return sources_of(self.metadata.inputs, self.metadata.recipes)

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

    def __call__(self, inputs: Source | Iterable[Source]) -> list[dict[str, Any]]:
        """Predictions, one for each sample: of one input, or of several.

        Where the model takes pictures, an input is a path, the bytes of a file, a file opened with "rb", a picture of
        Pillow, or pixels: uint8, (H, W), (H, W, 3), or several pictures (N, H, W, 3). Else it is a CSV or .npy file or
        an array, of one sample or of several. Where a recipe makes the input, it is what that reads: a path, a text, a
        row of a table as a mapping; `{name: ...}` where a sample is made of several. An array of another dtype,
        given alone, has rows that are prepared.

        For classification: `{label, probability, probabilities: {label: probability}}`, best first. For segmentation
        `{mask, probability}`, arrays; for features and filters `{output: array}`. Raises ZooError or RefusedFileError
        that names the input.
        """
        if isinstance(inputs, np.ndarray) and self.preprocess is not None:
            if inputs.dtype != np.uint8:
                return self.meaning.decode(self.run_rows(inputs), labels=self.labels)
            return list(self.answers(list(inputs) if inputs.ndim == 4 else inputs))
        return list(self.answers(inputs))

    def answers(self, sources: Source | Iterable[Source]) -> Iterator[dict[str, Any]]:
        """The predictions of `__call__`, one after the other; the first input that is bad raises its error.

        A mask has the size of its picture where the recipe resized it and cut nothing off, else that of the output. An
        answer for a sequence also has its `values`, shape (length, channels).
        """
        for prediction in self.predictions(sources):
            if prediction.error is not None:
                raise prediction.error
            yield dict(prediction.answer or {})

    def predictions(
        self, sources: Source | Iterable[Source], *, tiling: Tiling | None = None, ahead: int | None = None
    ) -> Iterator[Prediction]:
        """As `answers`, with names and places; a bad input has an error instead of an answer, and the rest goes on.
        Threads read pictures, one for each processor. `ahead`: how many more are read than are run; by itself a few of
        a list, and none of an iterator, which is asked for no more than is run at once: at most 16. With a `tiling`,
        pictures keep their own size and are run in tiles, for masks and pictures alone. Raises ZooError, before any
        input is read, for a model that cannot answer.
        """
        several = bool(self.metadata.recipes) or len(self.metadata.inputs) > 1
        return predictions_of(self, one_or_many(sources, by_name=several), tiling=tiling, ahead=ahead)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """All outputs by name for inputs by name, prepared and of the declared dtype and shape.

        Raises ZooError that says what was given, what is needed and the fix, and for a model that was closed.
        """
        return self._session_for(inputs).run(inputs)

    def timed(self, inputs: Mapping[str, NDArray[Any]], *, times: int) -> Timing:
        """As `run`, so many times, each measured where the file runs, without the way there."""
        return self._session_for(inputs).timed(inputs, times=times)

    def _session_for(self, inputs: Mapping[str, NDArray[Any]]) -> Session:
        """The session that these inputs may be given to."""
        sizes = check_inputs(inputs, self.metadata.inputs, where=str(self.path))
        check_ends(sizes, largest=self.metadata.largest, where=str(self.path))
        check_large_enough(sizes, self.metadata.inputs, self.metadata.outputs, where=str(self.path))
        if self._session is None:
            raise ZooError(f"{self.path} was closed", hint="open_model(...) opens it again")
        return self._session

    def run_rows(self, rows: Rows, *, count: int | None = None) -> dict[str, NDArray[Any]]:
        """All outputs for any number of rows, run in batches; a fixed batch size is filled up and cut again.

        Outputs that have no axis for the samples get one, and rows with fewer things are filled up with zeros. `rows`
        is an array whose first axis is the batch, where there is one input; else arrays by name; or a function
        that gives a slice of `count` rows, in either form.
        """
        parts = [outputs for _, outputs in self.run_batches(rows, count=count)]
        return {key: joined_rows([part[key] for part in parts]) for key in parts[0]}

    def run_batches(self, rows: Rows, *, count: int | None = None) -> Iterator[tuple[slice, dict[str, NDArray[Any]]]]:
        """As `run_rows`, batch by batch: which rows, and their outputs."""
        fetch, total = fetching(rows, count, by_name=self._by_name, where=str(self.path))
        if total == 0:
            raise ZooError(f"{self.path}: nothing to run: there are no rows")
        first = next(iter(self.metadata.inputs.values())).axes[0]
        values = sum(array.size for array in fetch(slice(0, 1)).values())
        size = first if isinstance(first, int) else batch_of(values)
        size = min(size, self.metadata.largest.get(str(first), size))
        if size * values > MAX_INPUT_ELEMENTS:
            raise ZooError(
                f"{self.path}: a batch of {size:,} such inputs has over {MAX_INPUT_ELEMENTS:,} numbers",
                hint="give smaller inputs, or export the model with a smaller batch",
            )
        for start in range(0, total, size):
            part = slice(start, min(start + size, total))
            held, batch = part.stop - part.start, fetch(part)
            check_fetched(batch, part, total, where=str(self.path))
            if isinstance(first, int) and held < first:
                batch = {name: filled_up(array, first) for name, array in batch.items()}
            outputs = self.run(batch)
            if self._is_alone:
                outputs = {name: value[np.newaxis] for name, value in outputs.items()}
            self._check_rows(outputs, first if isinstance(first, int) else held)
            yield part, {key: value[:held] for key, value in outputs.items()}

    @functools.cached_property
    def _is_alone(self) -> bool:
        return takes_one(self.metadata.inputs, self.metadata.outputs)

    def _by_name(self, rows: Batch) -> Mapping[str, NDArray[Any]]:
        return rows if isinstance(rows, Mapping) else {self.input_name: rows}

    def _check_rows(self, outputs: Mapping[str, NDArray[Any]], rows: int) -> None:
        for name, value in outputs.items():
            if value.ndim == 0 or len(value) != rows:
                raise WrongExportError(
                    f"{self.path}: output {name!r} has shape {value.shape} for a batch of {rows}",
                    hint="the export is wrong: check it with `zoo verify`",
                )
