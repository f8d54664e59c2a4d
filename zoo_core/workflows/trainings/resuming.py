"""Finding the run that `--resume` means, and refusing options that contradict it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo_core.errors import UsageError, ZooError
from zoo_core.foreign_text import shell_word
from zoo_core.options import write_list
from zoo_core.records import RunInfo, counted, to_plain
from zoo_core.registry import Dataset, Model, Zoo
from zoo_core.shelf import RUNS, find_run, folder_name, is_run
from zoo_core.training.directory import RUN_FILE, RunDirectory, newest_first, read_info

_MOST_TYPED = 3
"""Commands that a hint proposes."""


def named_by_run(name: str | None, *, model: str | None, dataset: str | None, zoo: Zoo) -> dict[str, str | None]:
    """Model, dataset and run of what is to go on, where not all of them are named: of the run called `name`, or of the
    only unfinished one that fits.

    Raises UsageError where none does, and where several do: then it says what to type for each.
    """
    if model is not None and name is None and not _offers(zoo, model) and is_run(RUNS / folder_name(model)):
        raise UsageError(
            f"{model!r} is no model, but a run", hint=f"zoo train --resume --run {shell_word(folder_name(model))}"
        )
    if model is not None and dataset is not None:
        return {"model": model, "dataset": dataset, "run": name}
    if name is not None:
        info = read_info(_path_of(name))
    else:
        name, info = _only_unfinished(model, dataset)
    return {
        "model": model or f"{info.model_plugin}/{info.model}",
        "dataset": dataset or f"{info.dataset_plugin}/{info.dataset}",
        "run": name,
    }


def _offers(zoo: Zoo, model: str) -> bool:
    try:
        zoo.find("model", model)
    except ZooError:
        return False
    return True


def _only_unfinished(model: str | None, dataset: str | None) -> tuple[str, RunInfo]:
    found = [
        (path.name, info)
        for path, info in _unfinished()
        if model in {None, info.model} and dataset in {None, info.dataset}
    ]
    if len(found) == 1:
        return found[0]
    if found:
        shown = ", ".join(f"{name} ({info.model} on {info.dataset})" for name, info in found)
        hint = "; or ".join(f"zoo train --resume --run {shell_word(name)}" for name, _ in found[:_MOST_TYPED])
        raise UsageError(f"{len(found)} runs are unfinished: {shown}", hint=hint)
    of = "".join(f" {word} {name}" for word, name in (("of", model), ("on", dataset)) if name is not None)
    raise UsageError(
        f"no unfinished run{of} in {RUNS}/: there is nothing to resume",
        hint="zoo train MODEL --dataset D starts one; zoo train --resume --run NAME --epochs N extends a finished one",
    )


def run_to_resume(
    name: str | None, *, model: Model, dataset: Dataset, epochs: int | None = None
) -> tuple[Path, RunInfo]:
    """The run called `name`, or the newest unfinished one of that model and dataset.

    Raises UsageError when there is none, when it is of something else, when `epochs` are fewer than it is to have, or
    when it is finished and they are no more.
    """
    if name is None:
        return _newest_unfinished(model, dataset, epochs=epochs)
    path = _path_of(name)
    info = read_info(path)
    if epochs in {None, info.epochs}:
        info = _record(path)
    for kind, wanted, recorded in (
        ("model", model.name, info.model),
        ("dataset", dataset.name, info.dataset),
    ):
        if wanted != recorded:
            raise UsageError(f"run {name!r} has the {kind} {recorded!r}, not {wanted!r}")
    if info.status == "finished" and epochs is None:
        hint = f"--epochs N extends it, with N above {info.epochs}; another --run starts a new one"
        raise UsageError(f"run {name!r} is finished: there is nothing to resume", hint=hint)
    if info.status == "finished" and epochs is not None and epochs <= info.epochs:
        raise UsageError(
            f"run {name!r} is finished with {counted(info.epochs, 'epoch')}: --epochs {epochs} adds none",
            hint=f"--epochs is how many it has in the end, above {info.epochs}",
        )
    _refuse_fewer(info, epochs)
    return path, info


def _record(path: Path) -> RunInfo:
    """The record of a run; of one that was killed after its last epoch, before all was told, as it was before that."""
    info = read_info(path)
    if info.status == "unfinished" or not RunDirectory(path).is_held:
        return info
    return dataclasses.replace(info, status="unfinished", test=None, remarks=(), beats_chance=None)


def _path_of(name: str) -> Path:
    named = RUNS / folder_name(name)
    return named if os.path.isdir(named) else find_run(name)


def _refuse_fewer(info: RunInfo, epochs: int | None) -> None:
    if epochs is not None and epochs < info.epochs:
        raise UsageError(
            f"run {info.name!r} is to have {counted(info.epochs, 'epoch')}: --epochs {epochs} would be fewer",
            hint=f"leave it out, or give more; Ctrl-C stops a run, and zoo export {info.name} takes its best weights",
        )


def _newest_unfinished(model: Model, dataset: Dataset, *, epochs: int | None) -> tuple[Path, RunInfo]:
    for path, info in _unfinished():
        if (info.model, info.dataset) == (model.name, dataset.name):
            _refuse_fewer(info, epochs)
            return path, info
    raise UsageError(
        f"no unfinished run of {model.name} on {dataset.name} in {RUNS}/: there is nothing to resume",
        hint="leave out --resume to start one" + ("; --run NAME says which is to be extended" if epochs else ""),
    )


def _unfinished() -> Iterator[tuple[Path, RunInfo]]:
    """The unfinished runs of the current folder, the newest first."""
    folders = [file.parent for file in RUNS.glob(f"*/{RUN_FILE}") if not file.parent.name.startswith(".")]
    for path in newest_first(folders):
        with contextlib.suppress(ZooError):  # a damaged neighbour does not stand in the way
            info = _record(path)
            if info.status == "unfinished":
                yield path, info


def refuse_contradictions(info: RunInfo, given: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]]) -> None:
    """Raise UsageError if a given value is not the recorded one. `given`: flag -> (given, recorded)."""
    found = []
    for flag, (values, recorded) in given.items():
        for name, value in values.items():
            if value is not None and to_plain(value) != to_plain(recorded.get(name)):
                shown = f"{flag}{name}" if flag.startswith("--") else f"{flag} {name}"
                found.append(f"{shown} is {_text(recorded.get(name))} there, not {_text(value)}")
    if found:
        raise UsageError(
            f"run {info.name!r} was started with other options: {'; '.join(found)}",
            hint="leave them out, or start another run with --run",
        )


def _text(value: Any) -> str:
    return (write_list(value) or "none") if isinstance(value, list | tuple) else str(value).lower()
