"""Denoising and enlarging the digits: beside the input itself, its median filter, and bicubic interpolation.

Denoising pictures of one's own, too, where there are some in $ZOO_DATA/noisy-folder (those of the table are 20 electron
micrographs of membranes, 512 x 512, which are not shipped).
"""

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
    yield trained(
        "image-to-image",
        "dncnn",
        "noisy-digits",
        metric="psnr",
        baseline=filtered("noisy-digits"),
        train=["--epochs", "8"],
    )
    data = {"tiles": 64, "train_size": 8, "val_size": 2, "test_size": 6}
    if bind_dataset(open_zoo().dataset("noisy-folder"), data).root.exists():
        words = [word for name, value in data.items() for word in ("-d", f"{name}={value}")]
        yield trained(
            "image-to-image",
            "dncnn",
            "noisy-folder",
            metric="psnr",
            baseline=filtered("noisy-folder", **data),
            train=[*words, "--epochs", "4"],
        )
    small = bind_dataset(open_zoo().dataset("small-digits"), {}).load("test")
    ways = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
    baseline = best_of(small, {f"{name} interpolation": enlarged(small, way) for name, way in ways.items()})
    yield trained("image-to-image", "espcn", "small-digits", metric="psnr", baseline=baseline, train=["--epochs", "12"])


def filtered(dataset: str, **options: Any) -> dict[str, Any]:
    """The best of the noisy pictures themselves and their median filters, on the test part."""
    noisy = bind_dataset(open_zoo().dataset(dataset), options).load("test")
    pixels = noisy.batch(slice(None))
    filters = {f"median filter {side} x {side}": median_filter(pixels, (1, 1, side, side)) for side in (3, 5)}
    return best_of(noisy, {"the input itself": pixels, **filters})


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
