"""Pictures larger than a model takes: run in tiles that overlap, and joined row of tiles by row of tiles.

What a tile gives near its edges lacks what lies beyond them. So the outer third of an overlap does not count, in the
middle third one tile fades into the other, and in the inner third it counts alone. Where nothing of an output depends
on what is further away than a third of the overlap, the result is that of the whole picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.errors import UsageError, ZooError
from zoo_core.preprocess import normalize
from zoo_core.specs import Preprocess

if TYPE_CHECKING:
    from .model import ExportedModel

JOINED = ("masks", "pictures")
"""Kinds of answers that have places, and are joined of tiles."""

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """Tiles of `size` x `size` pixels; neighbours have at least `overlap` pixels in common, at most half of a tile."""

    size: int
    overlap: int

    def __post_init__(self) -> None:
        if self.size < 1 or not 0 <= self.overlap <= self.size // 2:
            raise UsageError(
                f"tiles of {self.size} pixels cannot overlap by {self.overlap}",
                hint=f"an overlap from 0 to half of a tile: overlap={max(1, self.size) // 4}",
                command_hint=f"an overlap from 0 to half of a tile: --overlap {max(1, self.size) // 4}",
            )

    def starts(self, side: int) -> list[int]:
        """Where tiles begin along a side that is at least as long as one; the last one ends where the side does."""
        step = self.size - self.overlap
        return [*range(0, side - self.size, step), side - self.size]


def check_tiling(model: ExportedModel, tiling: Tiling) -> None:
    """Raise UsageError for a model whose answers are not joined, or that takes pictures of another size only."""
    gives = model.meaning.gives
    if gives not in JOINED or model.preprocess is None:
        raise UsageError(f"tiles are for models that make masks or pictures of pictures, not for {model.task}")
    if model.metadata.baked:
        raise UsageError(
            f"tiles are for files that take prepared pictures: {model.path} prepares each picture itself",
            hint="export it without --bake-preprocess",
        )
    axes = model.metadata.inputs[model.input_name].axes
    sides = axes[2:4] if model.preprocess.layout == "NCHW" else axes[1:3]
    if any(isinstance(side, int) and side != tiling.size for side in sides):
        shown = " x ".join(map(str, sides))
        raise UsageError(
            f"tiles of {tiling.size} pixels cannot be: {model.path} takes pictures of {shown}",
            hint=f"tiling=Tiling(size={sides[0]}, overlap=...)",
            command_hint=f"--tile {sides[0]}",
        )


def tiled_answer(model: ExportedModel, pixels: NDArray[np.uint8], recipe: Preprocess, tiling: Tiling) -> dict[str, Any]:
    """The answer for a picture (H, W, C) in its own size, or a whole number of times as large.

    In memory are the picture, its answer and what the model gives for one row of tiles. Raises ZooError for outputs
    that cannot be joined.
    """
    height, width = pixels.shape[:2]
    padded = _at_least(pixels, tiling.size)
    parts: list[Mapping[str, Any]] = []
    for outputs in _bands(model, padded, recipe, tiling):
        parts += model.meaning.decode(outputs, labels=model.labels)
    joined = {name: np.concatenate([part[name] for part in parts], axis=-2) for name in parts[0]}
    factor = next(iter(joined.values())).shape[-2] // padded.shape[0]
    return {name: array[..., : height * factor, : width * factor] for name, array in joined.items()}


def _at_least(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The picture, mirrored at its lower and right edge where it is smaller than a tile."""
    missing = [(0, max(0, size - side)) for side in pixels.shape[:2]]
    return np.pad(pixels, [*missing, (0, 0)], mode="symmetric") if any(more for _, more in missing) else pixels


def _bands(
    model: ExportedModel, pixels: NDArray[np.uint8], recipe: Preprocess, tiling: Tiling
) -> Iterator[dict[str, Array]]:
    """The outputs of the whole picture, (1, C, rows, width), from its upper edge to its lower one."""
    tops = tiling.starts(pixels.shape[0])
    waiting: dict[str, Array] = {}
    for place, top in enumerate(tops):
        strip = pixels[top : top + tiling.size]
        down = _weights(tiling, first=place == 0, last=place == len(tops) - 1)
        rows = {name: _faded(band, down) for name, band in _joined_row(model, strip, recipe, tiling).items()}
        weight = {name: np.repeat(down, band.shape[1] // tiling.size) for name, band in rows.items()}
        for name, band in rows.items():
            held = waiting.get(name)
            both = np.concatenate([band, np.broadcast_to(weight[name][:, None], (1, *band.shape[1:]))])
            waiting[name] = both if held is None else _added(held, both)
        done = (tops[place + 1] if place + 1 < len(tops) else top + tiling.size) - top
        ready = {name: band[:, : done * (rows[name].shape[1] // tiling.size)] for name, band in waiting.items()}
        waiting = {name: band[:, ready[name].shape[1] :] for name, band in waiting.items()}
        yield {name: (band[:-1] / band[-1])[np.newaxis].astype(np.float32) for name, band in ready.items()}


def _joined_row(model: ExportedModel, strip: NDArray[np.uint8], recipe: Preprocess, tiling: Tiling) -> dict[str, Array]:
    """The outputs of one row of tiles, float64 (C, rows, width), each tile faded into the next one."""
    lefts = tiling.starts(strip.shape[1])
    tiles = np.stack([strip[:, left : left + tiling.size].transpose(2, 0, 1) for left in lefts])
    joined: dict[str, Array] = {}
    total: dict[str, Array] = {}
    for part, outputs in model.run_batches(normalize(tiles, recipe)):
        for name, values in outputs.items():
            factor = _larger(model, name, values, tiling)
            if name not in joined:
                joined[name] = np.zeros((values.shape[1], values.shape[2], strip.shape[1] * factor))
                total[name] = np.zeros(strip.shape[1] * factor)
            for number, value in zip(range(part.start, part.stop), values, strict=True):
                across = _weights(tiling, first=number == 0, last=number == len(lefts) - 1).repeat(factor)
                places = slice(lefts[number] * factor, (lefts[number] + tiling.size) * factor)
                joined[name][..., places] += value * across
                total[name][places] += across
    return {name: band / total[name] for name, band in joined.items()}


def _larger(model: ExportedModel, name: str, values: Array, tiling: Tiling) -> int:
    """How many times as large an output is as its tile."""
    factor = values.shape[2] // tiling.size if values.ndim == 4 else 0
    if factor < 1 or values.shape[2:] != (factor * tiling.size,) * 2:
        raise ZooError(
            f"{model.path}: output {name!r} has the shape {values.shape[1:]} for a tile of {tiling.size} x "
            f"{tiling.size}, and cannot be joined",
            hint="tiles are for models whose outputs are as large as their inputs, or a whole number of times as large",
        )
    if not np.isfinite(values).all():
        raise ZooError(f"{model.path}: output {name!r} is not finite in a tile", hint="check the export: zoo verify")
    return factor


def _weights(tiling: Tiling, *, first: bool, last: bool) -> NDArray[np.float64]:
    """How much each place along a side of a tile counts; at the edge of the picture as much as in the middle."""
    weights = np.ones(tiling.size)
    outer = tiling.overlap // 3
    fading = np.clip((np.arange(tiling.overlap) - outer + 0.5) / max(1, tiling.overlap - 2 * outer), 0, 1)
    if tiling.overlap and not first:
        weights[: tiling.overlap] = fading
    if tiling.overlap and not last:
        weights[-tiling.overlap :] = np.minimum(weights[-tiling.overlap :], fading[::-1])
    return weights


def _faded(band: Array, down: NDArray[np.float64]) -> Array:
    return np.asarray(band * np.repeat(down, band.shape[1] // len(down))[:, np.newaxis])


def _added(held: Array, band: Array) -> Array:
    """Two bands that begin at the same row, and end one after the other."""
    whole = band.copy()
    whole[:, : held.shape[1]] += held
    return whole
