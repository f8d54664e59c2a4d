"""What a file that prepares its pictures is tried on: drawn ones of several sizes, and real ones."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import ZooError
from zoo_core.pictures import read_picture
from zoo_core.preprocess import normalize, prepare_arrays
from zoo_core.runtime.running.picture_rows import check_geometry
from zoo_core.shapes import Axis
from zoo_core.specs import Preprocess
from zoo_core.verification.expect.self_test import ROWS, input_draws, self_test_inputs
from zoo_core.verification.feed.rows import frozen_integers, frozen_uniform

from .bakeable import Interface

Pixels = NDArray[np.uint8]

OWN, SHIPPED, GENERATED = "the dataset", "scikit-learn", "generated"
"""Where pictures come from that are not drawn: whoever reads the report is told."""
MOST_OWN = 16
MOST_SIDE = 2048
"""Of a real picture: what is larger is cut, so that the check ends in time."""
SEED = 30_000
_CUTS = (("china.jpg", None), ("flower.jpg", None), ("china.jpg", (301, 200)), ("flower.jpg", (61, 97)))
_MORE = 13
"""Pixels that a picture has more than what it is brought to."""
_GENERATED = ((1, 1), (3, 211), (129, 64), (180, 320))


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Pictures of one size, (n, H, W, 3), and what Pillow and numpy make of them.

    `draw`: how the self-test draws them again, None for all that are not drawn; `source` says where they come from.
    """

    source: str
    pixels: Pixels = field(repr=False)
    prepared: NDArray[np.float32] = field(repr=False)
    draw: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[1], self.pixels.shape[2]

    def __len__(self) -> int:
        return len(self.pixels)

    def __str__(self) -> str:
        return f"{self.size[0]} x {self.size[1]}"


def pictures_of(source: str, pixels: Pixels, recipe: Preprocess, *, draw: Mapping[str, Any] | None = None) -> Pictures:
    """Pictures with what the zoo's own preprocessing makes of them."""
    return Pictures(source=source, pixels=pixels, prepared=normalize(prepare_arrays(pixels, recipe), recipe), draw=draw)


def drawn_pictures(interface: Interface, sizes: Sequence[tuple[int, int]]) -> list[Pictures]:
    """Noise of these sizes, as the self-test draws it."""
    name, found = interface.name, []
    for number, size in enumerate(sizes):
        shape = (ROWS, *size, 3)
        draw = input_draws({name: shape}, ranges={name: (0, 256)}, dtypes={name: "uint8"}, seed=SEED + 50 * number)
        pixels = self_test_inputs(draw)[name]
        found.append(pictures_of("drawn", pixels, interface.recipe, draw=draw))
    return found


def drawn_sizes(interface: Interface, usual: Sequence[Mapping[str, int]]) -> list[tuple[int, int]]:
    """Sizes (height, width) for the self-test: smaller and larger than what the model gets, upright and lying.

    `usual`: sizes of the model's free axes, for a recipe that leaves pictures as large as they are.
    """
    recipe = interface.recipe
    if recipe.size is None:
        found = [interface.picture.shape({"N": 1, **sizes})[1:3] for sizes in usual]
        return [(height, width) for height, width in found]
    if recipe.resize is None:
        rows, columns = recipe.size
        return [(rows + 3, columns + 8), (rows, columns), (2 * rows + 1, columns + 1), (rows + 1, 2 * columns)]
    rows, columns = (recipe.resize, recipe.resize) if isinstance(recipe.resize, int) else recipe.resize
    return [
        (rows * 17 // 16 + 1, columns * 9 // 8 + 2),
        (rows // 3 + 1, columns // 2 + 1),
        (rows * 5 // 2 + 1, columns * 7 // 4 + 1),
        (2 * rows + 1, columns // 4 + 1),
    ]


def real_pictures(interface: Interface, own: Sequence[Pixels]) -> list[Pictures]:
    """`own` pictures, those that scikit-learn brings where it is installed, and generated ones; of one size together.

    A picture that the file does not take in its size is cut to one that it takes; what is too small is left out.
    """
    found: dict[tuple[str, tuple[int, ...]], list[Pixels]] = {}
    for source, pixels in itertools.chain(_named(own[:MOST_OWN], OWN), _shipped(), _generated(interface)):
        fitting = cut_to_fit(pixels, interface)
        if fitting is not None:
            found.setdefault((source, fitting.shape), []).append(fitting)
    return [pictures_of(source, np.stack(some), interface.recipe) for (source, _), some in found.items()]


def _named(pictures: Sequence[Pixels], source: str) -> Iterator[tuple[str, Pixels]]:
    for pixels in pictures:
        yield source, pixels


def _shipped() -> Iterator[tuple[str, Pixels]]:
    """The two photographs of scikit-learn, whole and in parts; read without it, for it takes a second to import."""
    spec = importlib.util.find_spec("sklearn")
    folder = Path(spec.origin).parent / "datasets" / "images" if spec is not None and spec.origin else None
    for name, size in _CUTS if folder is not None else ():
        path = Path(str(folder)) / name
        if path.is_file():
            pixels = read_picture(path, color="RGB")
            yield SHIPPED, pixels if size is None else _middle(pixels, *size)


def _generated(interface: Interface) -> Iterator[tuple[str, Pixels]]:
    """Slow waves with noise, the same on every machine: sizes that photographs do not have, and one that fits."""
    needed = interface.recipe.size or (_MORE, _MORE)
    sides = (axis.size or side + _MORE for axis, side in zip(interface.picture.parsed[1:3], needed, strict=True))
    for number, (height, width) in enumerate((*_GENERATED, tuple(sides))):
        phase = frozen_uniform((3, 3), seed=SEED + 10_000 + number, low=0.0, high=6.28).astype(np.float64)
        rows, columns = np.arange(height)[:, None, None], np.arange(width)[None, :, None]
        wave = np.sin(rows * phase[0] / 17 + phase[1]) * np.cos(columns * phase[2] / 11)
        noise = frozen_integers((height, width, 3), seed=SEED + 20_000 + number, low=0, high=64)
        yield GENERATED, np.clip(96 + 90 * wave + noise, 0, 255).astype(np.uint8)


def cut_to_fit(pixels: Pixels, interface: Interface) -> Pixels | None:
    """The picture, or its middle in the largest size that the file takes; None where that is too small."""
    parts = interface.picture.parsed[1:3]
    sides = [_fitting(axis, side, interface) for axis, side in zip(parts, pixels.shape[:2], strict=True)]
    names = [axis.name for axis in parts]
    if names[0] is not None and names[0] == names[1]:
        sides = [min(sides)] * 2
    if min(sides) < 1:
        return None
    try:
        check_geometry((sides[0], sides[1]), interface.recipe)
    except ZooError:
        return None
    return _middle(pixels, sides[0], sides[1])


def _fitting(axis: Axis, side: int, interface: Interface) -> int:
    """The largest side up to that which the file takes; 0 where there is none."""
    if axis.name is None:
        return axis.size or 0 if side >= (axis.size or 0) else 0
    count = min((min(side, MOST_SIDE) - axis.offset) // axis.factor, interface.largest.get(axis.name, side))
    return axis.factor * count + axis.offset if count >= interface.smallest.get(axis.name, 1) else 0


def _middle(pixels: Pixels, height: int, width: int) -> Pixels:
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])
