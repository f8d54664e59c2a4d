"""The legs of a run: with which plugins it was begun, whether they are the same when it goes on, and its extension."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from zoo_core.discovery import Plugin
from zoo_core.discovery.code_hash import code_of
from zoo_core.distributions import direct_requirements
from zoo_core.environment import commit_of_working_folder, package_versions
from zoo_core.errors import ZooError
from zoo_core.installation import CORE
from zoo_core.offer_lookup import recorded_entry
from zoo_core.records import OF_EVERY_TRAINING, Leg, RunInfo, changes_between, counted, library_changes, plugin_changes
from zoo_core.registry import Zoo, warn
from zoo_core.version import __version__

if TYPE_CHECKING:
    from zoo_core.training import TrainState


def first_leg(info: RunInfo, zoo: Zoo) -> Leg:
    """The leg that a new run begins with."""
    return _leg("started", info, zoo, after=0)


def with_next_leg(
    info: RunInfo, state: TrainState | None, zoo: Zoo, *, epochs: int | None, accept_changes: bool
) -> RunInfo:
    """The record of a run that goes on from `state`: with another leg where it does not go on as it was stopped.

        `epochs`: how many it is to have where that is more than before, else None. Raises ZooError when a plugin, or a
    library that it is made of, is another one than when the run was stopped, unless `accept_changes`.
    """
    done = 0 if state is None else state.epoch
    changes = plugin_changes(_known_codes(info, state), codes_of(info, zoo))
    if info.legs:
        changes += library_changes(info.legs[-1].libraries, libraries_of(info, zoo))
    if changes and not accept_changes:
        raise ZooError(
            f"run {info.name!r} does not go on as it was stopped: {'; '.join(changes)}",
            hint="--accept-changes goes on all the same, and the run's record says so; or bring back what there was",
        )
    if state is not None and not state.sealed:
        warn(
            f"run {info.name!r} was stopped by an older version, which kept no hashes: "
            "whether its checkpoint and its plugins have changed since cannot be said"
        )
    unknown = Leg(why="started", after=0, epochs=info.epochs, versions=info.versions, commit=info.commit)
    legs = info.legs or (unknown,)
    if epochs is not None:
        why = "extended" if info.status == "finished" else "stretched"
        # What was measured at its end is not of the weights that are to come.
        info = dataclasses.replace(info, test=None, remarks=(), beats_chance=None)
        info = dataclasses.replace(info, epochs=epochs, status="unfinished", resume_certificate=None)
        info = dataclasses.replace(info, best_export=None)
        return dataclasses.replace(info, legs=(*legs, _leg(why, info, zoo, after=done)))
    if changes or not info.legs:
        return dataclasses.replace(info, legs=(*legs, _leg("changed" if changes else "resumed", info, zoo, after=done)))
    return info


def leg_notes(info: RunInfo, *, done: int) -> list[str]:
    """What is worth a line where a leg begins after `done` epochs: its schedule, and the plugins that have changed."""
    if not info.legs or info.legs[-1].after != done:
        return []
    leg, before = info.legs[-1], info.legs[-2] if len(info.legs) > 1 else None
    notes = [] if before is None else [f"Accepted: {change}" for change in changes_between(before, leg)]
    if leg.why == "extended":
        notes.append(f"Extended by {counted(leg.epochs - leg.after, 'epoch')}, with a schedule of their own")
    if leg.why == "stretched":
        was = info.legs[-2].epochs
        notes.append(f"Stretched from {was} to {counted(leg.epochs, 'epoch')}: the schedule goes over all of them")
    return notes


def codes_of(info: RunInfo, zoo: Zoo) -> dict[str, dict[str, str]]:
    """Version and code of the plugins of a run, by their ids, as they are installed now."""
    wanted = {info.model_plugin, info.dataset_plugin, info.trainer_plugin}
    return {plugin.id: code_of(plugin) for plugin in zoo.plugins if plugin.id in wanted}


def versions_of(plugins: Iterable[str]) -> dict[str, str]:
    """Versions of what a training depends on, and of the distributions of these plugins."""
    distributions = {plugin.partition(":")[0] for plugin in plugins}
    names = (*OF_EVERY_TRAINING, *sorted(distributions - {"zoo-core"}))
    return {"zoo-core": __version__} | package_versions(names)


def libraries_of(info: RunInfo, zoo: Zoo) -> dict[str, str]:
    """Versions of the library that brings the model, and of what the plugins of a run depend on directly."""
    names: set[str] = set()
    for plugin in zoo.plugins:
        if plugin.id in {info.model_plugin, info.dataset_plugin, info.trainer_plugin}:
            names |= _required_by(plugin)
    library = recorded_entry(zoo, "model", info.model, plugin=info.model_plugin).data.get("library")
    found = package_versions(sorted(names | ({library} if isinstance(library, str) else set())))
    return {name: version for name, version in found.items() if name not in {"python", CORE, *OF_EVERY_TRAINING}}


def _required_by(plugin: Plugin) -> set[str]:
    if not plugin.bundled:
        return direct_requirements(plugin.distribution)
    # What a bundled plugin needs is an extra of its name, which has all that every training needs, too.
    return direct_requirements(CORE, extra=plugin.entry) - direct_requirements(CORE, extra="train")


def _known_codes(info: RunInfo, state: TrainState | None) -> Mapping[str, Mapping[str, str]]:
    """The plugins that the run went with last. Changes that were accepted at this very checkpoint are in the record."""
    leg = info.legs[-1] if info.legs else None
    if state is None or (leg is not None and leg.after == state.epoch):
        return leg.plugins if leg is not None else {}
    return state.plugins


def _leg(why: str, info: RunInfo, zoo: Zoo, *, after: int) -> Leg:
    plugins = codes_of(info, zoo)
    return Leg(
        why=why,  # type: ignore[arg-type]
        after=after,
        epochs=info.epochs,
        plugins=plugins,
        versions=versions_of(plugins) | libraries_of(info, zoo),
        commit=commit_of_working_folder(),
        began=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
