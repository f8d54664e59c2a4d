"""What a sweep may vary: `SPACE.toml`, read and checked, and one point of it as options of `zoo train`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
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
    def first(self) -> Any:
        """A value of it."""
        return self.values[0]


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
    def first(self) -> Any:
        """A value of it."""
        return self.low


@dataclass(frozen=True, kw_only=True)
class Space:
    """What varies, and what does not, each by table and name."""

    varied: Mapping[str, Mapping[str, Choice | Range]]
    fixed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def suggested(self, trial: Any) -> list[str]:
        """One point of the space, as options of `zoo train`."""
        return self._typed(lambda dimension, name: dimension.suggest(trial, name))

    @property
    def first(self) -> list[str]:
        """A point of the space, to try what all have in common."""
        return self._typed(lambda dimension, _: dimension.first)

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
            raise UsageError(
                f"{file} has {table!r}, which is no table of a space",
                hint=did_you_mean(table, TABLES) or f"the tables are [{'], ['.join(TABLES)}]; type the rest",
            )
        for name, value in values.items():
            dimension = _dimension(value, where=f"{file}: {name}")
            if dimension is None:
                fixed.setdefault(table, {})[name] = value
            else:
                varied.setdefault(table, {})[name] = dimension
    if not varied:
        raise UsageError(f"nothing varies in {file}", hint="lr = {low = 1e-4, high = 0.1, log = true}, or a list")
    return Space(varied=varied, fixed=fixed)


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
        raise UsageError(f"{where} has a bound that is no number: {dict(value)}")
    found = Range(low=value["low"], high=value["high"], step=value.get("step"), log=value.get("log", False) is True)
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
