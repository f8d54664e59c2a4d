"""The kernels: what each filter multiplies a pixel and its neighbours with, and where that comes from."""

from __future__ import annotations

import math
from dataclasses import dataclass

Kernel = tuple[tuple[float, ...], ...]
"""Rows of one kernel, square with an odd side."""
Bank = tuple[tuple[Kernel, ...], ...]
"""Kernels of one layer: for each output channel, one for each input channel, whose results are added up."""


@dataclass(frozen=True, kw_only=True)
class Filter:
    """One filter: `layers` one after the other; `magnitude`: the root of the summed squares of the last one's maps."""

    summary: str
    source: str
    layers: tuple[Bank, ...]
    magnitude: bool = False

    @property
    def in_channels(self) -> int:
        """1 for grey pictures, 3 for colour."""
        return len(self.layers[0][0])

    @property
    def out_channels(self) -> int:
        """How many pictures come out of one."""
        return 1 if self.magnitude else len(self.layers[-1])

    @property
    def margin(self) -> int:
        """How many rows, and columns, are lost at the edges without padding."""
        return sum(len(bank[0][0]) - 1 for bank in self.layers)


def _grey(*kernels: Kernel) -> Bank:
    return tuple((kernel,) for kernel in kernels)


def _transposed(kernel: Kernel) -> Kernel:
    return tuple(zip(*kernel, strict=True))


def _constant(side: int, value: float) -> Kernel:
    return ((value,) * side,) * side


def _random_bank(*, out_channels: int, in_channels: int, side: int) -> Bank:
    """Kernels as a fresh convolution has them, uniform within 1 / sqrt(fan-in); the same on every machine.

    The numbers are those of Park and Miller's generator, computed in integers: no library's generator is asked, because
    none promises the same numbers for ever.
    """
    limit = 1 / math.sqrt(in_channels * side * side)
    state, modulus = 20_240_229, 2**31 - 1

    def draw() -> float:
        nonlocal state
        state = 48_271 * state % modulus
        return limit * (2 * state / modulus - 1)

    def kernel() -> Kernel:
        return tuple(tuple(draw() for _ in range(side)) for _ in range(side))

    return tuple(tuple(kernel() for _ in range(in_channels)) for _ in range(out_channels))


BOX = _constant(5, 1 / 25)
HORIZONTAL_LINE: Kernel = ((-1, -1, -1), (2, 2, 2), (-1, -1, -1))
VERTICAL_LINE = _transposed(HORIZONTAL_LINE)
ALL_EDGES: Kernel = ((-1, -1, -1), (-1, 8, -1), (-1, -1, -1))
SOBEL_ROWS: Kernel = ((-1, -2, -1), (0, 0, 0), (1, 2, 1))
SOBEL_COLUMNS = _transposed(SOBEL_ROWS)
TOP_EDGE: Kernel = ((1, 1, 1), (0, 0, 0), (-1, -1, -1))
RIGHT_EDGE: Kernel = ((-1, 0, 1), (-1, 0, 1), (-1, 0, 1))
ONES = _constant(3, 1.0)

_AI_PRIMER = "https://github.com/trokas/ai_primer"
_FASTBOOK = "https://github.com/fastai/fastbook"
_DLWPT = "https://github.com/deep-learning-with-pytorch/dlwpt-code"
_APS360 = "https://www.cs.toronto.edu/~lczhang/360/"

FILTERS = {
    "filter-box-blur": Filter(
        summary="Blurs a grey picture: the mean of 5 by 5 pixels",
        source=_AI_PRIMER,
        layers=(_grey(BOX),),
    ),
    "filter-line-horizontal": Filter(
        summary="Finds horizontal lines in a grey picture", source=_AI_PRIMER, layers=(_grey(HORIZONTAL_LINE),)
    ),
    "filter-line-vertical": Filter(
        summary="Finds vertical lines in a grey picture",
        source=_AI_PRIMER,
        layers=(_grey(VERTICAL_LINE),),
    ),
    "filter-edge": Filter(
        summary="Finds edges of any direction in a grey picture", source=_AI_PRIMER, layers=(_grey(ALL_EDGES),)
    ),
    "filter-sobel": Filter(
        summary="Sobel operator: how steep the brightness of a grey picture is, in any direction",
        source="https://en.wikipedia.org/wiki/Sobel_operator",
        layers=(_grey(SOBEL_ROWS, SOBEL_COLUMNS),),
        magnitude=True,
    ),
    "filter-vertical-edge": Filter(
        summary="Finds vertical edges in a colour picture, its channels added up",
        source=_DLWPT,
        layers=(((RIGHT_EDGE,) * 3,),),
    ),
    "filter-top-edge": Filter(
        summary="Finds top edges of bright shapes in a grey picture", source=_FASTBOOK, layers=(_grey(TOP_EDGE),)
    ),
    "filter-right-edge": Filter(
        summary="Finds edges between dark on the left and bright on the right in a grey picture",
        source=_FASTBOOK,
        layers=(_grey(RIGHT_EDGE),),
    ),
    "filter-sum": Filter(summary="Adds up 3 by 3 pixels of a grey picture", source=_FASTBOOK, layers=(_grey(ONES),)),
    "filter-corner": Filter(
        summary="Top and right edges of a grey picture, added up over 3 by 3 pixels of both",
        source=_FASTBOOK,
        layers=(_grey(TOP_EDGE, RIGHT_EDGE), ((ONES, ONES),)),
    ),
    "filter-random": Filter(
        summary="Seven fixed random 5 by 5 kernels on a colour picture, as before a training",
        source=_APS360,
        layers=(_random_bank(out_channels=7, in_channels=3, side=5),),
    ),
}
"""Every filter by the name of its model."""
