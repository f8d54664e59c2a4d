"""What is to be exported, decided and checked before anything is converted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo_core.errors import UsageError, ZooError
from zoo_core.registry import Model
from zoo_core.shapes import TensorSpec
from zoo_core.specs import Preprocess
from zoo_core.tasks import Task
from zoo_core.verification.inputs import SAMPLE_ROWS, plausible_range

OPSETS = range(17, 24)
DEFAULT_OPSET = 20
BATCH = "N"

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class LabelledInputs:
    """Rows of a dataset as model inputs, by input name, with their targets."""

    inputs: Mapping[str, Array]
    targets: Array

    def spread(self, count: int = SAMPLE_ROWS) -> dict[str, Array]:
        """`count` rows spread evenly over the split."""
        total = len(self.targets)
        index = np.unique(np.linspace(0, total - 1, min(count, total)).astype(np.int64))
        return {name: value[index] for name, value in self.inputs.items()}


@dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """Everything that the export of one checkpoint needs.

    `inputs` and `outputs` have their option axes filled in; capital axes that stay are free in the file. `checkpoint`
    is the module's state dictionary. `validation` are real samples, where there is a dataset.
    """

    name: str
    model: Model
    options: Mapping[str, Any]
    checkpoint: Mapping[str, Tensor] = field(repr=False)
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    task: Task
    labels: tuple[str, ...] = ()
    preprocess: Preprocess | None = None
    validation: LabelledInputs | None = field(default=None, repr=False)
    run: str | None = None
    untrained: bool = False
    dataset: Mapping[str, Any] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    opset: int = DEFAULT_OPSET

    def __post_init__(self) -> None:
        if self.opset not in OPSETS:
            raise UsageError(f"opset {self.opset} is not supported", hint=f"{OPSETS[0]} to {OPSETS[-1]}")
        if self.model.spec.export_wrapper is not None:
            raise ZooError(f"{self.model.name} declares an export_wrapper, which zoo export does not use yet")
        for name, spec in {**self.inputs, **self.outputs}.items():
            if spec.axes[:1] != (BATCH,):
                raise ZooError(f"{self.model.name}: the first axis of {name} must be {BATCH!r}, not {spec}")
            if len(spec.free_axes) > 1:
                other = ", ".join(axis for axis in spec.free_axes if axis != BATCH)
                raise ZooError(
                    f"{self.model.name}: the axis {other} of {name} cannot stay free yet, only {BATCH}",
                    hint=f"give it a size with -o or -d, so that {name} has one shape",
                )

    def build(self) -> nn.Module:
        """A freshly built module, with fresh weights."""
        module: nn.Module = self.model.build(**self.options)
        return module

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The plausible range of each input."""
        return {name: plausible_range(spec, self.preprocess) for name, spec in self.inputs.items()}

    def example(self) -> tuple[Tensor, ...]:
        """Inputs to trace with: a batch of at least 2 that equals no other size of the model, so that a size which is
        baked in cannot be mistaken for the batch."""
        sizes = {size for spec in (*self.inputs.values(), *self.outputs.values()) for size in spec.axes[1:]}
        batch = next(n for n in range(2, 1000) if n not in sizes and n not in _parameter_sizes(self.checkpoint))
        generator = torch.Generator().manual_seed(0)
        return tuple(
            torch.rand(spec.shape({BATCH: batch}), generator=generator).to(getattr(torch, spec.dtype))
            for spec in self.inputs.values()
        )


def _parameter_sizes(checkpoint: Mapping[str, Tensor]) -> set[int]:
    return {size for tensor in checkpoint.values() for size in tensor.shape}


def check_dynamic(specs: Mapping[str, TensorSpec], dynamic: Sequence[str]) -> None:
    """Check `--dynamic`: it names the free axes that stay free. Raises UsageError for an axis that there is not."""
    known = sorted({axis for spec in specs.values() for axis in spec.free_axes})
    if unknown := [axis for axis in dynamic if axis not in known]:
        raise UsageError(f"--dynamic: there is no free axis {', '.join(unknown)}", hint=f"known: {', '.join(known)}")
    if dynamic and BATCH not in dynamic:
        raise UsageError(f"--dynamic: the batch axis {BATCH} always stays free", hint=f"--dynamic {BATCH}")
