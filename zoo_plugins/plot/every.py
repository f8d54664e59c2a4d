"""What is asked for: curves of several runs, one picture, or all that can be drawn of a source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from zoo_core import UsageError, Zoo, ZooError
from zoo_core.commands import Located

from .drawing import EVERY, OFFERED, Wanted, check_options, draw, draw_runs


def draw_asked(
    zoo: Zoo,
    *,
    sources: Sequence[Located],
    wanted: Wanted,
    out: Path | None,
    on_left_out: Callable[[str], None],
    on_remark: Callable[[str], None] = lambda text: None,
) -> tuple[Path, ...]:
    """Several runs over each other; of a single source all its pictures, or the one that is wanted; the files."""
    if len(sources) > 1:
        return draw_runs(sources, wanted=wanted, out=out)
    if wanted.what == EVERY:
        tell = {"on_left_out": on_left_out, "on_remark": on_remark}
        return draw_every(zoo, source=sources[0], wanted=wanted, out=out, **tell)
    return draw(zoo, source=sources[0], wanted=wanted, out=out, on_remark=on_remark)


def draw_every(
    zoo: Zoo,
    *,
    source: Located,
    wanted: Wanted,
    out: Path | None,
    on_left_out: Callable[[str], None],
    on_remark: Callable[[str], None],
) -> tuple[Path, ...]:
    """Every picture of this kind of source, each with those of the options that are for it; the files.

    `out` is a folder. `on_left_out` hears of each picture that cannot be drawn, and why. Raises the error of the first
    one where none can.
    """
    if out is not None and out.suffix and not out.is_dir():
        raise UsageError(f"--out {out} is one file, for several pictures", hint="name a folder")
    check_options(OFFERED[source.kind], wanted, source)
    files: list[Path] = []
    errors: list[ZooError] = []
    for kind in OFFERED[source.kind]:
        if kind == "activations" and wanted.input is None:
            on_left_out("activations: left out, they need --input FILE")
            continue
        try:
            files += draw(zoo, source=source, wanted=wanted.only_for(kind), out=out, on_remark=on_remark)
        except ZooError as error:
            errors.append(error)
            on_left_out(f"{kind}: left out, {error.message}")
    if not files:
        raise errors[0]
    return tuple(files)
