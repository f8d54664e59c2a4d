"""Options as data: parsed from `K=V`, checked with suggestions."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import UsageError, did_you_mean

REQUIRED = "required"
SCALARS: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}


def read_list(text: str) -> tuple[str, ...]:
    """What stands between the commas, without the spaces around it; a part with a comma of its own is in quotes."""
    parts = next(csv.reader([text], skipinitialspace=True), [])
    return tuple(part.strip() for part in parts if part.strip())


def write_list(values: Iterable[Any]) -> str:
    """The text that `read_list` takes apart into these values."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(map(str, values))
    return text.getvalue()


def typed_value(value: Any) -> str:
    """A value as it is typed after `NAME=`."""
    if isinstance(value, list | tuple):
        return write_list(map(typed_value, value))
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


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
                raise self._wrong(value, where)
            return tuple(self._typed(item, self.type[:-3], where) for item in value)
        return self._typed(value, self.type, where)

    def _scalar(self, text: str, kind: str, where: str) -> Any:
        try:
            if kind == "bool":
                value: Any = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[
                    text.lower()
                ]
            else:
                value = SCALARS[kind](text)
        except (KeyError, ValueError):
            raise self._wrong(text, where) from None
        return self._typed(value, kind, where)

    def _typed(self, value: Any, kind: str, where: str) -> Any:
        if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if kind == "str" and isinstance(value, bool) and typed_value(value) in self.choices:
            value = typed_value(value)  # a file says true where "true" is one of several words
        if not isinstance(value, SCALARS[kind]) or (isinstance(value, bool) and kind != "bool"):
            raise self._wrong(value, where)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._wrong(value, where)
        if self.choices and value not in self.choices:
            known = ", ".join(map(str, self.choices))
            suggestion = did_you_mean(str(value), map(str, self.choices))
            suggestion += f" It is one of {known}" if suggestion.startswith("Did") else ""
            raise UsageError(f"{where}: {self.name} cannot be {value!r}", hint=suggestion or f"one of {known}")
        return value

    def _wrong(self, value: Any, where: str) -> UsageError:
        example = {"int": "3", "float": "0.1", "bool": "true", "str": "text"}[self.type.removesuffix("...")]
        if self.type.endswith("..."):
            example = f"{example},{example}"
        return UsageError(
            f"{where}: {self.name} takes {self.type_text}, not {value!r}",
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
