"""Your own pictures to restore: pairs in two folders, and clean pictures that get noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo_core import UsageError, ZooError, open_zoo
from zoo_core.data import BoundDataset, bind_dataset

RNG = np.random.default_rng(0)


def bound(name: str, **options: Any) -> BoundDataset:
    return bind_dataset(open_zoo().dataset(name), options)


def write(path: Path, *shape: int) -> np.ndarray:
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels


def test_pairs_are_read_from_two_folders(tmp_path: Path) -> None:
    inputs = [write(tmp_path / "inputs" / f"{n}.png", 8, 12) for n in range(6)]
    targets = [write(tmp_path / "targets" / f"{n}.bmp", 16, 24) for n in range(6)]
    data = bound("picture-pairs", root=str(tmp_path), tiles=4, val_size=1)
    samples = data.load("train")
    assert samples.main.shape == (5 * 6, 1, 4, 4)
    assert samples.targets.shape == (5 * 6, 1, 8, 8)
    first = int(Path(str(samples.files and samples.files[0]).partition(",")[0]).stem)
    np.testing.assert_array_equal(samples.main[0, 0], inputs[first][:4, :4])
    np.testing.assert_array_equal(samples.targets[0, 0], targets[first][:8, :8])
    assert bound("picture-pairs", root=str(tmp_path), size=6, color="RGB").load("train").main.shape[1:] == (3, 6, 6)


def test_split_folders(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("val", 2)):
        for number in range(count):
            for part in ("inputs", "targets"):
                write(tmp_path / split / part / f"{number}.png", 8, 8)
    data = bound("picture-pairs", root=str(tmp_path), size=8)
    assert data.split_names == ("train", "validation")
    assert [len(data.load(split)) for split in data.split_names] == [3, 2]


def test_folders_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="there is no folder"):
        bound("picture-pairs", root=str(tmp_path / "none")).load("train")
    (tmp_path / "other").mkdir()
    with pytest.raises(ZooError, match="has neither inputs and targets nor a train folder"):
        bound("picture-pairs", root=str(tmp_path)).load("train")
    write(tmp_path / "inputs" / "a.png", 8, 8)
    with pytest.raises(ZooError, match="has no folder 'targets'"):
        bound("picture-pairs", root=str(tmp_path)).load("train")
    write(tmp_path / "targets" / "b.png", 8, 8)
    with pytest.raises(ZooError, match=r"inputs/a.png has no counterpart in .*targets"):
        bound("picture-pairs", root=str(tmp_path)).load("train")
    write(tmp_path / "targets" / "a.png", 8, 8)
    with pytest.raises(ZooError, match=r"targets/b.png has no counterpart in .*inputs"):
        bound("picture-pairs", root=str(tmp_path)).load("train")
    write(tmp_path / "inputs" / "a.bmp", 8, 8)
    with pytest.raises(ZooError, match=r"two pictures of one name in .*: a.bmp and a.png"):
        bound("picture-pairs", root=str(tmp_path)).load("train")


def test_clean_pictures_get_noise(tmp_path: Path) -> None:
    clean = np.full((40, 60), 128, np.uint8)
    for name in "abc":
        Image.fromarray(clean).save(tmp_path / f"{name}.png")
    options = {"root": str(tmp_path), "tiles": 20, "test_size": 1, "val_size": 1}
    data = bound("noisy-folder", **options)
    train, test = data.load("train"), data.load("test")
    assert train.main.shape == test.main.shape == (6, 1, 20, 20)
    assert (train.targets == 128).all()
    error = (train.main - 128.0) / 255
    assert error.std() == pytest.approx(0.1, rel=0.05)
    assert not np.array_equal(train.main, test.main)
    np.testing.assert_array_equal(bound("noisy-folder", **options).load("train").main, train.main)
    assert not np.array_equal(bound("noisy-folder", seed=1, **options).load("train").main, train.main)
    with pytest.raises(UsageError, match="noise is a deviation above 0, up to 1, and seed 0 or more"):
        bound("noisy-folder", noise=2.0, **options).load("train")
    write(tmp_path / "d.png", 8, 8)
    with pytest.raises(ZooError, match="pictures differ in size"):
        bound("noisy-folder", **options).load("train")


def test_all_pictures_without_a_counterpart_are_told_of_at_once(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for part in ("inputs", "targets"):
            for name in ("a", "b", f"only-{part}"):
                write(tmp_path / split / part / f"{name}.png", 8, 8)
    with pytest.raises(ZooError, match=r"pictures without a counterpart \(4\)") as refused:
        bound("picture-pairs", root=str(tmp_path)).load("train")
    for split in ("train", "test"):
        for here, there in (("inputs", "targets"), ("targets", "inputs")):
            alone = tmp_path / split / here / f"only-{here}.png"
            assert f"{alone} has no counterpart in {tmp_path / split / there}" in refused.value.message


def resized(name: str, **options: Any) -> list[str]:
    return [remark for remark in bound(name, **options).load("train").remarks if " are resized " in remark]


def test_a_size_that_nobody_asked_for_is_told(tmp_path: Path) -> None:
    for n in range(12):
        for part in ("inputs", "targets"):
            write(tmp_path / "pairs" / part / f"{n}.png", 20, 30 + n // 11)
        write(tmp_path / "clean" / f"{n}.png", 16, 16)
        for kind in ("cat", "dog"):
            write(tmp_path / "pets" / kind / f"{n}.png", 64, 64)
    assert resized("picture-pairs", root=str(tmp_path / "pairs")) == [
        "Pictures of 30 x 20 to 31 x 20 pixels (width x height) are resized to 128 x 128, whatever their proportions; "
        "-d size=N makes them N x N, -d tiles=N cuts them into pieces instead"
    ]
    assert resized("picture-pairs", root=str(tmp_path / "pairs"), size=16) == []
    assert resized("picture-pairs", root=str(tmp_path / "pairs"), tiles=8) == []
    (told,) = resized("noisy-folder", root=str(tmp_path / "clean"))
    assert told.startswith("Pictures of 16 x 16 pixels (width x height) are resized to 128 x 128; -d size=N")
    assert resized("image-folder", root=str(tmp_path / "pets")) == []  # 64 x 64 is what it takes by default
    assert resized("digits") == []


def test_a_training_tells_the_size_before_the_first_step(tmp_path: Path, zoo_here: Any) -> None:
    for n in range(12):
        for kind in ("cat", "dog"):
            write(tmp_path / "pets" / kind / f"{n}.png", 20, 30)
    asked = ("train", "mlp", "--dataset", "image-folder", "-d", f"root={tmp_path / 'pets'}", "--epochs", "1")
    told = zoo_here(*asked).stderr.partition("epoch 1/1")[0]
    assert "Pictures of 30 x 20 pixels (width x height) are resized to 64 x 64, whatever their proportions" in told
    assert "are resized" not in zoo_here(*asked, "-d", "size=16").stderr
