"""Rules about the saved file itself: what it holds and what it says, before anything is run."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from torch import Tensor, nn

from zoo_core.errors import ZooError
from zoo_core.export.convert.program import Converted
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.export.reference.expected import Expected
from zoo_core.export.reference.reference import TorchReference
from zoo_core.records import CheckResult, counted
from zoo_core.runtime.reading.metadata import KEY, Metadata, read_metadata
from zoo_core.runtime.reading.outside import stored_array
from zoo_core.runtime.reading.wire import OnnxFile
from zoo_core.verification.conclude.weights import Norm, check_converted, check_saved
from zoo_core.verification.expect.recipe_test import check_recipes


def inputs_told(expected: Expected) -> CheckResult:
    """Rule "inputs": how many rows of which kind take part, and of which sizes."""
    kinds = expected.usual.rows.kinds
    counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    text = (
        f"{counted(len(kinds), 'row')} ({counts}); {expected.usual.skipped} skipped, where PyTorch itself is not finite"
    )
    if expected.usual.refused:
        text += f", and {expected.usual.refused} more, on which it raises"
    if len(expected.cases) > 1:
        text += f"; sizes {'; '.join(map(str, expected.cases))}"
    return CheckResult(rule="inputs", outcome="passed", detail=text)


def check_metadata(file: OnnxFile, metadata: Metadata) -> list[CheckResult]:
    """Rule "metadata": labels, preprocessing, self-test and the rest, read back, are what was meant to be written.

    Then also rule "recipes": made again of what the file says, each makes the input that it made before.
    """
    if file.metadata_props.get(KEY) != metadata.to_json():
        told = "what the file says about itself is not what was written"
        return [CheckResult(rule="metadata", outcome="failed", detail=told)]
    try:
        read = read_metadata(file)
    except ZooError as error:  # a file that lies beside it
        return [CheckResult(rule="metadata", outcome="failed", detail=error.message)]
    passed = CheckResult(rule="metadata", outcome="passed", detail="labels, preprocessing and self-test, read back")
    return [passed, *check_recipes(read.self_test, read.recipes, read.inputs)]


def check_weights(
    file: OnnxFile, plan: ExportPlan, converted: Converted, reference: TorchReference
) -> list[CheckResult]:
    """Rule "weights": what was converted is the checkpoint bit by bit, and what was saved is that or a fold of it."""
    checkpoint = {name: _array(tensor) for name, tensor in plan.checkpoint.items()}
    saved = {name: stored_array(file, tensor) for name, tensor in file.initializers.items()}
    norms = [
        Norm(prefix=f"{name}." if name else "", eps=module.eps)
        for name, module in reference.module.named_modules()
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats
    ]
    # A trace may also read what no checkpoint holds: buffers that are not saved, parameters of a wrapper.
    used = [name for name in converted.used if name in checkpoint]
    return [
        check_converted(converted.initializers, checkpoint, used=used),
        check_saved(saved, checkpoint, used=used, norms=norms),
    ]


def _array(tensor: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = tensor.detach().cpu().contiguous().numpy()
    return array
