"""What a sweep may vary: `SPACE.toml`, read and checked, and one point of it as options of `zoo train`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo_core import UsageError, did_you_mean
from zoo_core.commands import read_toml

TABLES = {"model_options": "-o", "dataset_options": "-d", "trainer_options": "-t"}
"""The tables of a space, called as in a file of `zoo train --config`, and the option of `zoo train` for each."""

_BOUNDS = ("low", "high", "step", "log")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of several values. `values` are numbers, texts, flags, or lists of them."""

    values: tuple[Any, ...]

    def suggest(self, trial: Any, name: str) -> Any:
        """A value for an optuna trial."""
        texts = [json.dumps(value) for value in self.values]  # optuna takes no lists
        return json.loads(trial.suggest_categorical(name, texts))

    @property
    def samples(self) -> tuple[Any, ...]:
        """Values of it: all."""
        return self.values

    def to_json(self) -> Any:
        """As it is written in a space."""
        return list(self.values)


@dataclass(frozen=True, kw_only=True)
class Range:
    """A number from `low` to `high`, both among them; whole ones where both are. `log`: each factor is as likely."""

    low: float
    high: float
    step: float | None = None
    log: bool = False

    def suggest(self, trial: Any, name: str) -> Any:
        """A value for an optuna trial."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, step=int(self.step or 1), log=self.log)
        value = trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)
        return min(max(float(f"{value:.4g}"), self.low), self.high)  # four digits, which people can type

    @property
    def samples(self) -> tuple[Any, ...]:
        """Values of it: its ends."""
        return (self.low, self.high)

    def to_json(self) -> Any:
        """As it is written in a space."""
        step = {} if self.step is None else {"step": self.step}
        return {"low": self.low, "high": self.high, **step, **({"log": True} if self.log else {})}


@dataclass(frozen=True, kw_only=True)
class Space:
    """What varies, and what does not, each by table and name."""

    varied: Mapping[str, Mapping[str, Choice | Range]]
    fixed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def suggested(self, trial: Any) -> list[str]:
        """One point of the space, as options of `zoo train`."""
        return self._typed(lambda dimension, name: dimension.suggest(trial, name))

    @property
    def corners(self) -> tuple[list[str], list[str]]:
        """Two points of the space, to try what all have in common."""
        first = self._typed(lambda dimension, _: dimension.samples[0])
        return first, self._typed(lambda dimension, _: dimension.samples[-1])

    def values(self, table: str) -> Iterator[tuple[str, str]]:
        """Each option of a table with a value that it may get, as it is typed."""
        for name, value in self.fixed.get(table, {}).items():
            yield name, _text(value)
        for name, dimension in self.varied.get(table, {}).items():
            for value in dimension.samples:
                yield name, _text(value)

    def to_json(self) -> dict[str, dict[str, Any]]:
        """As it is written in a file."""
        varied = {table: {name: each.to_json() for name, each in row.items()} for table, row in self.varied.items()}
        tables = [table for table in TABLES if table in varied or table in self.fixed]
        return {table: {**self.fixed.get(table, {}), **varied.get(table, {})} for table in tables}

    def _typed(self, value: Any) -> list[str]:
        typed = []
        for table, flag in TABLES.items():
            chosen = {name: value(each, f"{flag} {name}") for name, each in self.varied.get(table, {}).items()}
            for name, each in {**self.fixed.get(table, {}), **chosen}.items():
                typed += [flag, f"{name}={_text(each)}"]
        return typed


def read_space(file: Path) -> Space:
    """The space in a TOML file. Raises ZooError for one that cannot be read, UsageError for what it should not say."""
    found = read_toml(file, example="lr = {low = 1e-4, high = 0.1}")
    varied: dict[str, dict[str, Choice | Range]] = {}
    fixed: dict[str, dict[str, Any]] = {}
    for table, values in found.items():
        if table not in TABLES or not isinstance(values, dict):
            raise UsageError(f"{file} has {table!r}, which is no table of a space", hint=_where_it_belongs(table))
        for name, value in values.items():
            dimension = _dimension(value, where=f"{file}: {name}")
            if dimension is None:
                fixed.setdefault(table, {})[name] = value
            else:
                varied.setdefault(table, {})[name] = dimension
    if not varied:
        raise UsageError(
            f"nothing varies in {file}",
            hint="below [trainer_options], for example: lr = {low = 1e-4, high = 0.1, log = true}, or a list",
        )
    return Space(varied=varied, fixed=fixed)


def _where_it_belongs(name: str) -> str:
    if name in {"epochs", "seed", "trainer", "device", "dataset", "trials", "processes"}:
        return f"it is the same for all trials, and typed: --{name}"
    near = did_you_mean(name, TABLES)
    tables = f"the tables are [{'], ['.join(TABLES)}], and each option is below one of them"
    return near if near.startswith("Did") else tables


def _dimension(value: Any, *, where: str) -> Choice | Range | None:
    if isinstance(value, list):
        if len({json.dumps(each) for each in value}) < max(2, len(value)):
            raise UsageError(f"{where} needs at least two values, each once, not {value}")
        return Choice(values=tuple(value))
    return _range(value, where=where) if isinstance(value, dict) else None


def _range(value: Mapping[str, Any], *, where: str) -> Range:
    if unknown := [name for name in value if name not in _BOUNDS]:
        raise UsageError(f"{where} has {unknown[0]!r}", hint="a range has low, high, and, if you like, step and log")
    if missing := [name for name in ("low", "high") if name not in value]:
        raise UsageError(f"{where} has no {missing[0]}", hint="a range is written {low = 1e-4, high = 0.1}")
    numbers = [value[name] for name in ("low", "high", "step") if name in value]
    if any(isinstance(each, bool) or not isinstance(each, int | float) or not math.isfinite(each) for each in numbers):
        raise UsageError(
            f"{where} has a bound that is no number",
            hint="low, high and step are numbers, such as {low = 1e-4, high = 0.1}",
        )
    if not isinstance(log := value.get("log", False), bool):
        raise UsageError(f"{where} has a log of {json.dumps(log)}", hint="log = true or log = false")
    found = Range(low=value["low"], high=value["high"], step=value.get("step"), log=log)
    if not found.low < found.high:
        raise UsageError(f"{where} has a low of {found.low}, which is not below its high of {found.high}")
    if found.log and (found.low <= 0 or found.step is not None):
        raise UsageError(f"{where} has log, for which low is above 0 and there is no step")
    if found.step is not None and not 0 < found.step <= found.high - found.low:
        raise UsageError(f"{where} has a step of {found.step}, which is more than it is long or not above 0")
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return repr(value) if isinstance(value, float) else str(value)
