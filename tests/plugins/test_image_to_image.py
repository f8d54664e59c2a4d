"""Denoising and enlarging from training to a file that is used without PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.mark.slow
@pytest.mark.parametrize(("model", "dataset", "side"), [("dncnn", "noisy-digits", 28), ("espcn", "small-digits", 14)])
def test_a_picture_model_is_trained_exported_and_used(
    model: str, dataset: str, side: int, zoo_here: Callable[..., Any], run_zoo: Callable[..., Any]
) -> None:
    few = ["-d", "train_size=200", "--epochs", "3", "--run", "r", "-t", "augment=flip"]
    trained = zoo_here("train", model, "--dataset", dataset, *few, "--json")
    assert trained.code == 0, trained.stderr
    assert list(trained.json["test"]) == ["loss", "psnr", "ssim", "mae"]
    exported = zoo_here("export", "r", "--json")
    assert exported.json["outcome"] == "verified"
    measured = zoo_here("eval", "export:r", "--json").json["metrics"]
    told = zoo_here("eval", "export:r")
    assert (told.code, "psnr" in told.stdout, "CLASS" in told.stdout) == (0, True, False), told.stderr
    assert measured == pytest.approx(trained.json["test"], rel=1e-4)
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (50, 70), dtype=np.uint8)).save("large.png")
    done = run_zoo("predict", "export:r", "large.png", "--out", "made.png", "--json")
    factor = 28 // side
    assert done.json[0]["shape"] == [1, 50 * factor, 70 * factor]
    whole = np.asarray(Image.open("made.png")).astype(int)
    assert run_zoo("predict", "export:r", "large.png", "--tile", "40", "--overlap", "20", "--out", "made.png").code == 0
    assert np.abs(np.asarray(Image.open("made.png")).astype(int) - whole).max() <= 1
    drawn = zoo_here("plot", "export:r", "--json")
    assert drawn.json == {"files": ["plots/r-predictions.png"], "remarks": []}


def test_a_model_of_another_size_is_told_before_training(zoo_here: Callable[..., Any], tmp_path: Path) -> None:
    refused = zoo_here("train", "espcn", "--dataset", "noisy-digits", "--epochs", "1")
    assert refused.code == 1
    assert "returned shape (2, 1, 56, 56) for 2 samples whose true pictures have (1, 28, 28)" in refused.stderr
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())
