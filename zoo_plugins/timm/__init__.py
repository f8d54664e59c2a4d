"""Every architecture of timm, under its own name: `timm/resnet18`, with its weights, labels and preprocessing.

Listing the names reads timm's files and imports none of them; a model's spec imports timm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelFamily, hookimpl

from .names import about, installed_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo_core import ModelSpec


def spec(name: str) -> ModelSpec:
    """The ModelSpec of one of timm's architectures. Raises ValueError for a name that it does not have."""
    from .members import member  # timm is imported there

    return member(name)


@hookimpl
def zoo_families() -> Iterator[ModelFamily]:
    yield ModelFamily(prefix="timm", library="timm", names=installed_names, spec=spec, about=about)
