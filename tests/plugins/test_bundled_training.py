"""Every bundled model outside the families: one epoch on a tiny set, then an export that is verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_core import load_run, open_zoo
from zoo_core.errors import ZooError
from zoo_core.export.plan.plan import DEFAULT_OPSET
from zoo_core.workflows.exports.export_source import export_plan, plan_run
from zoo_core.workflows.trainings.train import train

ZOO = open_zoo()
DIGITS: dict[str, Any] = {"dataset": "digits", "data": {"train_size": "64", "val_size": "20"}}
TRAININGS: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("cnn-bn", "cnn-tanh", "lenet5", "minivgg", "mlp", "resnet-cifar", "resnet9"), DIGITS),
    "largenet": {"dataset": "digits", "data": {"classes": "3,8", "train_size": "64", "val_size": "20"}},
    "unet1d": {"dataset": "peaks", "data": {"count": "40"}},
    "unet": {"dataset": "mask-folder", "options": {"base_channels": "4"}, "data": {"root": "pairs", "size": "32"}},
}


def _pairs(folder: Path) -> None:
    """Twelve pictures of a bright square on noise, and masks of the squares."""
    generator = np.random.default_rng(0)
    for part in ("images", "masks"):
        folder.joinpath(part).mkdir(parents=True)
    for number in range(12):
        top, left = generator.integers(0, 20, 2)
        mask = np.zeros((40, 40), np.uint8)
        mask[top : top + 16, left : left + 16] = 255
        picture = np.repeat((mask // 2 + generator.integers(0, 90, (40, 40)).astype(np.uint8))[..., None], 3, axis=2)
        Image.fromarray(picture).save(folder / "images" / f"{number:02}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{number:02}.png")


def test_no_bundled_model_is_left_out() -> None:
    names = {entry.name for entry in ZOO.entries("model") if "/" not in entry.name}
    assert names == {*TRAININGS, *(name for name in names if name.startswith("filter-"))}


@pytest.mark.parametrize("name", sorted(TRAININGS))
def test_one_epoch_and_a_verified_export(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _pairs(tmp_path / "pairs")
    info = train(ZOO, model=name, epochs=1, run="tiny", **TRAININGS[name])
    assert info.status == "finished"
    assert np.isfinite(list(info.validation.values())).all()
    plan = plan_run(load_run("tiny"), ZOO, name="tiny", opset=DEFAULT_OPSET)
    report = export_plan(plan, tmp_path / "exported" / "tiny", ZOO)
    assert report.outcome == "verified"
    assert not report.untrained
    assert report.run == "tiny"
    parity = next(check for check in report.checks if check.rule == "dataset")
    assert parity.outcome == "passed"


def test_a_filter_has_nothing_to_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ZooError, match="'filter-sobel' is for image-filter, and dataset 'digits' has no truth for it"):
        train(ZOO, model="filter-sobel", dataset="digits")
    assert not Path("runs").exists()
