"""Denoising and enlarging the digits: beside the input itself, its median filter, and bicubic interpolation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from PIL import Image
from scipy.ndimage import median_filter
from task_training import trained

from zoo_core import open_zoo
from zoo_core.data import Samples, bind_dataset
from zoo_core.tasks import get_task


def rows() -> Iterator[dict[str, Any]]:
    """Each against the best of the ways that learn nothing, on the same test part."""
    noisy = bind_dataset(open_zoo().dataset("noisy-digits"), {}).load("test")
    pixels = noisy.batch(slice(None))
    filters = {f"median filter {side} x {side}": median_filter(pixels, (1, 1, side, side)) for side in (3, 5)}
    baseline = best_of(noisy, {"the input itself": pixels, **filters})
    yield trained("image-to-image", "dncnn", "noisy-digits", metric="psnr", baseline=baseline, train=["--epochs", "8"])
    small = bind_dataset(open_zoo().dataset("small-digits"), {}).load("test")
    ways = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    baseline = best_of(small, {f"{name} interpolation": enlarged(small, way) for name, way in ways.items()})
    yield trained("image-to-image", "espcn", "small-digits", metric="psnr", baseline=baseline, train=["--epochs", "12"])


def enlarged(samples: Samples, way: Image.Resampling) -> np.ndarray:
    """The inputs at the size of what is true, by Pillow."""
    height, width = samples.targets.shape[2:]
    pictures = [np.asarray(Image.fromarray(each[0]).resize((width, height), way)) for each in samples.main]
    return np.stack(pictures)[:, np.newaxis] / 255


def best_of(samples: Samples, answers: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The name and the score of the way with the highest PSNR; the name also tells of the others."""
    task = get_task("image-to-image")
    scores = {
        name: task.metrics({"picture": values.astype(np.float32)}, samples.targets)["psnr"]
        for name, values in answers.items()
    }
    name = max(scores, key=scores.__getitem__)
    others = ", ".join(f"{each} {score:.4g}" for each, score in scores.items() if each != name)
    return {"name": f"{name} ({others})", "score": scores[name]}
