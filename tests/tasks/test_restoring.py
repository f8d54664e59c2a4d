"""Pictures for pictures: metrics against scikit-image, losses against torch, answers, and what does not fit."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from zoo_core import UsageError, ZooError
from zoo_core.tasks import Task, get_task

TASK: Task = get_task("image-to-image")
WANG = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
"""SSIM as its authors compute it, in the words of scikit-image."""


def make(*shape: int, seed: int = 0, stored: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Answers near true pictures, in float32, and the true pictures; smooth enough for every SSIM to be another one."""
    rng = np.random.default_rng(seed)
    truth = np.cumsum(rng.normal(size=shape), axis=-1)
    truth = (truth - truth.min()) / (truth.max() - truth.min())
    if stored:
        truth = np.rint(truth * 255).astype(np.uint8)
    clean = truth / 255 if stored else truth
    found = clean + rng.normal(size=shape) * np.linspace(0.01, 0.3, shape[0]).reshape(-1, 1, 1, 1)
    return found.astype(np.float32), truth if stored else truth.astype(np.float32)


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("channels", [1, 3])
def test_metrics_against_scikit_image(channels: int, stored: bool) -> None:
    found, truth = make(4, channels, 24, 17, stored=stored)
    metrics = TASK.metrics({"picture": found}, truth)
    values = truth / 255 if stored else truth.astype(np.float64)
    pairs = list(zip(found.astype(np.float64), values, strict=True))
    ratios = [peak_signal_noise_ratio(true, answer, data_range=1.0) for answer, true in pairs]
    alike = [structural_similarity(true, answer, channel_axis=0, **WANG) for answer, true in pairs]
    assert list(metrics) == ["loss", "psnr", "ssim", "mae"]
    assert metrics["psnr"] == pytest.approx(np.mean(ratios), rel=1e-12)
    assert metrics["ssim"] == pytest.approx(np.mean(alike), rel=1e-9)
    assert metrics["mae"] == metrics["loss"] == pytest.approx(np.abs(found - values).mean(), rel=1e-12)
    judged = TASK.judge({"picture": found}, truth)
    assert judged.value == pytest.approx(ratios, rel=1e-12)
    assert np.argsort(judged.badness).tolist() == np.argsort(-np.array(ratios)).tolist()


def test_pictures_smaller_than_the_window_and_equal_ones() -> None:
    found, truth = make(2, 1, 5, 30)
    metrics = TASK.metrics({"picture": found}, truth)
    assert -1 < metrics["ssim"] < 1
    perfect = TASK.metrics({"picture": truth}, truth)
    assert perfect == {"loss": 0, "psnr": pytest.approx(100), "ssim": pytest.approx(1), "mae": 0}
    one = TASK.metrics({"picture": np.full((1, 1, 1, 1), 0.5, np.float32)}, np.full((1, 1, 1, 1), 0.6, np.float32))
    assert one["psnr"] == pytest.approx(20, rel=1e-5)


def test_batches_add_up_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    found, truth = make(7, 3, 12, 12, stored=True)
    whole = TASK.metrics({"out": found}, truth)
    for size in (1, 3, 7):
        tally = TASK.tally()
        for start in range(0, 7, size):
            tally.add({"out": found[start : start + size]}, truth[start : start + size])
        assert tally.metrics() == whole
    told = tally.details([])["psnr"]
    ratios = TASK.judge({"out": found}, truth).value
    assert told == {
        "worst": pytest.approx(ratios.min()),
        "median": pytest.approx(np.median(ratios)),
        "best": pytest.approx(ratios.max()),
    }
    monkeypatch.setattr("zoo_plugins.image_to_image.pictures._VALUES", 1)
    assert TASK.metrics({"out": found}, truth) == whole


def test_an_answer_is_a_picture_from_0_to_1() -> None:
    values = np.array([[[[-0.5, 0.25], [1.5, 1.0]]]], np.float32)
    (answer,) = TASK.decode({"picture": values}, labels=())
    assert answer["picture"].tolist() == [[[0, 0.25], [1, 1]]]
    assert answer["picture"].dtype == np.float32


def test_losses_by_name() -> None:
    found, truth = (torch.from_numpy(each) for each in make(3, 1, 6, 6, stored=True))
    error = found - truth.float() / 255
    wanted = {
        None: error.abs().mean(),
        "l1": error.abs().mean(),
        "mse": (error**2).mean(),
        "charbonnier": torch.sqrt(error**2 + 1e-6).mean(),
    }
    for name, value in wanted.items():
        assert torch.allclose(TASK.loss(name=name)({"picture": found}, truth), value)
    assert TASK.loss(name="charbonnier")({"picture": truth.float() / 255}, truth) == pytest.approx(1e-3)
    with pytest.raises(UsageError, match="there is no loss 'dice'") as caught:
        TASK.loss(name="dice")
    assert "l1" in str(caught.value.hint)
    with pytest.raises(UsageError, match="label_smoothing is for classes, not for image-to-image"):
        TASK.loss(label_smoothing=0.1)
    with pytest.raises(ZooError, match=re.escape("outputs of shape (3, 1, 6, 6) for true pictures (3, 1, 12, 12)")):
        TASK.loss()({"picture": found}, torch.zeros(3, 1, 12, 12))


def test_what_does_not_fit() -> None:
    found, truth = make(2, 1, 8, 8)
    with pytest.raises(ZooError, match=re.escape("outputs of shape (2, 1, 8, 8), but true pictures of shape (2, 1, 8")):
        TASK.metrics({"picture": found}, truth[..., :7])
    with pytest.raises(ZooError, match=re.escape("needs picture of shape (samples, channels, height, width), not (2,")):
        TASK.metrics({"picture": found[:, 0]}, truth)
    with pytest.raises(ZooError, match="image-to-image needs one output, or one called 'picture'"):
        TASK.metrics({"a": found, "b": found}, truth)
    assert TASK.metrics({"a": found, "image": truth}, truth)["mae"] == 0
    with pytest.raises(ZooError, match="not a finite number for 1 of 2 samples"):
        TASK.metrics({"picture": np.stack([found[0], np.full_like(found[0], math.nan)])}, truth)
    with pytest.raises(ZooError, match="there are no samples to measure"):
        TASK.tally().metrics()
    words = re.escape("returned shape (2, 1, 8, 8) for 2 samples whose true pictures have (1, 16, 16)")
    with pytest.raises(ZooError, match=words):
        TASK.check_fit({"picture": (2, 1, 8, 8)}, np.zeros((5, 1, 16, 16), np.uint8), count=2, model="m")


def test_pictures_of_their_mean_brightness_are_chance() -> None:
    _, truth = make(4, 1, 12, 12, stored=True)
    mean = np.broadcast_to(truth.mean(axis=(2, 3), keepdims=True) / 255, truth.shape).astype(np.float32)
    metrics = TASK.metrics({"picture": mean}, truth)
    assert "their mean brightness alone have psnr" in TASK.chance({"psnr": metrics["psnr"] - 0.1}, truth, classes=())
    assert TASK.chance({"psnr": metrics["psnr"] + 0.1}, truth, classes=()) == ""
