"""Every architecture of segmentation_models.pytorch, under its own name: `smp/unet`, with any encoder of the library.

Listing the names reads the library's files and imports neither it nor torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core import ModelFamily, hookimpl

from .names import about, installed_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo_core import ModelSpec


def spec(name: str) -> ModelSpec:
    """The ModelSpec of one of the library's architectures. Raises ValueError for a name that it does not have."""
    from .members import member

    return member(name)


@hookimpl
def zoo_families() -> Iterator[ModelFamily]:
    yield ModelFamily(
        prefix="smp", library="segmentation-models-pytorch", names=installed_names, spec=spec, about=about
    )
