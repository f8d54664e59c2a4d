"""Optical flow: how far each pixel moves, told by the colour wheel of Baker et al. (2007)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo_core import ZooError
from zoo_core.tasks import Answer, Outputs, Task, finite_output

from .drawing import png_bytes

_STEPS = (("red", "yellow", 15), ("yellow", "green", 6), ("green", "cyan", 4), ("cyan", "blue", 11))
_STEPS_BACK = (("blue", "magenta", 13), ("magenta", "red", 6))
_COLORS = {
    "red": (255, 0, 0),
    "yellow": (255, 255, 0),
    "green": (0, 255, 0),
    "cyan": (0, 255, 255),
    "blue": (0, 0, 255),
    "magenta": (255, 0, 255),
}


class OpticalFlow(Task):
    """How far each pixel of a first picture lies from its place in a second one, (2, H, W): x, then y."""

    gives: ClassVar[str] = "arrays"
    drawn: ClassVar[str] = "flow"

    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        """`{flow: float (2, H, W)}` for each pair of pictures."""
        if len(outputs) != 1:
            raise ZooError(f"{self.name} needs one output; the outputs are: {', '.join(outputs)}")
        flow = np.asarray(next(iter(outputs.values())))
        if flow.ndim != 4 or flow.shape[1] != 2:
            raise ZooError(f"{self.name} needs a flow (N, 2, H, W), not {flow.shape}")
        return [{"flow": each} for each in finite_output(flow)]

    def draw(self, answer: Mapping[str, Any], picture: NDArray[np.uint8], *, labels: Sequence[str]) -> bytes:
        """The direction as colour, the speed as its strength, of the fastest pixel the strongest."""
        return png_bytes(Image.fromarray(colored(answer["flow"])))


def colored(flow: NDArray[Any]) -> NDArray[np.uint8]:
    """A flow (2, H, W) as colours, RGB (H, W, 3)."""
    x, y = flow.astype(np.float64)
    speed = np.hypot(x, y)
    fastest = speed.max(initial=0) + np.finfo(np.float32).eps
    wheel = _wheel()
    place = (np.arctan2(-y, -x) / np.pi + 1) / 2 * (len(wheel) - 1)
    first = np.floor(place).astype(np.int64)
    part = (place - first)[..., np.newaxis]
    color = (1 - part) * wheel[first] + part * wheel[(first + 1) % len(wheel)]
    strength = (speed / fastest)[..., np.newaxis]
    pixels: NDArray[np.uint8] = np.floor(255 * (1 - strength * (1 - color / 255))).astype(np.uint8)
    return pixels


def _wheel() -> NDArray[np.float64]:
    """The colours once around, (55, 3)."""
    found = []
    for start, stop, count in (*_STEPS, *_STEPS_BACK):
        low, high = np.array(_COLORS[start]), np.array(_COLORS[stop])
        parts = np.arange(count) / count
        # Whole numbers, of what comes and of what goes alike.
        found += [low + np.sign(high - low) * np.floor(255 * part) for part in parts]
    return np.array(found, np.float64)
