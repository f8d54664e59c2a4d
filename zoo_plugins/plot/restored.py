"""Pictures that have a true picture: the input beside it, what a predictor makes of it, and how far that is from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.commands import counted, csv_text
from zoo_core.data import Samples
from zoo_core.tasks import Judged
from zoo_core.workflows.answers import Part

from .figures import color_bar, grid, heading, new_figure
from .filters import SIGNED
from .judge import Survey
from .tiles import draw_picture, picture_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8
ROWS = 6
"""Samples in a figure of answers."""

TABLE = ("path", "psnr", "squared_error", "sample")


def draw_true_pictures(samples: Samples, chosen: NDArray[np.int64], *, title: str) -> Figure:
    """Each of the chosen samples with its true picture at its right."""
    pairs = min(COLUMNS // 2, len(chosen))
    rows = -(-len(chosen) // pairs)
    figure = new_figure(width=max(6.0, 3 * pairs), height=rows * (1.5 * _tall(samples) + 0.3) + 0.8)
    heading(figure, f"{title}: {len(chosen)} of {counted(len(samples), 'sample')}", "left the input, right the truth")
    cells = grid(figure, 2 * len(chosen), columns=2 * pairs)
    for place, index in enumerate(chosen.tolist()):
        left, right = cells[2 * place : 2 * place + 2]
        draw_picture(left, picture_of(samples.main[index], samples.preprocess))
        draw_picture(right, brightness(samples.targets[index]))
        left.set_title(f"sample {index}", fontsize=8, pad=3)
    return figure


def draw_restored(part: Part, found: Judged, files: Sequence[str], *, title: str) -> Figure:
    """A row for each sample: input, truth, prediction, and prediction minus truth on one scale of colours."""
    samples = part.samples
    truth = brightness_values(samples.targets)
    differences = found.decided.mean(axis=1) - truth.mean(axis=1)
    most = float(np.abs(differences).max()) or 1.0
    figure = new_figure(width=11.2, height=len(samples) * (2.6 * _tall(samples) + 0.15) + 1.4)
    heading(figure, title, "PSNR in dB; difference: where the prediction is brighter in red, where darker in blue")
    cells = np.array(grid(figure, 4 * len(samples), columns=4)).reshape(-1, 4)
    for index, row in enumerate(cells):
        draw_picture(row[0], picture_of(samples.main[index], samples.preprocess))
        draw_picture(row[1], brightness(samples.targets[index]))
        draw_picture(row[2], brightness(found.decided[index]))
        scale: dict[str, Any] = {"cmap": SIGNED, "vmin": -most, "vmax": most}
        drawn = row[3].imshow(differences[index], interpolation="nearest", **scale)
        row[0].set_ylabel(f"{files[index]}\nPSNR {found.value[index]:.2f}", fontsize=9)
    for axes, name in zip(cells[0], ("input", "truth", "prediction", "difference"), strict=True):
        axes.set_title(name, fontsize=10)
    color_bar(figure, drawn, cells[:, 3].tolist(), "prediction minus truth")
    return figure


def restored_table(part: Part, survey: Survey, order: NDArray[np.int64]) -> str:
    """A CSV file with a line for each of the samples in `order`: its file, PSNR, mean squared error and number."""
    files = part.samples.files
    rows = [
        [
            files[index] if files else None,
            round(float(survey.value[index]), 6),
            float(f"{survey.badness[index]:.6g}"),
            index,
        ]
        for index in order.tolist()
    ]
    return csv_text(TABLE, rows)


def brightness(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """A picture (C, h, w) whose values are 0 to 1, or bytes, as RGB (h, w, 3); what is beyond is cut."""
    pixels = np.rint(np.clip(brightness_values(picture), 0, 1) * 255).astype(np.uint8)
    if len(pixels) != 3:
        return np.repeat(pixels[0][:, :, np.newaxis], 3, axis=2)
    return np.ascontiguousarray(pixels.transpose(1, 2, 0))


def brightness_values(pictures: NDArray[Any]) -> NDArray[np.float64]:
    """Bytes as 0 to 1; other numbers stay."""
    return pictures / 255 if pictures.dtype == np.uint8 else pictures.astype(np.float64)


def _tall(samples: Samples) -> float:
    return float(np.clip(samples.main.shape[-2] / samples.main.shape[-1], 0.4, 2.5))
