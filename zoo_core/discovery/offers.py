"""What one plugin offers, read from its hooks with every fault contained and put in words."""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import inspect
import re
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import pluggy

from zoo_core import hookspecs, specs
from zoo_core.errors import Terminated, ZooError, did_you_mean
from zoo_core.installation import update_command
from zoo_core.specs import DatasetSpec, ModelFamily, ModelSpec, RecipeSpec, TaskSpec, TrainerSpec

from .entry_points import module_of
from .fault import WRONG_ENTRY_POINT
from .fault import PluginError as PluginError
from .place import place_of, short_path
from .requirement import check_requirement

_OFFERED: dict[str, type] = {
    "zoo_models": ModelSpec,
    "zoo_datasets": DatasetSpec,
    "zoo_trainers": TrainerSpec,
    "zoo_families": ModelFamily,
    "zoo_tasks": TaskSpec,
    "zoo_recipes": RecipeSpec,
    "zoo_commands": click.Command,
}
_MOST_OFFERS = 100_000
_UNKNOWN_FIELD = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_NEWER_CORE = "it may be made for a newer zoo-core: {}"


@dataclass(frozen=True, kw_only=True)
class Offers:
    """Everything that a plugin's hooks returned, and the manager through which it is told of events."""

    models: tuple[ModelSpec, ...]
    datasets: tuple[DatasetSpec, ...]
    trainers: tuple[TrainerSpec, ...]
    families: tuple[ModelFamily, ...]
    tasks: tuple[TaskSpec, ...]
    recipes: tuple[RecipeSpec, ...]
    commands: tuple[click.Command, ...]
    events: tuple[str, ...]
    manager: pluggy.PluginManager


def load_offers(value: str) -> Offers:
    """Import the plugin that an entry point's value names, and ask its hooks.

    Raises PluginError for everything that goes wrong in the plugin; KeyboardInterrupt alone passes.
    """
    module = module_of(value)
    manager = _register(_resolve(value), module=module)
    found: dict[str, tuple[Any, ...]] = {hook: _ask(manager, hook, module) for hook in hookspecs.OFFERS}
    for hook, offered in found.items():
        if hook != "zoo_commands":
            _check_requirements(
                offered, module=module, place=f"{hook} at {hook_place(manager, hook)}" if offered else ""
            )
    return Offers(
        models=found["zoo_models"],
        datasets=found["zoo_datasets"],
        trainers=found["zoo_trainers"],
        families=found["zoo_families"],
        tasks=found["zoo_tasks"],
        recipes=found["zoo_recipes"],
        commands=found["zoo_commands"],
        events=tuple(name for name in hookspecs.EVENTS if _implementations(manager, name)),
        manager=manager,
    )


def _check_requirements(offered: Iterable[Any], *, module: str, place: str) -> None:
    for spec in offered:
        name = spec.prefix if isinstance(spec, ModelFamily) else spec.name
        try:
            check = partial(check_requirement, spec.requires_core, name=name)
            contained(check, module=module, doing=f"in {name!r}")
        except PluginError as error:
            if error.status == "broken":
                error.problem += f" ({place})"
            raise


def contained(call: Callable[[], Any], *, module: str, doing: str) -> Any:
    """What `call` returns. Whatever a plugin raises inside, also SystemExit, becomes a PluginError."""
    try:
        return call()
    except (PluginError, KeyboardInterrupt, Terminated):
        raise
    except SystemExit as error:
        raise PluginError(f"{doing}, it calls sys.exit({error.code!r}){place_of(error, module)}") from error
    except ImportError as error:
        raise _import_fault(error, module=module, doing=doing) from error
    except BaseException as error:
        place = place_of(error, module)
        raise PluginError(f"{doing}: {words(error)}{place}", hint=_told_of_unknown_field(error)) from error


def _told_of_unknown_field(error: BaseException) -> str | None:
    """What to do where a spec is given a field that it does not have; None for every other error."""
    match = _UNKNOWN_FIELD.fullmatch(str(error)) if isinstance(error, TypeError) else None
    spec: Any = getattr(specs, match[1], None) if match else None
    if match is None or not dataclasses.is_dataclass(spec):
        return None
    newer = _NEWER_CORE.format(update_command())
    near = difflib.get_close_matches(match[2], [field.name for field in dataclasses.fields(spec)], n=1, cutoff=0.7)
    return f"Did you mean {near[0]!r}? Otherwise {newer}" if near else newer


def words(error: BaseException) -> str:
    """An exception as one line of at most 300 characters, whatever its `__str__` does."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 a plugin's own exception class may be faulty too
        text = "(its message cannot be shown)"
    hint = f" ({error.hint})" if isinstance(error, ZooError) and error.hint else ""
    name = "" if isinstance(error, ZooError) else f"{type(error).__name__}: "
    line = f"{name}{text}{hint}".removesuffix(": ")
    return line if len(line) <= 300 else line[:297] + "..."


def _resolve(value: str) -> object:
    module, _, attributes = (part.strip() for part in value.partition(":"))
    found: Any = contained(lambda: importlib.import_module(module), module=module, doing="when it is imported")
    for name in filter(None, attributes.partition("[")[0].strip().split(".")):
        if not hasattr(found, name):
            text = f"its entry point names {value!r}, but {module} has no {attributes!r}"
            raise PluginError(text, hint=WRONG_ENTRY_POINT)
        found = getattr(found, name)
    return found


def _register(plugin: object, *, module: str) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)

    def register() -> None:
        try:
            manager.register(plugin, name=module)
        except pluggy.PluginValidationError as error:
            raise PluginError(_wrong_arguments(error, plugin)) from error

    contained(register, module=module, doing="when its hooks are read")
    try:
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(_unknown_hooks(manager, error)) from error
    implemented = {name for name in _hooks() if _implementations(manager, name)}
    if undecorated := [name for name in _hooks() if name not in implemented and hasattr(plugin, name)]:
        place = _defined(getattr(plugin, undecorated[0]))
        raise PluginError(f"{', '.join(undecorated)} is not decorated with @hookimpl ({place})")
    if not implemented:
        text = f"it implements no hook, for example {' or '.join(hookspecs.OFFERS[:2])}"
        raise PluginError(text, hint=WRONG_ENTRY_POINT if isinstance(plugin, type) else None)
    _check_instance(plugin, implemented)
    return manager


def _check_instance(plugin: object, implemented: Iterable[str]) -> None:
    """Raises PluginError for a class that has hooks for instances."""
    if isinstance(plugin, type) and any(
        inspect.isfunction(inspect.getattr_static(plugin, name)) for name in implemented
    ):
        own = plugin.__name__
        text = f"its entry point names the class {own}, and not an instance, such as {own.lower()}_plugin = {own}()"
        raise PluginError(text, hint=WRONG_ENTRY_POINT)


def _hooks() -> tuple[str, ...]:
    return (*hookspecs.OFFERS, *hookspecs.EVENTS)


def _implementations(manager: pluggy.PluginManager, hook: str) -> list[Any]:
    caller = getattr(manager.hook, hook, None)
    return list(caller.get_hookimpls()) if caller is not None else []


def hook_place(manager: pluggy.PluginManager, hook: str) -> str:
    """The line at which a plugin's implementation of a hook begins."""
    return _defined(_implementations(manager, hook)[0].function)


def _wrong_arguments(error: pluggy.PluginValidationError, plugin: object) -> str:
    for name in _hooks():
        written, spec = getattr(plugin, name, None), getattr(hookspecs, name)
        if not callable(written) or f"hook {name!r}" not in str(error):
            continue
        theirs, ours = inspect.signature(written), list(inspect.signature(spec).parameters)
        takes = f"takes ({', '.join(ours)})" if ours else "takes no arguments"
        theirs = theirs.replace(return_annotation=inspect.Signature.empty)
        return f"{name}{theirs} at {_defined(written)}: it {takes}"
    return words(error)


def _unknown_hooks(manager: pluggy.PluginManager, error: pluggy.PluginValidationError) -> str:
    found = []
    for name, caller in vars(manager.hook).items():
        if name.startswith("_") or caller.has_spec():
            continue
        places = [_defined(implementation.function) for implementation in caller.get_hookimpls()]
        found.append(f"unknown hook {name!r} at {', '.join(places)}. {did_you_mean(name, _hooks())}".strip())
    return "; ".join(found) or words(error)


def _ask(manager: pluggy.PluginManager, hook: str, module: str) -> tuple[Any, ...]:
    implementations = _implementations(manager, hook)
    if not implementations:
        return ()
    wanted: Any = _OFFERED[hook]
    place = _defined(implementations[0].function)
    doing = f"in {hook}"
    answers: list[Any] = contained(getattr(manager.hook, hook), module=module, doing=doing)
    offered: dict[str, Any] = {}

    def read() -> None:
        for item in _items(answers, f"{hook} at {place}", wanted):
            if not isinstance(item, wanted):
                got = f"the class {item.__name__}" if isinstance(item, type) else f"a {type(item).__name__}"
                raise PluginError(f"{hook} at {place} offers {got}, not a {wanted.__name__}")
            name = item.prefix if isinstance(item, ModelFamily) else item.name
            if not isinstance(name, str) or not name:
                raise PluginError(f"{hook} at {place} offers a {wanted.__name__} without a name")
            if name in offered:
                raise PluginError(f"{hook} at {place} offers {name!r} twice")
            if len(offered) >= _MOST_OFFERS:
                raise PluginError(f"{hook} at {place} offers more than {_MOST_OFFERS} things")
            offered[name] = item

    contained(read, module=module, doing=doing)
    return tuple(offered.values())


def _items(answers: list[Any], where: str, wanted: type) -> Iterable[Any]:
    answer = answers[0] if answers else None  # pluggy leaves out what is None
    if isinstance(answer, str | bytes | Mapping) or not isinstance(answer, Iterable):
        got = "nothing" if answer is None else f"a {type(answer).__name__}"
        raise PluginError(f"{where} returns {got}, not an iterable of {wanted.__name__}")
    return answer


def _import_fault(error: ImportError, *, module: str, doing: str) -> PluginError:
    own, name = module.partition(".")[0], error.name or ""
    place = place_of(error, module)
    if isinstance(error, ModuleNotFoundError) and name and (module == name or module.startswith(f"{name}.")):
        return PluginError(f"its module {module!r} cannot be found (no {name!r})", hint=WRONG_ENTRY_POINT)
    top = name.partition(".")[0]
    if top in {own, "zoo_core", ""}:
        newer = _NEWER_CORE.format(update_command()) if top == "zoo_core" else None
        return PluginError(f"{doing}: {words(error)}{place}", hint=newer)
    if isinstance(error, ModuleNotFoundError):
        text = f"it needs the package {top!r}, which is not installed"
        return PluginError(f"{text}{place}", status="unavailable", hint=f"pip install {top}", missing=top)
    _, said, command = words(error).partition("pip install ")
    hint = f"{said}{command}" if said else f"another version of {top} may help: pip install -U {top}"
    return PluginError(f"{doing}: {words(error)}{place}", status="unavailable", hint=hint)


def _defined(function: Any) -> str:
    plain = inspect.unwrap(function) if callable(function) else function
    code = getattr(plain, "__code__", None)
    if not isinstance(code, types.CodeType):
        return "an unknown place"
    package = str(getattr(plain, "__module__", "")).partition(".")[0]
    return f"{short_path(code.co_filename, package)}:{code.co_firstlineno}"
