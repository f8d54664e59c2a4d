"""What a training is asked for in a file, or by a run that it shall be like, under what is typed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_core.errors import UsageError, did_you_mean
from zoo_core.offer_lookup import recorded_entry
from zoo_core.records import RunInfo
from zoo_core.registry import Zoo
from zoo_core.toml_files import read_toml
from zoo_core.training.distributed.process_rank import place_here
from zoo_core.training.run import load_run
from zoo_core.training.run_card import lengths
from zoo_core.training.trainer_options import usual_options

TABLES = {"model_options": "options", "dataset_options": "data", "trainer_options": "config"}
"""The tables of a file, and what `train` calls them: those of -o, -d and -t."""

_KINDS: Mapping[str, tuple[type, str]] = {
    **dict.fromkeys(("model", "dataset", "trainer", "run", "device", "init_from"), (str, "a text")),
    **dict.fromkeys(("epochs", "seed", "overfit", "processes"), (int, "a whole number")),
    "freeze": (list, "a list of texts"),
    **dict.fromkeys(TABLES, (dict, "a table")),
}


def read_asked(file: Path) -> dict[str, Any]:
    """What a TOML file asks for, by the arguments of `train`. Raises ZooError for a file that cannot be read,
    UsageError for what it should not say."""
    found = read_toml(file, example='epochs = 20 and dataset = "digits"')
    for name, value in found.items():
        if name not in _KINDS:
            known = ", ".join(_KINDS)
            raise UsageError(
                f"{file} has {name!r}, which is nothing of a training", hint=did_you_mean(name, _KINDS) or known
            )
        kind, words = _KINDS[name]
        texts = all(isinstance(each, str) for each in value) if isinstance(value, list) else True
        if not isinstance(value, kind) or isinstance(value, bool) or not texts:
            raise UsageError(f"{file}: {name} is {words}, not {value!r}")
    return {TABLES.get(name, name): value for name, value in found.items()}


def asked_like(name: str, typed: Mapping[str, Any], zoo: Zoo) -> tuple[dict[str, Any], str]:
    """What the run called `name` was asked for, as far as `typed` leaves it to the run, and what it cannot repeat.

    Options of a model, a dataset or a trainer are taken for the very same one only. What the run has of what its data
    look like is not taken where the data are others.
    """
    run = load_run(name)
    info = run.info
    first, *longer = lengths(info)
    same = {kind: _is_same(kind, typed, info, zoo) for kind in ("model", "dataset", "trainer")}
    asked: dict[str, Any] = {"epochs": first, "seed": info.seed}
    asked["processes"] = info.processes if place_here() is None else None  # else it is said by who started this one
    for kind in ("model", "dataset", "trainer"):
        if same[kind]:
            entry = recorded_entry(zoo, kind, getattr(info, kind), plugin=getattr(info, f"{kind}_plugin"))
            asked[kind] = entry.qualified
    if same["model"]:
        asked |= {"options": _model_options(info, typed, zoo, same), "init_from": info.init_from, "freeze": info.freeze}
    if same["dataset"]:
        overfit = info.overfit if "train_size" not in typed["data"] else None
        alone = overfit is not None or typed["overfit"] is not None
        asked["overfit"] = overfit
        asked["data"] = {key: value for key, value in info.dataset_options.items() if not alone or key != "train_size"}
    if same["trainer"]:
        asked["config"] = _trainer_options(info, zoo)
    told = f"Run {run.name} was extended later, which is not repeated; its README.md says how" if longer else ""
    return asked, told


def merged(typed: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is typed, and of what else is asked for what was not typed; options one by one."""
    # One number that has two names, and a time in place of it.
    if any(typed[name] is not None for name in ("epochs", "time_budget")) or "epochs" in typed["config"]:
        left = {key: value for key, value in asked.get("config", {}).items() if key != "epochs"}
        asked = {**asked, "epochs": None, "config": left}
    whole = dict(typed)
    for name, value in asked.items():
        if name in TABLES.values():
            whole[name] = {**value, **typed[name]}
        elif not typed[name] and typed[name] != 0:
            whole[name] = tuple(value) if isinstance(value, list) else value
    return whole


def _is_same(kind: str, typed: Mapping[str, Any], info: RunInfo, zoo: Zoo) -> bool:
    if typed[kind] is None:
        return True
    entry = zoo.find(kind, typed[kind])  # type: ignore[arg-type]
    return (entry.name, entry.plugin) == (getattr(info, kind), getattr(info, f"{kind}_plugin"))


def _model_options(info: RunInfo, typed: Mapping[str, Any], zoo: Zoo, same: Mapping[str, bool]) -> dict[str, Any]:
    if same["dataset"] and not typed["data"]:
        return dict(info.options)
    entry = recorded_entry(zoo, "model", info.model, plugin=info.model_plugin)
    by_data = set(zoo.model(entry.qualified).spec.axis_options)
    return {name: value for name, value in info.options.items() if name not in by_data}


def _trainer_options(info: RunInfo, zoo: Zoo) -> dict[str, Any]:
    """Those that are not what they would be anyway: what is usual for an optimizer does not outlive it."""
    model = zoo.model(recorded_entry(zoo, "model", info.model, plugin=info.model_plugin).qualified)
    trainer = zoo.trainer(recorded_entry(zoo, "trainer", info.trainer, plugin=info.trainer_plugin).qualified)
    usual = usual_options(model, trainer, info.config)
    known = {name: value for name, value in info.config.items() if name in usual and name != "epochs"}
    return {name: value for name, value in known.items() if value != usual[name]}
