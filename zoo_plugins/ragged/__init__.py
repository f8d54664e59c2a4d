"""The recipe of arrays whose lengths differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from zoo_core import RecipeSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.recipes import ArrayRecipe


def array(
    *,
    dtype: Annotated[Literal["float32", "int64", "uint8", "bool"], "what the numbers are kept as"] = "float32",
    axis: Annotated[int, "along which samples differ in length, counted within a sample"] = 0,
    pad: Annotated[float, "what fills a shorter sample"] = 0.0,
    side: Annotated[Literal["end", "begin"], "where it is filled"] = "end",
    multiple: Annotated[int, "lengths are a multiple of this"] = 1,
    length: Annotated[int | None, "of every sample; none: that of the longest"] = None,
    gives: Annotated[Literal["values", "mask"], "the numbers, or which places are a sample's own"] = "values",
) -> ArrayRecipe:
    """Samples that differ along `axis` are brought to one `length`, or to the longest and a `multiple`, with `pad`.

    `gives`: the values, or which places are a sample's own, bool (N, L).
    """
    from zoo_core.recipes import ArrayRecipe

    return ArrayRecipe(dtype=dtype, axis=axis, pad=pad, side=side, multiple=multiple, length=length, gives=gives)


@hookimpl
def zoo_recipes() -> Iterator[RecipeSpec]:
    yield RecipeSpec(name="array", summary="numbers of any length, padded by a rule", load=array, suffixes=(".npy",))
