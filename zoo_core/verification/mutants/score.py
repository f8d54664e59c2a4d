"""How many planted faults a check sees, by which rule, and what those that it does not see change."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from zoo_core.records import CheckResult, Record
from zoo_core.verification.conclude.recheck import outcome_of

from .kinds import Mutant

VISIBLE = 2.0
"""Multiples of the bound: what differs by more is no rounding, even when both files are off by their bound."""


@dataclass(frozen=True, kw_only=True)
class Judged(Record):
    """What became of one mutant.

    `rules`: those that it did not pass. `difference`: of a survivor, how far its outputs are from those of the healthy
    file, in multiples of the bound that the self-test states; None where it was not measured.
    """

    name: str
    kind: str
    description: str
    verdict: Literal["killed", "survived", "equivalent"]
    rules: tuple[str, ...] = ()
    difference: float | None = None


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How a mutant compares with the healthy file: nothing differs at all, or by so many bounds."""

    equivalent: bool
    difference: float | None


@dataclass(frozen=True, kw_only=True)
class MutationScore:
    """Every mutant of one file, judged."""

    mutants: tuple[Judged, ...]

    def with_verdict(self, verdict: str) -> tuple[Judged, ...]:
        """Those that were "killed", that "survived", or that are "equivalent" to the healthy file."""
        return tuple(mutant for mutant in self.mutants if mutant.verdict == verdict)

    @property
    def visible(self) -> tuple[Judged, ...]:
        """Survivors whose outputs differ by more than rounding: holes in the check."""
        return tuple(m for m in self.with_verdict("survived") if m.difference is not None and m.difference > VISIBLE)

    @property
    def by_rule(self) -> Mapping[str, tuple[int, int]]:
        """For each rule the mutants that it kills, and those that no other rule kills."""
        killed = self.with_verdict("killed")
        every = Counter(rule for mutant in killed for rule in mutant.rules)
        alone = Counter(mutant.rules[0] for mutant in killed if len(mutant.rules) == 1)
        return {rule: (count, alone[rule]) for rule, count in every.most_common()}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: the counts, by rule and by kind, and each mutant that was not killed."""
        kinds = {kind: self._of_kind(kind) for kind in dict.fromkeys(mutant.kind for mutant in self.mutants)}
        return {
            **_counts(self.mutants),
            "rules": {rule: {"killed": every, "alone": alone} for rule, (every, alone) in self.by_rule.items()},
            "kinds": kinds,
            "survivors": [mutant.to_json() for mutant in self.with_verdict("survived")],
            "equivalents": [mutant.name for mutant in self.with_verdict("equivalent")],
        }

    def _of_kind(self, kind: str) -> dict[str, int]:
        return _counts([mutant for mutant in self.mutants if mutant.kind == kind])


def _counts(mutants: Sequence[Judged]) -> dict[str, int]:
    found = Counter(mutant.verdict for mutant in mutants)
    return {
        "made": len(mutants),
        "equivalent": found["equivalent"],
        "killed": found["killed"],
        "survived": found["survived"],
    }


def judge_each(
    mutants: Iterable[Mutant],
    *,
    check: Callable[[Mutant], Sequence[CheckResult]],
    compare: Callable[[Mutant], Likeness],
) -> Iterator[Judged]:
    """Judge one mutant after the other; killed is what `check` does not verify. `compare` is asked for the others."""
    for mutant in mutants:
        checks = check(mutant)
        judged = Judged(
            name=mutant.name,
            kind=mutant.kind,
            description=mutant.description,
            verdict="killed",
            rules=tuple(dict.fromkeys(c.rule for c in checks if c.outcome not in {"passed", "skipped"})),
        )
        if outcome_of(checks) == "verified":
            likeness = compare(mutant)
            verdict: Literal["survived", "equivalent"] = "equivalent" if likeness.equivalent else "survived"
            judged = dataclasses.replace(judged, verdict=verdict, difference=likeness.difference)
        yield judged
