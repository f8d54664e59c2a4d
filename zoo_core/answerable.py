"""A plugin's object as everybody else has it: what its code raises, or gives wrongly, is told as the plugin's fault.

Inside of the plugin nothing changes: its own calls reach its own object, and raise what they raise.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, ClassVar, TypeVar, cast

from .distributions import is_installed
from .errors import Terminated, ZooError, missing_package
from .plugin_faults import code_of, plugin_fault, plugin_line, wrong_result

Interface = TypeVar("Interface")

Check = Callable[..., Any]
"""(result, the plugin's object, arguments of the call...) -> the result, or what is meant by it. Raises
WrongResultError."""

_OF_THE_MACHINE = ("MemoryError", "OutOfMemoryError")
"""Exceptions that are nobody's fault; the second one is torch's."""


class WrongResultError(Exception):
    """What a plugin's code gives is not what its interface promises."""


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Whose an object is: `called`, such as "task height", and the id of its plugin.

    `checks` of results, by the name of the method or property that gives them, or "NAME()" for what is given by calling
    what method NAME gave. `hands_out`: methods and properties that give a further object of the plugin's; of the
    latter, None is one, too.
    """

    called: str
    plugin: str
    checks: Mapping[str, Check] = field(default_factory=dict)
    hands_out: frozenset[str] = frozenset()

    @contextlib.contextmanager
    def answering(self, doing: str, code: Any = None) -> Iterator[None]:
        """Raises ZooError in place of what comes out of the plugin's `code`; the zoo's own errors pass as they are.

        What it prints goes to stderr: stdout is for the result of the command.
        """
        where = f"{self.called} of plugin {self.plugin}, in {doing}"
        try:
            with contextlib.redirect_stdout(sys.stderr):
                yield
        except (ZooError, KeyboardInterrupt, Terminated):
            raise
        except WrongResultError as error:
            raise wrong_result(where, str(error), plugin=self.plugin, code=code) from error
        except BaseException as error:
            if type(error).__name__ in _OF_THE_MACHINE:
                raise
            name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
            if name and not is_installed(name):
                raise missing_package(name, needed_for=where) from error
            raise plugin_fault(where, error, plugin=self.plugin, place=plugin_line(error)) from error


class _StandIn:
    """Has all that the plugin's object has, and calls it for everything."""

    interface: ClassVar[type | None] = None

    def __init__(self, inner: Any, owner: Owner, *, given_by: str = "") -> None:
        self._inner, self._owner, self._given_by = inner, owner, given_by

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in {"_inner", "_owner"}:  # which a copy that is being made has not yet
            raise AttributeError(name)
        try:
            found = getattr(self._inner, name)
        except AttributeError as error:
            if not self._given_by or error.obj is not self._inner:
                raise
            with self._owner.answering(self._given_by, _code_of_class(self._inner)):
                raise WrongResultError(f"it gives a {type(self._inner).__name__}, which has no {name!r}") from None
        return self._passed_on(name, found)

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        with self._owner.answering(self._given_by, getattr(self._inner, "__code__", None)):
            result = self._inner(*arguments, **more)
            if (check := self._owner.checks.get(f"{self._given_by}()")) is not None:
                result = check(result, self._inner, *arguments, **more)
            return result

    def _read(self, name: str) -> Any:
        declared = inspect.getattr_static(type(self._inner), name, None)
        code = code_of(declared.fget) if isinstance(declared, property) else _code_of_class(self._inner)
        with self._owner.answering(name, code):
            found = getattr(self._inner, name)
            if not inspect.isroutine(found) and (check := self._owner.checks.get(name)) is not None:
                found = check(found, self._inner)
        return self._passed_on(name, found)

    def _passed_on(self, name: str, found: Any) -> Any:
        """What the plugin's object has under that name, itself answerable."""
        if not inspect.isroutine(found):
            return self._handed_out(name, found)

        @functools.wraps(found)
        def call(*arguments: Any, **more: Any) -> Any:
            with self._owner.answering(name, getattr(found, "__code__", None)):
                result = found(*arguments, **more)
                if (check := self._owner.checks.get(name)) is not None:
                    result = check(result, self._inner, *arguments, **more)
                if result is None and name in self._owner.hands_out:
                    raise WrongResultError("it gives nothing")
            return self._handed_out(name, result)

        return call

    def _handed_out(self, name: str, value: Any) -> Any:
        if self.interface is not None and isinstance(value, self.interface):
            return type(self)(value, self._owner)
        if name not in self._owner.hands_out or value is None:
            return value
        return _StandIn(value, self._owner, given_by=name)


def _code_of_class(inner: Any) -> CodeType | None:
    """Where the first method of the class begins: what is an attribute, or is missing, has no line of its own."""
    return next((code_of(each) for each in vars(type(inner)).values() if inspect.isfunction(each)), None)


def answerable(made: Interface, interface: type[Interface], owner: Owner) -> Interface:
    """An object of that interface, which does what `made` does, and raises ZooError for all that is wrong with it."""
    return cast("Interface", _standing_in(cast("Any", interface))(made, owner))


@functools.cache
def _standing_in(interface: type) -> Any:
    # What the interface has by itself would be found there, and not in the plugin's object.
    own = {name for name in (*vars(interface), *interface.__annotations__) if not name.startswith("_")}
    members = {name: property(functools.partial(_StandIn._read, name=name)) for name in own}
    return type(interface.__name__, (_StandIn, interface), {"interface": interface, **members})
