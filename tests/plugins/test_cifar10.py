"""CIFAR-10 from its binary batches, in a folder or in the archive; torchvision reads the same pictures as an oracle."""

from __future__ import annotations

import io
import pickle
import re
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from zoo_core import ZooError, open_zoo
from zoo_core.data import BoundDataset, bind_dataset
from zoo_core.errors import RefusedFileError
from zoo_plugins.cifar10 import CLASSES

FOLDER = "cifar-10-batches-bin"
NAMES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
EACH = 8


def batches() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Labels and planes (n, 3072) of each batch."""
    rng = np.random.default_rng(0)
    return {
        name: (rng.integers(0, 10, EACH, dtype=np.uint8), rng.integers(0, 256, (EACH, 3072), dtype=np.uint8))
        for name in NAMES
    }


def binary(name: str) -> bytes:
    labels, planes = batches()[name]
    return np.column_stack([labels, planes]).tobytes()


def write_folder(root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        (root / f"{name}.bin").write_bytes(binary(name))
    (root / "batches.meta.txt").write_text("airplane\n")
    return root


def write_archive(path: Path, *, leave_out: str = "", links: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name in ("readme.html", *(f"{name}.bin" for name in NAMES if name != leave_out)):
            content = binary(name.removesuffix(".bin")) if name.endswith(".bin") else b"<html>"
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.size = len(content)
            if links:
                info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0
            tar.addfile(info, io.BytesIO(content))
    return path


def bound(root: Path, **given: object) -> BoundDataset:
    return bind_dataset(open_zoo().dataset("cifar10"), {"root": str(root), **{k: str(v) for k, v in given.items()}})


def torchvisions(root: Path, monkeypatch: pytest.MonkeyPatch, *, train: bool) -> CIFAR10:
    """torchvision's class on the same pictures in the pickled form, which the zoo never reads."""
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, (labels, planes) in batches().items():
        (folder / name).write_bytes(pickle.dumps({"data": planes, "labels": labels.tolist()}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": list(CLASSES)}))
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *arguments: True)
    return CIFAR10(str(root), train=train)


@pytest.mark.parametrize("place", ["folder", "inside", "archive"])
def test_the_same_pictures_as_torchvision(tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "data"
    if place == "folder":
        write_folder(root / FOLDER)
    elif place == "inside":
        write_folder(root)
    else:
        write_archive(root / "cifar-10-binary.tar.gz")
    before = sorted(root.rglob("*"))
    dataset = bound(root)
    theirs = torchvisions(tmp_path / "t", monkeypatch, train=False)
    ours = dataset.load("test")
    assert (ours.main.transpose(0, 2, 3, 1) == theirs.data).all()
    assert ours.targets.tolist() == theirs.targets
    assert ours.classes == tuple(theirs.classes)
    train, validation = dataset.load("train"), dataset.load("validation")
    assert [len(train), len(validation)] == [30, 10]  # each class has its share, and one where it can
    assert sorted(root.rglob("*")) == before  # nothing is unpacked


def test_train_has_all_five_batches_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo_plugins.cifar10 import cifar10

    split = cifar10(write_folder(tmp_path / "data"), split="train", download=False)
    theirs = torchvisions(tmp_path / "t", monkeypatch, train=True)
    assert (split.inputs == theirs.data).all()
    assert split.targets.tolist() == theirs.targets


def test_three_classes(tmp_path: Path) -> None:
    write_folder(tmp_path / FOLDER)
    dataset = bound(tmp_path, classes="airplane,automobile,ship", val_size=3)
    kept = np.isin(np.concatenate([labels for labels, _ in list(batches().values())[:5]]), [0, 1, 8]).sum()
    assert dataset.num_classes == 3
    assert len(dataset.load("train")) == kept - 3
    assert dataset.load("train").main.shape[1:] == (3, 32, 32)
    recipe = dataset.preprocess
    assert recipe is not None
    assert (recipe.mean, recipe.std) == ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


WRONG: list[tuple[Callable[[Path], object], str]] = [
    (
        lambda f: cut(f / "data_batch_3.bin", 3073 * EACH - 1),
        "data_batch_3.bin is truncated or not a batch of CIFAR-10: 24,583 bytes, not whole records of 3,073",
    ),
    (lambda f: cut(f / "data_batch_3.bin", 0), "0 bytes, not whole records"),
    (lambda f: cut(f / "data_batch_3.bin", 3073), "differ in size: 8, 8, 1, 8, 8 pictures"),
    (lambda f: (f / "data_batch_2.bin").unlink(), f"CIFAR-10 is incomplete in {FOLDER}: data_batch_2.bin missing"),
    (lambda f: (f / "data_batch_1.bin").write_bytes(bytes([10]) * 3073), "it has the label 10, over 9"),
]


@pytest.mark.parametrize(("change", "text"), WRONG, ids=[text for _, text in WRONG])
def test_damaged_batches(tmp_path: Path, change: Callable[[Path], object], text: str) -> None:
    change(write_folder(tmp_path / FOLDER))
    with pytest.raises(ZooError) as caught:
        bound(tmp_path).load("train")
    assert text in caught.value.message.replace(f"{tmp_path}/", "")
    assert caught.value.hint
    assert caught.value.exit_code == 1


def test_a_folder_that_is_not_whole_gives_way_to_the_archive(tmp_path: Path) -> None:
    (write_folder(tmp_path / FOLDER) / "data_batch_2.bin").unlink()
    with pytest.raises(ZooError) as caught:
        bound(tmp_path).load("train")
    assert caught.value.hint == "put it there, or add --download to fetch cifar-10-binary.tar.gz (170.1 MB)"
    write_archive(tmp_path / "cifar-10-binary.tar.gz")
    assert len(bound(tmp_path, val_size=3).load("train")) == 5 * EACH - 3


def test_training_files_alone_have_no_test_split(tmp_path: Path) -> None:
    (write_folder(tmp_path) / "test_batch.bin").unlink()
    assert bound(tmp_path).split_names == ("train", "validation")
    with pytest.raises(ZooError, match="dataset cifar10 has no test split"):
        bound(tmp_path).load("test")
    (tmp_path / "data_batch_5.bin").unlink()
    with pytest.raises(ZooError, match=r"is incomplete in .*: test_batch\.bin missing"):
        bound(tmp_path).load("test")


def test_the_pickled_form_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(
        ZooError, match="cifar-10-batches-py is not read: this form of CIFAR-10 holds pickles"
    ) as caught:
        bound(tmp_path).load("train")
    assert caught.value.hint == "add --download to fetch cifar-10-binary.tar.gz (170.1 MB), the binary form"


def test_damaged_archives(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "cifar-10-binary.tar.gz", leave_out="data_batch_4")
    with pytest.raises(ZooError, match=r"cifar-10-binary\.tar\.gz has no cifar-10-batches-bin/data_batch_4\.bin"):
        bound(tmp_path).load("train")
    cut(path, path.stat().st_size // 2)
    with pytest.raises(ZooError, match=r"cifar-10-binary\.tar\.gz is (truncated|damaged)"):
        bound(tmp_path).load("train")
    path.write_bytes(b"no archive at all")
    with pytest.raises(ZooError, match=r"cifar-10-binary\.tar\.gz is damaged: it is not a tar archive$"):
        bound(tmp_path).load("train")
    write_archive(path, links=True)
    with pytest.raises(RefusedFileError, match=r"data_batch_1\.bin is not a plain file of at most"):
        bound(tmp_path).load("train")


def test_what_is_missing_can_be_fetched_or_given(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"dataset cifar10 is not in .*: cifar-10-binary\.tar\.gz is missing") as caught:
        bound(tmp_path).load("train")
    assert caught.value.hint == ("add --download to fetch it (170.1 MB), or give the folder that has it: -d root=DIR")


def test_the_archive_is_fetched_and_read(
    tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    from zoo_plugins import cifar10

    folder, address = served
    path = write_archive(folder / "cifar-10-binary.tar.gz")
    digest, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
    monkeypatch.setattr(cifar10, "MIRRORS", ("http://127.0.0.1:9/", address))
    monkeypatch.setattr(cifar10, "FILES", {path.name: (digest, size)})
    root = tmp_path / "new"
    assert len(cifar10.cifar10(root, split="test", download=True).inputs) == EACH
    assert [file.name for file in root.iterdir()] == [path.name]
    path.write_bytes(b"other")
    (root / path.name).unlink()
    with pytest.raises(ZooError, match="what came is not the file: its size or sha256 differs"):
        cifar10.cifar10(root, split="test", download=True)


def test_the_published_hash_is_whole() -> None:
    from zoo_plugins import cifar10, fashion_mnist, kmnist, mnist
    from zoo_plugins.oxford_pet import published as oxford_pet

    for plugin in (cifar10, fashion_mnist, kmnist, mnist, oxford_pet):
        for name, (sha256, size) in plugin.FILES.items():
            assert re.fullmatch("[0-9a-f]{64}", sha256), name
            assert size > 1000
        assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in plugin.MIRRORS)


def test_the_program_says_what_is_missing(tmp_path: Path, zoo_here: Any) -> None:
    done = zoo_here("info", "cifar10", "--statistics", "-d", f"root={tmp_path / 'none'}")
    assert done.code == 1
    assert "cifar-10-binary.tar.gz is missing" in done.stderr
