"""From a PyTorch module to an ONNX program: one conversion, then the optimiser on that same program."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from zoo_core.errors import AxisConflictError, MissingExtraError, NotVerifiedError, interruption
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.plugin_faults import plugin_line
from zoo_core.torch_modules import plain_attention

from .axis_limits import traced_limits
from .conflicts import conflict_told
from .module import Exported, exported
from .operator_table import operator_table_kept
from .program import Converted, Exporter, call_as_in_checkpoint, converted_from, first_cause
from .quiet import quiet
from .relations import traced_relations
from .torchscript import with_torchscript


def convert(
    plan: ExportPlan, module: nn.Module, *, exporter: Exporter = "dynamo", gives_tensors: bool | None = None
) -> Converted:
    """Convert `module`, free axes by string name. Raises NotVerifiedError when it cannot be converted,
    AxisConflictError when that is for an axis that cannot be free.

    `gives_tensors`: whether its `forward` returns tensors; None, it is tried.
    """
    try:
        import onnxscript  # noqa: F401 torch.onnx needs it and says so only at the end of a long traceback
    except ImportError:
        raise MissingExtraError(needed_for="zoo export", extra="train", missing="onnxscript") from None
    try:
        with quiet(), plain_attention(), operator_table_kept(), torch.no_grad():
            stands = exported(plan, module, gives_tensors=gives_tensors)
            return (_with_dynamo if exporter == "dynamo" else with_torchscript)(plan, stands)
    except NotVerifiedError:
        raise
    except Exception as error:
        if (stopped := interruption(error)) is not None:
            raise stopped from None
        if exporter == "dynamo" and (conflict := conflict_told(plan, module)):
            raise AxisConflictError(conflict) from error
        by = "torch.export" if exporter == "dynamo" else "the TorchScript exporter"
        raise NotVerifiedError(
            f"{plan.model.name} could not be converted to ONNX by {by}: {first_cause(error)}{_place(error)}",
            hint="run it again with ZOO_DEBUG=1 for everything that the exporter says",
        ) from error


def _place(error: BaseException | None) -> str:
    """The line of the model's own code at which a conversion has failed, where the chain of exceptions shows one."""
    found = ""
    while error is not None:
        found = plugin_line(error) or found
        error = error.__cause__ or error.__context__
    return f", at {found}" if found else ""


def _with_dynamo(plan: ExportPlan, stands: Exported) -> Converted:
    axes = tuple(
        {place: axis.name for place, axis in enumerate(spec.parsed) if axis.name is not None}
        for spec in plan.inputs.values()
    )
    # By attribute, in this process: a test replaces `torch.onnx.export` from outside to plant faults.
    program: Any = torch.onnx.export(
        stands.module,
        plan.example(),
        dynamo=True,
        optimize=False,
        input_names=list(plan.inputs),
        output_names=[*plan.outputs, *stands.cuts],
        dynamic_shapes=_shapes_argument(stands.module, axes),
        opset_version=plan.opset,
        external_data=False,
        verbose=False,
    )
    call_as_in_checkpoint(program.model.graph, stands.names)

    def optimize() -> Any:
        program.optimize()
        return program.model

    return converted_from(
        program.model,
        optimize,
        traced=program.exported_program,
        used=tuple(dict.fromkeys(stands.names.get(name, name) for name in _used(program))),
        exported=stands,
        exporter="dynamo",
        largest_file=plan.largest_file,
        limits=traced_limits(program.exported_program, plan.inputs),
        relations=traced_relations(program.exported_program, plan.inputs),
    )


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
