"""A model under test: built at will, fed with inputs that are always the same, its outputs by name."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from zoo_core.building import builder_options, missing_options
from zoo_core.checks.rule import NotApplicableError
from zoo_core.errors import ZooError
from zoo_core.matching import bound_tensors
from zoo_core.torch_modules import named_outputs
from zoo_core.training import seed_everything
from zoo_core.verification.feed.rows import BATCH, frozen_values, plausible_range
from zoo_core.verification.feed.sizes import Sizes, size_cases

if TYPE_CHECKING:
    from zoo_core.registry import Model
    from zoo_core.shapes import TensorSpec

    Tensors = dict[str, TensorSpec]

SEED = 7


@dataclass(frozen=True)
class ModelCandidate:
    """A model with the options that were given for it; everything else is at its default."""

    model: Model
    module: str
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        """What findings call it."""
        return f"model {self.model.name}"

    @property
    def expected_failures(self) -> Mapping[str, str]:
        """Rules that the plugin says it breaks, and why."""
        return self.model.spec.expected_failures

    @functools.cached_property
    def options(self) -> dict[str, Any]:
        """Every option of the builder. Raises NotApplicableError while one that is required has no value."""
        options = builder_options(self.model.spec, self.given)
        if missing := missing_options(self.model.spec, options):
            raise NotApplicableError(f"-o {missing[0].name}=... is needed")
        return options

    def build(self, *, seed: int = SEED) -> nn.Module:
        """A fresh module whose weights follow from the seed, in evaluation mode.

        Raises NotApplicableError when it cannot be built: that is for one rule to say, not for all.
        """
        try:
            return self.build_with({}, seed=seed)
        except ZooError as error:
            raise NotApplicableError(f"it cannot be built: {error.message}") from error

    def build_with(self, changed: Mapping[str, Any], *, seed: int = SEED) -> nn.Module:
        """As `build`, with some options changed. Raises ZooError when the builder refuses them or fails."""
        seed_everything(seed)
        module: nn.Module = self.model.build(**{**self.options, **changed})
        return module.eval()

    def tensors(self, changed: Mapping[str, Any] | None = None) -> tuple[Tensors, Tensors]:
        """Inputs and outputs with the options filled in; free axes stay names."""
        return bound_tensors(self.model, {**self.options, **(changed or {})})

    @property
    def size_options(self) -> dict[str, int]:
        """Options that are the size of an axis, and one that it may have: the option's, else that of the free axis."""
        spec = self.model.spec
        freed = {option: axis for axis, option in spec.size_options.items()}
        return {name: self.options[name] or self.sizes[0][freed[name]] for name in spec.axis_options}

    @functools.cached_property
    def sizes(self) -> tuple[Sizes, ...]:
        """Sizes of the free axes besides the batch that the declaration allows, a usual one first."""
        return size_cases(self.tensors()[0], smallest=self.model.spec.smallest, largest=self.model.spec.largest)

    @property
    def batch_is_free(self) -> bool:
        """False for a model that takes one sample at a time."""
        return all(spec.axes[:1] == (BATCH,) for spec in self.model.spec.inputs.values())

    def need_free_batch(self) -> None:
        """Raises NotApplicableError for a model that takes one sample at a time."""
        if not self.batch_is_free:
            raise NotApplicableError("it takes one sample at a time")

    def need_ranges(self) -> None:
        """Raises NotApplicableError for an input of which nobody knows what it takes: a rule of its own says so."""
        try:
            for spec in self.tensors()[0].values():
                plausible_range(spec, self.model.spec.preprocess)
        except ZooError as error:
            raise NotApplicableError(error.message) from None

    def inputs(
        self, rows: int, *, sizes: Sizes | None = None, seed: int = 0, changed: Mapping[str, Any] | None = None
    ) -> tuple[Tensor, ...]:
        """That many rows of noise in the declared ranges, of the usual size unless `sizes` are given."""
        self.need_ranges()
        known = {BATCH: rows, **(self.sizes[0] if sizes is None else sizes)}
        drawn = []
        for number, spec in enumerate(self.tensors(changed)[0].values()):
            low, high = plausible_range(spec, self.model.spec.preprocess)
            place = seed + 1000 * number
            drawn.append(
                torch.from_numpy(frozen_values(spec.shape(known), dtype=spec.dtype, seed=place, low=low, high=high))
            )
        return tuple(drawn)

    def run(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """The declared outputs, by name, without gradients. Raises ZooError when the module gives something else."""
        with torch.no_grad():
            return self.outputs(module, inputs)

    def outputs(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> dict[str, Tensor]:
        """As `run`, in the mode that the module and torch are in."""
        found = module(*inputs)
        read = self.model.spec.read_outputs
        return named_outputs(found if read is None else read(found), list(self.model.spec.outputs))
