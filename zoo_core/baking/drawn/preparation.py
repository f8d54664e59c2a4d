"""The whole way from pictures to the input of a model: colour, resize, crop, numbers, layout; as data, not as code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from zoo_core.specs import Preprocess

from .drawing import PREFIX, Drawing
from .resizing import Side, digits_of, multiplied, nearest_places, weights_of

PREPARED = f"{PREFIX}input"
"""What the value is called that the model gets."""
GREY = (19595, 38470, 7471)
"""Of red, green and blue, in 65,536ths: ITU-R 601 as Pillow has it."""
_HEIGHT, _WIDTH = 2, 3


@dataclass(frozen=True)
class PictureGraph:
    """Nodes and constants from uint8 pictures (N, H, W, 3) to what the model takes, which is called `PREPARED`."""

    nodes: Sequence[onnx.NodeProto]
    constants: Sequence[onnx.TensorProto]


def picture_graph(recipe: Preprocess, pictures: str) -> PictureGraph:
    """The graph of a recipe; `pictures` is the name of its input."""
    draw = Drawing()
    pixels = draw.add("Transpose", _coloured(draw, recipe, pictures), name="channels first", perm=[0, 3, 1, 2])
    pixels = _placed(draw, recipe, pixels)
    if recipe.size is not None:
        # An error for a picture that is smaller than the crop: Gather may be made a Slice, which would give less.
        whole = draw.constant([0, recipe.channels, *recipe.size], "int64", name="size")
        pixels = draw.add("Reshape", pixels, whole, name="of one size")
    if recipe.color == "BGR":
        pixels = draw.add("Gather", pixels, draw.constant([2, 1, 0], "int64", name="order"), name="reordered", axis=1)
    _numbers(draw, recipe, pixels)
    return PictureGraph(draw.nodes, list(draw.constants.values()))


def _coloured(draw: Drawing, recipe: Preprocess, pictures: str) -> str:
    """Grey where the recipe says so: sums are whole numbers below 2**24, which float32 holds exactly."""
    if recipe.color != "L":
        return pictures
    weights = draw.constant([[weight] for weight in GREY], "float32", name="grey weights")
    grey = draw.add("MatMul", draw.cast(pictures, "float32", name="colours"), weights, name="grey in parts")
    grey = draw.add("Add", grey, draw.constant(1 << 15, "float32"), name="grey and a half")
    grey = draw.add("Mul", grey, draw.constant(2.0**-16, "float32"), name="grey exactly")
    return draw.cast(draw.add("Floor", grey, name="grey whole"), "uint8", name="grey")


def _placed(draw: Drawing, recipe: Preprocess, pixels: str) -> str:
    """Resized and cropped: of the new rows and columns only those are made that are kept."""
    if recipe.size is None:
        return pixels
    shape = draw.add("Shape", pixels, name="shape")
    lengths = [draw.add("Gather", shape, draw.whole(axis), name=f"{name}", axis=0) for axis, name in _SIDES]
    sizes = _resized(draw, recipe, lengths)
    columns, rows = (
        Side(called=name, length=length, size=size, begin=_begin(draw, recipe, size, count, name), count=count)
        for (_, name), length, size, count in reversed(list(zip(_SIDES, lengths, sizes, recipe.size, strict=True)))
    )
    if recipe.resize is None or recipe.interpolation == "nearest":
        for axis, side in ((_WIDTH, columns), (_HEIGHT, rows)):
            if recipe.resize is None:
                places = draw.counting(side.begin, draw.whole(side.count), name=f"{side.called}/kept")
            else:
                places = nearest_places(draw, side)
            pixels = draw.add("Gather", pixels, places, name=f"{side.called}/taken", axis=axis)
        return pixels
    across = digits_of(draw, weights_of(draw, columns, recipe.interpolation), called="columns")
    across = [draw.add("Transpose", digit, name=f"columns/across {place}") for place, digit in enumerate(across)]
    pixels = multiplied(draw, pixels, across, called="columns", from_left=False)
    down = digits_of(draw, weights_of(draw, rows, recipe.interpolation), called="rows")
    return multiplied(draw, pixels, down, called="rows", from_left=True)


_SIDES = ((_HEIGHT, "rows"), (_WIDTH, "columns"))


def _resized(draw: Drawing, recipe: Preprocess, lengths: Sequence[str]) -> list[str]:
    """Height and width after the resize: as given, or the shorter side as given and the longer one in proportion."""
    if recipe.resize is None:
        return list(lengths)
    if isinstance(recipe.resize, tuple):
        return [draw.whole(int(size)) for size in recipe.resize]
    short = draw.add("Min", *lengths, name="shorter side")
    wanted = draw.whole(recipe.resize)
    return [
        draw.add("Div", draw.add("Mul", wanted, length, name=f"{name}/times size"), short, name=f"{name}/resized to")
        for (_, name), length in zip(_SIDES, lengths, strict=True)
    ]


def _begin(draw: Drawing, recipe: Preprocess, size: str, count: int, name: str) -> str:
    """The first row or column that the crop keeps: half of what is left over, a half to the even number."""
    if recipe.crop is None:
        return draw.whole(0)
    over = draw.add("Sub", size, draw.whole(count), name=f"{name}/left over")
    half = draw.add(
        "Mul", draw.cast(over, "float64", name=f"{name}/left over in all"), draw.double(0.5), name=f"{name}/half over"
    )
    return draw.cast(draw.add("Round", half, name=f"{name}/cut off"), "int64", name=f"{name}/begin")


def _numbers(draw: Drawing, recipe: Preprocess, pixels: str) -> None:
    """pixels * scale - mean, divided by std: each a float32 operation, as `normalize` has them."""
    last = PREPARED.removeprefix(PREFIX)
    is_turned = recipe.layout == "NHWC"
    values = draw.cast(pixels, "float32", name="pixels")
    values = draw.add("Mul", values, draw.constant(recipe.scale, "float32", name="scale"), name="scaled")
    mean, std = ([[[[value]] for value in given]] for given in (recipe.mean, recipe.std))
    values = draw.add("Sub", values, draw.constant(mean, "float32", name="mean"), name="centred")
    values = draw.add(
        "Div", values, draw.constant(std, "float32", name="std"), name="normalized" if is_turned else last
    )
    if is_turned:
        draw.add("Transpose", values, name=last, perm=[0, 2, 3, 1])
