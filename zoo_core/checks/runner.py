"""Which rules apply to what a name stands for, and what comes of each."""

from __future__ import annotations

import contextlib
import fnmatch
import importlib.util
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, cast

from zoo_core.building import builder_options
from zoo_core.discovery import Plugin
from zoo_core.discovery.mending import told_of_unusable
from zoo_core.discovery.offers import words
from zoo_core.discovery.place import place_of
from zoo_core.errors import MissingExtraError, TemporaryFolderError, UsageError, did_you_mean
from zoo_core.options import check_options
from zoo_core.registry import KINDS, Entry, Zoo

from .candidates.candidates import DatasetCandidate, PluginCandidate
from .rule import BrokenRuleError, Finding, NotApplicableError, Outcome, Planned, RemarkError, Rule, rules, same_error

if TYPE_CHECKING:
    from zoo_core.recipe_spec import RecipeSpec
    from zoo_core.specs import TaskSpec


class Candidate(Protocol):
    """What rules are applied to."""

    @property
    def shown(self) -> str:
        """What findings call it."""
        ...

    @property
    def module(self) -> str:
        """The module that its plugin's entry point names."""
        ...

    @property
    def expected_failures(self) -> Mapping[str, str]:
        """Rules that the plugin says it breaks, and why."""
        ...


@dataclass(frozen=True, kw_only=True)
class Check:
    """One rule for one candidate, not looked at yet."""

    rule: Rule
    candidate: Candidate
    met: dict[str, str] = field(default_factory=dict)
    """Errors that other rules of this candidate have met, each with the first of them."""
    causes: dict[str, str] = field(default_factory=dict)
    """Why rules of this plugin are broken, each cause with the first rule that it has broken."""

    @property
    def planned(self) -> Planned:
        """The same as plain data."""
        return Planned(
            subject=self.candidate.shown,
            rule=self.rule.name,
            promise=self.rule.promise,
            module=self.candidate.module,
            expected=self.candidate.expected_failures.get(self.rule.name, ""),
        )

    def run(self) -> Finding:
        """Look at it. Nothing that a plugin does is raised, except KeyboardInterrupt; TemporaryFolderError is."""
        start = time.perf_counter()
        outcome: Outcome = "passed"
        detail = ""
        try:
            with contextlib.redirect_stdout(sys.stderr):
                self.rule.test(self.candidate)
        except BrokenRuleError as error:
            outcome, detail = self._failed(str(error), error)
        except RemarkError as error:
            outcome, detail = "remark", str(error)
        except NotApplicableError as error:
            outcome, detail = "skipped", self._needs(str(error)) or str(error)
        except MissingExtraError as error:
            outcome, detail = "skipped", words(error)
        except (KeyboardInterrupt, TemporaryFolderError):
            raise
        except BaseException as error:  # noqa: BLE001 a plugin may raise anything, also SystemExit
            outcome, detail = self._failed(f"{words(error)}{place_of(error, self.candidate.module)}", error)
        return self.planned.judged(outcome, detail, seconds=time.perf_counter() - start)

    def _failed(self, detail: str, error: BaseException) -> tuple[Outcome, str]:
        """One error breaks many rules, and is told once."""
        if needs := self._needs(detail):
            return "skipped", needs
        if isinstance(error, BrokenRuleError):
            if first := next((self.causes[cause] for cause in error.causes if cause in self.causes), None):
                return "skipped", f"follows from {first}, which is to be mended first"
            self.causes.update(dict.fromkeys(error.causes, self.rule.name))
        elif known := same_error(error):
            self.met[known] = self.rule.name
        return "failed", detail

    def _needs(self, detail: str) -> str:
        """The rule that has met this error before, in words; empty where none has."""
        rule = next((rule for known, rule in self.met.items() if known in detail), None)
        return "" if rule is None else f"needs {rule}, which meets the same error"


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What a check is told besides a name: builder options, dataset options, patterns of rules."""

    options: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    download: bool = False
    only: tuple[str, ...] = ()


def checks_of(zoo: Zoo, name: str, given: CheckOptions | None = None) -> tuple[Check, ...]:
    """Every rule that applies to what `name` stands for: a plugin with all that it offers, or one entry.

    `name` is a plugin's id, entry point or distribution, or the name of a model, dataset, trainer, task or recipe;
    `plugin:`, `model:` and so on say which. Raises UsageError for a name that is unknown or means two things, and for a
    pattern that no rule fits.
    """
    given = given or CheckOptions()
    checks: list[Check] = []
    causes: dict[str, str] = {}
    for candidate in _candidates(zoo, name, given):
        met: dict[str, str] = {}
        rules = (*rules_for(candidate), *_declared_rules(candidate))
        checks += [Check(rule=rule, candidate=candidate, met=met, causes=causes) for rule in rules]
    if not given.only:
        return tuple(checks)
    chosen = tuple(check for check in checks if _is_chosen(check, given.only))
    if not chosen:
        known = sorted({check.rule.name for check in checks})
        hint = did_you_mean(given.only[0], known) or f"one of {', '.join(known)}"
        raise UsageError(f"no rule for {name} is called {' or '.join(given.only)}", hint=hint)
    return chosen


def _is_chosen(check: Check, patterns: Sequence[str]) -> bool:
    """Whether the name of the rule fits; of a plugin that cannot be loaded, that there is nothing else to look at."""
    unusable = isinstance(check.candidate, PluginCandidate) and check.candidate.is_unusable
    return unusable or any(fnmatch.fnmatch(check.rule.name, pattern) for pattern in patterns)


def rules_for(candidate: Candidate) -> tuple[Rule, ...]:
    """The rules for this kind of candidate, in the order in which a user comes upon them."""
    if isinstance(candidate, PluginCandidate):
        from .rules import plugin_rules

        return rules("import", plugin_rules.loads) if candidate.is_unusable else plugin_rules.RULES
    if isinstance(candidate, DatasetCandidate):
        from .rules.dataset_rules import RULES as DATASET_RULES

        return DATASET_RULES
    from .candidates.recipe_candidate import RecipeCandidate

    if isinstance(candidate, RecipeCandidate):
        from .rules.recipe_rules import RULES as RECIPE_RULES

        return RECIPE_RULES
    from .candidates.model_candidate import ModelCandidate

    if isinstance(candidate, ModelCandidate):
        from .rules import export_rules, forward_rules, model_rules, train_rules

        return (*model_rules.RULES, *forward_rules.RULES, *train_rules.RULES, *export_rules.RULES)
    from .candidates.task_candidate import TaskCandidate

    if isinstance(candidate, TaskCandidate):
        from .rules.task_rules import RULES as TASK_RULES

        return TASK_RULES
    from .rules.trainer_rules import RULES as TRAINER_RULES

    return TRAINER_RULES


def _declared_rules(candidate: Candidate) -> tuple[Rule, ...]:
    """A rule that breaks when a declared failure names no rule; none where nothing is declared."""
    if not candidate.expected_failures:
        return ()
    known = {rule.name for rule in rules_for(candidate)}

    def expected_failures_are_rules(each: Candidate) -> None:
        """Each expected failure names a rule."""
        if unknown := [name for name in each.expected_failures if name not in known]:
            hint = did_you_mean(unknown[0], known)
            raise BrokenRuleError(f"expected_failures names {unknown[0]!r}, which is not a rule. {hint}".strip())

    return rules("import", expected_failures_are_rules)


def _candidates(zoo: Zoo, name: str, given: CheckOptions) -> Iterator[Candidate]:
    found = _meaning(zoo, name)
    if isinstance(found, Plugin):
        own = [entry for entry in zoo.entries() if entry.plugin == found.id and "family" not in entry.data]
    else:
        own = [found]
    _check_meant(own, given, name=name)
    if isinstance(found, Plugin):
        yield PluginCandidate(zoo=zoo, plugin=found)
    for entry in own:
        yield _candidate(zoo, entry, given)


def _check_meant(entries: Sequence[Entry], given: CheckOptions, *, name: str) -> None:
    """Raise UsageError for options that no entry can take, or of which nobody can say whose they are."""
    for flag, kind, options in (("-o", "model", given.options), ("-d", "dataset", given.data)):
        forms = [f"{kind}:{entry.shown}" for entry in entries if entry.kind == kind]
        if options and not forms:
            raise UsageError(f"{flag} is for {kind}s, and {name} has none", hint=f"leave out {flag}")
        if options and len(forms) > 1:
            raise UsageError(
                f"{name} has more than one {kind}: it is not clear which one {flag} is for", hint=_one_of(forms)
            )


def _one_of(forms: Sequence[str]) -> str:
    more = f", or one of {len(forms) - 3} more" if len(forms) > 3 else ""
    return f"say which: {' or '.join(forms[:3])}{more}"


def _meaning(zoo: Zoo, name: str) -> Plugin | Entry:
    said, colon, rest = name.partition(":")
    if colon and said in KINDS:
        return zoo.find(said, rest)
    plain = rest if colon and said == "plugin" else name
    plugins = [plugin for plugin in zoo.plugins if plain in {plugin.id, plugin.entry, plugin.distribution}]
    if colon and said == "plugin" and not plugins:
        raise UsageError(f"unknown plugin {rest!r}", hint=_known_plugins(zoo, rest))
    entries = [entry for entry in zoo.entries() if name in {entry.shown, entry.qualified}]
    entries = [entry for entry in entries if entry.plugin not in {plugin.id for plugin in plugins}]
    if len(plugins) + len(entries) > 1:
        forms = [f"plugin:{plugin.id}" for plugin in plugins] + [f"{e.kind}:{e.qualified}" for e in entries]
        raise UsageError(f"{name!r} means more than one thing", hint=_one_of(forms))
    if plugins or entries:
        return plugins[0] if plugins else entries[0]
    known = [*(plugin.entry for plugin in zoo.plugins), *(entry.shown for entry in zoo.entries())]
    hints = [told_of_unusable(zoo.plugins, name), did_you_mean(name, known)]
    hint = " ".join(filter(None, hints)) or "see zoo plugins"
    raise UsageError(f"there is no plugin and no model called {name!r}", hint=hint)


def _known_plugins(zoo: Zoo, name: str) -> str:
    return did_you_mean(name, [plugin.entry for plugin in zoo.plugins]) or "see zoo plugins"


def _candidate(zoo: Zoo, entry: Entry, given: CheckOptions) -> Candidate:
    plugin = next(plugin for plugin in zoo.plugins if plugin.id == entry.plugin)
    module = plugin.module
    if entry.kind == "dataset":
        dataset = zoo.dataset(entry.qualified)
        check_options(given.data, dataset.spec.options, where=f"dataset {dataset.name}")
        return DatasetCandidate(dataset=dataset, module=module, options=given.data, download=given.download)
    if entry.kind == "recipe":
        from .candidates.recipe_candidate import RecipeCandidate

        kind = cast("RecipeSpec", zoo.offer("recipe", entry.qualified))
        return RecipeCandidate(spec=kind, plugin=entry.plugin, module=module)
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError(needed_for=f"checking {entry.kind} {entry.shown}", extra="train", missing="torch")
    if entry.kind == "task":
        from .candidates.task_candidate import TaskCandidate

        spec = cast("TaskSpec", zoo.offer("task", entry.qualified))
        return TaskCandidate(spec=spec, plugin=entry.plugin, module=module)
    if entry.kind == "trainer":
        from .candidates.trainer_candidate import TrainerCandidate

        return TrainerCandidate(zoo.trainer(entry.qualified), module)
    from .candidates.model_candidate import ModelCandidate

    model = zoo.model(entry.qualified)
    builder_options(model.spec, given.options)  # what is mistyped is told now, and is no fault of the plugin
    return ModelCandidate(model, module, given.options)
