"""What an exporter makes of a module: an ONNX program, and what it held before any optimiser saw it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import onnx
from numpy.typing import NDArray

from zoo_core.export.plan.plan import LARGEST_FILE

from .axis_limits import Limits
from .module import Exported
from .relations import Relation
from .saving import model_of

Array = NDArray[Any]

Exporter = Literal["dynamo", "torchscript"]


@dataclass(kw_only=True)
class Converted:
    """The program, the initialisers it had before any optimiser, and the names of the tensors that the trace reads.

    `model` is the ONNX file to be; `traced` the exported program of torch, None from the TorchScript exporter. `plain`
    is the same program as an `onnx_ir` model that no optimiser has touched, None where `model` is just that. `limits`
    and `relations` are what the trace takes for granted of free axes.
    """

    model: onnx.ModelProto = field(repr=False)
    outside: Mapping[str, Array] = field(default_factory=dict, repr=False)
    largest_file: int = LARGEST_FILE
    traced: Any = field(repr=False)
    initializers: Mapping[str, Array] = field(repr=False)
    used: tuple[str, ...]
    exported: Exported = field(repr=False)
    exporter: Exporter = "dynamo"
    plain: Any = field(default=None, repr=False)
    optimizer_problem: str = ""
    limits: Mapping[str, Limits] = field(default_factory=dict)
    relations: tuple[Relation, ...] = ()

    def forget_weights(self) -> None:
        """Keep of the model's weights their names and shapes only: they are in the file by now, and large."""
        light = onnx.ModelProto(
            graph=onnx.GraphProto(node=self.model.graph.node, value_info=self.model.graph.value_info)
        )
        for tensor in self.model.graph.initializer:
            light.graph.initializer.add(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
        self.model, self.outside = light, {}


def call_as_in_checkpoint(graph: Any, names: Mapping[str, str]) -> None:
    """Give the initialisers of an `onnx_ir` graph the names that the checkpoint has for them."""
    for name, value in list(graph.initializers.items()):
        # Of two tied tensors only one is there; the other name stays free.
        if (called := names.get(name, name)) not in graph.initializers:
            value.name = called


def initializers_of(graph: Any) -> dict[str, Array]:
    """The initialisers of an `onnx_ir` graph, not copied.

    If an optimiser changed one in place the check would find it: it compares them with the checkpoint.
    """
    return {
        name: value.const_value.numpy() for name, value in graph.initializers.items() if value.const_value is not None
    }


def converted_from(
    program: Any,
    optimize: Callable[[], Any],
    *,
    traced: Any,
    used: tuple[str, ...],
    exported: Exported,
    exporter: Exporter,
    largest_file: int = LARGEST_FILE,
    limits: Mapping[str, Limits] | None = None,
    relations: tuple[Relation, ...] = (),
) -> Converted:
    """The file of an `onnx_ir` model after `optimize()`, which may change it in place and returns the optimised one.

    Where the optimiser breaks down, the file of the model as it was.
    """
    initializers = initializers_of(program.graph)
    plain = program.clone()
    problem = ""
    try:
        program = optimize()
    except Exception as error:  # noqa: BLE001 whatever it raises, there is a way without it
        problem = f"the exporter's optimiser breaks down: {first_cause(error)}"
    model = model_of(plain if problem else program, largest=largest_file)
    return Converted(
        model=model.proto,
        outside=model.outside,
        largest_file=largest_file,
        traced=traced,
        initializers=initializers,
        used=used,
        exported=exported,
        exporter=exporter,
        plain=None if problem else plain,
        optimizer_problem=problem,
        limits=limits or {},
        relations=relations,
    )


def without_optimizer(converted: Converted) -> Converted:
    """The same program, as it was before the optimiser."""
    model = model_of(converted.plain, largest=converted.largest_file)
    return dataclasses.replace(converted, model=model.proto, outside=model.outside, plain=None)


def first_cause(error: BaseException) -> str:
    """The innermost exception of a chain, in one line."""
    seen = {id(error)}
    while True:
        inner = error.__cause__ or error.__context__
        if inner is None or id(inner) in seen:
            break
        error = inner
        seen.add(id(error))
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")
    return f"{type(error).__name__}: {text[:300]}"
