"""Predict real files with an export, without torch: a row for each input, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from zoo_core.errors import UsageError
from zoo_core.file_limits import MAX_GALLERY_BYTES
from zoo_core.files import sha256_of
from zoo_core.runtime.running.isolated import Isolated
from zoo_core.runtime.running.model import ExportedModel, open_model
from zoo_core.runtime.running.providers import USUAL
from zoo_core.runtime.vetting.known import content_digests

from .asked import check_top, gallery_for, is_kept, tiling_for
from .contents import Row
from .gallery import Gallery
from .input_files import Found, find_inputs
from .made_by import MadeBy
from .predicted import Targets, check_target, drawings_for, is_results, originals_of, targets_for
from .predicting import Predicting
from .readable import check_recipes, files_read, texts_as_inputs
from .results import RESULT_SUFFIXES


def predict(
    export: str | Path,
    *,
    inputs: Sequence[str | Path],
    out: str | Path | None = None,
    top: int | None = None,
    threshold: float | None = None,
    isolated: Isolated = None,
    provider: str | None = None,
    resume: bool = False,
) -> list[Row]:
    """One row for each input: `{input, label, probability, probabilities: {label: probability}}`, the `top` best.

    Masks, sequences, filtered pictures and features are written to files: `{input, file, shape}`, where `shape` is
    that of what the file holds; a sequence that could be drawn also has its `picture`. What a detector finds is
    `{input, detections: [{label, probability, box}], picture}`, from a probability of `threshold` on, the model's
    own unless given. A file of several samples has a row for each, `input` is `file.csv[3]` then, counted from 0.
    An input that cannot be predicted has `{input, error}`, and a row of a table `unknown`: the columns whose values
    training has not seen. Of features in one file `out`, those of failed inputs are not in it, and `index` says
    which place a row has. Inputs and `out` are as `find_inputs`, `targets_for` and `is_results` say, `isolated` and
    `provider` as in `open_model`. With `resume`, a file of results goes on where it stopped, and inputs that had an
    error are tried again; the rows given are those that are new. Raises ZooError or RefusedFileError for an export that
    cannot be used, before any input is read, and UsageError for an `out` that does not fit.
    """
    planned = plan_predictions(
        export,
        inputs=inputs,
        out=out,
        top=top,
        threshold=threshold,
        isolated=isolated,
        provider=provider,
        resume=resume,
    )
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
    provider: str | None = None,
    resume: bool = False,
) -> Predicting:
    """What `predict` does, before the first input is read. `listed`: lines that the input "-" stands for."""
    if not inputs and not texts:
        raise UsageError("there is nothing to predict", hint="zoo predict EXPORT INPUT..., or --text TEXT")
    model = _opened(export, threshold, isolated=isolated, provider=provider)
    found = [*_files_of(model, inputs, listed), *texts_as_inputs(model, texts)]
    path, known_vectors = None if out is None else Path(out), gallery_for(model, gallery)
    check_top(model, top, known_vectors)
    kept = _gallery_to_make(model, path, known_vectors, found)
    results, targets, drawings = _written(model, found, None if kept is not None else path, resume=resume)
    return Predicting(
        model=model,
        task=model.meaning,
        found=found,
        targets=targets,
        drawings=drawings,
        results=results,
        top=top,
        made_by=None if results is None else _made_by(model, known_vectors, top, threshold, tile, overlap),
        resume=resume,
        gallery=known_vectors,
        kept=kept,
        tiling=tiling_for(model, tile, overlap),
    )


def _opened(export: str | Path, threshold: float | None, **how: Any) -> ExportedModel:
    model = open_model(export, **how)
    if threshold is not None:
        model.decide_at(threshold)
    return model


def _gallery_to_make(
    model: ExportedModel, path: Path | None, known: Gallery | None, found: Sequence[Found]
) -> Path | None:
    if path is None or not is_kept(model, path, known):
        return None
    check_target(path, originals_of(found))
    return path


def _files_of(model: ExportedModel, inputs: Sequence[str | Path], listed: Iterable[bytes]) -> Sequence[Found]:
    """The files of the kinds that the model reads; raises ZooError where it has lost how it reads them."""
    known, what = files_read(model.metadata)
    check_recipes(model)
    return find_inputs(inputs, suffixes=known, what=what, listed=listed) if inputs else ()


def _written(
    model: ExportedModel, found: Sequence[Found], path: Path | None, *, resume: bool
) -> tuple[Path | None, Targets | None, Targets | None]:
    """The file of results, the files of answers, and those of their drawings, where there are such."""
    gives = model.meaning.gives
    results = path if path is not None and is_results(path, gives=gives) else None
    if resume and results is None:
        names = " or ".join(f"RESULTS{suffix}" for suffix in RESULT_SUFFIXES)
        raise UsageError("--resume is for a file of results, which goes on where it stopped", hint=f"--out {names}")
    if results is not None:
        check_target(results, originals_of(found))
    drawn = model.meaning.drawn if model.preprocess is not None else ""
    if not model.meaning.is_told:
        outputs = tuple(model.metadata.outputs) if gives in {"arrays", "pictures"} else ("mask",)
        targets = targets_for(found, gives=gives, outputs=outputs, out=path)
        alone = not drawn or targets.stacked or targets.single
        return results, targets, None if alone else drawings_for(found, drawn=drawn, out=path)
    drawings = drawings_for(found, drawn=drawn, out=path) if drawn else None
    if path is not None and results is None and drawings is None:
        raise UsageError(
            f"--out {path}: {model.task} gives {gives}, which are written as {' or '.join(RESULT_SUFFIXES)}",
            hint="--out results.csv, or leave it out: they are printed",
        )
    return results, None, drawings


def _made_by(
    model: ExportedModel,
    gallery: Gallery | None,
    top: int | None,
    threshold: float | None,
    tile: int | None,
    overlap: int | None,
) -> MadeBy:
    asked: dict[str, Any] = {"top": top, "threshold": threshold, "tile": tile, "overlap": overlap}
    if (provider := model.settings.provider) != USUAL:
        asked["provider"] = provider
    vectors = None if gallery is None else sha256_of(gallery.path, most=MAX_GALLERY_BYTES)
    return MadeBy(sha256=content_digests(model.file), asked={**asked, "gallery": vectors})
