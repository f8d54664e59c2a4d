"""What was asked of `zoo predict` beside the inputs, held against the model: a gallery, tiles, how many answers."""

from __future__ import annotations

from pathlib import Path

from zoo_core.errors import UsageError
from zoo_core.runtime.running.model import ExportedModel
from zoo_core.runtime.running.tiling import Tiling, check_tiling

from .gallery import SUFFIX, Gallery, read_gallery


def tiling_for(model: ExportedModel, tile: int | None, overlap: int | None) -> Tiling | None:
    """The tiles, a quarter of which they share unless it is said. Raises UsageError where they cannot be."""
    if tile is None:
        if overlap is not None:
            raise UsageError("--overlap is for tiles", hint="--tile SIZE --overlap N")
        return None
    tiling = Tiling(size=tile, overlap=tile // 4 if overlap is None else overlap)
    check_tiling(model, tiling)
    return tiling


def gallery_for(model: ExportedModel, path: str | Path | None) -> Gallery | None:
    """The gallery of that file. Raises UsageError for a model that gives no vectors, else as `read_gallery`."""
    if path is None:
        return None
    if not model.meaning.spec.compared:
        raise UsageError(f"--gallery is for tasks that give vectors to compare, not for {model.task}")
    return read_gallery(Path(path))


def check_top(model: ExportedModel, top: int | None, gallery: Gallery | None) -> None:
    """Raise UsageError for a number of answers where there are not several to choose from."""
    gives = model.meaning.gives
    if top is not None and gives != "labels" and gallery is None:
        raise UsageError(f"--top is for tasks that give labels, and {model.task} gives {gives}")


def is_kept(model: ExportedModel, out: Path | None, gallery: Gallery | None) -> bool:
    """Whether `--out` is a gallery to be made. Raises UsageError where one is looked up in."""
    if out is None or out.suffix.lower() != SUFFIX or not model.meaning.spec.compared:
        return False
    if gallery is not None:
        raise UsageError(f"--out {out}: what is looked up in a gallery makes no other one", hint="--out results.csv")
    return True
