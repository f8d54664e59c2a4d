"""The TorchScript exporter: for what the newer one cannot convert; slower to go, and recorded in the report."""

from __future__ import annotations

import io
import warnings
from typing import Any

import onnx
import torch

from zoo_core.errors import NotVerifiedError
from zoo_core.export.plan.plan import ExportPlan

from .module import Exported
from .program import Converted, call_as_in_checkpoint, converted_from


def with_torchscript(plan: ExportPlan, stands: Exported) -> Converted:
    """Convert with `torch.onnx.export(dynamo=False)`, nothing folded; then the same optimiser.

    Raises NotVerifiedError for a trace that took a decision by the example it was made with.
    """
    import onnx_ir
    import onnxscript.optimizer

    model: Any = onnx_ir.from_proto(onnx.load_from_string(_traced(plan, stands)))
    call_as_in_checkpoint(model.graph, stands.names)
    read = {value.name for node in model.graph.all_nodes() for value in node.inputs if value is not None}
    known = set(stands.names.values())
    return converted_from(
        model,
        lambda: onnxscript.optimizer.optimize(model),
        traced=None,
        used=tuple(name for name in model.graph.initializers if name in known and name in read),
        exported=stands,
        exporter="torchscript",
        largest_file=plan.largest_file,
    )


def _traced(plan: ExportPlan, stands: Exported) -> bytes:
    buffer = io.BytesIO()
    unsafe: type[Warning] = torch.jit.TracerWarning  # type: ignore[attr-defined]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", unsafe)
        # By attribute, like the other exporter.
        torch.onnx.export(
            stands.module,
            plan.example(),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            # Not EVAL, which folds the norms into the weights; the module is in eval mode by itself.
            training=torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=False,
            input_names=list(plan.inputs),
            output_names=[*plan.outputs, *stands.cuts],
            dynamic_axes={
                name: {place: axis.name for place, axis in enumerate(spec.parsed) if axis.name is not None}
                for name, spec in {**plan.inputs, **plan.outputs}.items()
            },
            opset_version=plan.opset,
            verbose=False,
        )
    for warning in told:
        if issubclass(warning.category, unsafe):
            # What was decided once for all might be decided otherwise for an input that no check has thought of.
            raise NotVerifiedError(f"a trace would not be the model: {str(warning.message).partition('. ')[0]}")
    return buffer.getvalue()
