"""The reader in `examples/javascript`, asked from Python: `javascript_reader.mjs` runs it in node."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from node_calls import ask_node
from PIL import Image

ROOT = Path(__file__).parents[2]
READER = ROOT / "examples" / "javascript"


def ask(calls: Sequence[dict[str, Any]], *, reader: Path = READER) -> list[dict[str, Any]]:
    """`{value}` or `{error}` for each of the calls, all of them in one process."""
    return ask_node(Path(__file__).with_suffix(".mjs"), reader, calls)


def answer(**call: Any) -> Any:
    """The value of one call, which must have one."""
    (found,) = ask([call])
    return found["value"]


def pixels_for(image: Image.Image) -> dict[str, Any]:
    """A picture as a canvas gives it: RGBA."""
    data = base64.b64encode(image.convert("RGBA").tobytes()).decode()
    return {"width": image.width, "height": image.height, "data": data}


def tensor_of(value: dict[str, Any]) -> np.ndarray:
    """What `prepare` gave."""
    return np.frombuffer(base64.b64decode(value["data"]), np.float32).reshape(value["dims"])


def ten_pictures() -> dict[str, Image.Image]:
    """Pictures of several sizes and modes: larger and smaller than what models take, odd, lying and standing."""
    random = np.random.default_rng(3)

    def noise(*shape: int) -> np.ndarray:
        return random.integers(0, 256, shape, dtype=np.uint8)

    rows, columns = np.mgrid[0:61, 0:97]
    waves = np.stack([(np.sin(rows / 7) + 1) * 127, (np.cos(columns / 5) + 1) * 127, rows + columns], axis=2)
    palette = Image.fromarray(noise(31, 45, 3)).quantize(16)
    palette.info["transparency"] = 3
    return {
        "grey": Image.fromarray(noise(40, 53)),
        "grey, tiny": Image.fromarray(noise(5, 3)),
        "grey, as large as digits": Image.fromarray(noise(28, 28)),
        "grey and alpha": Image.fromarray(noise(33, 20, 2)),
        "16 bits of grey": Image.fromarray(random.integers(0, 65536, (37, 29), dtype=np.uint16)),
        "black and white": Image.fromarray(noise(23, 47)).convert("1"),
        "RGB": Image.fromarray(waves.astype(np.uint8)),
        "RGB, standing": Image.fromarray(noise(101, 17, 3)),
        "RGBA": Image.fromarray(noise(64, 64, 4)),
        "palette with a transparent entry": palette,
    }
