"""How a picture becomes an input, as data: declared by plugins, written into exports, executed by `preprocess`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Literal, get_args

from .errors import ZooError
from .file_limits import MAX_PIXELS, MAX_SIDE
from .records import counted

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
Color = Literal["RGB", "BGR", "L"]
Layout = Literal["NCHW", "NHWC"]

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "interpolation": get_args(Interpolation),
    "color": get_args(Color),
    "layout": get_args(Layout),
}


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """From a decoded picture to the tensor a model takes; executed by `zoo_core.preprocess` only.

    Order: colour, resize (Pillow, on uint8), centre crop, `pixels * scale`, `- mean`, `/ std`, layout.
    `resize`: (height, width), or one int for the shorter side; `crop`: (height, width).
    """

    resize: int | tuple[int, int] | None = None
    interpolation: Interpolation = "bilinear"
    crop: tuple[int, int] | None = None
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    color: Color = "RGB"
    layout: Layout = "NCHW"

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if (value := getattr(self, name)) not in allowed:
                raise ZooError(f"preprocess: {name} cannot be {value!r}", hint=f"one of {', '.join(allowed)}")
        for name, allows_side in (("resize", True), ("crop", False)):
            if not _is_size(size := getattr(self, name), allows_side=allows_side):
                raise ZooError(f"preprocess: {name} is (height, width) in pixels, not {size!r}")
        channels = self.channels
        for name, values in (("mean", self.mean), ("std", self.std)):
            if not isinstance(values, list | tuple) or not all(isinstance(value, Real) for value in values):
                raise ZooError(f"preprocess: {name} is a tuple of numbers, one for each channel, not {values!r}")
            if len(values) not in {1, channels}:
                raise ZooError(f"preprocess: {name} has {len(values)} values for {counted(channels, 'channel')}")
        if any(value == 0 for value in self.std):
            raise ZooError("preprocess: std cannot be 0")
        if isinstance(self.resize, int) and self.crop is None:
            raise ZooError(
                "preprocess: a resize of the shorter side needs a crop, or pictures differ in size",
                hint="resize=(height, width), or add crop=(height, width)",
            )

    @property
    def channels(self) -> int:
        """Channels of the tensor: 1 for grey, 3 for colour."""
        return 1 if self.color == "L" else 3

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width) after preprocessing; None when pictures keep their own size."""
        if self.crop is not None:
            return self.crop
        return self.resize if isinstance(self.resize, tuple) else None

    def resized(self, side: int) -> Preprocess:
        """The same recipe for square pictures of another side, in pixels."""
        if isinstance(self.resize, int) and self.crop is not None:
            factor = self.resize / min(self.crop)
            return dataclasses.replace(self, resize=round(side * factor), crop=(side, side))
        return dataclasses.replace(self, resize=(side, side), crop=None)

    def check_sizes(self) -> None:
        """Raise ZooError for sizes that no picture of somebody else is brought to."""
        sides = [self.resize] if isinstance(self.resize, int) else [*(self.resize or ())]
        for side in (*sides, *(self.crop or ())):
            if not isinstance(side, int) or not 1 <= side <= MAX_SIDE:
                raise ZooError(f"preprocess: a picture has 1 to {MAX_SIDE:,} pixels a side, not {side}")
        if self.size is not None and math.prod(self.size) > MAX_PIXELS:
            raise ZooError(f"preprocess: a picture has at most {MAX_PIXELS:,} pixels, not {math.prod(self.size):,}")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON; tuples become lists."""
        data = dataclasses.asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in data.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Preprocess:
        """The inverse of `to_json`. Raises ZooError on unknown fields or values."""
        known = {f.name for f in dataclasses.fields(cls)}
        if unknown := set(data) - known:
            raise ZooError(f"preprocess: unknown field {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return cls(**values)


def _is_size(size: Any, *, allows_side: bool) -> bool:
    """Whether it is (height, width), or one side where that is allowed, or nothing."""
    if size is None or (allows_side and isinstance(size, Integral)):
        return True
    return isinstance(size, tuple) and len(size) == 2 and all(isinstance(side, Integral) for side in size)
