"""The catalogue: everything that plugins offer, found by name, and loaded only when it is used."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from .discovery import Plugin, discover
from .discovery.mending import check_extra_of, check_owner_of, told_of_path, told_of_unusable
from .errors import UsageError, ZooError, did_you_mean
from .foreign_text import terminal_lines

if TYPE_CHECKING:
    import click

    from .discovery.offers import Offers
    from .specs import DatasetSpec, ModelSpec, RecipeSpec, TaskSpec, TrainerSpec

Kind = Literal["model", "dataset", "trainer", "task", "recipe"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the catalogue: plain data, known without loading the plugin.

    `name` is what the plugin calls it; `shown` is what to type for it, the qualified name where the bare one is not
    its own. `data` has what the spec declares: options, inputs, outputs, classes and so on, as plain JSON.
    """

    kind: Kind
    name: str
    shown: str
    plugin: str
    task: str
    summary: str
    source: str
    license: str
    data: Mapping[str, Any] = field(repr=False)

    @property
    def qualified(self) -> str:
        """The name that no other entry of this kind has: `dist:entry/name`."""
        return f"{self.plugin}/{self.name}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: `{name, kind, task, summary, plugin, source}`."""
        return {
            "name": self.shown,
            "kind": self.kind,
            "task": self.task,
            "summary": self.summary,
            "plugin": self.plugin,
            "source": self.source,
        }


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model whose plugin is loaded."""

    spec: ModelSpec
    plugin: str

    @property
    def name(self) -> str:
        return self.spec.name

    def build(self, **options: Any) -> Any:
        """The `nn.Module` for these builder options.

        Raises UsageError for an option that the builder does not have or a value of another type, and ZooError when
        the builder refuses the values or fails.
        """
        from .building import build_model

        return build_model(self.spec, options, plugin=self.plugin, warn=warn)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A dataset whose plugin is loaded; `zoo_core.data.bind_dataset` reads it."""

    spec: DatasetSpec
    plugin: str

    @property
    def name(self) -> str:
        return self.spec.name


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """A trainer whose plugin is loaded."""

    spec: TrainerSpec
    plugin: str

    @property
    def name(self) -> str:
        return self.spec.name


def open_zoo() -> Zoo:
    """The catalogue of every installed plugin. Never raises for a plugin's fault (but see `ZOO_STRICT`)."""
    return Zoo(discover())


def warn(text: str) -> None:
    """One line for people on stderr."""
    sys.stderr.write(f"Warning: {terminal_lines(text)}\n")


class Zoo:
    """What is installed, by name. Plugins are loaded, each at most once, when something of theirs is used."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.plugins = tuple(plugins)
        self._entries = tuple(_named(self.plugins))
        self._loaded: dict[str, Offers] = {}
        self._muted: set[str] = set()

    def entries(self, kind: Kind | None = None) -> tuple[Entry, ...]:
        """The catalogue, or its part of one kind, sorted by plugin as offered."""
        return tuple(entry for entry in self._entries if kind in {None, entry.kind})

    def find(self, kind: Kind, name: str) -> Entry:
        """The entry of that bare, qualified or old name.

        Raises UsageError with suggestions when there is none, or with both qualified names when there are two.
        """
        entries = self.entries(kind)
        if found := [entry for entry in entries if name in {entry.shown, entry.qualified}]:
            return found[0]
        if several := [entry.qualified for entry in entries if entry.name == name]:
            raise UsageError(
                f"{kind} {name!r} is offered by more than one plugin",
                hint=f"say which: {' or '.join(several)}",
            )
        renamed = [entry for entry in entries if name in entry.data.get("aliases", ())]
        if len(renamed) == 1:
            warn(f"{kind} {name!r} is now called {renamed[0].shown!r}")
            return renamed[0]
        if renamed:
            options = " or ".join(entry.qualified for entry in renamed)
            raise UsageError(f"{kind} {name!r} is an old name of more than one {kind}", hint=f"say which: {options}")
        check_extra_of(self.plugins, name)
        raise self._unknown(kind, name)

    def model(self, name: str) -> Model:
        """The model of that name, its plugin loaded in this process."""
        entry = self.find("model", name)
        return Model(spec=self._spec(entry), plugin=entry.plugin)

    def dataset(self, name: str) -> Dataset:
        """The dataset of that name, its plugin loaded in this process."""
        entry = self.find("dataset", name)
        return Dataset(spec=self._spec(entry), plugin=entry.plugin)

    def trainer(self, name: str) -> Trainer:
        """The trainer of that name, its plugin loaded in this process."""
        entry = self.find("trainer", name)
        return Trainer(spec=self._spec(entry), plugin=entry.plugin)

    def offer(self, kind: Literal["task", "recipe"], name: str) -> TaskSpec | RecipeSpec:
        """The spec of the task or recipe of that name, its plugin loaded in this process; `zoo_core.tasks.get_task`
        and `zoo_core.recipes.load_recipe` find it without a catalogue where they can."""
        spec: TaskSpec | RecipeSpec = self._spec(self.find(kind, name))
        return spec

    def commands(self) -> dict[str, tuple[str, Plugin]]:
        """`{name: (one-line help, plugin)}` of the commands that plugins add; one offered twice is not among them.

        A name of the zoo's own verbs is theirs, whoever else offers it.
        """
        found: dict[str, list[tuple[str, Plugin]]] = {}
        for plugin in self.plugins:
            for command in plugin.commands:
                found.setdefault(command["name"], []).append((command["help"], plugin))
        owners = {name: [each for each in offers if each[1].bundled] or offers for name, offers in found.items()}
        return {name: offers[0] for name, offers in sorted(owners.items()) if len(offers) == 1}

    def command(self, name: str) -> click.Command:
        """The plugin command of that name, loaded. Raises UsageError if there is none."""
        if name not in self.commands():
            raise UsageError(f"no plugin offers the command {name!r}")
        plugin = self.commands()[name][1]
        for command in self._offers(plugin).commands:
            if command.name == name:
                return command
        raise ZooError(f"plugin {plugin.id} no longer offers the command {name!r}")

    def tell(self, event: str, **arguments: Any) -> None:
        """Tell an event hook to the plugins that implement it; one that raises is muted with one warning."""
        for plugin in self.plugins:
            if event not in plugin.hooks or plugin.id in self._muted:
                continue
            from .discovery.fault import PluginError
            from .discovery.telling import tell_one

            try:
                offers = self._offers(plugin)
                with contextlib.redirect_stdout(sys.stderr):
                    tell_one(offers, event, arguments, module=plugin.module)
            except (PluginError, ZooError) as error:
                self._muted.add(plugin.id)
                warn(f"plugin {plugin.id} gets no more events: {error}")

    def _spec(self, entry: Entry) -> Any:
        plugin = next(plugin for plugin in self.plugins if plugin.id == entry.plugin)
        offers = self._offers(plugin)
        if "family" in entry.data:
            return _family_member(offers, entry, plugin)
        offered: tuple[Any, ...] = getattr(offers, f"{entry.kind}s")
        for spec in offered:
            if spec.name == entry.name:
                return spec
        raise ZooError(f"plugin {plugin.id} no longer offers the {entry.kind} {entry.name!r}")

    def _offers(self, plugin: Plugin) -> Offers:
        if plugin.id not in self._loaded:
            from .discovery.fault import PluginError
            from .discovery.offers import load_offers

            try:
                # What a plugin prints is not the command's result.
                with contextlib.redirect_stdout(sys.stderr):
                    self._loaded[plugin.id] = load_offers(plugin.value)
            except PluginError as error:
                raise ZooError(
                    f"plugin {plugin.id} cannot be loaded: {error.problem}", hint=error.hint or "see zoo plugins"
                ) from error
        return self._loaded[plugin.id]

    def _unknown(self, kind: Kind, name: str) -> UsageError:
        known = [entry.shown for entry in self.entries(kind)]
        others = [entry.kind for entry in self._entries if entry.shown == name]
        if others:
            return UsageError(f"{name!r} is a {others[0]}, not a {kind}", hint=f"see zoo list {kind}s")
        check_owner_of(self.plugins, kind, name)
        hints = [told_of_unusable(self.plugins, name), told_of_path(kind, name) or did_you_mean(name, known)]
        hint = " ".join(filter(None, hints)) or f"see zoo list {kind}s"
        return UsageError(f"unknown {kind} {name!r}", hint=hint)


def _named(plugins: Iterable[Plugin]) -> Iterable[Entry]:
    """Entries with the name to type for each: a bundled name is never shadowed, one offered twice is nobody's."""
    offered = [(plugin, data) for plugin in plugins for data in plugin.entries]
    owners: dict[tuple[str, str], list[Plugin]] = {}
    for plugin, data in offered:
        owners.setdefault((data["kind"], data["name"]), []).append(plugin)
    for plugin, data in offered:
        all_owners = owners[data["kind"], data["name"]]
        bundled = [owner for owner in all_owners if owner.bundled]
        alone = bundled == [plugin] or (not bundled and len(all_owners) == 1)
        yield Entry(
            kind=data["kind"],
            name=data["name"],
            shown=data["name"] if alone else f"{plugin.id}/{data['name']}",
            plugin=plugin.id,
            task=data.get("task", ""),
            summary=data.get("summary", ""),
            source=data.get("source", ""),
            license=data.get("license", ""),
            data=data,
        )


def _family_member(offers: Offers, entry: Entry, plugin: Plugin) -> Any:
    from .discovery.fault import PluginError
    from .discovery.offers import contained
    from .discovery.requirement import check_requirement
    from .specs import ModelSpec

    prefix, _, member = entry.name.partition("/")
    family = next((family for family in offers.families if family.prefix == prefix), None)
    if family is None:
        raise ZooError(f"plugin {plugin.id} no longer offers the family {prefix!r}")

    def make() -> Any:
        spec = family.spec(member)
        if isinstance(spec, ModelSpec):
            check_requirement(spec.requires_core, name=spec.name)
        return spec

    try:
        with contextlib.redirect_stdout(sys.stderr):
            spec = contained(make, module=plugin.module, doing=f"in family {prefix!r}")
    except PluginError as error:
        text = f"model {entry.name!r} of plugin {plugin.id} cannot be used: {error.problem}"
        raise ZooError(text, hint=error.hint) from error
    if not isinstance(spec, ModelSpec) or spec.name != entry.name:
        got = getattr(spec, "name", type(spec).__name__)
        raise ZooError(f"family {prefix!r} of plugin {plugin.id} gives {got!r} when asked for {entry.name!r}")
    return spec
