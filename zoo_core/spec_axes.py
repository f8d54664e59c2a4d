"""What a ModelSpec says of axes, checked: axes of options have their option, and free axes are free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import ZooError

if TYPE_CHECKING:
    from .specs import ModelSpec


def check_axes(spec: ModelSpec) -> None:
    """Raises ZooError where tensors, `smallest`, `largest` and `size_options` do not fit each other and the builder."""
    free = {axis for tensor in spec.inputs.values() for axis in tensor.free_axes}
    _check_option_axes(spec)
    _check_ends(spec, free)
    _check_size_options(spec, free)


def _check_option_axes(spec: ModelSpec) -> None:
    named = {option.name for option in spec.options}
    for tensor in (*spec.inputs.values(), *spec.outputs.values()):
        used = {*tensor.option_axes, *filter(None, [tensor.high_option])}
        if unknown := used - named:
            raise ZooError(
                f"ModelSpec {spec.name!r}: axis {_listed(unknown)} is no option of its builder",
                hint=f"options: {_listed(named)}",
            )


def _check_ends(spec: ModelSpec, free: set[str]) -> None:
    for name, sizes in (("smallest", spec.smallest), ("largest", spec.largest)):
        for axis, size in sizes.items():
            if axis not in free or size < 1:
                raise ZooError(
                    f"ModelSpec {spec.name!r}: {name}={{{axis!r}: {size}}}, but the free axes of its inputs are "
                    f"{_listed(free)}, from 1 on"
                )
    for axis in spec.largest:
        if spec.largest[axis] < spec.smallest.get(axis, 1):
            raise ZooError(f"ModelSpec {spec.name!r}: the largest {axis} is smaller than its smallest")


def _check_size_options(spec: ModelSpec, free: set[str]) -> None:
    unset = {option.name for option in spec.options if option.type == "int" and option.optional}
    for axis, option in spec.size_options.items():
        if axis not in free or option not in unset:
            raise ZooError(
                f"ModelSpec {spec.name!r}: size_options={{{axis!r}: {option!r}}} is no free axis of its inputs "
                "with an option of its builder that may be None",
                hint=f"free axes: {_listed(free)}; def build(*, {option}: int | None = None)",
            )


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"
