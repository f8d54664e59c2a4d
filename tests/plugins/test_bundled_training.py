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
    "embednet": DIGITS,
    "regressor": {"dataset": "diabetes"},
    "tagnet": {"dataset": "shape-scenes", "data": {"train_size": "64", "val_size": "20", "test_size": "20"}},
    "dncnn": {"dataset": "noisy-digits", "data": {"train_size": "64", "val_size": "20", "test_size": "20"}},
    "unet": {"dataset": "mask-folder", "options": {"base_channels": "4"}, "data": {"root": "pairs", "size": "32"}},
}
ELSEWHERE = {
    "espcn": "plugins/test_image_to_image.py",
    "tinydet": "plugins/test_tinydet.py",
    **dict.fromkeys(("melnet", "tablemlp", "tablemlp-regression", "textcnn"), "recipes/test_own_data.py"),
}
"""Models that are trained and exported in another file of tests."""
LARGE = {"resnet9", "unet"}
"""Models that take long; they are exported in `test_bundled_models.py` too."""
SEQUENCES = """
    import numpy as np
    from zoo_core import DatasetSpec, TensorSpec, hookimpl
    from zoo_core.data import ArraySplit

    def waves(split):
        random = np.random.default_rng(len(split))
        speeds = random.uniform(1, 4, 40)
        times = np.linspace(0, 6, 64)
        return speeds, np.sin(speeds[:, None, None] * times).astype(np.float32)

    def load_classes(root, *, split, download):
        speeds, inputs = waves(split)
        return ArraySplit(inputs=inputs, targets=(speeds > 2.5).astype(np.int64))

    def load_numbers(root, *, split, download):
        speeds, inputs = waves(split)
        return ArraySplit(inputs=inputs, targets=speeds[:, None].astype(np.float32))

    @hookimpl
    def zoo_datasets():
        common = {"summary": "waves", "inputs": {"sequence": TensorSpec("N", 1, 64)}}
        yield DatasetSpec(name="slow-or-fast", load=load_classes, task="sequence-classification",
                          classes=("slow", "fast"), **common)
        yield DatasetSpec(name="how-fast", load=load_numbers, task="sequence-regression", classes=("speed",), **common)
"""
TRAINED_ON_SEQUENCES = {"cnn1d": "slow-or-fast", "cnn1d-regression": "how-fast"}


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
    filters = (name for name in names if name.startswith("filter-"))
    assert names == {*TRAININGS, *ELSEWHERE, *TRAINED_ON_SEQUENCES, *filters}
    for name, file in ELSEWHERE.items():
        assert f'"{name}"' in Path(__file__).parents[1].joinpath(file).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(TRAINED_ON_SEQUENCES))
def test_one_epoch_on_sequences_and_a_verified_export(name: str, run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-waves", SEQUENCES)
    trained = run_zoo("train", name, "--dataset", TRAINED_ON_SEQUENCES[name], "--epochs", "1", "--run", "tiny")
    assert trained.code == 0, trained.stderr
    exported = run_zoo("export", "tiny", "--json")
    assert exported.code == 0, exported.stderr
    assert exported.json["outcome"] == "verified"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if name in LARGE else ()) for name in sorted(TRAININGS)]
)
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
