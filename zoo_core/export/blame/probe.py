"""The values between the nodes of a written file: which of them the trace knows, and what onnxruntime makes of them."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import Tensor, fx

from zoo_core.files import temporary_folder
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.verification.expect.bounds import Reference, bound_output, output_error
from zoo_core.verification.subject.subject import Group, Setting, SubjectError, run_subject

from .traced import Pair, Traced

Array = NDArray[Any]

BYTES_AT_ONCE = 2**29
"""Values that are read back in one run of the file; more of them take more runs."""


@dataclass(frozen=True, kw_only=True)
class NodeError:
    """How far the value of one node is from float64, in its own units and in rounding floors; `bound` is allowed.

    `problem` says what is wrong where no distance can be given (another shape, another type).
    """

    node: str
    op_type: str
    value: str
    error: float
    bound: float
    floors: float
    problem: str = ""

    @property
    def within(self) -> bool:
        """Whether the value is what it should be, up to rounding. Written so that a NaN is not."""
        return not self.problem and self.error <= self.bound


class Probe:
    """A written file beside the traced program that it was made of."""

    def __init__(
        self, file: OnnxFile, traced: Any, *, setting: Setting, corner: bool = False, cuts: Sequence[str] = ()
    ) -> None:
        """`traced` is an `ExportedProgram` whose results are the outputs of the file, and then the `cuts`.

        Raises SubjectError for a file that keeps its weights in a second one.
        """
        self.path = file.path
        if any(tensor.external is not None for tensor in file.initializers.values()):
            raise SubjectError(
                f"{self.path.name} keeps its weights in a second file; nodes are compared only in files below 2 GB"
            )
        self._setting, self._corner = setting, corner
        self.nodes = file.nodes
        self.producers = {name: node for node in self.nodes for name in node.outputs if name}
        self.inputs = tuple(value.name for value in file.inputs)
        self._outputs = [value.name for value in file.outputs]
        self.traced = Traced(traced, outputs=tuple(dict.fromkeys((*self._outputs, *cuts))))
        found = {name: self.traced.node_of(name) for name in self.producers}
        self.matched: dict[str, fx.Node] = {name: node for name, node in found.items() if node is not None}

    @functools.cached_property
    def model(self) -> onnx.ModelProto:
        """The whole file in memory, for who has to take it apart."""
        return onnx.load(str(self.path), load_external_data=False)

    def errors(self, inputs: Mapping[str, Array], *, first: int | None = None) -> list[NodeError]:
        """Every matched value of the first so many nodes (default: all) against the trace, in the file's order.

        Raises SubjectError when the file, with these values as outputs, cannot be run.
        """
        values = [name for node in self.nodes[:first] for name in node.outputs if name in self.matched]
        names: dict[str, list[str]] = {}
        for value in values:
            names.setdefault(self.matched[value].name, []).append(value)
        total = len(next(iter(inputs.values())))
        parts = self._parts(self.traced.in_order([self.matched[value] for value in values]), total)
        found: dict[str, NodeError] = {}
        actual: dict[str, Array] = {}
        part: list[fx.Node] = []
        rows = [inputs[name] for name in self.inputs]
        for pair in self.traced.run([self.matched[value] for value in values], rows):
            while all(pair.name != node.name for node in part):
                part = next(parts)
                actual = self.values([value for node in part for value in names[node.name]], inputs, first=first)
            for value in names[pair.name]:
                if (error := self.compare(value, pair, actual.pop(value))) is not None:
                    found[value] = error
        return [found[value] for value in values if value in found]

    def _parts(self, wanted: Sequence[fx.Node], rows: int) -> Iterator[list[fx.Node]]:
        part: list[fx.Node] = []
        size = 0
        for node in wanted:
            own = self.traced.bytes_of(node, rows)
            if part and size + own > BYTES_AT_ONCE:
                yield part
                part, size = [], 0
            part.append(node)
            size += own
        if part:
            yield part

    def values(
        self, names: Sequence[str], inputs: Mapping[str, Array], *, first: int | None = None
    ) -> dict[str, Array]:
        """What onnxruntime computes for these values, by name; of a file with just the first so many nodes."""
        rows = {name: inputs[name] for name in self.inputs}
        total = len(next(iter(rows.values())))
        with temporary_folder("zoo-probe-") as folder:
            copy = folder / self.path.name
            if first is None:
                self._extended(copy, names)
            else:
                self._beginning(copy, names, first)
            group = Group(name="rows", inputs=rows, batches=[range(total)])
            result = run_subject(copy, [group], settings=[self._setting])
        return result.outputs[self._setting, "rows"][0]

    def _extended(self, copy: Path, names: Sequence[str]) -> None:
        shutil.copyfile(self.path, copy)
        # Protobuf joins what is written one after the other: these outputs come after those that are there, and a
        # large file need not be taken apart.
        extra = [onnx.ValueInfoProto(name=name) for name in names if name not in self._outputs]
        with copy.open("ab") as file:
            file.write(onnx.ModelProto(graph=onnx.GraphProto(output=extra)).SerializeToString())

    def _beginning(self, copy: Path, names: Sequence[str], first: int) -> None:
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        del model.graph.node[first:], model.graph.output[:], model.graph.value_info[:]
        read = {name for node in model.graph.node for name in node.input}
        kept = [tensor for tensor in self.model.graph.initializer if tensor.name in read]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        copy.write_bytes(model.SerializeToString())

    def compare(self, value: str, pair: Pair, actual: Array) -> NodeError | None:
        """The error of one value; None for a type that has no floor to be measured in (half precision, text)."""
        node = self.producers[value]
        if actual.shape != pair.float32.shape and actual.size == pair.float32.size == 1:
            actual = actual.reshape(pair.float32.shape)
        error, bound, floors, problem = distance(pair, actual, corner=self._corner) or (None, 0.0, 0.0, "")
        if error is None:
            return None
        return NodeError(
            node=node.name,
            op_type=node.op_type,
            value=value,
            error=error,
            bound=bound,
            floors=floors,
            problem=problem,
        )

    def sources(self, value: str) -> dict[str, fx.Node]:
        """The nearest matched values that the node of `value` is computed from, through nodes that are not matched."""
        found: dict[str, fx.Node] = {}
        seen: set[str] = set()
        open_names = list(self.producers[value].inputs)
        while open_names:
            name = open_names.pop()
            if name in seen:
                continue
            seen.add(name)
            if name in self.matched and isinstance(self.matched[name].meta.get("val"), Tensor):
                found[name] = self.matched[name]
            elif name in self.producers:
                open_names.extend(self.producers[name].inputs)
        return found


def distance(pair: Pair, actual: Array, *, corner: bool = False) -> tuple[float, float, float, str] | None:
    """Error, bound, error in floors, and what is wrong beyond distance; the whole value counts as one row.

    Whole numbers and truth values must be equal where float32 and float64 agree. None for types without a floor.
    """
    expected = pair.float32
    if actual.shape != expected.shape:
        return np.inf, 0.0, np.inf, f"its shape is {actual.shape}, not {expected.shape}"
    if (actual.dtype.kind == "f") != (expected.dtype.kind == "f"):
        return np.inf, 0.0, np.inf, f"it is {actual.dtype}, not {expected.dtype}"
    if expected.dtype.kind != "f":
        wrong = (actual != expected) & (expected == pair.float64)
        apart = float(np.abs(actual[wrong].astype(np.float64) - expected[wrong]).max(initial=0.0))
        return apart, 0.0, np.inf if apart else 0.0, ""
    if expected.dtype.itemsize < np.dtype(np.float32).itemsize:
        return None
    single, double, found = expected, pair.float64, actual
    finite = np.isfinite(expected) & np.isfinite(pair.float64)
    if not finite.all():
        odd = ~finite & _same(expected, pair.float64)
        if not _same(actual[odd], expected[odd]).all():
            return np.inf, 0.0, np.inf, "its infinite or NaN elements differ"
        single, double, found = (np.where(finite, array, 0) for array in (expected, pair.float64, actual))
    kind: Reference = "float64" if pair.exact else "relative"
    corners = np.array([corner])
    bound = bound_output(pair.name, float32=single[None], float64=double[None], reference=kind, corner=corners)
    worst = output_error(found[None], bound)
    return worst.error, worst.bound, worst.floors, ""


def _same(first: Array, second: Array) -> Array:
    same: Array = (first == second) | (np.isnan(first) & np.isnan(second))
    return same
