"""Models that take one sample at a time, and whose outputs have no axis for it: detectors that choose by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from zoo_core.shapes import takes_one
from zoo_core.specs import ModelSpec
from zoo_core.torch_modules import Read, named_outputs


@dataclass(frozen=True, kw_only=True)
class OneAtATime:
    """The `read_outputs` of a model that takes one sample and gives it no axis: its outputs get one, (1, ...)."""

    names: tuple[str, ...]
    read: Read | None

    def __call__(self, result: Any) -> dict[str, Tensor]:
        return {name: value[None] for name, value in named_outputs(result, self.names, self.read).items()}


def reader_of(spec: ModelSpec) -> Read | None:
    """What reads the outputs of a model of this spec, so that they have an axis for the samples."""
    if takes_one(spec.inputs, spec.outputs):
        return OneAtATime(names=tuple(spec.outputs), read=spec.read_outputs)
    return spec.read_outputs
