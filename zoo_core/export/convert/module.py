"""What is exported: the module itself, or what stands for it; and how its tensors are called in the checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from zoo_core.errors import NotVerifiedError, ZooError
from zoo_core.export.plan.layer import Cut
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.specs import ModelSpec
from zoo_core.stages import Stage
from zoo_core.torch_modules import named_outputs, plain_attention
from zoo_core.verification.feed.rows import BATCH

ORIGINAL = "original"
"""Where what stands for a module keeps it; stripped from the module paths in the file."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """The module that is traced: it takes the declared inputs, and gives the declared outputs and then the `cuts`.

    `names` maps the names of its parameters and buffers to those in the checkpoint.
    """

    module: nn.Module
    names: Mapping[str, str]
    stages: tuple[Stage, ...] = ()
    cuts: tuple[str, ...] = ()


class _Declared(nn.Module):
    """A module whose `forward` gives its outputs in another form than declared."""

    def __init__(self, module: nn.Module, read: Callable[[Any], Any] | None, outputs: Sequence[str]) -> None:
        super().__init__()
        self.original = module
        self._read, self._outputs = read, tuple(outputs)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        found = self.original(*inputs)
        return tuple(named_outputs(found, self._outputs, self._read).values())


class Staged(nn.Module):
    """The stages of a module, one after the other; gives the declared outputs and then the cuts."""

    def __init__(
        self, module: nn.Module, stages: Sequence[Stage], *, inputs: Sequence[str], gives: Sequence[str]
    ) -> None:
        super().__init__()
        self.original = module
        self._stages, self._inputs, self._gives = tuple(stages), tuple(inputs), tuple(gives)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        tensors = dict(zip(self._inputs, inputs, strict=True))
        for stage in self._stages:
            tensors.update(run_stage(stage, tensors))
        return tuple(tensors[name] for name in self._gives)


def stages_of(spec: ModelSpec, module: nn.Module) -> tuple[Stage, ...]:
    """The stages that a plugin cuts its model into. Raises NotVerifiedError when it fails to."""
    try:
        stages = tuple(spec.stages(module)) if spec.stages is not None else ()
    except Exception as error:
        raise NotVerifiedError(f"stages() of {spec.name} fails: {type(error).__name__}: {error}") from error
    if wrong := [type(stage).__name__ for stage in stages if not isinstance(stage, Stage)]:
        raise NotVerifiedError(f"stages() of {spec.name} gives a {wrong[0]}, not a Stage")
    return stages


def run_stage(stage: Stage, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The outputs of one stage, by name. Raises NotVerifiedError when it gives something else than it declares."""
    try:
        return named_outputs(stage.run(*(tensors[name] for name in stage.inputs)), stage.outputs)
    except ZooError as error:
        raise NotVerifiedError(f"stage {stage.name!r}: {error.message}", hint=error.hint) from None


def exported(plan: ExportPlan, module: nn.Module, *, gives_tensors: bool | None = None) -> Exported:
    """What stands for `module` in the export of `plan`: its stages, its wrapper, an adapter of its outputs, or itself.
    Where the plan names a layer: the module up to that layer.

    `gives_tensors`: whether its `forward` returns tensors (None: it is tried). Raises NotVerifiedError when stages or
    wrapper do not fit the declaration.
    """
    spec = plan.model.spec
    outputs = tuple(plan.outputs)
    if plan.layer is not None:
        cut = Cut(module, plan.layer).eval()
        return Exported(module=cut, names=_names(cut, module))
    if spec.stages is not None:
        stages = stages_of(spec, module)
        check_stages_fit(stages, inputs=tuple(plan.inputs), outputs=outputs)
        cuts = tuple(name for stage in stages for name in stage.outputs if name not in outputs)
        staged = Staged(module, stages, inputs=tuple(plan.inputs), gives=(*outputs, *cuts)).eval()
        return Exported(module=staged, names=_names(staged, module), stages=stages, cuts=cuts)
    if spec.export_wrapper is not None:
        wrapper = spec.export_wrapper(module)
        if not isinstance(wrapper, nn.Module):
            raise NotVerifiedError(f"export_wrapper gives a {type(wrapper).__name__}, not a module")
        wrapper = wrapper.eval().requires_grad_(False)
        return Exported(module=wrapper, names=_names(wrapper, module))
    plain = _gives_tensors(module, plan) if gives_tensors is None else gives_tensors
    if spec.read_outputs is not None or not plain:
        declared = _Declared(module, spec.read_outputs, outputs).eval()
        return Exported(module=declared, names=_names(declared, module))
    return Exported(module=module, names=_names(module, module))


def _gives_tensors(module: nn.Module, plan: ExportPlan) -> bool:
    with torch.no_grad(), plain_attention():
        found = module(*plan.drawn({BATCH: 1, **plan.size_cases[0]}))
    return isinstance(found, Tensor | tuple | list)


def check_stages_fit(stages: Sequence[Stage], *, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> None:
    """Raises NotVerifiedError unless every stage takes what is there, and together they give every output once."""
    known = set(inputs)
    for stage in stages:
        if missing := [name for name in stage.inputs if name not in known]:
            raise NotVerifiedError(f"stage {stage.name!r} takes {', '.join(missing)}, which no stage before it gives")
        if again := [name for name in stage.outputs if name in known]:
            raise NotVerifiedError(f"stage {stage.name!r} gives {', '.join(again)} again")
        known.update(stage.outputs)
    if missing := [name for name in outputs if name not in known]:
        raise NotVerifiedError(f"no stage gives the output {', '.join(missing)}")


def _names(traced: nn.Module, module: nn.Module) -> dict[str, str]:
    """By identity: a wrapper may hold the module, or parts of it, under any name. Tied tensors keep their own names."""
    own: dict[int, str] = {}
    for name, tensor in _tensors(module).items():
        own.setdefault(id(tensor), name)
    direct = _tensors(module)
    return {
        name: name if direct.get(name) is tensor else own[id(tensor)]
        for name, tensor in _tensors(traced).items()
        if id(tensor) in own
    }


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    return {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
