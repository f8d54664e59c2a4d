"""Rules for recipes: each sees its fault, in a recipe that keeps all others."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from zoo_core import RecipeSpec, ZooError
from zoo_core.checks import Finding
from zoo_core.checks.candidates.recipe_candidate import RecipeCandidate
from zoo_core.checks.rules.recipe_rules import RULES
from zoo_core.checks.runner import Check
from zoo_core.recipes import InputRecipe, padded

ELSEWHERE = {"repeats-itself", "runs-without-torch"}
"""Rules with a process of their own, where only plugins are found."""


class Lengths(InputRecipe):
    """How many letters each word of a text has, in units that the training part gives; padded by zeros."""

    takes_text = True
    learns = True
    unit = 1.0

    def __init__(self, *, least: int, upper: bool) -> None:
        if least < 0:
            raise ZooError(f"least is at least 0, not {least}")
        self.least, self.upper = least, upper

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (None,)

    @property
    def values(self) -> tuple[float, float]:
        return (0, 1e9)

    def learn(self, samples: Iterable[Any]) -> dict[str, Any]:
        return {"unit": float(max(max(sample) for sample in samples))}

    def use(self, learnt: Mapping[str, Any]) -> None:
        self.unit = learnt["unit"]

    def read(self, source: Any, *, name: str) -> Any:
        if isinstance(source, bytes):
            try:
                source = source.decode()
            except UnicodeDecodeError:
                raise ZooError(f"{name} is no text in UTF-8") from None
        if not isinstance(source, str):
            raise ZooError(f"{name} is no text")
        return np.array([len(word) for word in source.split() if len(word) >= self.least] or [0], np.float32)

    def stack(self, samples: Sequence[Any]) -> Any:
        return padded(samples)

    def prepare(self, stored: Any) -> Any:
        return stored / np.float32(self.unit)


def lengths(kind: type[Lengths] = Lengths) -> Callable[..., InputRecipe]:
    """The loader of a recipe of that kind."""

    def load(*, least: int = 0, upper: bool = False) -> InputRecipe:
        return kind(least=least, upper=upper)

    return load


SPEC = RecipeSpec(name="lengths", summary="lengths of words", load=lengths())


def findings(spec: RecipeSpec) -> dict[str, Finding]:
    """What each rule, but for those with a process of their own, says of a recipe."""
    candidate = RecipeCandidate(spec=spec, plugin="", module="test")
    found = [Check(rule=rule, candidate=candidate).run() for rule in RULES if rule.name not in ELSEWHERE]
    return {finding.rule: finding for finding in found}


def test_a_healthy_recipe_keeps_every_rule() -> None:
    found = findings(SPEC)
    assert {finding.outcome for finding in found.values()} == {"passed"}, found
    assert set(found) | ELSEWHERE == {rule.name for rule in RULES}


def needs_a_field(*, least: int, upper: bool = False) -> InputRecipe:
    return Lengths(least=least, upper=upper)


def is_no_recipe(*, least: int = 0) -> Any:
    return least


class OfDoubleShape(Lengths):
    @property
    def shape(self) -> tuple[int | None, ...]:
        return (None, 1)


class OfWiderValues(Lengths):
    @property
    def values(self) -> tuple[float, float]:
        return (0, 0.5)


class OfTexts(Lengths):
    def prepare(self, stored: Any) -> Any:
        return stored.astype(str)


class NotFinite(Lengths):
    values = None  # type: ignore[assignment]

    def prepare(self, stored: Any) -> Any:
        with np.errstate(divide="ignore"):
            return np.log(stored)


class OtherWhereUpper(Lengths):
    def prepare(self, stored: Any) -> Any:
        return super().prepare(stored)[:, np.newaxis] if self.upper else super().prepare(stored)


class OfTheBatch(Lengths):
    def prepare(self, stored: Any) -> Any:
        return stored / (1 + stored.max())


class OfTheBatchStacked(Lengths):
    def stack(self, samples: Sequence[Any]) -> Any:
        return padded([sample - sample.min() + len(samples) for sample in samples])


class PaddedInTheMiddle(Lengths):
    def stack(self, samples: Sequence[Any]) -> Any:
        most = max(map(len, samples))
        return np.stack([np.concatenate([each[:1], np.zeros(most - len(each)), each[1:]]) for each in samples]).astype(
            np.float32
        )


class InPlace(Lengths):
    def prepare(self, stored: Any) -> Any:
        stored /= np.float32(self.unit)
        return stored.copy()


class SortsItsSamples(Lengths):
    def stack(self, samples: Sequence[Any]) -> Any:
        before = padded(samples)
        for sample in samples:
            sample.sort()
        return before


class KeepsNumpy(Lengths):
    def learn(self, samples: Iterable[Any]) -> dict[str, Any]:
        return {"unit": np.float32(7)}


class Forgets(Lengths):
    """It uses what it has found out itself, and not what it is told."""

    seen: ClassVar[list[float]] = []

    def learn(self, samples: Iterable[Any]) -> dict[str, Any]:
        self.seen[:] = [2.0, 3.0]
        return {"unit": 1.0}

    def use(self, learnt: Mapping[str, Any]) -> None:
        self.unit = self.seen.pop()


class NoCheck(Lengths):
    def __init__(self, *, least: int, upper: bool) -> None:
        self.least, self.upper = [0, 1, 2][min(least, 2)], upper
        self.most = 8 // (least + 1)


class Crashes(Lengths):
    def read(self, source: Any, *, name: str) -> Any:
        return super().read(source, name=name) if source != " " else source[9]


class NoName(Lengths):
    def read(self, source: Any, *, name: str) -> Any:
        return super().read(source, name="this")


class Unbounded(Lengths):
    """Of a long text comes a number beyond its range."""

    @property
    def values(self) -> tuple[float, float]:
        return (0, 40)


@pytest.mark.parametrize(
    ("load", "rule", "words"),
    [
        (needs_a_field, "works-with-defaults", "its field least has no default"),
        (is_no_recipe, "works-with-defaults", "is implemented by a int"),
        (lengths(OfDoubleShape), "gives-what-it-declares", "and its shape is (None, 1)"),
        (lengths(OfWiderValues), "gives-what-it-declares", "and its values are (0, 0.5)"),
        (lengths(OfTexts), "gives-what-it-declares", "and models take arrays of float32"),
        (lengths(NotFinite), "gives-what-it-declares", "it makes numbers that are not finite"),
        (lengths(OtherWhereUpper), "gives-what-it-declares", "with upper=True it makes float32 of shape (6, 1, "),
        (lengths(OfTheBatch), "rows-are-independent", "a sample becomes another input when it is alone"),
        (lengths(OfTheBatchStacked), "rows-are-independent", "a sample becomes another input when it is alone"),
        (lengths(PaddedInTheMiddle), "rows-are-independent", "a sample becomes another input when it is alone"),
        (lengths(InPlace), "leaves-its-input-alone", "prepare changes the stored samples"),
        (lengths(SortsItsSamples), "leaves-its-input-alone", "stack changes the samples"),
        (lengths(KeepsNumpy), "survives-its-json", "to_json gives no plain JSON"),
        (lengths(Forgets), "survives-its-json", "the recipe that is made of its JSON makes another input"),
        (lengths(NoCheck), "explains-bad-fields", "with least=-1 it raises ZeroDivisionError"),
        (lengths(Crashes), "explains-bad-sources", "the text ' ' ends with IndexError"),
        (lengths(NoName), "explains-bad-sources", "does not name the source: this is no text"),
        (lengths(Unbounded), "explains-bad-sources", "of the text 'xxxxxxxxxxxx' it makes numbers from"),
    ],
)
def test_each_rule_sees_its_fault(load: Callable[..., Any], rule: str, words: str) -> None:
    found = findings(dataclasses.replace(SPEC, load=load))
    assert found[rule].outcome == "failed", found[rule]
    assert words in found[rule].detail
    others = {name for name, finding in found.items() if finding.outcome == "failed"} - {rule}
    # What does not work at all, or makes something else than it says, breaks others too.
    assert not others or rule in {"works-with-defaults", "gives-what-it-declares"} or load is needs_a_field


def test_a_file_without_a_sample_is_no_fault_of_a_recipe_that_stacks_what_there_is() -> None:
    class Lines(Lengths):
        has_several = True

        def samples_in(self, content: bytes, *, name: str) -> list[Any]:
            try:
                return content.decode().split()
            except UnicodeDecodeError:
                raise ZooError(f"{name} is no text in UTF-8") from None

        def stack(self, samples: Sequence[Any]) -> Any:
            return np.stack([np.resize(sample, 4) for sample in samples])

    found = findings(dataclasses.replace(SPEC, load=lengths(Lines)))
    assert found["explains-bad-sources"].outcome == "passed", found["explains-bad-sources"]


def test_a_recipe_without_examples_is_skipped() -> None:
    class OfSonar(Lengths):
        takes_text = False

    found = findings(dataclasses.replace(SPEC, load=lengths(OfSonar), suffixes=(".sonar",)))
    assert {finding.outcome for name, finding in found.items() if name != "works-with-defaults"} == {"skipped"}
    assert "InputRecipe.examples gives no source" in found["explains-bad-sources"].detail


CODE = """
import os

from zoo_core import RecipeSpec, hookimpl


def load(*, mode: str = "plain"):
    from .tried import Tried

    return Tried()


@hookimpl
def zoo_recipes():
    yield RecipeSpec(name="tried", summary="letters", load=load, suffixes=(".txt",))
"""
IMPLEMENTATION = """
import numpy as np

from zoo_core import ZooError
from zoo_core.recipes import InputRecipe, padded

LETTERS = {letter: 0 for letter in set("abcdefghijklmnopqrstuvwxyz")}


class Tried(InputRecipe):
    takes_text = True
    values = (0, 128)

    def read(self, source, *, name):
        if isinstance(source, bytes):
            source = source.decode("utf-8", "replace")
        if not isinstance(source, str):
            raise ZooError(f"{name} is no text")
        return np.array([self.number(letter) for letter in source[:50]] or [0], np.int64)

    def number(self, letter):
        return min(ord(letter), 127)

    def stack(self, samples):
        return padded(samples)
"""
FAULTS = {
    "repeats-itself": ("return min(ord(letter), 127)", "return hash(letter) % 128", "another process makes another"),
    "runs-without-torch": ("def stack(self, samples):", "def stack(self, samples):\n        import torch", "torch"),
}


@pytest.mark.parametrize("rule", FAULTS)
def test_the_rules_with_a_process_of_their_own(rule: str, zoo_here: Any, fake_distribution: Any) -> None:
    old, new, words = FAULTS[rule]
    assert IMPLEMENTATION.count(old) == 1
    files = {"__init__.py": CODE, "tried.py": IMPLEMENTATION.replace(old, new)}
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    result = zoo_here("check", "recipe:tried", "--rule", rule, "--json")
    assert result.code == 3, result.stderr
    assert [row["rule"] for row in result.json["failed"]] == [rule]
    assert words in result.json["failed"][0]["detail"]


def test_a_plugin_of_a_recipe_is_checked_with_it(zoo_here: Any, fake_distribution: Any) -> None:
    files = {"__init__.py": CODE, "tried.py": IMPLEMENTATION}
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    result = zoo_here("check", "tried", "--json")
    assert result.code == 0, result.json["failed"]
    passed = [row["rule"] for row in result.json["passed"] if row["subject"] == "recipe tried"]
    assert passed == [rule.name for rule in RULES]
