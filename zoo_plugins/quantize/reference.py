"""The graph of a smaller file itself, in float64: what the file has to compute, whatever the float file computed.

Node by node, by onnx's own reference evaluator. Beside the exact run there are disturbed ones: wherever float32 rounds,
each value is moved by a few of its roundings, so that a value between two steps is rounded now up and now down, as it
may be on another machine. How far outputs are moved by that is the noise that a processor may be blamed for.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError

from .evaluator import as_float64, dynamic_range, evaluators, quantized, spread

if TYPE_CHECKING:
    import onnx

Arrays = dict[str, NDArray[Any]]

EPS = float(np.finfo(np.float32).eps)
ROUNDINGS = 4.0
"""So many float32 roundings of the largest value of a tensor each of its values is moved by, at most."""


class Float64Graph:
    """A graph that is evaluated in float64. Raises ZooError for operators that the reference evaluator does not have.

    `inputs` are arrays of the types that the file takes, and float64 ones come out where it gives floats.
    """

    def __init__(self, proto: onnx.ModelProto) -> None:
        try:
            self._exact, self._single = evaluators(proto)
        except Exception as error:
            raise ZooError(f"onnx's reference evaluator cannot load the graph: {_reason(error)}") from error
        self._outputs = [value.name for value in proto.graph.output]

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        """The outputs, exactly."""
        return self._run(inputs, None)

    def disturbed(self, inputs: Mapping[str, NDArray[Any]], *, seed: int) -> Arrays:
        """The outputs, when each value that float32 rounds is moved."""
        return self._run(inputs, np.random.default_rng(seed))

    def _run(self, inputs: Mapping[str, NDArray[Any]], random: np.random.Generator | None) -> Arrays:
        values: dict[str, Any] = {"": None, **self._exact.rt_inits_, **{n: as_float64(v) for n, v in inputs.items()}}
        last = {name: place for place, node in enumerate(self._exact.rt_nodes_) for name in node.input}
        for place, (node, single) in enumerate(zip(self._exact.rt_nodes_, self._single.rt_nodes_, strict=True)):
            taken = [values[name] for name in node.input]
            try:
                with np.errstate(all="ignore"), warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = tuple(_evaluate(node, single, taken, values, random))
            except Exception as error:
                what = f"{node.op_type} {node.onnx_node.name!r}"
                raise ZooError(f"onnx's reference evaluator cannot run {what}: {_reason(error)}") from error
            values.update(zip(node.output, found, strict=False))
            for name in node.input:
                if name and last[name] == place and name not in self._outputs:
                    values.pop(name, None)
        return {name: np.asarray(values[name]) for name in self._outputs}


def _evaluate(
    node: Any, single: Any, taken: list[Any], values: Mapping[str, Any], random: np.random.Generator | None
) -> Iterator[Any]:
    """What a node gives; in a disturbed run moved where float32 gives something else."""
    if random is not None and node.op_type == "QuantizeLinear":
        x, scale, zero = taken
        steps = x / spread(scale, x.ndim, _axis(node))
        yield quantized(_moved_steps(steps, x, spread(scale, x.ndim, _axis(node)), random), zero, _axis(node))
        return
    if random is not None and node.op_type == "DynamicQuantizeLinear":
        (x,) = taken
        scale, zero = dynamic_range(x)
        yield quantized(_moved_steps(x / scale, x, scale, random), zero, 0)
        yield scale
        yield zero
        return
    if node.need_context():
        yield from node.run(*taken, context=dict(values))
        return
    found = node.run(*taken)
    if random is None:
        yield from found
        return
    rounded = single.run(*[_as_float32(value) for value in taken])
    for exact, other in zip(found, rounded, strict=True):
        yield exact if _is_exact(exact, other) else _moved(exact, random)


def _axis(node: Any) -> int:
    return int(getattr(node, "axis", 1))


def _moved_steps(
    steps: NDArray[np.float64], x: NDArray[Any], scale: Any, random: np.random.Generator
) -> NDArray[np.float64]:
    if np.array_equal((_as_float32(x) / _as_float32(np.asarray(scale))).astype(np.float64), steps, equal_nan=True):
        return steps
    moved: NDArray[np.float64] = steps + random.uniform(-ROUNDINGS * EPS, ROUNDINGS * EPS, steps.shape) * np.abs(steps)
    return moved


def _moved(value: NDArray[Any], random: np.random.Generator) -> NDArray[Any]:
    size = float(np.abs(value[np.isfinite(value)]).max(initial=0.0))
    moved: NDArray[Any] = value + random.uniform(-ROUNDINGS * EPS, ROUNDINGS * EPS, value.shape) * size
    return moved


def _is_exact(exact: Any, other: Any) -> bool:
    if not isinstance(exact, np.ndarray | np.generic) or np.asarray(exact).dtype.kind != "f":
        return True
    return np.array_equal(np.asarray(other, np.float64), np.asarray(exact), equal_nan=True)


def _as_float32(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic) and np.asarray(value).dtype == np.float64:
        return np.asarray(value).astype(np.float32)
    return value


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
