"""Faults in recipes: fields such as a sample rate, and what was learnt, such as a vocabulary or means."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from .metadata_faults import describe, described
from .mutable_graph import EditableGraph, Site, bound_to

Place = tuple[str | int, ...]


def _put(graph: EditableGraph, place: Place, value: Any) -> None:
    """Another value at a place of the recipes."""
    data = described(graph)
    part: Any = data["recipes"]
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    describe(graph, data)


def _site(place: Place, value: Any, what: str) -> Site:
    return Site(where=".".join(map(str, place)), what=what, apply=bound_to(_put, place, value))


def _recipes(graph: EditableGraph) -> dict[str, Any]:
    return copy.deepcopy(described(graph).get("recipes") or {})


def fields(graph: EditableGraph) -> Iterator[Site]:
    """A number of a recipe is twice as large, a switch is turned: another sample rate, another length."""
    for name, recipe in _recipes(graph).items():
        for field, value in recipe.get("fields", {}).items():
            other: Any = None
            if isinstance(value, bool):
                other = not value
            elif isinstance(value, int | float):
                other = 2 * value if value else 1
            if other is not None:
                yield _site((name, "fields", field), other, f"{other} in place of {value}")


def off_by_one(graph: EditableGraph) -> Iterator[Site]:
    """Every number of a vocabulary but the first is the next one."""
    for place, numbers in _vocabularies(graph):
        moved = {word: number + (number > 0) for word, number in numbers.items()}
        yield _site(place, moved, "every number but the first is one more")


def other_vocabulary(graph: EditableGraph) -> Iterator[Site]:
    """Two words of a vocabulary, or two categories, have each other's number; the last one is gone."""
    for place, numbers in _vocabularies(graph):
        first, second = list(numbers)[-2:]
        what = f"{first!r} and {second!r} in each other's place"
        yield _site(place, {**numbers, first: numbers[second], second: numbers[first]}, what)
    for place, texts in _lists(graph, str):
        yield _site(place, [*texts[1:], texts[0]], f"{texts[1]!r} in the place of {texts[0]!r}, and so on")
        yield _site(place, texts[:-1], f"{texts[-1]!r} is gone")


def other_statistics(graph: EditableGraph) -> Iterator[Site]:
    """A number that was learnt is a hundredth larger; the first two are in each other's place."""
    for place, numbers in _lists(graph, float):
        yield _site(place, [1.01 * numbers[0] or 0.01, *numbers[1:]], f"{1.01 * numbers[0] or 0.01} in front")
        if len(set(numbers[:2])) > 1:
            turned = [numbers[1], numbers[0], *numbers[2:]]
            yield _site(place, turned, f"{numbers[1]} and {numbers[0]}, each in the other's place")


def _vocabularies(graph: EditableGraph) -> Iterator[tuple[Place, dict[str, int]]]:
    """Numbers by words: at least three, so that two can change places beside the padding."""
    for place, value in _learnt(graph):
        if isinstance(value, dict) and len(value) >= 3 and all(type(number) is int for number in value.values()):
            yield place, value


def _lists(graph: EditableGraph, kind: type) -> Iterator[tuple[Place, list[Any]]]:
    for place, value in _learnt(graph):
        least = 1 if kind is float else 2
        if isinstance(value, list) and len(value) >= least and all(type(each) is kind for each in value):
            yield place, value


def _learnt(graph: EditableGraph) -> Iterator[tuple[Place, Any]]:
    for name, recipe in _recipes(graph).items():
        yield from _parts((name, "learnt"), recipe.get("learnt", {}))


def _parts(place: Place, value: Any) -> Iterator[tuple[Place, Any]]:
    """All objects and lists at and below a place that is reached by names."""
    yield place, value
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _parts((*place, name), part)
    elif isinstance(value, list) and value and isinstance(value[0], Sequence) and not isinstance(value[0], str):
        for number, part in enumerate(value):
            yield from _parts((*place, number), part)
