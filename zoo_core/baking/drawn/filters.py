"""The filters of a resize, as Pillow has them, in float64: what a pixel at some distance counts."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from .drawing import Drawing

Filter = Callable[[Drawing, str, str], str]
"""(drawing, the distances, the name of the result) -> weights; beyond its reach whatever comes out is not used."""

REACHES = {"box": 0.5, "bilinear": 1.0, "hamming": 1.0, "bicubic": 2.0, "lanczos": 3.0}
"""How far a filter reaches, in pixels of the smaller picture."""


def _box(draw: Drawing, x: str, name: str) -> str:
    """1 for -0.5 < x <= 0.5."""
    after = draw.add("Greater", x, draw.double(-0.5), name=f"{name}/after")
    before = draw.add("LessOrEqual", x, draw.double(0.5), name=f"{name}/before")
    inside = draw.add("And", after, before, name=f"{name}/inside")
    return draw.cast(inside, "float64", name=name)


def _bilinear(draw: Drawing, x: str, name: str) -> str:
    """1 - |x|."""
    size = draw.add("Abs", x, name=f"{name}/size")
    return _within(draw, size, draw.add("Sub", draw.double(1.0), size, name=f"{name}/slope"), 1.0, name)


def _hamming(draw: Drawing, x: str, name: str) -> str:
    """sinc(x) * (0.54 + 0.46 * cos(pi * x)), with both numbers rounded to float32."""
    size = draw.add("Abs", x, name=f"{name}/size")
    turned = draw.add("Mul", size, draw.double(math.pi), name=f"{name}/turned")
    wave = draw.add("Cos", turned, name=f"{name}/wave")
    part = draw.add("Mul", draw.double(float(np.float32(0.46))), wave, name=f"{name}/part")
    window = draw.add("Add", draw.double(float(np.float32(0.54))), part, name=f"{name}/window")
    both = draw.add("Mul", _sinc(draw, size, f"{name}/sinc"), window, name=f"{name}/both")
    return _within(draw, size, both, 1.0, name)


def _bicubic(draw: Drawing, x: str, name: str) -> str:
    """(1.5 * |x| - 2.5) * x * x + 1 up to 1, then (((|x| - 5) * |x| + 8) * |x| - 4) * -0.5."""
    size = draw.add("Abs", x, name=f"{name}/size")

    def steps(*given: tuple[str, str | float], begin: str, part: str) -> str:
        value = begin
        for number, (operator, by) in enumerate(given):
            other = by if isinstance(by, str) else draw.double(by)
            value = draw.add(operator, value, other, name=f"{name}/{part} {number}")
        return value

    near = steps(("Mul", 1.5), ("Sub", 2.5), ("Mul", size), ("Mul", size), ("Add", 1.0), begin=size, part="near")
    far_steps = (("Sub", 5.0), ("Mul", size), ("Add", 8.0), ("Mul", size), ("Sub", 4.0), ("Mul", -0.5))
    far = steps(*far_steps, begin=size, part="far")
    is_near = draw.add("Less", size, draw.double(1.0), name=f"{name}/is near")
    return _within(draw, size, draw.add("Where", is_near, near, far, name=f"{name}/both"), 2.0, name)


def _lanczos(draw: Drawing, x: str, name: str) -> str:
    """sinc(x) * sinc(x / 3)."""
    size = draw.add("Abs", x, name=f"{name}/size")
    third = draw.add("Div", size, draw.double(3.0), name=f"{name}/third")
    slow = _sinc(draw, third, f"{name}/slow")
    both = draw.add("Mul", _sinc(draw, size, f"{name}/sinc"), slow, name=f"{name}/both")
    return _within(draw, size, both, 3.0, name)


def _sinc(draw: Drawing, x: str, name: str) -> str:
    """sin(pi * x) / (pi * x), and 1 at 0."""
    turned = draw.add("Mul", x, draw.double(math.pi), name=f"{name}/turned")
    is_zero = draw.add("Equal", turned, draw.double(0.0), name=f"{name}/is zero")
    safe = draw.add("Where", is_zero, draw.double(1.0), turned, name=f"{name}/safe")
    ratio = draw.add("Div", draw.add("Sin", safe, name=f"{name}/wave"), safe, name=f"{name}/ratio")
    return draw.add("Where", is_zero, draw.double(1.0), ratio, name=name)


def _within(draw: Drawing, size: str, weights: str, reach: float, name: str) -> str:
    inside = draw.add("Less", size, draw.double(reach), name=f"{name}/inside")
    return draw.add("Where", inside, weights, draw.double(0.0), name=name)


FILTERS: dict[str, Filter] = {
    "box": _box,
    "bilinear": _bilinear,
    "hamming": _hamming,
    "bicubic": _bicubic,
    "lanczos": _lanczos,
}
