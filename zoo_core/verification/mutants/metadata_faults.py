"""Faults in what the file says of itself: preprocessing, labels, where axes end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from zoo_core.runtime.reading.metadata import KEY

from .mutable_graph import EditableGraph, Site, bound_to


def described(graph: EditableGraph) -> dict[str, Any]:
    """The zoo's own metadata; empty where there are none."""
    found: dict[str, Any] = json.loads(graph.metadata.get(KEY, "{}"))
    return found


def describe(graph: EditableGraph, data: Mapping[str, Any]) -> None:
    """Replace the zoo's own metadata."""
    graph.set_metadata(KEY, json.dumps(data, ensure_ascii=False, separators=(",", ":")))


def _update(graph: EditableGraph, part: str | None, values: dict[str, Any]) -> None:
    data = described(graph)
    (data if part is None else data[part]).update(values)
    describe(graph, data)


def _pictures(graph: EditableGraph, values: dict[str, Any], what: str) -> Site:
    return Site(where="preprocess", what=what, apply=bound_to(_update, "preprocess", values))


def swapped_statistics(graph: EditableGraph) -> Iterator[Site]:
    """Mean and standard deviation in each other's place; a mean that is left out."""
    recipe = described(graph).get("preprocess")
    if not recipe:
        return
    mean, std = recipe["mean"], recipe["std"]
    if mean != std and all(mean):
        yield _pictures(graph, {"mean": std, "std": mean}, f"mean {std} and std {mean}, each in the other's place")
    if any(mean):
        yield _pictures(graph, {"mean": [0.0] * len(mean)}, f"mean 0 in place of {mean}")


def swapped_colours(graph: EditableGraph) -> Iterator[Site]:
    """BGR for RGB; channels of mean and std in the other order."""
    recipe = described(graph).get("preprocess")
    if not recipe:
        return
    other = {"RGB": "BGR", "BGR": "RGB"}.get(recipe["color"])
    if other:
        yield _pictures(graph, {"color": other}, f"{other} in place of {recipe['color']}")
    turned = {name: recipe[name][::-1] for name in ("mean", "std")}
    if any(turned[name] != recipe[name] for name in turned):
        yield _pictures(graph, turned, "mean and std in the order of the other colours")


def rotated_labels(graph: EditableGraph) -> Iterator[Site]:
    """Every label moved by one."""
    labels = described(graph).get("labels", [])
    if len(labels) > 1:
        what = f"{labels[1]!r} in place of {labels[0]!r}, and so on"
        yield Site(where="labels", what=what, apply=bound_to(_update, None, {"labels": [*labels[1:], labels[0]]}))


def ends_lost(graph: EditableGraph) -> Iterator[Site]:
    """A free axis that is said to end later than it does, or nowhere: the file is run where it does not hold."""
    ends = described(graph).get("largest", {})
    for axis, size in ends.items():
        later = {"largest": {**ends, axis: 2 * size}}
        yield Site(where=axis, what=f"up to {2 * size} in place of {size}", apply=bound_to(_update, None, later))
    if ends:
        yield Site(where="axes", what="no axis ends", apply=bound_to(_update, None, {"largest": {}}))
