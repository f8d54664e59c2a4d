"""Options as they are declared: read from the signature of a function, or from a dataclass."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .errors import ZooError, in_words
from .options import SCALARS, Option


class UnusableParameterError(ZooError):
    """A parameter of a function that cannot be an option; `place` is where the function begins, file and line."""

    def __init__(self, message: str, function: Callable[..., Any], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        code = getattr(inspect.unwrap(function), "__code__", None)
        self.place = None if code is None else (code.co_filename, code.co_firstlineno)


def _option(name: str, annotation: Any, default: Any, *, where: str) -> Option:
    optional, explained = False, ""
    if typing.get_origin(annotation) is typing.Annotated:
        annotation, *notes = typing.get_args(annotation)
        explained = next((note for note in notes if isinstance(note, str)), "")
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        members = [a for a in typing.get_args(annotation) if a is not type(None)]
        optional = len(members) < len(typing.get_args(annotation))
        if len(members) != 1:
            raise ZooError(f"{where}: option {name!r} has more than one type: {annotation}")
        annotation = members[0]
    choices: tuple[Any, ...] = ()
    if typing.get_origin(annotation) is typing.Literal:
        choices = typing.get_args(annotation)
        annotation = type(choices[0])
    kind = _type_name(annotation)
    if kind is None:
        raise ZooError(
            f"{where}: option {name!r} has no type that can be written as K=V: {annotation}",
            hint="int, float, bool, str, Literal[...], tuple[int, ...] and the like, each also with | None",
        )
    required = default is inspect.Parameter.empty
    option = Option(name=name, type=kind, required=required, optional=optional, choices=choices, help=explained)
    if required:
        return option
    return dataclasses.replace(option, default=option.check(default, where=where))


def _type_name(annotation: Any) -> str | None:
    if typing.get_origin(annotation) is tuple:
        inner = typing.get_args(annotation)
        if len(inner) == 2 and inner[1] is Ellipsis and (name := _type_name(inner[0])):
            return f"{name}..."
        return None
    return next((name for name, kind in SCALARS.items() if kind is annotation), None)


def _parameter_types(function: Callable[..., Any], *, where: str) -> dict[str, Any]:
    """Types of the parameters only: what a builder returns is often a name that only type checkers import."""
    plain = inspect.unwrap(function)
    written = {k: v for k, v in getattr(plain, "__annotations__", {}).items() if k != "return"}
    try:
        return typing.get_type_hints(
            types.SimpleNamespace(__annotations__=written),
            globalns=getattr(plain, "__globals__", {}),
            include_extras=True,
        )
    except NameError as error:
        raise ZooError(
            f"{where}: the type of an option cannot be read: {error}",
            hint="types of options must be importable when the plugin is loaded",
        ) from None


def options_of_signature(function: Callable[..., Any], *, where: str, skip: Iterable[str] = ()) -> tuple[Option, ...]:
    """The keyword-only parameters of `function` as options.

    Raises UnusableParameterError on any other kind of parameter, and on a type or default that no option can have.
    """
    try:
        return tuple(_options(function, where=where, skip=skip))
    except ZooError as error:
        raise UnusableParameterError(error.message, function, hint=error.hint) from None


def _options(function: Callable[..., Any], *, where: str, skip: Iterable[str]) -> Iterator[Option]:
    hints = _parameter_types(function, where=where)
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in skip:
            continue
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise ZooError(
                f"{where}: parameter {parameter.name!r} of {function.__qualname__} must be keyword-only",
                hint=f"def {function.__name__}(*, {parameter.name}: int = ...)"
                if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
                else "name each option: one that is mistyped would be swallowed",
            )
        if parameter.name not in hints:
            raise ZooError(f"{where}: option {parameter.name!r} of {function.__qualname__} has no type")
        yield _option(parameter.name, hints[parameter.name], parameter.default, where=where)


def options_of_dataclass(config: type, *, where: str) -> tuple[Option, ...]:
    """The fields of a dataclass as options. Raises ZooError for one that cannot be made of its defaults."""
    hints = typing.get_type_hints(config, include_extras=True)
    found = []
    for field in dataclasses.fields(config):
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if default is dataclasses.MISSING:
            default = inspect.Parameter.empty
        found.append(_option(field.name, hints[field.name], default, where=where))
    if not any(option.required for option in found):
        try:
            config()
        except Exception as error:
            raise ZooError(f"{where}: {config.__name__} refuses its own defaults: {in_words(error)}") from error
    return tuple(found)
