"""How a training computes: in which numbers, in which layout, by which code; what was asked for and what decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

AskedPrecision: TypeAlias = Literal["auto", "fp32", "bf16", "fp16"]
AskedSwitch: TypeAlias = Literal["auto", "true", "false"]
NUMBERS: Mapping[str, str] = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
"""What precisions are called in words."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What was asked for, an option of a trainer each; `auto` is decided before the first step."""

    precision: AskedPrecision = "auto"
    channels_last: AskedSwitch = "auto"
    compile: AskedSwitch = "auto"


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """What was decided. As it is here, it is how every training computed before there were plans.

    `precision`: that of what forward computes under autocast; weights and their steps are always float32. `why`: of
    what was considered, the reason why it was taken or not, in words. `pictures`: whether there is a layout to tell.
    """

    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    channels_last: bool = True
    compile: bool = False
    device: str = "cpu"
    threads: int | None = None
    feed: str = "memory"
    pictures: bool = False
    why: Mapping[str, str] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, str]:
        """The options that ask for just this."""
        switches = {"channels_last": self.channels_last, "compile": self.compile}
        return {"precision": self.precision, **{name: str(value).lower() for name, value in switches.items()}}

    @property
    def line(self) -> str:
        """All of it, for people."""
        numbers = NUMBERS[self.precision] if self.precision == "fp32" else f"{NUMBERS[self.precision]} where it suits"
        parts = [self.device, numbers]
        parts += [] if self.channels_last or not self.pictures else ["channels first"]
        parts += ["compiled"] if self.compile else []
        parts += [] if self.threads is None else [f"{self.threads} thread{'s' if self.threads > 1 else ''}"]
        told: dict[str, list[str]] = {}
        for considered, reason in self.why.items():
            told.setdefault(reason, []).append(considered)
        reasons = [f"{' and '.join(names)}: {reason}" for reason, names in told.items()]
        return "; ".join([f"Plan: {', '.join([*parts, f'feed {self.feed}'])}", *reasons])

    def to_json(self) -> dict[str, Any]:
        """What `run.json` keeps of it."""
        found = {"device": self.device, "precision": self.precision, "channels_last": self.channels_last}
        return {**found, "compile": self.compile, "threads": self.threads, "feed": self.feed, "why": dict(self.why)}
