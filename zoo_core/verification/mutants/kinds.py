"""Every kind of fault, and a few of each in a written file."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field

from zoo_core.errors import ZooError

from . import (
    batch_faults,
    box_faults,
    choice_faults,
    input_faults,
    metadata_faults,
    operator_faults,
    output_faults,
    recipe_faults,
    weight_faults,
)
from .mutable_graph import EditableGraph, Site, onnx_package

DEFAULT_ROWS = 3
MOST_OF_A_KIND = 3
MOST_TRIES = 12
"""Places that are tried for a kind of fault until enough of them give a valid file."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A written file with one fault, as if the exporter had made it so; `model_bytes` are those of `model.onnx`."""

    name: str
    kind: str
    description: str
    model_bytes: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A kind of fault: where it fits. `silent` ones must leave a valid file, wherever there is such a place.

    `most`: how many of the places are used, spread over the graph.
    """

    kind: str
    sites: Callable[[EditableGraph], Iterator[Site]]
    silent: bool = False
    most: int = MOST_OF_A_KIND


FAULTS: tuple[Fault, ...] = (
    Fault(kind="weight zeroed", sites=weight_faults.zeroed),
    Fault(kind="weight times 1.01", sites=weight_faults.scaled_a_lot),
    Fault(kind="weight times 1.001", sites=weight_faults.scaled_a_little),
    Fault(kind="weight with its sign flipped", sites=weight_faults.sign_flipped),
    Fault(kind="two tensors swapped", sites=weight_faults.swapped),
    Fault(kind="bias dropped", sites=weight_faults.bias_dropped),
    Fault(kind="bias shifted by 0.001", sites=weight_faults.bias_shifted),
    Fault(kind="bfloat16 rounding", sites=weight_faults.rounded),
    Fault(kind="epsilon times 10", sites=weight_faults.epsilons),
    Fault(kind="stride", sites=operator_faults.strides, silent=True),
    Fault(kind="padding", sites=operator_faults.pads, silent=True),
    Fault(kind="dilation", sites=operator_faults.dilations, silent=True),
    Fault(kind="axis", sites=operator_faults.axes, silent=True),
    Fault(kind="activation removed", sites=operator_faults.activations_removed),
    Fault(kind="activation replaced", sites=operator_faults.activations_replaced),
    Fault(kind="pooling mode", sites=operator_faults.pools, silent=True),
    Fault(kind="resize mode", sites=operator_faults.resizes, silent=True),
    Fault(kind="threshold of a choice", sites=choice_faults.thresholds, most=6),
    Fault(kind="mean and std", sites=metadata_faults.swapped_statistics),
    Fault(kind="colour order", sites=metadata_faults.swapped_colours),
    Fault(kind="labels rotated", sites=metadata_faults.rotated_labels),
    Fault(kind="end of an axis lost", sites=metadata_faults.ends_lost),
    Fault(kind="field of a recipe", sites=recipe_faults.fields, most=6),
    Fault(kind="vocabulary off by one", sites=recipe_faults.off_by_one),
    Fault(kind="another vocabulary", sites=recipe_faults.other_vocabulary),
    Fault(kind="what a recipe has learnt", sites=recipe_faults.other_statistics),
    Fault(kind="batch baked in", sites=lambda graph: batch_faults.baked(graph, _rows(graph)), most=4),
    Fault(kind="rows leak", sites=batch_faults.leaks, most=4),
    Fault(kind="end of a range lost", sites=input_faults.ends_lost, most=4),
    Fault(kind="input off by one", sites=input_faults.off_by_one),
    Fault(kind="row of other numbers", sites=input_faults.other_rows),
    Fault(kind="input of one value", sites=input_faults.one_value),
    Fault(kind="mask turned", sites=input_faults.masks_turned),
    Fault(kind="outputs swapped", sites=output_faults.swapped),
    Fault(kind="output duplicated", sites=output_faults.duplicated),
    Fault(kind="output constant", sites=output_faults.constant),
    Fault(kind="output NaN", sites=output_faults.not_a_number),
    Fault(kind="output off by one", sites=output_faults.off_by_one),
    Fault(kind="output shifted", sites=box_faults.shifted),
    Fault(kind="classes swapped", sites=box_faults.classes_swapped),
    Fault(kind="dropout left in", sites=output_faults.dropout),
    Fault(kind="float16", sites=output_faults.float16),
    Fault(kind="float16 overflow", sites=output_faults.float16_overflow),
)
STALE = "stale weights"
KINDS = (*(fault.kind for fault in FAULTS), STALE)


def _rows(graph: EditableGraph) -> int:
    """Rows of the file's own self-test: the batch size that a careless check would always use."""
    test = metadata_faults.described(graph).get("self_test") or {}
    shapes = [draw["shape"] for draw in (test.get("inputs") or {}).values()]
    return int(shapes[0][0]) if shapes and shapes[0] else DEFAULT_ROWS


def spread(count: int) -> list[int]:
    """0 to count - 1 with the first, the last and the middle in front, then ever finer parts."""
    order: dict[int, None] = {}
    parts = 1
    while len(order) < count:
        for part in range(parts + 1):
            order[round(part * (count - 1) / parts)] = None
        parts *= 2
    return list(order)


def make_mutants(content: bytes, *, kinds: Container[str] = KINDS, most: int = MOST_OF_A_KIND + 1) -> Iterator[Mutant]:
    """One mutant after the other, of the bytes of a written file; the same ones each time.

    At most `most` of each of the `kinds`, spread over the graph; none of a kind that does not fit the file. Raises
    MissingExtraError without the onnx package, and ZooError for a file whose tensors are in other files.
    """
    healthy = EditableGraph(content)
    if any(tensor.data_location for tensor in healthy.model.graph.initializer):
        raise ZooError(
            "faults cannot be planted: the weights are in files beside the model", hint="leave out --mutants"
        )
    for fault in FAULTS:
        if fault.kind in kinds:
            yield from _mutants_of(fault, healthy, content, most=min(most, fault.most))


def _mutants_of(fault: Fault, healthy: EditableGraph, content: bytes, *, most: int) -> Iterator[Mutant]:
    sites = list(fault.sites(healthy))
    made, loud = 0, None
    for place in spread(len(sites))[:MOST_TRIES]:
        mutant = _planted(fault.kind, sites[place], content)
        if mutant is None:
            continue
        if fault.silent and not is_valid(mutant.model_bytes):
            loud = loud or mutant
            continue
        yield mutant
        made += 1
        if made == most:
            return
    if not made and loud is not None:
        yield loud


def _planted(kind: str, site: Site, content: bytes) -> Mutant | None:
    """None where the change changes nothing, such as a bias of zeros that is dropped."""
    graph = EditableGraph(content)
    before = graph.serialized(keep_shapes=True)
    site.apply(graph)
    if graph.serialized(keep_shapes=True) == before:
        return None
    text = f"{site.where}: {site.what}"
    return Mutant(name=f"{kind}: {text}", kind=kind, description=text, model_bytes=graph.serialized())


def is_valid(content: bytes) -> bool:
    """Whether the onnx package's full check finds nothing wrong, also with the sizes of the file's own self-test."""
    graph = EditableGraph(content)
    sizes = _sizes(graph)
    for value in (*graph.model.graph.input, *graph.model.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    try:
        checker = onnx_package("onnx.checker")
        checker.check_model(content, full_check=True)
        checker.check_model(graph.serialized(), full_check=True)
    except Exception:  # noqa: BLE001 whatever the checker raises, it is not valid
        return False
    return True


def _sizes(graph: EditableGraph) -> dict[str, int]:
    """A size for each free axis of the inputs: that of the self-test."""
    draws = (metadata_faults.described(graph).get("self_test") or {}).get("inputs") or {}
    found = {}
    for value in graph.model.graph.input:
        shape = draws[value.name]["shape"] if value.name in draws else []
        dims = value.type.tensor_type.shape.dim
        found.update({dim.dim_param: int(size) for dim, size in zip(dims, shape, strict=False) if dim.dim_param})
    return found


def stale_weights(content: bytes, earlier: bytes) -> Iterator[Mutant]:
    """Tensors of an `earlier` export of the same graph: all of them, then one at a time (first, last, middle)."""
    old = EditableGraph(earlier)
    stored = {tensor.name: old.array(tensor.name) for tensor in old.tensors()}
    new = EditableGraph(content)
    names = [name for name in weight_faults.float_tensors(new) if stored.get(name) is not None]
    for chosen in (names, *([names[place]] for place in spread(len(names))[:MOST_OF_A_KIND])):

        def replace(graph: EditableGraph, chosen: list[str] = chosen) -> None:
            for name in chosen:
                if (array := stored[name]) is not None:
                    graph.store(name, array)

        where = chosen[0] if len(chosen) == 1 else "every tensor"
        mutant = _planted(STALE, Site(where=where, what="as it was in an earlier epoch", apply=replace), content)
        if mutant is not None:
            yield mutant
