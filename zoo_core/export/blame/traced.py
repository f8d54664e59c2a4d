"""The traced program, value by value: run in float32 and in float64 side by side, and the places it was traced from."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from zoo_core.export.convert.module import ORIGINAL
from zoo_core.export.reference.float64 import Upcast, in_double

Array = NDArray[Any]

_SPLIT = re.compile(r"(?P<source>.+)_split_(?P<place>\d+)")
_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
_CALL_NUMBER = re.compile(r"@\d+")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One value of the traced program: as float32 gives it, and as float64 does (both equal where it cannot)."""

    name: str
    float32: Array
    float64: Array
    exact: bool


class Traced:
    """A program of `torch.export`, whose values are called as in the ONNX file that was made of it.

    `outputs`: what the file calls the results, in order.
    """

    def __init__(self, program: Any, *, outputs: Sequence[str]) -> None:
        self._program = program
        self._graph: fx.Graph = program.graph_module.graph
        self._nodes = {node.name: node for node in self._graph.nodes}
        self._places = {node: place for place, node in enumerate(self._graph.nodes)}
        results = program.graph_signature.user_outputs
        self._results = dict(zip(outputs, results, strict=False)) if len(outputs) == len(results) else {}
        inputs = program.graph_signature.user_inputs
        self._inputs = tuple(name for name in inputs if isinstance(name, str))

    def node_of(self, value: str) -> fx.Node | None:
        """The operation that gives what the file calls `value`; None where there is none of that name."""
        node: fx.Node | None = self._nodes.get(self._results.get(value, value))
        if node is not None and node.op == "call_function":
            return node
        if (match := _SPLIT.fullmatch(value)) is None:
            return None
        # The optimiser makes one Split of the parts of a list that the trace picks one by one.
        place = int(match["place"])
        users = self._nodes[match["source"]].users if match["source"] in self._nodes else ()
        return next((user for user in users if user.op == "call_function" and user.args[1:] == (place,)), None)

    def bytes_of(self, node: fx.Node, rows: int) -> int:
        """Bytes of its value in float32 for so many rows, roughly: other free axes as they were traced."""
        value, first = node.meta.get("val"), self._nodes[self._inputs[0]].meta.get("val")
        if not isinstance(value, Tensor) or not isinstance(first, Tensor):
            return 0
        size = 4 * int(np.prod([_hint(axis) for axis in value.shape]))
        return size * rows // max(1, _hint(first.shape[0]))

    def in_order(self, nodes: Sequence[fx.Node]) -> list[fx.Node]:
        """The same operations in the order in which they run, each once."""
        return sorted(set(nodes), key=self._places.__getitem__)

    def run(
        self, wanted: Sequence[fx.Node], inputs: Sequence[Array], known: Mapping[fx.Node, Array] | None = None
    ) -> Iterator[Pair]:
        """Run and hand out each of the `wanted` values as soon as it is there; nothing is kept longer than needed.

        `inputs` in the order of the file's inputs. `known` values are taken as given instead of being computed.
        """
        given = self._given(inputs)
        given |= {node.name: torch.from_numpy(np.array(value)) for node, value in (known or {}).items()}
        needed = _needed(wanted, given)
        single, double = fx.Interpreter(self._program.graph_module), _Double(self._program.graph_module)
        for node in self._graph.nodes:
            if node not in needed or node.op == "output":
                continue
            if node.name in given:
                single.env[node] = double.env[node] = given[node.name]
                continue
            single.env[node] = single.run_node(node)
            try:
                with in_double(double.upcast):
                    double.env[node] = double.run_node(node)
            except (RuntimeError, TypeError, NotImplementedError):
                # No float64 for this operation: from here on both runs are one, and `exact` says so.
                double.env[node] = single.env[node]
                double.exact = False
            if node in wanted and (pair := _pair(node.name, single.env[node], double.env[node], double.exact)):
                yield pair
            for dead in single.user_to_last_uses.get(node, ()):
                single.env.pop(dead, None)
                double.env.pop(dead, None)

    def _given(self, inputs: Sequence[Array]) -> dict[str, Any]:
        program, signature = self._program, self._program.graph_signature
        targets = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        stored = {**program.constants, **program.state_dict}
        tensors = {name: stored[target] for name, target in targets.items()}
        rows = {name: torch.from_numpy(value) for name, value in zip(self._inputs, inputs, strict=True)}
        return {**tensors, **rows}

    def group(self, node: fx.Node, stops: Sequence[fx.Node]) -> list[fx.Node]:
        """The operations between `stops` and `node`, the first one first: what one node of the file stands for."""
        seen = _needed([node], {stop.name: None for stop in stops})
        inner = [each for each in self._graph.nodes if each in seen and each.op == "call_function"]
        return [each for each in inner if each not in stops and isinstance(each.meta.get("val"), Tensor)]


class _Double(fx.Interpreter):
    """The run in float64; `exact` until an operation had to be taken from the other one."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.upcast = Upcast()  # type: ignore[no-untyped-call]
        self.exact = True

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        # Before the call too: operations that are made of others compare the types of their arguments themselves.
        return self.upcast.__torch_dispatch__(target, (), args, kwargs)


def _needed(wanted: Sequence[fx.Node], given: Mapping[str, Any]) -> set[fx.Node]:
    needed: set[fx.Node] = set()
    open_nodes = list(wanted)
    while open_nodes:
        node = open_nodes.pop()
        if node not in needed:
            needed.add(node)
            open_nodes.extend(() if node.name in given else node.all_input_nodes)
    return needed


def _pair(name: str, single: Any, double: Any, exact: bool) -> Pair | None:
    if isinstance(single, Tensor) and isinstance(double, Tensor) and not single.is_complex():
        return Pair(name=name, float32=single.detach().numpy(), float64=double.detach().numpy(), exact=exact)
    if isinstance(single, bool | int):
        return Pair(name=name, float32=np.asarray(single), float64=np.asarray(double), exact=exact)
    return None


def _hint(size: Any) -> int:
    return size if isinstance(size, int) else int(getattr(size.node, "hint", None) or 1)


def module_path(node: fx.Node) -> str:
    """The dotted path of the module that runs the operation ("layer3.1.conv2"); empty for the model itself."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    path = _CALL_NUMBER.sub("", str(stack[-1][0])) if stack else ""
    return "" if path == ORIGINAL else path.removeprefix(f"{ORIGINAL}.")


def source_line(node: fx.Node) -> str:
    """Where the model's own code calls the operation ("torchvision/models/resnet.py:96"); empty where unknown.

    Never an absolute path: the file is named from its package on.
    """
    frames = [(_from_package(path), line) for path, line in _FRAME.findall(node.meta.get("stack_trace") or "")]
    known = [(path, line) for path, line in frames if path and not path.startswith("zoo_core/")]
    own = [(path, line) for path, line in known if not path.startswith("torch/")]
    # A model built of torch's own parts alone has no line of its own: then the line of that part.
    return ":".join((own or known)[-1]) if known else ""


def _from_package(path: str) -> str:
    """`path` relative to the folder that its outermost package lies in; empty for code that is in no file."""
    if path.startswith("<"):
        return ""
    file = Path(path)
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) == path and name != "__main__":
            tail = ("__init__.py",) if file.name == "__init__.py" else ()
            return "/".join((*name.split("."), *tail)) + ("" if tail else file.suffix)
    folder = file.parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return file.relative_to(folder).as_posix()
