"""What a class decision rests on: a map over each picture, by gradients of a run, by covering parts for an export."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import Preprocess, UsageError, Zoo
from zoo_core.commands import Located, counted
from zoo_core.data import Samples, prepare_pictures
from zoo_core.recipes import as_implementation
from zoo_core.tasks import class_columns, log_softmax
from zoo_core.workflows.answers import Predictor, load_part, open_predictor

from .figures import QUIET, WRONG, bare, frame, heading, new_figure, short_names, short_path
from .layers import Why
from .occlusion import covered_map
from .places import title_of
from .samples import choose_evenly, take
from .tiles import draw_picture, picture_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .drawing import Wanted

COUNT, PAIRS = 12, 4
"""Samples in a figure, and in a row of it."""

_MARKED = (214.0, 39.0, 40.0)
_STRONGEST = 0.8


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """Samples, what is said of where they come from, and whether their classes are known."""

    samples: Samples
    where: str
    names: list[str]
    is_judged: bool


def draw_why(zoo: Zoo, *, source: Located, wanted: Wanted) -> Figure:
    """Samples of a dataset, or the picture that is asked for, each beside what its decision rests on.

    Raises UsageError for what does not decide between classes of pictures.
    """
    predictor = open_predictor(source, zoo)
    if predictor.task.gives != "labels" or predictor.preprocess is None:
        raise UsageError(
            f"why is for models that tell classes of pictures, and {predictor.shown} is for {predictor.task.name}",
            hint="--what activations shows what a layer makes of an input",
        )
    if source.kind == "export" and wanted.layer is not None:
        raise UsageError("--layer is for runs: of an export, parts of the picture are covered", hint="leave it out")
    if wanted.input is not None:
        shown = _given(predictor, predictor.preprocess, wanted.input)
    else:
        shown = _of_data(predictor, zoo, wanted)
    whys, method = _whys(zoo, source, predictor, shown.samples, layer=wanted.layer)
    return _drawn(predictor, shown, whys, title=f"{title_of(source)} {shown.where}: {method}")


def decide(predictor: Predictor, samples: Samples) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The class of each sample (N,), and the probabilities of all classes (N, K)."""
    decided, chances = [], []
    deciding = predictor.task.deciding
    if deciding is None:
        raise TypeError("draw_why asks tasks that give labels only, and these decide")
    for _, outputs in predictor.batches(samples):
        decided.append(deciding.decisions(outputs))
        columns = class_columns(np.asarray(outputs[deciding.output(outputs)]))
        chances.append(np.exp(log_softmax(columns)))
    return np.concatenate(decided), np.concatenate(chances)


def _whys(
    zoo: Zoo, source: Located, predictor: Predictor, samples: Samples, *, layer: str | None
) -> tuple[list[Why], str]:
    """The map of each sample, and how they were made, in words."""
    if source.kind == "run":
        from zoo_core.training import load_run, need_torch

        need_torch("the weights of a run")
        from .run_why import gradient_maps

        maps, name = gradient_maps(load_run(source.path or source.name), zoo, samples, layer=layer)
        return maps, f"Grad-CAM of layer {name}"
    decided, chances = decide(predictor, samples)

    def probabilities(covered: Samples) -> NDArray[np.float64]:
        return decide(predictor, covered)[1]

    maps = [
        covered_map(take(samples, np.array([index])), int(decided[index]), chances[index], probabilities)
        for index in range(len(samples))
    ]
    return maps, "what it costs to cover a part"


def _given(predictor: Predictor, recipe: Preprocess, path: Path) -> _Shown:
    name = next(iter(predictor.inputs))
    samples = Samples(
        inputs={name: prepare_pictures([path], recipe)},
        targets=np.zeros(1, np.int64),
        form="classes",
        classes=predictor.labels,
        recipes={name: as_implementation(recipe)},
        fingerprint="",
    )
    return _Shown(samples=samples, where="on one picture", names=[short_path(str(path))], is_judged=False)


def _of_data(predictor: Predictor, zoo: Zoo, wanted: Wanted) -> _Shown:
    part = load_part(
        predictor,
        zoo,
        dataset=wanted.dataset,
        data=wanted.data,
        split=wanted.split,
        download=wanted.download,
        accept_changes=wanted.accept_changes,
    )
    chosen = choose_evenly(part.samples.targets, wanted.count or COUNT)
    files = part.samples.files
    names = [short_path(files[index]) if files else f"sample {index}" for index in chosen.tolist()]
    where = f"on {part.dataset}, split {part.split}, {len(chosen)} of {counted(len(part.samples), 'sample')}"
    return _Shown(samples=take(part.samples, chosen), where=where, names=names, is_judged=True)


def _drawn(predictor: Predictor, shown: _Shown, whys: list[Why], *, title: str) -> Figure:
    samples = shown.samples
    pairs = min(PAIRS, len(samples))
    tall = float(np.clip(samples.main.shape[-2] / samples.main.shape[-1], 0.4, 2.5))
    rows = -(-len(samples) // pairs)
    figure = new_figure(width=max(6.0, 3 * pairs), height=rows * (1.5 * tall + 0.5) + 0.8)
    covered = "; covered: the probability left at the worst place" if whys[0].told else ""
    heading(figure, title, f"the redder, the more the decision rests on it, each on a scale of its own{covered}")
    labels = short_names(predictor.labels, 14)
    for index, (why, name) in enumerate(zip(whys, shown.names, strict=True)):
        left, right = grid_pair(figure, index, rows=rows, pairs=pairs)
        picture = picture_of(samples.main[index], samples.preprocess)
        draw_picture(left, picture)
        draw_picture(right, marked(picture, why.values))
        wrong = shown.is_judged and why.decided != samples.targets[index]
        left.set_title(f"{labels[why.decided]} ({why.probability:.2f})", fontsize=8, color=WRONG if wrong else "black")
        right.set_title(why.told, fontsize=8, color=QUIET)
        truth = f"\ntruth: {labels[samples.targets[index]]}" if wrong else ""
        left.set_xlabel(f"{name}{truth}", fontsize=7, color=WRONG if wrong else QUIET)
        if wrong:
            frame(left, WRONG)
    return figure


def grid_pair(figure: Figure, index: int, *, rows: int, pairs: int) -> tuple[Any, Any]:
    """Two neighbouring cells for one sample, without ticks."""
    cells = [figure.add_subplot(rows, 2 * pairs, 2 * index + place) for place in (1, 2)]
    for cell in cells:
        bare(cell)
    return cells[0], cells[1]


def marked(picture: NDArray[np.uint8], values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A picture (h, w, 3), grey, with what counts (h, w) in red: nothing at 0 and below, most at the largest value."""
    most = float(values.max())
    share = np.clip(values / most, 0, 1) if most > 0 else np.zeros(values.shape)
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2)
    strength = _STRONGEST * share[:, :, np.newaxis]
    return np.asarray(np.rint((1 - strength) * grey + strength * np.array(_MARKED)), np.uint8)
