"""PyTorch's side of the check of a model in stages: each stage on the tensors that the file gave to it."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from zoo_core.errors import NotVerifiedError
from zoo_core.export.convert.module import check_stages_fit, run_stage, stages_of
from zoo_core.specs import ModelSpec
from zoo_core.stages import Stage
from zoo_core.torch_modules import plain_attention
from zoo_core.verification.expect.bounds import EPS, OutputBound, bound_output
from zoo_core.verification.expect.selections import Choice, choice_of

from .float64 import in_double
from .reference import Array, Arrays, TorchReference

SAME_ROW = 64 * EPS
"""Within one stage a row is handed on as it is, or nearly: another candidate a little beside it is another row."""
JITTERS = 6
JITTER = 4 * EPS
"""By how much of the size of a tensor its values are moved, to see which choices hang by a hair; every operation after
them rounds in another way too."""


class RandomRounding(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Moves what each float32 operation computes by up to one unit in the last place, alike for the same `trial`.

    Another code rounds each operation in its own way; where values tie by rounding (scores near 1, after a sigmoid), a
    move of the inputs alone shows nothing of it. Source: Vignes, "A stochastic arithmetic for reliable scientific
    computation", 1993.
    """

    def __init__(self, trial: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generator = torch.Generator().manual_seed(trial)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        whole = name in _EXACT or (kwargs or {}).get("rounding_mode") is not None
        return result if whole or name in _HANDS_ON or func.is_view else tree_map(self._moved, result)

    def _moved(self, value: Any) -> Any:
        if not isinstance(value, Tensor) or value.dtype is not torch.float32 or not value.numel():
            return value
        steps = torch.randint(-1, 2, value.shape, generator=self._generator, dtype=torch.int8)
        return value * (1 + EPS * steps)


_COPIES = ("clone", "_to_copy", "copy_", "cat", "stack")
_PICKS = ("gather", "index", "index_select", "masked_select", "where", "scatter", "topk", "sort", "max", "min", "clamp")
_HANDS_ON = frozenset((*_COPIES, *_PICKS, "relu"))
"""Operations that hand values on as they are."""
_WHOLE = ("floor", "ceil", "round", "trunc", "floor_divide", "arange", "sign", "one_hot")
_CONSTANT = (
    "zeros",
    "ones",
    "full",
    "zeros_like",
    "ones_like",
    "full_like",
    "new_zeros",
    "new_ones",
    "new_full",
    "eye",
)
_EXACT = frozenset((*_WHOLE, *_CONSTANT, "neg", "abs", "maximum", "minimum"))
"""Operations that no code rounds: a place that is counted, or a whole number a little less, would be another one."""


@dataclass(frozen=True, kw_only=True)
class StageRun:
    """What PyTorch computes for one stage and one row, in float32 and in float64."""

    single: Arrays = field(repr=False)
    double: Arrays = field(repr=False)


class StagedReference:
    """Runs the stages of a model, in float32 and float64, each on given tensors."""

    def __init__(self, spec: ModelSpec, reference: TorchReference) -> None:
        if spec.stages is None:
            raise NotVerifiedError(f"{spec.name} has no stages")
        self._single = stages_of(spec, reference.module)
        check_stages_fit(self._single, inputs=tuple(spec.inputs), outputs=tuple(spec.outputs))
        self._double = stages_of(spec, reference.double_module)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order."""
        return self._single

    def compose(self, inputs: Mapping[str, Array]) -> Arrays:
        """Every tensor of the float32 stages, run one after the other, by name."""
        # Copies, here and below: a stage may work in place.
        tensors = {name: torch.from_numpy(value.copy()) for name, value in inputs.items()}
        with torch.no_grad(), plain_attention():
            for stage in self._single:
                tensors.update(_run(stage, tensors))
        return {name: value.numpy() for name, value in tensors.items()}

    def run(self, number: int, tensors: Mapping[str, Array]) -> StageRun:
        """Stage `number` on these tensors."""
        return StageRun(
            single=self._on(self._single[number], tensors), double=self._on(self._double[number], tensors, double=True)
        )

    def choose(self, number: int, tensors: Mapping[str, Array]) -> Choice:
        """What a stage that selects chooses from these tensors, and what of it is sure."""
        run = self.run(number, tensors)
        moved = []
        for trial in range(JITTERS):
            stage = self._single[number]
            shifted = {name: moved_by_rounding(name, tensors[name], trial) for name in stage.inputs}
            with RandomRounding(trial):
                moved.append(self._on(stage, shifted))
        return choice_of(run.double, run.single, moved, same=SAME_ROW)

    def _on(self, stage: Stage, tensors: Mapping[str, Array], *, double: bool = False) -> Arrays:
        given = {name: torch.from_numpy(np.array(tensors[name], copy=True)) for name in stage.inputs}
        with torch.no_grad(), plain_attention():
            if not double:
                found = _run(stage, given)
            else:
                with in_double():
                    wide = {
                        name: value.double() if value.is_floating_point() else value for name, value in given.items()
                    }
                    found = _run(stage, wide)
        return {name: value.numpy() for name, value in found.items()}


def _run(stage: Stage, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    try:
        return run_stage(stage, tensors)
    except (RuntimeError, TypeError, ValueError, LookupError, AttributeError) as error:
        text = " ".join(str(error).split())[:300]
        raise NotVerifiedError(f"stage {stage.name!r} fails: {type(error).__name__}: {text}") from error


def moved_by_rounding(name: str, value: Array, trial: int) -> Array:
    """The values moved by about a rounding error of the largest of them, alike in every process."""
    if value.dtype.kind != "f" or not value.size:
        return value
    generator = np.random.Generator(np.random.Philox(key=zlib.crc32(f"{name} {trial}".encode())))
    size = np.float32(JITTER * float(np.abs(value).max()))
    moved: Array = value + size * generator.uniform(-1, 1, value.shape).astype(np.float32)
    return moved.astype(np.float32)


def stage_bound(
    runs: Sequence[StageRun], name: str, *, corner: NDArray[np.bool_], known_floor: float = 0.0
) -> OutputBound:
    """The bound of one tensor of a stage over several rows, which may have different numbers of elements."""
    single = padded([run.single[name] for run in runs])
    return bound_output(
        name, float32=single, float64=padded([run.double[name] for run in runs]), corner=corner, known_floor=known_floor
    )


def padded(rows: Sequence[Array]) -> Array:
    """Rows of different sizes as one array: flat, and filled up with zeros, which are as they should be."""
    longest = max((row.size for row in rows), default=0)
    found = np.zeros((len(rows), longest), dtype=np.float64)
    for place, row in enumerate(rows):
        found[place, : row.size] = row.reshape(-1)
    return found
