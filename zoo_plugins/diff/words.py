"""What two files say: fields on which answers depend, and words, which only tell where a file comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zoo_core.commands import counted
from zoo_core.runtime import OnnxFile

from .shown import shown_json
from .sides import OWN_WORDS, Side

MEANING = (
    "task",
    "task_plugin",
    "task_settings",
    "labels",
    "preprocess",
    "baked",
    "recipes",
    "recipe_files",
    "inputs",
    "outputs",
    "largest",
    "layer",
)
"""Fields that say what goes in and what comes out: who uses a file with another one gets other answers."""

_ABSENT = object()


@dataclass(frozen=True, kw_only=True)
class FieldDifference:
    """A field whose values differ, as plain JSON; None where it is not said."""

    field: str
    a: Any
    b: Any

    def rows(self) -> list[tuple[str, str, str]]:
        """Name and both values in few letters; of lists and objects, a row for each item that differs."""
        if self.field == "self_test":
            return [(self.field, _test_in_words(self.a), _test_in_words(self.b))]
        if isinstance(self.a, dict) and isinstance(self.b, dict):
            inside = _differing(self.a, self.b)
            return [row for each in inside for row in replace(each, field=f"{self.field}.{each.field}").rows()]
        if isinstance(self.a, list) and isinstance(self.b, list):
            items = enumerate(zip(self.a, self.b, strict=False))
            rows = [(f"{self.field}[{n}]", shown_json(one), shown_json(two)) for n, (one, two) in items if one != two]
            counts = counted(len(self.a), "item"), counted(len(self.b), "item")
            return rows if counts[0] == counts[1] else [(self.field, *counts), *rows]
        return [(self.field, shown_json(self.a), shown_json(self.b))]


def compare_signatures(a: OnnxFile, b: OnnxFile) -> tuple[FieldDifference, ...]:
    """The inputs and outputs that differ in name, order, type or shape."""
    found = []
    for role, mine, theirs in (("input", a.inputs, b.inputs), ("output", a.outputs, b.outputs)):
        for place in range(max(len(mine), len(theirs))):
            words = [_signature(values[place]) if place < len(values) else None for values in (mine, theirs)]
            if words[0] != words[1]:
                found.append(FieldDifference(field=f"{role} {place + 1}", a=words[0], b=words[1]))
    return tuple(found)


def compare_fields(a: Side, b: Side) -> tuple[tuple[FieldDifference, ...], tuple[FieldDifference, ...]]:
    """The fields of both that differ: those with a meaning, and words."""
    if (a.metadata is None) != (b.metadata is None):
        told = [None if side.metadata is None else f"task {side.metadata.task}" for side in (a, b)]
        return (FieldDifference(field="what it says of itself", a=told[0], b=told[1]),), _file_words(a.file, b.file)
    mine, theirs = (_fields(side) for side in (a, b))
    differing = list(_differing(mine, theirs))
    meaning = sorted(
        (each for each in differing if each.field.partition(".")[0] in MEANING),
        key=lambda each: MEANING.index(each.field.partition(".")[0]),
    )
    words = tuple(each for each in differing if each.field.partition(".")[0] not in MEANING)
    return tuple(meaning), (*words, *_file_words(a.file, b.file))


def _fields(side: Side) -> dict[str, Any]:
    """Every field as plain JSON; one that is itself an object with names as `field.name`, but for the self-test."""
    if side.metadata is None:
        return {}
    plain = json.loads(side.metadata.to_json())
    plain["recipes"] = {name: recipe.to_json() for name, recipe in side.metadata.recipes.items()}
    found: dict[str, Any] = {}
    for name, value in plain.items():
        if isinstance(value, dict) and name != "self_test":
            found |= {f"{name}.{key}": each for key, each in value.items()}
        else:
            found[name] = value
    return found


def _differing(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[FieldDifference]:
    for name in dict.fromkeys([*mine, *theirs]):
        a, b = mine.get(name, _ABSENT), theirs.get(name, _ABSENT)
        if a != b and not (_is_nothing(a) and _is_nothing(b)):
            yield FieldDifference(field=name, a=None if a is _ABSENT else a, b=None if b is _ABSENT else b)


def _is_nothing(value: Any) -> bool:
    return value is _ABSENT or value is None or value in ("", [], {})


def _file_words(a: OnnxFile, b: OnnxFile) -> tuple[FieldDifference, ...]:
    """What ONNX itself has room for beside the graph."""
    both = []
    for file in (a, b):
        told: dict[str, Any] = {"ir_version": file.ir_version, "producer": f"{file.producer} {file.producer_version}"}
        told |= {"model_version": file.model_version, "domain": file.domain, "doc_string": file.doc_string}
        told |= {"graph": file.graph.name}
        told |= {f"key {key}": value for key, value in file.metadata_props.items() if key != OWN_WORDS}
        both.append(told)
    return tuple(_differing(both[0], both[1]))


def _signature(value: Any) -> str:
    dims = "of any shape" if value.dims is None else f"({', '.join(str(dim or '?') for dim in value.dims)})"
    return f"{value.name}: {value.dtype or value.kind} {dims}"


def _test_in_words(test: Any) -> str:
    if not test:
        return "-"
    draws = ", ".join(f"{draw.get('shape')} of seed {draw.get('seed')}" for draw in test.get("inputs", {}).values())
    return f"{draws}; seal {str(test.get('seal', '-'))[:8]}"
