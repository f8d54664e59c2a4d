"""What is to be exported, decided and checked before anything is converted."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo_core.errors import UsageError, ZooError
from zoo_core.matching import fixed_axes
from zoo_core.registry import Model
from zoo_core.shapes import TensorSpec
from zoo_core.specs import Preprocess, Recipe
from zoo_core.tasks import Task, get_task
from zoo_core.verification.expect.sensitivity import GIVE_EXAMPLES
from zoo_core.verification.feed.rows import BATCH, FEW_ROWS, SAMPLE_ROWS, frozen_values, plausible_range
from zoo_core.verification.feed.sizes import Sizes, free_sizes, size_cases, sizes_of

from .examples import example_rows

OPSETS = range(17, 24)
DEFAULT_OPSET = 20
OTHER_OPSET = 22
"""Tried where the file of the default opset fails: it defines pooling and its sizes anew."""
LARGEST_FILE = (1 << 31) - 1
"""Where protobuf ends, and so a file that holds everything; above it weights lie in a file beside."""
PLAUSIBLE_SEED = 30_000
PLAUSIBLE_ROWS = 8

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class LabelledInputs:
    """Rows of a dataset as model inputs, by input name, with their targets."""

    inputs: Mapping[str, Array]
    targets: Any

    def spread(self, count: int = SAMPLE_ROWS) -> dict[str, Array]:
        """`count` rows spread evenly over the split."""
        total = len(self.targets)
        index = np.unique(np.linspace(0, total - 1, min(count, total)).astype(np.int64))
        return {name: value[index] for name, value in self.inputs.items()}


@dataclass(frozen=True, kw_only=True)
class ExportPlan:
    """Everything that the export of one checkpoint needs.

    `inputs` and `outputs` have their option axes filled in; capital axes that stay are free in the file. `checkpoint`
    is the module's state dictionary. `validation` are real samples, where there is a dataset. `layer`: the part of the
    model whose output is exported; made by `cut_plan`. `traced`: where free axes end because the trace takes it for
    granted. `own`: names of the tensors that the builder brings itself, which were not altered. `other_opset`: may be
    taken where the file of `opset` fails; None where that one was asked for. `unused`: freshly built modules that
    nobody has run, whose tensors are their own.
    `renamed`: how the names in the file of weights became the model's, where they were others. `unfinished`: in a
    sentence, how far the run came, where it did not come to its end. `remarks`: what the metrics do not say, in
    sentences.
    """

    name: str
    model: Model
    options: Mapping[str, Any]
    checkpoint: Mapping[str, Tensor] = field(repr=False)
    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]
    labels: tuple[str, ...] = ()
    preprocess: Preprocess | None = None
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    validation: LabelledInputs | None = field(default=None, repr=False)
    task_settings: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    weights: str | None = None
    layer: str | None = None
    untrained: bool = False
    own: frozenset[str] = frozenset()
    renamed: str = ""
    unfinished: str = ""
    remarks: tuple[str, ...] = ()
    dataset: Mapping[str, Any] | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    opset: int = DEFAULT_OPSET
    other_opset: int | None = OTHER_OPSET
    traced: Mapping[str, int] = field(default_factory=dict)
    largest_file: int = LARGEST_FILE
    unused: list[nn.Module] = field(default_factory=list, repr=False, compare=False)

    @functools.cached_property
    def task(self) -> Task:
        """What the outputs mean, with the settings that were chosen for these weights."""
        return get_task(self.model.spec.task, settings=self.task_settings)

    def __post_init__(self) -> None:
        if self.opset not in OPSETS:
            raise UsageError(f"opset {self.opset} is not supported", hint=f"{OPSETS[0]} to {OPSETS[-1]}")
        _ = self.ranges  # an input without one is told before anything is built
        firsts = {spec.axes[:1] for spec in self.inputs.values()}
        if firsts not in ({(BATCH,)}, {(1,)}):
            shown = ", ".join(f"{name} {spec}" for name, spec in self.inputs.items())
            raise ZooError(
                f"{self.model.name}: the first axis of every input must be {BATCH!r}, not {shown}",
                hint="wrap the model: its forward takes the batch first and hands it on as the model wants it, "
                "x.transpose(0, 1) for (L, N, ...); or 1 for a model that takes one sample at a time",
            )
        known = {axis for spec in self.inputs.values() for axis in spec.free_axes}
        for name, spec in self.outputs.items():
            if self.batch_is_free and spec.axes[:1] != (BATCH,):
                raise ZooError(
                    f"{self.model.name}: the first axis of {name} must be {BATCH!r}, not {spec}",
                    hint="wrap the model: its forward gives the batch first, y.transpose(0, 1) for (layers, N, ...); "
                    "what has no batch, such as anchors, by y.expand(len(x), ...)",
                )
            unknown = [axis for axis in spec.free_axes if axis not in known]
            if self.model.spec.stages is not None and (self.batch_is_free or unknown[:1] != list(spec.axes[:1])):
                raise ZooError(
                    f"{self.model.name}: a model in stages takes one sample and chooses rows, but {name} is {spec}",
                    hint='TensorSpec(1, ...) for each input, TensorSpec("K", ...) for each output',
                )
            if unknown and self.model.spec.stages is None:
                raise ZooError(
                    f"{self.model.name}: no input has the axis {', '.join(unknown)} of its output {name} {spec}",
                    hint="a number of rows that the data decide needs stages (see docs/plugins.md)",
                )

    @property
    def advice_if_constant(self) -> str:
        """What helps where outputs hardly vary with the input."""
        if self.run is None:
            return GIVE_EXAMPLES
        return (
            f"run {self.run!r} answers nearly the same whatever it is given: train it longer, or again with another "
            "learning rate (-t lr=...)"
        )

    @property
    def batch_is_free(self) -> bool:
        """False for a model that takes one sample at a time."""
        return all(spec.axes[:1] == (BATCH,) for spec in self.inputs.values())

    @property
    def size_cases(self) -> tuple[Sizes, ...]:
        """The sizes of the free axes besides the batch, case by case, the usual one first: that of real samples."""
        cases = size_cases(self.inputs, smallest=self.model.spec.smallest, largest=self._declared_largest)
        real = self.validation.inputs if self.validation is not None else self._examples
        if real is None or not free_sizes(self.inputs.values()):
            return cases
        sizes = sizes_of({name: (1, *value.shape[1:]) for name, value in real.items()}, self.inputs)
        usual = {axis: size for axis, size in sizes.items() if axis != BATCH}
        return (usual, *(case for case in cases if case != usual))

    def samples(self, count: int = SAMPLE_ROWS) -> dict[str, Array] | None:
        """`count` real rows, (rows, ...) by input name: of the dataset, or the examples that the model brings."""
        if self.validation is not None:
            return self.validation.spread(count)
        return self._examples and {name: value[:count] for name, value in self._examples.items()}

    @functools.cached_property
    def _examples(self) -> dict[str, Array] | None:
        return example_rows(self.model, self.options, self.inputs)

    @property
    def _declared_largest(self) -> dict[str, int]:
        free = {axis for spec in self.inputs.values() for axis in spec.free_axes}
        return {axis: size for axis, size in self.model.spec.largest.items() if axis in free}

    @property
    def largest(self) -> dict[str, int]:
        """The largest size of each free axis that ends somewhere: as declared, and as the trace takes for granted."""
        declared = self._declared_largest
        return {axis: min(size, declared.get(axis, size)) for axis, size in {**declared, **self.traced}.items()}

    @property
    def fixed_axes(self) -> dict[str, str]:
        """Why axes that others leave free are not free here, by their names."""
        return fixed_axes(self.model.spec, self.options)

    def build(self) -> nn.Module:
        """A freshly built module, with fresh weights; each call gives another one."""
        if self.unused:
            return self.unused.pop()
        module: nn.Module = self.model.build(**self.options)
        return module

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The plausible range of each input."""
        found = {}
        for name, spec in self.inputs.items():
            try:
                found[name] = plausible_range(spec, self.preprocess)
            except ZooError as error:
                raise ZooError(f"{self.model.name}: input {name!r}: {error.message}", hint=error.hint) from None
        return found

    def plausible_inputs(self) -> dict[str, Tensor]:
        """A few rows of noise in the declared ranges, of the usual size."""
        sizes = self.size_cases[0]
        rows = PLAUSIBLE_ROWS if self.batch_is_free else FEW_ROWS
        return {
            name: torch.from_numpy(
                frozen_values(
                    (rows, *spec.shape({BATCH: 1, **sizes})[1:]),
                    dtype=spec.dtype,
                    seed=PLAUSIBLE_SEED + number,
                    low=self.ranges[name][0],
                    high=self.ranges[name][1],
                )
            )
            for number, (name, spec) in enumerate(self.inputs.items())
        }

    def example(self) -> tuple[Tensor, ...]:
        """Inputs to trace with: a batch of at least 2 that equals no other size of the model, and other free axes that
        equal no size of it either, so that a size which is baked in cannot be mistaken for a free one."""
        taken = {size for spec in (*self.inputs.values(), *self.outputs.values()) for size in spec.axes[1:]}
        taken |= _parameter_sizes(self.checkpoint)
        sizes = {}
        for axis, usual in self.size_cases[0].items():
            largest = self._declared_largest.get(axis, 100_000)
            upwards, downwards = range(max(usual, 2), largest + 1), range(min(usual, largest), 0, -1)
            sizes[axis] = next((n for n in (*upwards, *downwards) if n not in taken), usual)
            taken.add(sizes[axis])
        sizes[BATCH] = next(n for n in range(2, 100_000) if n not in taken)
        return self.drawn(sizes)

    def drawn(self, sizes: Sizes) -> tuple[Tensor, ...]:
        """Inputs in their plausible ranges, with these sizes of all free axes: to trace with, and to see shapes."""
        generator = torch.Generator().manual_seed(0)
        drawn = []
        for number, (name, spec) in enumerate(self.inputs.items()):
            low, high = self.ranges[name]
            if spec.dtype.startswith("float"):
                value = torch.empty(spec.shape(sizes)).uniform_(low, high, generator=generator)
                drawn.append(value.to(getattr(torch, spec.dtype)))
            else:
                values = frozen_values(spec.shape(sizes), dtype=spec.dtype, seed=number, low=low, high=high)
                drawn.append(torch.from_numpy(values))
        return tuple(drawn)


def _parameter_sizes(checkpoint: Mapping[str, Tensor]) -> set[int]:
    return {size for tensor in checkpoint.values() for size in tensor.shape}
