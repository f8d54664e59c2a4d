"""Options as data: read from a signature or a dataclass, parsed from `K=V`, checked with suggestions."""

from __future__ import annotations

import csv
import dataclasses
import inspect
import io
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import UsageError, ZooError, did_you_mean

REQUIRED = "required"
_SCALARS: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}


def read_list(text: str) -> tuple[str, ...]:
    """What stands between the commas, without the spaces around it; a part with a comma of its own is in quotes."""
    parts = next(csv.reader([text], skipinitialspace=True), [])
    return tuple(part.strip() for part in parts if part.strip())


def write_list(values: Iterable[Any]) -> str:
    """The text that `read_list` takes apart into these values."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(map(str, values))
    return text.getvalue()


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option: its name, its type, its default.

    `type` is `int`, `float`, `bool`, `str`, or `int...` and the like for a tuple of any length. `optional` options
    also take None, written `none`. `choices` limits the values. A required option has no default. `help` is one line
    for people: what it does, and when to touch it.
    """

    name: str
    type: str
    default: Any = None
    required: bool = False
    optional: bool = False
    choices: tuple[Any, ...] = ()
    help: str = ""

    def parse(self, text: str, *, where: str) -> Any:
        """The value that `text` stands for. Raises UsageError with the type that was expected."""
        if self.optional and text.lower() in {"none", "null"}:
            return None
        if self.type.endswith("..."):
            return tuple(self._scalar(part, self.type[:-3], where) for part in read_list(text))
        return self._scalar(text, self.type, where)

    def check(self, value: Any, *, where: str) -> Any:
        """The value in its declared type (an int is a float; a list is a tuple). Raises UsageError otherwise."""
        if value is None and self.optional:
            return None
        if self.type.endswith("..."):
            if isinstance(value, str) or not isinstance(value, Iterable):
                raise self._wrong(repr(value), where)
            return tuple(self._typed(item, self.type[:-3], where) for item in value)
        return self._typed(value, self.type, where)

    def _scalar(self, text: str, kind: str, where: str) -> Any:
        try:
            if kind == "bool":
                value: Any = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[
                    text.lower()
                ]
            else:
                value = _SCALARS[kind](text)
        except (KeyError, ValueError):
            raise self._wrong(repr(text), where) from None
        return self._typed(value, kind, where)

    def _typed(self, value: Any, kind: str, where: str) -> Any:
        if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, _SCALARS[kind]) or (isinstance(value, bool) and kind != "bool"):
            raise self._wrong(repr(value), where)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._wrong(repr(value), where)
        if self.choices and value not in self.choices:
            known = ", ".join(map(str, self.choices))
            suggestion = did_you_mean(str(value), map(str, self.choices))
            raise UsageError(f"{where}: {self.name} cannot be {value!r}", hint=suggestion or f"one of {known}")
        return value

    def _wrong(self, shown: str, where: str) -> UsageError:
        example = {"int": "3", "float": "0.1", "bool": "true", "str": "text"}[self.type.removesuffix("...")]
        if self.type.endswith("..."):
            example = f"{example},{example}"
        return UsageError(
            f"{where}: {self.name} takes {self.type_text}, not {shown}",
            hint=f"for example {self.name}={example}",
        )

    @property
    def type_text(self) -> str:
        """The type in words, for messages and tables."""
        base = self.type.removesuffix("...")
        text = f"a list of {base}" if self.type.endswith("...") else base
        return f"{text} or none" if self.optional else text

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with only what differs from the defaults."""
        data: dict[str, Any] = {"name": self.name, "type": self.type}
        data["default"] = list(self.default) if isinstance(self.default, tuple) else self.default
        for key in ("required", "optional"):
            if getattr(self, key):
                data[key] = True
        if self.choices:
            data["choices"] = list(self.choices)
        if self.help:
            data["help"] = self.help
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Option:
        """The inverse of `to_json`."""
        default = data.get("default")
        return cls(
            name=data["name"],
            type=data["type"],
            default=tuple(default) if isinstance(default, list) else default,
            required=data.get("required", False),
            optional=data.get("optional", False),
            choices=tuple(data.get("choices", ())),
            help=data.get("help", ""),
        )


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
    return next((name for name, kind in _SCALARS.items() if kind is annotation), None)


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
    """The keyword-only parameters of `function` as options. Raises ZooError on any other kind of parameter."""
    hints = _parameter_types(function, where=where)
    found = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in skip:
            continue
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise ZooError(
                f"{where}: parameter {parameter.name!r} of {function.__qualname__} must be keyword-only",
                hint=f"def {function.__name__}(*, {parameter.name}: int = ...)",
            )
        if parameter.name not in hints:
            raise ZooError(f"{where}: option {parameter.name!r} of {function.__qualname__} has no type")
        found.append(_option(parameter.name, hints[parameter.name], parameter.default, where=where))
    return tuple(found)


def options_of_dataclass(config: type, *, where: str) -> tuple[Option, ...]:
    """The fields of a dataclass as options."""
    hints = typing.get_type_hints(config, include_extras=True)
    found = []
    for field in dataclasses.fields(config):
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if default is dataclasses.MISSING:
            default = inspect.Parameter.empty
        found.append(_option(field.name, hints[field.name], default, where=where))
    return tuple(found)


def parse_pairs(pairs: Iterable[str], *, flag: str, example: str = "height=32") -> dict[str, str]:
    """`["a=1", "b=x"]` as a dictionary. Raises UsageError on a pair without `=` or a name given twice."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise UsageError(f"{flag} takes K=V, not {pair!r}", hint=f"for example {flag} {example}")
        if name in found:
            raise UsageError(f"{flag} {name} is given twice")
        found[name] = value
    return found


def _known(names: Iterable[str], *, where: str) -> str:
    """Every option there is, and the command that explains those of a model, a dataset or a trainer."""
    listed = ", ".join(names)
    if not listed:
        return "It has no options."
    kind, _, name = where.partition(" ")
    explained = f"; zoo info {name} explains them" if kind in {"model", "dataset", "trainer"} else ""
    return f"Its options: {listed}{explained}"


def check_options(
    given: Mapping[str, Any],
    options: Iterable[Option],
    *,
    where: str,
    renamed: Mapping[str, str] | None = None,
    warn: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """The given options by their present names, text parsed and values checked; defaults are not filled in.

    Raises UsageError that lists every unknown name at once, with suggestions, or names the wrong value.
    """
    known = {option.name: option for option in options}
    current: dict[str, Any] = {}
    for name, value in given.items():
        present = (renamed or {}).get(name, name) if name not in known else name
        if present != name and warn is not None:
            warn(f"{where}: option {name!r} is now called {present!r}")
        if present in current:
            raise UsageError(f"{where}: {present} is given twice (once as {name})")
        current[present] = value
    unknown = [name for name in current if name not in known]
    if unknown:
        near = [hint for name in unknown if (hint := did_you_mean(name, known)).startswith("Did")]
        listed = ", ".join(repr(name) for name in unknown)
        plural = "s" if len(unknown) > 1 else ""
        raise UsageError(
            f"{where} has no option{plural} {listed}",
            hint=" ".join([*dict.fromkeys(near), _known(known, where=where)]),
        )
    return {
        name: known[name].parse(value, where=where) if isinstance(value, str) else known[name].check(value, where=where)
        for name, value in current.items()
    }
