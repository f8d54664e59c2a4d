"""Pictures of a run, an export or a dataset, as PNG files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core import UsageError, Zoo, did_you_mean
from zoo_core.commands import Located, model_file, write_atomic
from zoo_core.data import bind_dataset

from .curves import curves_of
from .figures import names_as_they_are, need_matplotlib, save
from .places import FOLDER, several, target_of, title_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from zoo_core.training import Run

OF_EXPORT = ("samples", "confusion", "filters", "activations", "predictions", "errors", "why")
OF_DATASET = ("samples", "augmented")
OFFERED: Mapping[str, tuple[str, ...]] = {"run": ("curves", *OF_EXPORT), "export": OF_EXPORT, "dataset": OF_DATASET}
"""What can be drawn of a run, an export and a dataset."""

EVERY = "all"
"""What is asked for to get every picture that there is of a source."""

_OF_DATA = ("samples", "confusion", "predictions", "errors")
_OF_SPLIT = (*_OF_DATA, "why")
_READS_DATA = (*_OF_SPLIT, "augmented")
_FOR: Mapping[str, tuple[str, ...]] = {
    "dataset": _OF_SPLIT,
    "data": _READS_DATA,
    "split": _OF_SPLIT,
    "download": _READS_DATA,
    "input": ("activations", "why"),
    "layer": ("activations", "filters", "why"),
    "augment": ("augmented",),
    "count": ("samples", "predictions", "errors", "why"),
    "accept_changes": _OF_SPLIT,
}
"""Which pictures each option is for."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is drawn: which picture (None: what suits the source), of which data, which file, which layer, how many."""

    what: str | None = None
    dataset: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    split: str | None = None
    download: bool = False
    input: Path | None = None
    layer: str | None = None
    augment: str | None = None
    count: int | None = None
    accept_changes: bool = False

    def given(self) -> list[str]:
        """The names of the options that were given."""
        return [name for name in _FOR if getattr(self, name)]

    def only_for(self, what: str) -> Wanted:
        """This picture, with those of the options that are for it."""
        others = {name: getattr(Wanted(), name) for name in self.given() if what not in _FOR[name]}
        return dataclasses.replace(self, what=what, **others)


def draw(
    zoo: Zoo,
    *,
    source: Located,
    wanted: Wanted,
    out: Path | None = None,
    on_remark: Callable[[str], None] = lambda text: None,
) -> tuple[Path, ...]:
    """Draw a run, an export or a dataset; the files.

    Without `what`: of a run its curves, of a dataset its samples, of an export the confusion matrix where it tells
    classes, predictions where it gives masks, and its filters where there is no truth. A file goes to `plots/WHAT.png`
    of the run, else to `plots/NAME-WHAT.png` here, or to `out`, a file or a folder; errors have a CSV file beside it.
    An exported file never loads torch. `on_remark`: told what is to be known of the data, in sentences.
    Raises UsageError for what cannot be drawn of this kind, MissingExtraError without matplotlib, ZooError for data
    that have changed since training.
    """
    need_matplotlib()
    if wanted.what is not None and wanted.what not in OFFERED[source.kind]:
        raise _not_offered(wanted.what, source)
    what = wanted.what or _default(source)
    check_options([what], wanted, source)
    target = target_of(source, what, out, read=wanted.input)
    with names_as_they_are():
        figure, table = _drawn(zoo, source, what, wanted, on_remark)
        files = [save(figure, target)]
    if table is not None:
        files.append(target.with_suffix(".csv"))
        write_atomic(files[-1], table)
    return tuple(files)


def draw_runs(sources: Sequence[Located], *, wanted: Wanted, out: Path | None = None) -> tuple[Path, ...]:
    """Draw the curves of several runs over each other; the file, `plots/NAME-NAME-curves.png` here or `out`.

    Raises UsageError for any other picture, MissingExtraError without matplotlib.
    """
    from zoo_core import load_run

    from .overlaid import overlaid_curves

    need_matplotlib()
    if wanted.what not in {None, "curves"}:
        raise UsageError(f"several runs are drawn as curves, not as {wanted.what}", hint="name one of them")
    check_options(["curves"], wanted, sources[0])
    target = target_of(several(sources), "curves", out)
    with names_as_they_are():
        return (save(overlaid_curves([load_run(source.path or Path(source.name)) for source in sources]), target),)


def draw_curves(run: Run) -> Path:
    """The curves of a run, in its folder; the file. Raises ZooError if it has no epoch yet."""
    with names_as_they_are():
        return save(curves_of(run), run.path / FOLDER / "curves.png")


def _not_offered(what: str, source: Located) -> UsageError:
    offered = OFFERED[source.kind]
    if any(what in each for each in OFFERED.values()):
        a = "an" if source.kind == "export" else "a"
        return UsageError(f"{a} {source.kind} has no picture {what!r}", hint=f"it has: {', '.join(offered)}")
    return UsageError(f"there are no pictures called {what!r}", hint=did_you_mean(what, offered))


def _default(source: Located) -> str:
    if source.kind != "export":
        return "curves" if source.kind == "run" else "samples"
    from zoo_core.runtime import read_metadata, vet
    from zoo_core.tasks import get_task

    path = source.path or Path(source.name)
    metadata = read_metadata(vet(model_file(path)))
    task = get_task(metadata.task, plugin=metadata.task_plugin)
    if task.gives == "labels":
        return "confusion"
    return "predictions" if task.spec.is_trained else "filters"


def check_options(kinds: Sequence[str], wanted: Wanted, source: Located) -> None:
    """Raise UsageError for an option that is for none of these pictures, and for activations of nothing."""
    for name in wanted.given():
        if not set(_FOR[name]) & set(kinds):
            option = "-d" if name == "data" else f"--{name}"
            told = kinds[0] if len(kinds) == 1 else f"any of {', '.join(kinds)}"
            raise UsageError(f"{option} is not for {told}", hint=f"it is for {', '.join(_FOR[name])}")
    if source.kind == "dataset" and wanted.dataset is not None:
        raise UsageError(f"--dataset is for runs and exports, and {source.name} is a dataset", hint="leave it out")
    if list(kinds) == ["activations"] and wanted.input is None:
        raise UsageError("activations need a picture or a sequence", hint="--input FILE")
    if list(kinds) == ["why"] and wanted.input is not None and wanted.count is not None:
        raise UsageError("--count is for samples of a dataset, and --input is one picture", hint="leave one out")


def _drawn(
    zoo: Zoo, source: Located, what: str, wanted: Wanted, on_remark: Callable[[str], None]
) -> tuple[Figure, str | None]:
    """The figure, and the table that goes with it where there is one."""
    if what == "curves":
        from zoo_core import load_run

        return curves_of(load_run(source.path or Path(source.name))), None
    if source.kind == "dataset":
        return _of_dataset(zoo, source, what, wanted), None
    if what == "why":
        from .why import draw_why

        return draw_why(zoo, source=source, wanted=wanted), None
    if what in _OF_DATA:
        return _of_data(zoo, source, what, wanted, on_remark)
    from .inside import draw_inside

    return draw_inside(zoo, source=source, layer=wanted.layer, read=wanted.input), None


def _of_dataset(zoo: Zoo, source: Located, what: str, wanted: Wanted) -> Figure:
    from zoo_core.workflows.answers import choose_split

    from .augmented import draw_augmented
    from .samples import draw_samples

    if what == "augmented":
        from zoo_core.training import need_torch

        need_torch("augmentation")
    bound = bind_dataset(zoo.dataset(source.name), wanted.data)
    split = choose_split(bound, wanted.split or "train")
    samples = bound.load(split, download=wanted.download)
    title = f"{bound.name}, split {split}"
    if what == "augmented":
        return draw_augmented(samples, asked=wanted.augment or "usual", usual=bound.spec.augment, title=title)
    return draw_samples(samples, labels=samples.classes, title=title, count=wanted.count)


def _of_data(
    zoo: Zoo, source: Located, what: str, wanted: Wanted, on_remark: Callable[[str], None]
) -> tuple[Figure, str | None]:
    from zoo_core.workflows.answers import load_part, open_predictor

    from . import answers, confusion, samples

    predictor = open_predictor(source, zoo)
    split = wanted.split or ("train" if what == "samples" else None)
    part = load_part(
        predictor,
        zoo,
        dataset=wanted.dataset,
        data=wanted.data,
        split=split,
        download=wanted.download,
        accept_changes=wanted.accept_changes,
    )
    for remark in part.remarks:
        on_remark(remark)
    if what == "samples":
        title = f"{part.dataset} for {source.kind} {source.name}, split {part.split}"
        return samples.draw_samples(part.samples, labels=part.labels, title=title, count=wanted.count), None
    title = f"{title_of(source)} on {part.dataset}, split {part.split}"
    if what == "confusion":
        return confusion.draw_confusion(predictor, part, title=title), None
    if what == "predictions":
        return answers.draw_predictions(predictor, part, title=title, count=wanted.count), None
    return answers.draw_errors(predictor, part, title=title, count=wanted.count)
