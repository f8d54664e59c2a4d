"""Filters: convolutions with kernels written by hand, for pictures of any size; nothing is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelSpec, Preprocess, TensorSpec, hookimpl

from .kernels import FILTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .net import FilterNet


def builder(name: str) -> Callable[..., FilterNet]:
    """The builder of one of the filters."""

    def build(*, padding: bool = False) -> FilterNet:
        """Returns the filtered pictures; `padding`: with zeros around them, so that they keep their size."""
        from .net import FilterNet  # torch lives there, and is needed only when a model is built

        chosen = FILTERS[name]
        return FilterNet(chosen.layers, magnitude=chosen.magnitude, padding=padding)

    return build


@hookimpl
def zoo_models() -> Iterator[ModelSpec]:
    for name, chosen in FILTERS.items():
        margin = chosen.margin
        height, width = (f"{axis}-{margin}+{margin}*padding" for axis in ("H", "W"))
        yield ModelSpec(
            name=name,
            build=builder(name),
            task="image-filter",
            summary=chosen.summary,
            inputs={"image": TensorSpec("N", chosen.in_channels, "H", "W")},
            outputs={"filtered": TensorSpec("N", chosen.out_channels, height, width)},
            preprocess=Preprocess(color="L" if chosen.in_channels == 1 else "RGB"),
            smallest={"H": margin + 1, "W": margin + 1},
            source=chosen.source,
            license="Apache-2.0",
        )
