"""A sweep as it was typed: what each training is told, the search itself, and what is told and drawn of it."""

from __future__ import annotations

import importlib.util
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo_core import open_zoo
from zoo_core.commands import folder_name, note, shell_word

from .checking import check_values
from .picture import draw_sweep
from .space import TABLES, Space
from .store import PICTURE, SWEEPS, Store
from .sweeping import ARGUMENTS, Sweep, finished
from .tables import command_of, lines_of, sweep_report

if TYPE_CHECKING:
    from optuna.study import Study


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """What `zoo sweep` prints: as plain data, and as lines."""

    report: Mapping[str, Any]
    lines: tuple[str, ...]


def result_of(
    model: str,
    space: Space,
    *,
    dataset: str,
    trials: int,
    processes: int,
    sweep: str | None,
    seed: int | None,
    no_prune: bool,
    progress: Callable[[str], None],
    **typed: Any,
) -> SweepResult:
    """Sweep to the end, and draw it where matplotlib is installed. Raises UsageError for unknown names."""
    zoo = open_zoo()
    on_the_line = dict(zip(TABLES, (typed["options"], typed["data"], typed["config"]), strict=True))
    check_values(space, model=model, dataset=dataset, trainer=typed["trainer"], typed=on_the_line, zoo=zoo)
    usual = f"{zoo.model(model).name}-{zoo.dataset(dataset).name}-sweep"
    store = Store(path=SWEEPS / folder_name(usual if sweep is None else sweep))
    common = _common(model, dataset, seed=seed or 0, **typed)
    part = Sweep(
        store=store,
        space=space,
        common=common,
        trials=trials,
        seed=seed or 0,
        prune=not no_prune,
        processes=processes,
        progress=progress,
    )
    try:
        study = part.run()
    except (KeyboardInterrupt, SystemExit) as stop:
        if store.is_begun:
            note("", f"Stopped. What the trials have so far is kept in {store.path}.", "To continue: the same command.")
        raise SystemExit(getattr(stop, "code", 128 + signal.SIGINT)) from None
    return _told(store, study, common)


def _told(store: Store, study: Study, common: Sequence[str]) -> SweepResult:
    """What came of it, drawn where matplotlib is installed."""
    done = finished(study)
    command = command_of(common, done[0].user_attrs[ARGUMENTS]) if done else ""
    runs = [store.run_name(each.number) for each in study.get_trials(deepcopy=False)]
    picture = store.path / PICTURE if importlib.util.find_spec("matplotlib") and done else None
    shown = None if picture is None else str(picture)
    report = sweep_report(study, runs=runs, command=command, folder=str(store.path), picture=shown)
    lines = list(lines_of(report))
    if picture is not None:
        lines.append(f"Picture: {draw_sweep(report, picture)}")
    if done:
        best = shell_word(runs[done[0].number])
        lines += [f"The best: run {best}, which is trained again by", f"  {command}", "", f"Next: zoo export {best}"]
    return SweepResult(report=report, lines=tuple(lines))


def _common(
    model: str,
    dataset: str,
    *,
    seed: int,
    epochs: int | None,
    options: Mapping[str, str],
    data: Mapping[str, str],
    config: Mapping[str, str],
    trainer: str | None,
    device: str | None,
) -> list[str]:
    """What each training is told, as typed."""
    told = [model, "--dataset", dataset]
    for flag, value in (("--epochs", epochs), ("--trainer", trainer), ("--device", device), ("--seed", seed or None)):
        told += [] if value is None else [flag, str(value)]
    for flag, pairs in (("-o", options), ("-d", data), ("-t", config)):
        for key, text in pairs.items():
            told += [flag, f"{key}={text}"]
    return told
