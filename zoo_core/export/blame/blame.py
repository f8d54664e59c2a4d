"""Who is to blame: the first node of a file whose value leaves its rounding floor, and its line in the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import fx

from zoo_core.errors import NotVerifiedError, ZooError
from zoo_core.export.convert.clean import module_of
from zoo_core.records import counted
from zoo_core.runtime.reading.wire import OnnxFile, read_onnx
from zoo_core.verification.subject.subject import DEFAULT_SETTINGS, Setting, SubjectError

from .probe import NodeError, Probe, distance
from .traced import module_path, source_line

Array = NDArray[Any]

PLAIN = DEFAULT_SETTINGS[-1]
"""onnxruntime without its own optimisations: the nodes of the file, as they are written."""
MOST_SUSPECTS = 12


@dataclass(frozen=True, kw_only=True)
class Guilty:
    """The guilty node and where it came from.

    `modules`: the modules that it stands for, in the order in which they run (several where the optimiser has fused
    them); "" is the model itself. `source`: "package/file.py:line", never an absolute path; "" where unknown.
    """

    node: str
    op_type: str
    modules: tuple[str, ...]
    source: str
    error: float
    bound: float
    floors: float
    problem: str = ""

    @property
    def module(self) -> str:
        """The first of the modules; "" for the model itself."""
        return self.modules[0] if self.modules else ""

    def __str__(self) -> str:
        names = [name or "the model itself" for name in self.modules] or ["the model itself"]
        place = f"node {self.node} ({self.op_type}) of {' and '.join(names)}"
        if self.source:
            place += f", {self.source}"
        return f"{place}: {self.problem or f'off by {self.error:.3g}, {self.floors:.3g} times its rounding floor'}"


@dataclass(frozen=True, kw_only=True)
class Blame:
    """What came of looking for the guilty node; `text` says it in words, also where there is none."""

    text: str
    guilty: Guilty | None = None


def node_errors(
    file: OnnxFile, traced: Any, *, inputs: Mapping[str, Array], cuts: Sequence[str] = ()
) -> dict[str, NodeError]:
    """The error of each node of the file whose value the trace knows, by node name.

    `traced`: the `ExportedProgram` that it was made of, or None; `inputs`: one small batch by input name; `cuts`: what
    the trace gives after the outputs of the file. Empty where nothing can be compared: this is a fact to show, and
    never a reason to fail.
    """
    try:
        probe = _probe(file, traced, cuts, setting=PLAIN)
        return {error.node: error for error in reversed(probe.errors(inputs))} if probe else {}
    except (NotVerifiedError, RuntimeError, TypeError, ValueError, LookupError):
        return {}


def blame(
    path: Path,
    traced: Any,
    *,
    inputs: Mapping[str, Array],
    expected: Mapping[str, Array] | None = None,
    setting: Setting = PLAIN,
    corner: bool = False,
    cuts: Sequence[str] = (),
) -> Blame:
    """Find the first node of the file at `path` that is wrong on `inputs`, rows on which its outputs are known to be.

    `traced` and `cuts` as in `node_errors`; `expected`: what the module itself gives for these rows in float64, by
    output name; `setting`: where the outputs are wrong; `corner`: the rows look like no real input. Never raises: what
    could not be done is said in the text.
    """
    try:
        probe = _probe(read_onnx(path), traced, cuts, setting=setting, corner=corner)
        if probe is None:
            return Blame(text="the TorchScript exporter leaves no trace to compare with, node by node")
        if text := _wrong_trace(probe, inputs, expected or {}):
            return Blame(text=text)
        return _search(probe, inputs)
    except (ZooError, RuntimeError, TypeError, ValueError, LookupError) as error:
        text = " ".join(str(error).split())[:300]
        return Blame(text=f"the guilty node could not be found: {text or type(error).__name__}")


def _probe(file: OnnxFile, traced: Any, cuts: Sequence[str], *, setting: Setting, corner: bool = False) -> Probe | None:
    return None if traced is None else Probe(file, traced, cuts=cuts, setting=setting, corner=corner)


def _wrong_trace(probe: Probe, inputs: Mapping[str, Array], expected: Mapping[str, Array]) -> str:
    """What is wrong with the trace itself; empty when its outputs are those of the module."""
    nodes = {node.name: name for name in expected if (node := probe.matched.get(name)) is not None}
    wanted = [node for node in probe.matched.values() if node.name in nodes]
    for pair in probe.traced.run(wanted, [inputs[name] for name in probe.inputs]):
        module = expected[nodes[pair.name]]
        found = distance(pair, module.astype(pair.float64.dtype))
        if found is None:
            continue
        error, bound, floors, problem = found
        if problem or not error <= bound:
            how = problem or f"off by {error:.3g}, {floors:.3g} times its rounding floor"
            return (
                "the fault lies in the trace: torch.export captured something other than what the module computes "
                f"({nodes[pair.name]} of the traced program: {how})"
            )
    return ""


def _search(probe: Probe, inputs: Mapping[str, Array]) -> Blame:
    try:
        errors = probe.errors(inputs)
    except SubjectError as error:
        return _search_broken(probe, inputs, error)
    suspects = [error for error in errors if not error.within]
    if (found := _first_guilty(probe, inputs, suspects)) is not None:
        return found
    if not errors:
        return Blame(text="no node of the file has a value that the trace knows")
    if suspects:
        return Blame(
            text=f"no single node is guilty: {_guilty(probe, suspects[0])}, but it is right for its own inputs; "
            "the model amplifies rounding"
        )
    worst = max(errors, key=lambda error: error.error / error.bound if error.bound else 0.0)
    return Blame(
        text=f"all {counted(len(errors), 'node')} that can be compared are within their bounds while their values "
        f"are read ({worst.node} is worst, {worst.floors:.3g} times its floor): the fault lies in onnxruntime's own "
        "optimisations, or in a node after the last one that can be compared"
    )


def _first_guilty(probe: Probe, inputs: Mapping[str, Array], suspects: Sequence[NodeError]) -> Blame | None:
    for suspect in suspects[:MOST_SUSPECTS]:
        if _wrong_by_itself(probe, inputs, suspect):
            guilty = _guilty(probe, suspect)
            return Blame(text=f"first at {guilty}", guilty=guilty)
    return None


def _wrong_by_itself(probe: Probe, inputs: Mapping[str, Array], suspect: NodeError) -> bool:
    """Whether the node is wrong for the very inputs that onnxruntime gave it: noise that it inherited is no guilt."""
    if suspect.problem:
        return True
    sources = probe.sources(suspect.value)
    actual = probe.values([*sources, suspect.value], inputs)
    known = {node: actual[name] for name, node in sources.items()}
    rows = [inputs[name] for name in probe.inputs]
    for pair in probe.traced.run([probe.matched[suspect.value]], rows, known):
        again = probe.compare(suspect.value, pair, actual[suspect.value])
        return again is None or not again.within
    return True


def _guilty(probe: Probe, error: NodeError) -> Guilty:
    node = probe.matched[error.value]
    group = probe.traced.group(node, list(probe.sources(error.value).values())) or [node]
    return Guilty(
        node=error.node,
        op_type=error.op_type,
        modules=tuple(dict.fromkeys(map(module_path, group))),
        source=_source(group),
        error=error.error,
        bound=error.bound,
        floors=error.floors,
        problem=error.problem,
    )


def _source(group: Sequence[fx.Node]) -> str:
    return next((line for node in group if (line := source_line(node))), "")


def _search_broken(probe: Probe, inputs: Mapping[str, Array], error: SubjectError) -> Blame:
    """The file cannot be run as a whole: the longest beginning of it that can, and what is wrong there, or after it."""
    runs, breaks = 0, len(probe.nodes)
    errors: list[NodeError] = []
    while breaks - runs > 1:
        middle = (runs + breaks) // 2
        try:
            errors = probe.errors(inputs, first=middle)
            runs = middle
        except SubjectError as found:
            breaks, error = middle, found
    suspects = [each for each in errors if not each.within]
    if suspects:
        guilty = _guilty(probe, suspects[0])
        return Blame(text=f"first at {guilty}", guilty=guilty)
    node = probe.nodes[breaks - 1]
    value = next((name for name in node.outputs if name in probe.matched), None)
    problem = f"onnxruntime cannot run it ({error.message})"
    failed = NodeError(
        node=node.name, op_type=node.op_type, value=value or "", error=np.inf, bound=0.0, floors=np.inf, problem=problem
    )
    if value is not None:
        guilty = _guilty(probe, failed)
    else:
        facts = {name: getattr(failed, name) for name in ("node", "op_type", "error", "bound", "floors", "problem")}
        guilty = Guilty(modules=(module_of(probe.model.graph.node[breaks - 1])[0],), source="", **facts)
    return Blame(text=f"first at {guilty}", guilty=guilty)
