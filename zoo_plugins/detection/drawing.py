"""What was found, drawn into the picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from zoo_core.workflows.answers import class_color

SMALLEST = 320
"""Pictures are enlarged by a whole factor until their shorter side has about so many pixels: texts can be read then."""
TEXT_PART = 1 / 32
LINE_PART = 1 / 250

Color = tuple[int, int, int]


class Canvas:
    """A picture, uint8 (H, W, 3), to draw into. Places are in pixels of the picture as it is given."""

    def __init__(self, picture: NDArray[np.uint8]) -> None:
        height, width = picture.shape[:2]
        self.scale = max(1, round(SMALLEST / min(height, width)))
        size = width * self.scale, height * self.scale
        self._image = Image.fromarray(picture).resize(size, Image.Resampling.NEAREST)
        self._draw = ImageDraw.Draw(self._image)
        self.line = max(2, round(max(size) * LINE_PART))
        self._font = ImageFont.load_default(max(12, round(max(size) * TEXT_PART)))

    def box(self, box: Sequence[float], text: str, color: Color) -> None:
        """A box (x1, y1, x2, y2), and a text on a ground of its colour above it, or inside where there is no room."""
        left, top, right, bottom = (value * self.scale for value in box)
        self._draw.rectangle((left, top, max(left, right), max(top, bottom)), outline=color, width=self.line)
        x1, y1, x2, y2 = self._draw.textbbox((0, 0), text, font=self._font)
        width, height = x2 - x1 + 4, y2 - y1 + 4
        x = max(0.0, min(left, self._image.width - width))
        y = top - height if top >= height else top
        self._draw.rectangle((x, y, x + width, y + height), fill=color)
        self._draw.text((x + 2 - x1, y + 2 - y1), text, font=self._font, fill=_readable(color))

    def mask(self, mask: NDArray[np.bool_], color: Color) -> None:
        """The places of a mask (H, W), half covered."""
        grown = Image.fromarray(mask.astype(np.uint8) * 128).resize(self._image.size, Image.Resampling.NEAREST)
        self._image.paste(Image.new("RGB", self._image.size, color), mask=grown)

    def limb(self, first: Sequence[float], second: Sequence[float], color: Color) -> None:
        """A line from one point (x, y) to another one, with a white edge: it is seen on a ground of its colour."""
        ends = [(point[0] * self.scale, point[1] * self.scale) for point in (first, second)]
        self._draw.line(ends, fill=(255, 255, 255), width=self.line + 2 * max(1, self.line // 2))
        self._draw.line(ends, fill=color, width=self.line)

    def joint(self, point: Sequence[float], color: Color) -> None:
        """A dot at (x, y)."""
        x, y, radius = point[0] * self.scale, point[1] * self.scale, 1.5 * self.line
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color, outline=(255, 255, 255))

    def png(self) -> bytes:
        """The picture with all that was drawn."""
        return png_bytes(self._image)


def png_bytes(image: Image.Image) -> bytes:
    """The picture as a PNG."""
    content = io.BytesIO()
    image.save(content, format="PNG")
    return content.getvalue()


def color_of(number: int) -> Color:
    """The colour of a class of things; classes of places have one more, the background."""
    return class_color(number % 254 + 1)


def _readable(ground: Color) -> Color:
    light = 299 * ground[0] + 587 * ground[1] + 114 * ground[2] > 140_000
    return (0, 0, 0) if light else (255, 255, 255)
