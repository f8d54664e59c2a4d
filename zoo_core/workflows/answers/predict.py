"""Predict real files with an export, without torch: a row for each input, one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.files import write_atomic
from zoo_core.runtime.running.isolated import Isolated
from zoo_core.runtime.running.model import ExportedModel, open_model
from zoo_core.runtime.running.outcomes import Prediction
from zoo_core.tasks import Task

from .input_files import Found, find_inputs, runs_of
from .predicted import Targets, check_target, is_results, originals_of, targets_for
from .readable import readable_files, texts_as_inputs
from .results import RESULT_SUFFIXES, ResultsFile, columns_of
from .shown import mask_png, npy_bytes, picture_png, sequence_csv, sequence_png

Row = dict[str, Any]
Notes = Callable[[str], None]
Contents = dict[Path, bytes | str]


@dataclass(frozen=True, kw_only=True)
class Predicting:
    """Everything that was decided before the first input is read. Made by `plan_predictions`.

    `found` are the files. `targets`: where masks, pictures and arrays go, None where the task gives labels. `results`:
    the file that has all rows, if one was asked for.
    """

    model: ExportedModel
    task: Task
    found: Sequence[Found]
    targets: Targets | None
    results: Path | None
    top: int | None

    def rows(
        self, *, on_done: Callable[[int], None] = lambda done: None, on_note: Notes = lambda text: None
    ) -> Iterator[Row]:
        """One row for each sample, as `predict` says, each as soon as it is there.

        `on_done` is told how many inputs are done, `on_note` what is worth a line.
        """
        rows = (
            self._stacked(on_done, on_note) if self.targets and self.targets.stacked else self._each(on_done, on_note)
        )
        if self.results is None:
            yield from rows
            return
        with ResultsFile(self.results, columns=self._columns()) as file:
            for row in rows:
                file.add({**self.task.cells(row), **row} if self._is_plain and "error" not in row else row)
                yield row

    @property
    def _is_plain(self) -> bool:
        return self.task.gives == "values"

    def _columns(self) -> tuple[str, ...]:
        if self._is_plain:
            own = self.task.columns(labels=self.model.labels, outputs=self.model.metadata.outputs)
            return ("input", *own, "error")
        return columns_of(gives=self.task.gives, top=self.top)

    def _predictions(self, on_done: Callable[[int], None], on_note: Notes) -> Iterator[tuple[int, Prediction]]:
        """Every sample, with the place of its input."""
        said = False
        for start, part in runs_of(self.found):
            for prediction in _predicted(self.model, part):
                if prediction.header is not None and not said:
                    said = True
                    names = ", ".join(prediction.header)
                    on_note(f"{part[prediction.index].shown}: the first line is a header, and no numbers: {names}")
                yield start + prediction.index, prediction
                on_done(start + prediction.index + 1)

    def _each(self, on_done: Callable[[int], None], on_note: Notes) -> Iterator[Row]:
        for index, prediction in self._predictions(on_done, on_note):
            try:
                rows, contents = self._made(index, prediction)
            except ZooError as error:
                yield _bad(prediction.name, error)
                continue
            for target, content in contents.items():
                write_atomic(target, content)
            yield from rows

    def _made(self, index: int, prediction: Prediction) -> tuple[list[Row], Contents]:
        """The rows of a sample, and what is to be written into which file. Raises its error."""
        if prediction.error is not None:
            raise prediction.error
        answer = prediction.answer or {}
        if self.targets is None:
            told = dict(answer) if self._is_plain else _best(answer, self.top)
            return [{"input": prediction.name, **told}], {}
        rows: list[Row] = []
        contents: Contents = {}
        for output, target in self.targets.of(index, prediction.row).items():
            made = (
                _sequence(answer, target, self.model.labels)
                if self.task.gives == "sequences"
                else _array(answer[output], target, masks=self.task.gives == "masks")
            )
            row: Row = {"input": prediction.name, "file": str(target), "shape": list(answer[output].shape)}
            if len(made) > 1:
                row["picture"] = str(list(made)[1])
            rows.append(row)
            contents |= made
        return rows, contents

    def _stacked(self, on_done: Callable[[int], None], on_note: Notes) -> Iterator[Row]:
        """Arrays of all inputs in one file for each output; those that failed are not in it."""
        if self.targets is None:
            return
        files = self.targets.of(0)
        stacks: dict[str, list[NDArray[Any]]] = {output: [] for output in files}
        names: list[str] = []
        bad: list[Row] = []
        for _, prediction in self._predictions(on_done, on_note):
            if prediction.error is not None:
                bad.append(_bad(prediction.name, prediction.error))
                continue
            names.append(prediction.name)
            for output, arrays in stacks.items():
                arrays.append((prediction.answer or {})[output])
        whole = {output: _stack(arrays, names) for output, arrays in stacks.items() if arrays}
        for output, array in whole.items():
            write_atomic(files[output], npy_bytes(array))
        for place, name in enumerate(names):
            for output, array in whole.items():
                row: Row = {"input": name, "file": str(files[output]), "shape": list(array.shape)}
                yield {**row, "index": place} if bad else row
        yield from bad


def predict(
    export: str | Path,
    *,
    inputs: Sequence[str | Path],
    out: str | Path | None = None,
    top: int | None = None,
    isolated: Isolated = None,
) -> list[Row]:
    """One row for each input: `{input, label, probability, probabilities: {label: probability}}`, the `top` best.

    Masks, sequences, filtered pictures and features are written to files: `{input, file, shape}`, where `shape` is that
    of what the file holds; a sequence that could be drawn also has its `picture`. A file of several samples has a row
    for each, `input` is `file.csv[3]` then, counted from 0. An input that cannot be predicted has `{input, error}`. Of
    features in one file `out`, those of failed inputs are not in it, and `index` says which place a row has. Inputs and
    `out` are as `find_inputs`, `targets_for` and `is_results` say, `isolated` as in `open_model`. Raises ZooError or
    RefusedFileError for an export that cannot be used, before any input is read, and UsageError for an `out` that does
    not fit.
    """
    planned = plan_predictions(export, inputs=inputs, out=out, top=top, isolated=isolated)
    return list(planned.rows())


def plan_predictions(
    export: str | Path,
    *,
    inputs: Sequence[str | Path],
    out: str | Path | None = None,
    top: int | None = None,
    texts: Sequence[str] = (),
    listed: Iterable[bytes] = (),
    isolated: Isolated = None,
) -> Predicting:
    """What `predict` does, before the first input is read. `listed` are the lines that the input "-" stands for;
    `texts` are inputs themselves."""
    if not inputs and not texts:
        raise UsageError("there is nothing to predict", hint="zoo predict EXPORT INPUT..., or --text TEXT")
    model = open_model(export, isolated=isolated)
    task = model.meaning
    known, what = readable_files(model)
    found = [*find_inputs(inputs, suffixes=known, what=what, listed=listed)] if inputs else []
    found += texts_as_inputs(model, texts)
    path = None if out is None else Path(out)
    if top is not None and task.gives != "labels":
        raise UsageError(f"--top is for tasks that give labels, and {model.task} gives {task.gives}")
    results = path if path is not None and not path.is_dir() and is_results(path, gives=task.gives) else None
    if results is not None:
        check_target(results, originals_of(found))
    if task.is_told:
        if path is not None and results is None:
            raise UsageError(
                f"--out {path}: {model.task} gives {task.gives}, which are written as {' or '.join(RESULT_SUFFIXES)}",
                hint="--out results.csv, or leave it out: they are printed",
            )
        targets = None
    else:
        outputs = tuple(model.metadata.outputs) if task.gives in {"arrays", "pictures"} else ("mask",)
        targets = targets_for(found, gives=task.gives, outputs=outputs, out=path)
    return Predicting(model=model, task=task, found=found, targets=targets, results=results, top=top)


def _predicted(model: ExportedModel, part: Sequence[Found]) -> Iterator[Prediction]:
    if part[0].error is not None:
        return iter([Prediction(name=part[0].shown, index=0, error=part[0].error)])
    return model.predictions(each.source for each in part)


def _bad(name: str, error: ZooError) -> Row:
    return {"input": name, "error": f"{error.message} ({error.hint})" if error.hint else error.message}


def _best(answer: Mapping[str, Any], top: int | None) -> Row:
    if top is None:
        return dict(answer)
    return {**answer, "probabilities": dict(itertools.islice(answer["probabilities"].items(), top))}


def _array(array: NDArray[Any], target: Path, *, masks: bool) -> Contents:
    if target.suffix.lower() == ".npy":
        return {target: npy_bytes(array)}
    return {target: mask_png(array) if masks else picture_png(array)}


def _sequence(answer: Mapping[str, NDArray[Any]], target: Path, labels: tuple[str, ...]) -> Contents:
    """The file of a sequence, and a drawing beside it where it can be drawn."""
    mask, values = answer["mask"], answer["values"]
    if target.suffix.lower() == ".npy":
        return {target: npy_bytes(mask)}
    table = sequence_csv(values, mask, answer["probability"])
    drawn = sequence_png(values, mask, labels)
    return {target: table} if drawn is None else {target: table, target.with_suffix(".png"): drawn}


def _stack(arrays: Sequence[NDArray[Any]], names: Sequence[str]) -> NDArray[Any]:
    for array, name in zip(arrays, names, strict=True):
        if array.shape != arrays[0].shape:
            raise ZooError(
                f"the outputs differ in shape: {array.shape} for {name}, {arrays[0].shape} for {names[0]}",
                hint="give --out a folder: then each input gets a file of its own",
            )
    return np.stack(arrays)
