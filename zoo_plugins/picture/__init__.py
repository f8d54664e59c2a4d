"""The recipe of pictures, which `preprocess=Preprocess(...)` says for the first input of a dataset or a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from zoo_core import Preprocess, RecipeSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.recipes import PictureRecipe


def picture(
    *,
    resize: tuple[int, ...] = (),
    interpolation: Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"] = "bilinear",
    crop: tuple[int, ...] = (),
    scale: float = 1 / 255,
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
    color: Literal["RGB", "BGR", "L"] = "RGB",
    layout: Literal["NCHW", "NHWC"] = "NCHW",
) -> PictureRecipe:
    """As `Preprocess`; `resize` is empty, one number for the shorter side, or height and width."""
    from zoo_core.recipes import PictureRecipe

    return PictureRecipe.of_fields(
        resize,
        crop,
        Preprocess(interpolation=interpolation, scale=scale, mean=mean, std=std, color=color, layout=layout),
    )


@hookimpl
def zoo_recipes() -> Iterator[RecipeSpec]:
    yield RecipeSpec(
        name="picture",
        summary="a picture, resized, cropped and normalised",
        load=picture,
        suffixes=(".png", ".jpg", ".jpeg", ".webp", ".bmp"),
    )
