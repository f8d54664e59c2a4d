"""A picture for each picture, from an output (N, C, H, W) whose values are brightness from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.commands import counted
from zoo_core.tasks import Answer, Example, Judged, Outputs, Task, TrainingLoss, finite_output, output_of

from .similarity import psnr, ssim

_VALUES = 1 << 20
"""Values that are compared at a time: 8 MB in float64, and SSIM takes a dozen times that."""


class ImageToImage(Task):
    """A picture for each picture, as large as it or a whole number of times as large."""

    gives: ClassVar[str] = "pictures"

    def tally(self) -> PictureTally:
        """An empty tally. Metrics: `psnr` in dB and `ssim`, means over pictures, for a peak of 1; `mae`, the mean
        absolute error of all values, which is also the `loss`."""
        return PictureTally(self.name)

    def judge(self, outputs: Outputs, targets: NDArray[Any]) -> Judged:
        """The PSNR of each picture; the squared error says how bad."""
        found, truth = checked_pair(outputs, targets, task=self.name)
        error = ((found - truth) ** 2).mean(axis=(1, 2, 3))
        return Judged(decided=found, value=psnr(found, truth), badness=error, wrong=np.zeros(len(found), np.bool_))

    def decode(self, outputs: Outputs, *, labels: Sequence[str]) -> list[Answer]:
        """`{output: picture}` for each sample, float32 (C, H, W), brought to 0 to 1."""
        name = picture_output(outputs, task=self.name)
        pictures = np.clip(pictures_of(outputs, task=self.name), 0, 1).astype(np.float32)
        return [{name: picture} for picture in pictures]

    def loss(self, *, name: str | None = None, label_smoothing: float = 0.0) -> TrainingLoss:
        """Mean absolute error; "l1", "mse" or "charbonnier" by name."""
        from .losses_net import picture_loss

        return picture_loss(
            partial(picture_output, task=self.name), task=self.name, name=name, label_smoothing=label_smoothing
        )

    def check_fit(
        self, outputs: Mapping[str, tuple[int, ...]], targets: NDArray[Any], *, count: int, model: str
    ) -> None:
        """Outputs are as large as the true pictures."""
        found, wanted = outputs[picture_output(outputs, task=self.name)], (count, *targets.shape[1:])
        if found != wanted:
            samples = counted(count, "sample")
            raise ZooError(
                f"model {model!r} returned shape {found} for {samples} whose true pictures have {wanted[1:]}",
                hint="an output has the channels and the size of what it shall look like",
            )

    def trial_targets(self, outputs: Outputs) -> NDArray[Any]:
        """Noise from 0 to 1, of the shape of the output."""
        shape = outputs[picture_output(outputs, task=self.name)].shape
        return np.random.default_rng(0).random(shape, np.float32)

    def example(self, count: int, *, random: np.random.Generator) -> Example:
        """Pictures of one channel, and what noise makes of them."""
        targets = random.integers(0, 256, (count, 1, 16, 16)).astype(np.uint8)
        right = targets.astype(np.float32) / 255
        outputs = right + random.normal(0, 0.1, right.shape).astype(np.float32)
        return Example(outputs={"picture": outputs}, right={"picture": right}, targets=targets)

    def chance(self, metrics: Mapping[str, float], targets: NDArray[Any], *, classes: Sequence[str]) -> str:
        """Whether always answering the mean picture of its brightness would be as good."""
        scores = []
        for part in _parts(len(targets), targets[0].size):
            truth = true_pictures(targets[part])
            constant = np.broadcast_to(truth.mean(axis=(2, 3), keepdims=True), truth.shape)
            scores.append(psnr(constant, truth))
        least = float(np.concatenate(scores).mean())
        if metrics.get("psnr", -math.inf) > least:
            return ""
        return f"pictures of their mean brightness alone have psnr {least:.4g}; this has {metrics['psnr']:.4g}"


class PictureTally:
    """The scores of each picture; no picture is kept, and the batch size changes no bit."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._scores: list[NDArray[np.float64]] = []  # rows: psnr, ssim, mae

    def add(self, outputs: Outputs, targets: NDArray[Any]) -> None:
        """One batch: outputs by name, and true pictures (N, C, H, W)."""
        values = pictures_of(outputs, task=self._task)
        check_shapes(values, targets, task=self._task)
        for part in _parts(len(values), values[0].size):
            found, truth = values[part].astype(np.float64), true_pictures(targets[part])
            mae = np.abs(found - truth).mean(axis=(1, 2, 3))
            self._scores.append(np.stack([psnr(found, truth), ssim(found, truth), mae]))

    def metrics(self) -> dict[str, float]:
        """The metrics of everything that was added. Raises ZooError for nothing."""
        if not self._scores:
            raise ZooError("there are no samples to measure")
        ratio, similarity, error = np.concatenate(self._scores, axis=1).mean(axis=1)
        return {"loss": float(error), "psnr": float(ratio), "ssim": float(similarity), "mae": float(error)}

    def details(self, labels: Sequence[str]) -> dict[str, Any]:
        """`{psnr: {worst, median, best}}`: how far single pictures are from the mean."""
        ratios = np.concatenate(self._scores, axis=1)[0] if self._scores else np.zeros(1)
        worst, median, best = (float(value) for value in np.percentile(ratios, (0, 50, 100)))
        return {"psnr": {"worst": worst, "median": median, "best": best}}


def picture_output(outputs: Mapping[str, Any], *, task: str) -> str:
    """The name of the output that is the picture. Raises ZooError when it cannot be told."""
    return output_of(outputs, "picture", "image", "out", task=task)


def pictures_of(outputs: Outputs, *, task: str) -> NDArray[Any]:
    """The pictures (N, C, H, W). Raises ZooError for another shape, and unless all values are finite."""
    name = picture_output(outputs, task=task)
    values = np.asarray(outputs[name])
    if values.ndim != 4 or values.size == 0:
        raise ZooError(f"{task} needs {name} of shape (samples, channels, height, width), not {values.shape}")
    return finite_output(values)


def true_pictures(targets: NDArray[Any]) -> NDArray[np.float64]:
    """What outputs shall look like, in float64: bytes are 0 to 1, other numbers stay."""
    return targets / 255 if targets.dtype == np.uint8 else targets.astype(np.float64)


def check_shapes(found: NDArray[Any], targets: NDArray[Any], *, task: str) -> None:
    """Raise ZooError unless pictures and true pictures have the same shape."""
    if found.shape != targets.shape:
        raise ZooError(f"{task}: outputs of shape {found.shape}, but true pictures of shape {targets.shape}")


def checked_pair(
    outputs: Outputs, targets: NDArray[Any], *, task: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pictures and true pictures (N, C, H, W), in float64."""
    found = pictures_of(outputs, task=task)
    check_shapes(found, targets, task=task)
    return found.astype(np.float64), true_pictures(targets)


def _parts(count: int, values: int) -> Iterator[slice]:
    step = max(1, _VALUES // max(1, values))
    for start in range(0, count, step):
        yield slice(start, start + step)
