"""How alike two pictures are: PSNR, and SSIM (Wang et al., 2004) with its Gaussian window; values from 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pictures = NDArray[np.float64]

LEAST_ERROR = 1e-10
"""The mean squared error below which pictures count as equal: 100 dB, so that equal pictures have a finite PSNR."""

_SIGMA, _RADIUS = 1.5, 5
_LUMINANCE, _CONTRAST = 0.01**2, 0.03**2
"""What keeps both parts of SSIM from a division by 0, as its authors chose it."""


def psnr(found: Pictures, truth: Pictures) -> NDArray[np.float64]:
    """The peak signal-to-noise ratio of each picture (N, C, H, W) in dB, for a peak of 1; at most 100."""
    error = ((found - truth) ** 2).mean(axis=(1, 2, 3))
    return np.asarray(-10 * np.log10(np.maximum(error, LEAST_ERROR)))


def ssim(found: Pictures, truth: Pictures) -> NDArray[np.float64]:
    """The structural similarity of each picture (N, C, H, W): the mean over channels and places, -1 to 1.

    The window is a Gaussian of 11 x 11 (standard deviation 1.5), and counts where it lies inside the picture; for
    pictures with a shorter side it is as large as fits.
    """
    window = _window(min(_RADIUS, (min(truth.shape[2:]) - 1) // 2))
    mean_found, mean_truth = _smoothed(found, window), _smoothed(truth, window)
    variance_found = _smoothed(found**2, window) - mean_found**2
    variance_truth = _smoothed(truth**2, window) - mean_truth**2
    covariance = _smoothed(found * truth, window) - mean_found * mean_truth
    alike = (2 * mean_found * mean_truth + _LUMINANCE) * (2 * covariance + _CONTRAST)
    largest = (mean_found**2 + mean_truth**2 + _LUMINANCE) * (variance_found + variance_truth + _CONTRAST)
    return np.asarray((alike / largest).mean(axis=(1, 2, 3)))


def _window(radius: int) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * _SIGMA**2))
    return np.asarray(weights / weights.sum())


def _smoothed(pictures: Pictures, window: NDArray[np.float64]) -> Any:
    """Each picture under the window, along both sides, where it lies inside."""
    for axis in (2, 3):
        kept = pictures.shape[axis] - len(window) + 1
        pictures = sum(
            weight * pictures.take(range(start, start + kept), axis=axis) for start, weight in enumerate(window)
        )
    return pictures
