"""The recipe of arrays whose lengths differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from zoo_core import RecipeSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.recipes import ArrayRecipe


def array(
    *,
    dtype: Literal["float32", "int64", "uint8", "bool"] = "float32",
    axis: int = 0,
    pad: float = 0.0,
    side: Literal["end", "begin"] = "end",
    multiple: int = 1,
    length: int | None = None,
    gives: Literal["values", "mask"] = "values",
) -> ArrayRecipe:
    """Samples that differ along `axis` are brought to one `length`, or to the longest and a `multiple`, with `pad`.

    `gives`: the values, or which places are a sample's own, bool (N, L).
    """
    from zoo_core.recipes import ArrayRecipe

    return ArrayRecipe(dtype=dtype, axis=axis, pad=pad, side=side, multiple=multiple, length=length, gives=gives)


@hookimpl
def zoo_recipes() -> Iterator[RecipeSpec]:
    yield RecipeSpec(name="array", summary="numbers of any length, padded by a rule", load=array, suffixes=(".npy",))
