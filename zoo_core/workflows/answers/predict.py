"""Predict real files with an export, without torch: a row for each input, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.files import write_atomic
from zoo_core.paths import is_there
from zoo_core.records import counted
from zoo_core.runtime.running.isolated import Isolated
from zoo_core.runtime.running.model import ExportedModel, open_model
from zoo_core.runtime.running.outcomes import Prediction
from zoo_core.runtime.running.tiling import Tiling
from zoo_core.tasks import Task

from .asked import check_top, gallery_for, is_kept, tiling_for
from .contents import Contents, Row, array_contents, bad_row, best_of, drawing, sequence_contents, stacked
from .gallery import Gallery, write_gallery
from .input_files import Found, find_inputs, runs_of
from .predicted import Targets, check_target, originals_of, written_by
from .readable import check_recipes, files_read, texts_as_inputs
from .results import ResultsFile, cells_of, columns_of
from .shown import npy_bytes, undrawn

Notes = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Predicting:
    """Everything that was decided before the first input is read. Made by `plan_predictions`.

    `found` are the files. `targets`: where masks, pictures and arrays go, None where answers are told. `drawings`:
    where those are drawn, None where the task draws nothing. `results`: the file that has all rows, if one was asked
    for. `gallery`: where vectors are looked up; `kept`: the one that is made. `tiling`: how large pictures are cut.
    `errors`: what rows have had instead of an answer so far.
    """

    model: ExportedModel
    task: Task
    found: Sequence[Found]
    targets: Targets | None
    drawings: Targets | None
    results: Path | None
    top: int | None
    gallery: Gallery | None = None
    kept: Path | None = None
    tiling: Tiling | None = None
    errors: list[ZooError] = field(default_factory=list)

    def rows(
        self, *, on_done: Callable[[int], None] = lambda done: None, on_note: Notes = lambda text: None
    ) -> Iterator[Row]:
        """One row for each sample, as `predict` says, each as soon as it is there.

        `on_done` is told how many inputs are done, `on_note` what is worth a line.
        """
        rows = (
            self._stacked(on_done, on_note) if self.targets and self.targets.stacked else self._each(on_done, on_note)
        )
        if self.kept is not None:
            rows = self._keeping(rows, self.kept)
        if self.results is None:
            yield from rows
            return
        columns = self._columns()
        with ResultsFile(self.results, columns=columns) as file:
            for row in rows:
                file.add(self._in_columns(row, columns[1:-1]) if file.is_table else row)
                yield row

    def _in_columns(self, row: Row, own: tuple[str, ...]) -> Row:
        if not self._is_plain or "error" in row:
            return row
        if self.gallery is not None:
            return {**row, **self.gallery.cells(row)}
        return {**row, **cells_of(row, own, task=self.task, plugin=self.model.metadata.task_plugin)}

    def _keeping(self, rows: Iterable[Row], path: Path) -> Iterator[Row]:
        """The rows themselves; their vectors go into a gallery when the last one is there."""
        names: list[str] = []
        vectors: list[Sequence[float]] = []
        for row in rows:
            if "error" not in row:
                names.append(row["input"])
                vectors.append(row[self.task.spec.compared])
            yield row
        write_gallery(path, names, vectors)

    @property
    def _is_plain(self) -> bool:
        return self.task.gives == "values"

    def _columns(self) -> tuple[str, ...]:
        if not self._is_plain:
            return columns_of(gives=self.task.gives, top=self.top)
        if self.gallery is not None:
            return ("input", *self.gallery.columns(self.top), "error")
        return ("input", *self.task.columns(labels=self.model.labels, outputs=self.model.metadata.outputs), "error")

    def _predictions(self, on_done: Callable[[int], None], on_note: Notes) -> Iterator[tuple[int, Prediction]]:
        """Every sample, with the place of its input."""
        said = False
        unknown: Counter[str] = Counter()
        for start, part in runs_of(self.found):
            for prediction in _predicted(self.model, part, self.tiling):
                if prediction.header is not None and not said:
                    said = True
                    names = ", ".join(prediction.header)
                    on_note(f"{part[prediction.index].shown}: the first line is a header, and no numbers: {names}")
                unknown.update(prediction.unknown)
                yield start + prediction.index, prediction
                on_done(start + prediction.index + 1)
        for column, count in unknown.items():
            on_note(
                f"{counted(count, 'row')} with a value of {column!r} that training has not seen, or hardly: "
                "it counts as unknown"
            )

    def _each(self, on_done: Callable[[int], None], on_note: Notes) -> Iterator[Row]:
        if self.targets is not None and (remark := undrawn(self.task.gives, self.targets.ending)):
            on_note(remark)
        for index, prediction in self._predictions(on_done, on_note):
            try:
                rows, contents = self._made(index, prediction)
                any(map(is_there, contents))  # raises where no such file can be: its name may be too long
            except ZooError as error:
                self.errors.append(error)
                yield bad_row(prediction.name, error)
                continue
            for target, content in contents.items():
                write_atomic(target, content)
            yield from rows

    def _made(self, index: int, prediction: Prediction) -> tuple[list[Row], Contents]:
        """The rows of a sample, and what is to be written into which file. Raises its error."""
        if prediction.error is not None:
            raise prediction.error
        answer = prediction.answer or {}
        drawn = self._drawn(index, prediction, answer)
        pictures = {"picture": str(next(iter(drawn)))} if drawn else {}
        if self.targets is None:
            if self.gallery is not None:
                near = self.gallery.nearest(answer[self.task.spec.compared], self.top)
                return [{"input": prediction.name, "neighbours": near}], {}
            told = dict(answer) if self._is_plain else best_of(answer, self.top)
            unknown = {"unknown": list(prediction.unknown)} if prediction.unknown else {}
            return [{"input": prediction.name, **told, **pictures, **unknown}], drawn
        rows: list[Row] = []
        contents = dict(drawn)
        for output, target in self.targets.of(index, prediction.row).items():
            made = (
                sequence_contents(answer, target, self.model.labels)
                if self.task.gives == "sequences"
                else array_contents(answer[output], target, masks=self.task.gives == "masks")
            )
            shape = list(answer[output].shape)
            row: Row = {"input": prediction.name, "file": str(target), "shape": shape, **pictures}
            if len(made) > 1:
                row["picture"] = str(list(made)[1])
            rows.append(row)
            contents |= made
        return rows, contents

    def _drawn(self, index: int, prediction: Prediction, answer: Mapping[str, Any]) -> Contents:
        if self.drawings is None:
            return {}
        (target,) = self.drawings.of(index, prediction.row).values()
        picture = prediction.picture or Path(self.found[index].shown)
        return drawing(self.task, answer, picture, target, labels=self.model.labels)

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
                self.errors.append(prediction.error)
                bad.append(bad_row(prediction.name, prediction.error))
                continue
            names.append(prediction.name)
            for output, arrays in stacks.items():
                arrays.append((prediction.answer or {})[output])
        whole = {output: stacked(arrays, names) for output, arrays in stacks.items() if arrays}
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
    threshold: float | None = None,
    isolated: Isolated = None,
) -> list[Row]:
    """One row for each input: `{input, label, probability, probabilities: {label: probability}}`, the `top` best.

    Masks, sequences, filtered pictures and features are written to files: `{input, file, shape}`, where `shape` is
    that of what the file holds; a sequence that could be drawn also has its `picture`. What a detector finds is
    `{input, detections: [{label, probability, box}], picture}`, from a probability of `threshold` on, the model's
    own unless given. A file of several samples has a row for each, `input` is `file.csv[3]` then, counted from 0.
    An input that cannot be predicted has `{input, error}`, and a row of a table `unknown`: the columns whose values
    training has not seen. Of features in one file `out`, those of failed inputs are not in it, and `index` says
    which place a row has. Inputs and `out` are as `find_inputs`, `targets_for` and `is_results` say, `isolated` as
    in `open_model`. Raises ZooError or RefusedFileError for an export that cannot be used, before any input is
    read, and UsageError for an `out` that does not fit.
    """
    planned = plan_predictions(export, inputs=inputs, out=out, top=top, threshold=threshold, isolated=isolated)
    return list(planned.rows())


def plan_predictions(
    export: str | Path,
    *,
    inputs: Sequence[str | Path],
    out: str | Path | None = None,
    top: int | None = None,
    threshold: float | None = None,
    texts: Sequence[str] = (),
    gallery: str | Path | None = None,
    tile: int | None = None,
    overlap: int | None = None,
    listed: Iterable[bytes] = (),
    isolated: Isolated = None,
) -> Predicting:
    """What `predict` does, before the first input is read. `listed`: lines that the input "-" stands for."""
    if not inputs and not texts:
        raise UsageError("there is nothing to predict", hint="zoo predict EXPORT INPUT..., or --text TEXT")
    model = open_model(export, isolated=isolated)
    if threshold is not None:
        model.decide_at(threshold)
    found = [*_files_of(model, inputs, listed), *texts_as_inputs(model, texts)]
    path, known_vectors = None if out is None else Path(out), gallery_for(model, gallery)
    check_top(model, top, known_vectors)
    kept = path if is_kept(model, path, known_vectors) else None
    if kept is not None:
        check_target(kept, originals_of(found))
    results, targets, drawings = written_by(model, found, None if kept is not None else path)
    return Predicting(
        model=model,
        task=model.meaning,
        found=found,
        targets=targets,
        drawings=drawings,
        results=results,
        top=top,
        gallery=known_vectors,
        kept=kept,
        tiling=tiling_for(model, tile, overlap),
    )


def _files_of(model: ExportedModel, inputs: Sequence[str | Path], listed: Iterable[bytes]) -> Sequence[Found]:
    """The files of the kinds that the model reads; raises ZooError where it has lost how it reads them."""
    known, what = files_read(model.metadata)
    check_recipes(model)
    return find_inputs(inputs, suffixes=known, what=what, listed=listed) if inputs else ()


def _predicted(model: ExportedModel, part: Sequence[Found], tiling: Tiling | None) -> Iterator[Prediction]:
    if part[0].error is not None:
        return iter([Prediction(name=part[0].shown, index=0, error=part[0].error)])
    return model.predictions((each.source for each in part), tiling=tiling)
