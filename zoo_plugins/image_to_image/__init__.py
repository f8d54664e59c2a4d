"""Tasks whose answers are pictures that can be right: denoising, depth, super-resolution."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo_core import TaskSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.tasks import Task


def image_to_image(spec: TaskSpec) -> Task:
    """A picture for each picture."""
    from .pictures import ImageToImage

    return ImageToImage(spec)


@hookimpl
def zoo_tasks() -> Iterator[TaskSpec]:
    yield TaskSpec(
        name="image-to-image",
        summary="a picture for a picture, as large or larger: denoising, depth, super-resolution",
        load=image_to_image,
        targets="pictures",
        metrics={"loss": "less", "psnr": "more", "ssim": "more", "mae": "less"},
        selection="psnr",
        loss="l1: mean absolute error; mse or charbonnier by name",
    )
