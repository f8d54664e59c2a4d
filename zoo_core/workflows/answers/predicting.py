"""Predictions on their way: each input becomes an answer, the files of it, and a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.files import write_atomic
from zoo_core.paths import is_there
from zoo_core.records import counted
from zoo_core.runtime.running.model import ExportedModel
from zoo_core.runtime.running.outcomes import Prediction
from zoo_core.runtime.running.predictions import predictions_of
from zoo_core.runtime.running.tiling import Tiling
from zoo_core.tasks import Task

from .contents import Contents, Row, array_contents, bad_row, best_of, drawing, sequence_contents, stacked
from .gallery import Gallery, write_gallery
from .input_files import Found, Sources, runs_of
from .left_over import LeftOver, what_is_left
from .made_by import MadeBy
from .predicted import Targets
from .results import ResultsFile, cells_of, columns_of
from .shown import npy_bytes, undrawn

Notes = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Predicting:
    """Everything that was decided before the first input is read. Made by `plan_predictions`.

    `found` are the files. `targets`: where masks, pictures and arrays go, None where answers are told. `drawings`:
    where those are drawn, None where the task draws nothing. `results`: the file that has all rows, if one was asked
    for; `made_by` is noted beside it, and with `resume` it goes on where it stopped. `gallery`: where vectors are
    looked up; `kept`: the one that is made. `tiling`: how large pictures are cut. `errors`: what rows have had instead
    of an answer so far.
    """

    model: ExportedModel
    task: Task
    found: Sequence[Found]
    targets: Targets | None
    drawings: Targets | None
    results: Path | None
    top: int | None
    made_by: MadeBy | None
    resume: bool = False
    gallery: Gallery | None = None
    kept: Path | None = None
    tiling: Tiling | None = None
    errors: list[ZooError] = field(default_factory=list)

    def rows(
        self,
        *,
        on_done: Callable[[int], None] = lambda done: None,
        on_note: Notes = lambda text: None,
        on_kept: Callable[[int], None] = lambda kept: None,
    ) -> Iterator[Row]:
        """One row for each sample, as `predict` says, each as soon as it is there.

        `on_done` is told how many inputs are done, `on_note` what is worth a line, and `on_kept` how many samples the
        file of results has already; these are not among the rows.
        """
        if self.targets and not self.targets.stacked and (remark := undrawn(self.task.gives, self.targets.ending)):
            on_note(remark)
        if (results := self._results_file()) is not None:
            with results as file:
                yield from self._into(file, on_done, on_note, on_kept)
        elif self.targets and self.targets.stacked:
            yield from self._stacked(on_done, on_note)
        else:
            rows = chain.from_iterable(self._each(range(len(self.found)), on_done, on_note))
            yield from rows if self.kept is None else self._keeping(rows, self.kept)

    def rows_written(self) -> int:
        """The rows of a file of results, of this call and of earlier ones."""
        file = self._results_file()
        return 0 if file is None else file.count()

    def _results_file(self) -> ResultsFile | None:
        if self.results is None or self.made_by is None:
            return None
        return ResultsFile(self.results, columns=self._columns(), made_by=self.made_by)

    def _into(
        self, file: ResultsFile, on_done: Callable[[int], None], on_note: Notes, on_kept: Callable[[int], None]
    ) -> Iterator[Row]:
        """The rows, which are written before they are told."""
        places: Sequence[int] = range(len(self.found))
        done = 0
        if self.resume and file.has_earlier():
            left = self._left(file)
            on_kept(left.kept)
            if any(place is not None for place in left.again):
                yield from self._again(file, left, on_note)
            else:
                file.go_on(size=left.size)
            places, done = left.places, left.done
            on_done(len(self.found) - len(places) + done)
        for rows in self._each(places, on_done, on_note, done=done):
            for row in rows:
                file.add(self._written(row, file))
            yield from rows

    def _left(self, file: ResultsFile) -> LeftOver:
        """What is left to do after the rows of an earlier call."""
        return what_is_left(
            file.earlier(),
            self.found,
            names=file.form.name,
            header=len(file.form.header),
            lines_each=len(self.targets.outputs) if self.targets is not None else 1,
            one_each=self.model.preprocess is not None and not self.model.recipes and len(self.model.sources) == 1,
            path=file.path,
        )

    def _again(self, file: ResultsFile, left: LeftOver, on_note: Notes) -> Iterator[Row]:
        """The rows of inputs that had an error, which take the place of that: the file is written anew meanwhile."""
        retried = self._each([place for place in left.again if place is not None], lambda done: None, on_note)
        again = iter(left.again)
        end = len(file.form.header)
        with file.replaced() as replaced:
            for line, told in file.earlier():
                end += len(line)
                if end > left.size:
                    return
                if not told.is_error or next(again) is None:
                    replaced.write(line)
                    continue
                for row in next(retried):
                    replaced.write(file.form.line(self._written(row, file)))
                    yield row

    def _written(self, row: Row, file: ResultsFile) -> Row:
        return self._in_columns(row, self._columns()[1:-1]) if file.is_table else row

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

    def _predictions(
        self, places: Sequence[int], on_done: Callable[[int], None], on_note: Notes, *, done: int
    ) -> Iterator[tuple[int, Prediction]]:
        """Every sample of the inputs at these places but the first `done`, with the place of its input."""
        said = False
        unknown: Counter[str] = Counter()
        passed, before = 0, len(self.found) - len(places)
        for part in runs_of(self.found, places):
            for prediction in self._predicted(part, done=done - passed):
                passed += 1
                if passed <= done:
                    continue
                place = part[prediction.index]
                if prediction.header is not None and not said:
                    said = True
                    names = ", ".join(prediction.header)
                    on_note(f"{self.found[place].shown}: the first line is a header, and no numbers: {names}")
                unknown.update(prediction.unknown)
                yield place, prediction
                on_done(before + prediction.index + 1)
            before += len(part)
        for column, count in unknown.items():
            on_note(
                f"{counted(count, 'row')} with a value of {column!r} that training has not seen, or hardly: "
                "it counts as unknown"
            )

    def _predicted(self, part: Sequence[int], *, done: int) -> Iterator[Prediction]:
        first = self.found[part[0]]
        if first.error is not None:
            return iter([Prediction(name=first.shown, index=0, error=first.error)])
        return predictions_of(self.model, Sources(self.found, part), tiling=self.tiling, done=max(0, done))

    def _each(
        self, places: Sequence[int], on_done: Callable[[int], None], on_note: Notes, *, done: int = 0
    ) -> Iterator[list[Row]]:
        """The rows of each sample: one, or one for each output."""
        for index, prediction in self._predictions(places, on_done, on_note, done=done):
            try:
                rows, contents = self._made(index, prediction)
                any(map(is_there, contents))  # raises where no such file can be: its name may be too long
            except ZooError as error:
                self.errors.append(error)
                yield [bad_row(prediction.name, error)]
                continue
            for target, content in contents.items():
                write_atomic(target, content)
            yield rows

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
        for _, prediction in self._predictions(range(len(self.found)), on_done, on_note, done=0):
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
