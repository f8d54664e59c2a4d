"""One side of a resize: the matrix that Pillow's antialiased filter is, of the size of the picture, and its product.

Pillow's own arithmetic to the bit (docs/preprocessing.md says it in words): weights are whole numbers with 22 bits
after the point, sums are exact, and what comes out is a whole number from 0 to 255 again. The weights are written with
three digits of 8 bits, so that pixels stay uint8 and each product is one of MatMulInteger, which rounds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .drawing import Drawing
from .filters import FILTERS, REACHES

BITS = 22
"""After the point of a weight."""
DIGITS = 3
_ZERO = 128
"""What stands for the digit 0: digits go from -128 to 127."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a picture: what its parts are called, `length` pixels that become `size`, of which `count` are kept
    from `begin` on. All are names of whole numbers, int64 without axes, but `count`."""

    called: str
    length: str
    size: str
    begin: str
    count: int


def scale_of(draw: Drawing, side: Side) -> str:
    """How many old pixels a new one is."""
    length = draw.cast(side.length, "float64", name=f"{side.called}/length")
    size = draw.cast(side.size, "float64", name=f"{side.called}/size")
    return draw.add("Div", length, size, name=f"{side.called}/scale")


def weights_of(draw: Drawing, side: Side, interpolation: str) -> str:
    """The matrix (count, length), float64: what each old pixel counts in each new one."""
    called = side.called
    scale = scale_of(draw, side)
    spread = draw.add("Max", scale, draw.double(1.0), name=f"{called}/spread")
    reach = draw.add("Mul", draw.double(REACHES[interpolation]), spread, name=f"{called}/reach")
    center = _centers(draw, side, scale)
    first = _edge(draw, side, center, reach, operator="Sub", name=f"{called}/first")
    last = _edge(draw, side, center, reach, operator="Add", name=f"{called}/end")
    places = draw.counting(draw.whole(0), side.length, name=f"{called}/old places")  # (length,)
    inside = draw.add(
        "And",
        draw.add("GreaterOrEqual", places, first, name=f"{called}/is after"),
        draw.add("Less", places, last, name=f"{called}/is before"),
        name=f"{called}/inside",
    )
    distance = draw.add(
        "Sub", draw.cast(places, "float64", name=f"{called}/old pixels"), center, name=f"{called}/from center"
    )
    distance = draw.add("Add", distance, draw.double(0.5), name=f"{called}/distance")
    step = draw.add("Div", draw.double(1.0), spread, name=f"{called}/step")
    distance = draw.add("Mul", distance, step, name=f"{called}/distance in steps")
    weights = FILTERS[interpolation](draw, distance, f"{called}/filter")
    weights = draw.add("Where", inside, weights, draw.double(0.0), name=f"{called}/weights")
    # Added up in order, as Pillow does it: a ReduceSum may take any.
    sums = draw.add("CumSum", weights, draw.whole(1), name=f"{called}/sums")
    total = draw.add("Gather", sums, draw.constant([-1], "int64"), name=f"{called}/total", axis=1)
    return draw.add("Div", weights, total, name=f"{called}/parts")


def _centers(draw: Drawing, side: Side, scale: str) -> str:
    """Where the middle of each new pixel is among the old ones, (count, 1)."""
    called = side.called
    new = draw.counting(side.begin, draw.whole(side.count), name=f"{called}/new places")
    new = draw.add("Unsqueeze", new, draw.constant([1], "int64"), name=f"{called}/new column")
    middle = draw.cast(new, "float64", name=f"{called}/new pixels")
    middle = draw.add("Add", middle, draw.double(0.5), name=f"{called}/middle")
    return draw.add("Mul", middle, scale, name=f"{called}/center")


def _edge(draw: Drawing, side: Side, center: str, reach: str, *, operator: str, name: str) -> str:
    """Where the pixels that count begin or end. Beyond the picture is no matter: there is no pixel."""
    edge = draw.add(operator, center, reach, name=f"{name}/exactly")
    return draw.cast(draw.add("Add", edge, draw.double(0.5), name=f"{name}/and a half"), "int64", name=name)


def digits_of(draw: Drawing, weights: str, *, called: str) -> list[str]:
    """The weights as whole numbers, a half rounded up in size, in three matrices of digits: uint8, the lowest first."""
    scaled = draw.add("Mul", weights, draw.double(float(1 << BITS)), name=f"{called}/scaled")
    half = draw.add("Mul", draw.add("Sign", weights, name=f"{called}/sign"), draw.double(0.5), name=f"{called}/half")
    whole = draw.cast(draw.add("Add", scaled, half, name=f"{called}/nearly whole"), "int32", name=f"{called}/whole")
    rest = draw.add(
        "Add",
        whole,
        draw.constant(_ZERO * sum(256**place for place in range(DIGITS)), "int32"),
        name=f"{called}/above 0",
    )
    digits = []
    for place in range(DIGITS):
        digit, base = rest, draw.constant(256, "int32")
        if place < DIGITS - 1:
            digit = draw.add("Mod", rest, base, name=f"{called}/digit {place} whole")
            rest = draw.add("Div", rest, base, name=f"{called}/rest {place}")
        digits.append(draw.cast(digit, "uint8", name=f"{called}/digit {place}"))
    return digits


def multiplied(draw: Drawing, pixels: str, digits: Sequence[str], *, called: str, from_left: bool) -> str:
    """The product of pixels (N, C, H, W), uint8, with the weights of one side: from the left for the rows of a picture,
    from the right, with digits (length, count), for its columns. Rounded, from 0 to 255, uint8."""
    zero = draw.constant(_ZERO, "uint8")
    none = draw.constant(
        0, "uint8"
    )  # said and not left out: OpenVINO loads no file that leaves out the first of the two
    total = ""
    for place, digit in enumerate(digits):
        inputs = (digit, pixels, zero, none) if from_left else (pixels, digit, none, zero)
        part = draw.add("MatMulInteger", *inputs, name=f"{called}/product {place}")
        part = draw.cast(part, "int64", name=f"{called}/product {place} wide")
        if place:
            part = draw.add("Mul", part, draw.whole(256**place), name=f"{called}/product {place} in its place")
        total = draw.add("Add", total, part, name=f"{called}/sum {place}") if total else part
    total = draw.add("Add", total, draw.whole(1 << (BITS - 1)), name=f"{called}/and a half")
    # What is below 0 is cut off at 0 anyway, so that it does not matter that Div goes towards 0.
    total = draw.add("Div", total, draw.whole(1 << BITS), name=f"{called}/rounded")
    total = draw.add("Clip", total, draw.whole(0), draw.whole(255), name=f"{called}/in range")
    return draw.cast(total, "uint8", name=f"{called}/resized")


def nearest_places(draw: Drawing, side: Side) -> str:
    """Which old pixel each new one is, (count,): Pillow adds the step up from pixel to pixel."""
    called = side.called
    scale = scale_of(draw, side)
    one = draw.constant([1], "int64")
    first = draw.add("Mul", scale, draw.double(0.5), name=f"{called}/first step")
    first = draw.add("Reshape", first, one, name=f"{called}/first place")
    others = draw.add("Sub", side.size, draw.whole(1), name=f"{called}/others")
    others = draw.add("Reshape", others, one, name=f"{called}/count of others")
    steps = draw.add("Expand", scale, others, name=f"{called}/steps")
    walk = draw.add("Concat", first, steps, name=f"{called}/walk", axis=0)
    places = draw.cast(
        draw.add("CumSum", walk, draw.whole(0), name=f"{called}/places"), "int64", name=f"{called}/pixels"
    )
    kept = draw.counting(side.begin, draw.whole(side.count), name=f"{called}/new places")
    return draw.add("Gather", places, kept, name=f"{called}/nearest", axis=0)
