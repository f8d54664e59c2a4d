"""From a PyTorch module to an ONNX program: one conversion, then the optimiser on that same program."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zoo_core.errors import MissingExtraError, NotVerifiedError

from .plan import BATCH, ExportPlan
from .reference import plain_attention

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Converted:
    """The optimised program, the initialisers it had before, and the names of the tensors that the trace reads."""

    program: Any
    initializers: Mapping[str, Array]
    used: tuple[str, ...]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter prints progress and warns of its own deprecations; neither helps anybody here."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def convert(plan: ExportPlan, module: nn.Module) -> Converted:
    """Convert `module`, free axes by string name. Raises NotVerifiedError when it cannot be converted."""
    try:
        import onnxscript  # noqa: F401 torch.onnx needs it and says so only at the end of a long traceback
    except ImportError:
        raise MissingExtraError(needed_for="zoo export", extra="train", missing="onnxscript") from None
    axes = tuple(
        {place: axis for place, axis in enumerate(spec.axes) if axis == BATCH} for spec in plan.inputs.values()
    )
    try:
        with _quiet(), plain_attention():
            # By attribute, in this process: a test replaces `torch.onnx.export` from outside to plant faults.
            program: Any = torch.onnx.export(
                module,
                plan.example(),
                dynamo=True,
                optimize=False,
                input_names=list(plan.inputs),
                output_names=list(plan.outputs),
                dynamic_shapes=_shapes_argument(module, axes),
                opset_version=plan.opset,
                external_data=False,
                verbose=False,
            )
            before = _initializers(program)
            program.optimize()
    except Exception as error:
        raise NotVerifiedError(
            f"{plan.model.name} could not be converted to ONNX: {first_cause(error)}",
            hint="run it again with ZOO_DEBUG=1 for the whole story of the exporter",
        ) from error
    return Converted(program=program, initializers=before, used=_used(program))


def _shapes_argument(module: nn.Module, axes: tuple[dict[int, Any], ...]) -> Any:
    """The exporter wants the axes nested like the arguments of `forward`: `*inputs` is one argument."""
    import inspect

    parameters = inspect.signature(module.forward).parameters.values()
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return (axes,)
    return axes


def _used(program: Any) -> tuple[str, ...]:
    """Parameters and buffers that the traced program reads, by name; it is asked, not the graph made from it."""
    traced = program.exported_program
    signature = traced.graph_signature
    targets = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
    return tuple(targets[node.name] for node in traced.graph.nodes if node.name in targets and node.users)


def _initializers(program: Any) -> dict[str, Array]:
    found = {}
    for name, value in program.model.graph.initializers.items():
        if value.const_value is not None:
            # A copy: the optimiser may fold a tensor in place.
            found[name] = np.array(value.const_value.numpy(), copy=True)
    return found


def first_cause(error: BaseException) -> str:
    """The innermost exception of a chain, in one line, with the file and line of the user's own code if known."""
    seen = {id(error)}
    while True:
        inner = error.__cause__ or error.__context__
        if inner is None or id(inner) in seen:
            break
        error = inner
        seen.add(id(error))
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return f"{type(error).__name__}: {text[:300]}"
