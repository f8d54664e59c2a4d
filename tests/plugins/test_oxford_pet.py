"""Oxford-IIIT Pet from small folders and archives in the true layout; torchvision reads the same files as an oracle."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import OxfordIIITPet

from zoo_core import ZooError, open_zoo
from zoo_core.data import BoundDataset, archives, bind_dataset, unpack
from zoo_core.errors import RefusedFileError
from zoo_plugins import oxford_pet
from zoo_plugins.oxford_pet import BREEDS

SHOWN = ("Abyssinian", "american_bulldog", "Egyptian_Mau", "yorkshire_terrier")


def write_pets(root: Path, each: int = 5) -> Path:
    """Pictures of several sizes and true formats, all called .jpg as in the published set, and trimaps."""
    rng = np.random.default_rng(0)
    (root / "images").mkdir(parents=True)
    (root / "annotations" / "trimaps").mkdir(parents=True)
    lists: dict[str, list[str]] = {"trainval": [], "test": []}
    for breed in SHOWN:
        number = BREEDS.index(breed.lower().replace("_", "-")) + 1
        for index in range(each):
            name = f"{breed}_{100 + index}"
            shape = (30 + 3 * index, 40 - 2 * index)
            trimap = rng.integers(1, 4, shape, dtype=np.uint8)
            picture = Image.fromarray(rng.integers(0, 256, (*shape, 3), dtype=np.uint8))
            kind = ("JPEG", "PNG", "GIF", "JPEG", "PNG")[index % 5]
            if index % 5 == 4:
                picture = picture.convert("RGBA")
            picture.save(root / "images" / f"{name}.jpg", format=kind)
            Image.fromarray(trimap).save(root / "annotations" / "trimaps" / f"{name}.png")
            lists["test" if index == 4 else "trainval"].append(f"{name} {number} {1 + breed[0].islower()} 1\n")
    for name, lines in lists.items():
        (root / "annotations" / f"{name}.txt").write_text("".join(lines))
    (root / "annotations" / "list.txt").write_text("#Image CLASS-ID SPECIES BREED ID\n")
    return root


def pack(folder: Path, archive: Path) -> Path:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, folder.name)
    return archive


def bound(name: str, root: Path, **given: object) -> BoundDataset:
    return bind_dataset(open_zoo().dataset(name), {"root": str(root), **{k: str(v) for k, v in given.items()}})


@pytest.fixture
def theirs(tmp_path: Path) -> Callable[[str, str], OxfordIIITPet]:
    def read(split: str, target: str) -> OxfordIIITPet:
        return OxfordIIITPet(str(tmp_path), split=split, target_types=target)

    return read


def test_masks_as_torchvision_reads_the_trimaps(tmp_path: Path, theirs: Callable[[str, str], OxfordIIITPet]) -> None:
    root = write_pets(tmp_path / "oxford-iiit-pet")
    dataset = bound("oxford-pet", root)
    assert (dataset.num_classes, dataset.class_names()) == (1, ("background", "pet"))
    part = dataset.load("test")
    expected = theirs("test", "segmentation")
    assert len(part) == len(expected) == 4
    assert part.main.shape == (4, 3, 128, 128)
    assert part.targets.shape == (4, 128, 128)
    for index, (picture, trimap) in enumerate(expected):
        resized = np.asarray(trimap.resize((128, 128), Image.Resampling.NEAREST))
        assert (part.targets[index] == (resized != 2)).all()
        pixels = np.asarray(picture.resize((128, 128), Image.Resampling.BILINEAR))
        assert (part.main[index].transpose(1, 2, 0) == pixels).all()
    assert [len(dataset.load(split)) for split in ("train", "validation")] == [14, 2]


def test_breeds_as_torchvision_numbers_them(tmp_path: Path, theirs: Callable[[str, str], OxfordIIITPet]) -> None:
    root = write_pets(tmp_path / "oxford-iiit-pet")
    dataset = bound("oxford-pet-breeds", root, size=16)
    assert dataset.num_classes == len(BREEDS) == 37
    part = dataset.load("test")
    expected = theirs("test", "category")
    assert part.targets.tolist() == [label for _, label in expected]
    assert [BREEDS[number] for number in part.targets] == [name.lower().replace(" ", "-") for name in expected.classes]
    some = bound("oxford-pet-breeds", root, classes="egyptian-mau,abyssinian")
    assert np.bincount(some.load("test").targets).tolist() == [1, 1]


def test_breeds_use_the_files_of_the_masks(tmp_path: Path) -> None:
    write_pets(tmp_path / "oxford-pet")
    split = oxford_pet.oxford_pet_breeds(tmp_path / "oxford-pet-breeds", split="train", download=False)
    assert len(split) == 16
    write_pets(tmp_path / "oxford-pet-breeds", each=2)
    split = oxford_pet.oxford_pet_breeds(tmp_path / "oxford-pet-breeds", split="train", download=False)
    assert len(split) == 8


def test_archives_are_unpacked_once(tmp_path: Path) -> None:
    whole = write_pets(tmp_path / "whole")
    root = tmp_path / "root"
    for name in ("images", "annotations"):
        pack(whole / name, root / f"{name}.tar.gz")
    first = bound("oxford-pet", root).load("test").fingerprint
    assert sorted(path.name for path in root.iterdir()) == [
        "annotations", "annotations.tar.gz", "images", "images.tar.gz"
    ]  # fmt: skip
    for name in ("images", "annotations"):
        (root / f"{name}.tar.gz").unlink()
    assert bound("oxford-pet", root).load("test").fingerprint == first
    assert bound("oxford-pet", whole).load("test").fingerprint == first


def test_archives_are_fetched(tmp_path: Path, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from zoo_plugins.oxford_pet import files

    folder, address = served
    whole = write_pets(tmp_path / "whole")
    known = {}
    for name in ("images", "annotations"):
        path = pack(whole / name, folder / f"{name}.tar.gz")
        known[path.name] = (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    monkeypatch.setattr(files, "MIRRORS", (address,))
    monkeypatch.setattr(files, "FILES", known)
    assert len(oxford_pet.oxford_pet(tmp_path / "new", split="train", download=True)) == 16
    with pytest.raises(ZooError, match=r"dataset oxford-pet is not in .*: annotations\.tar\.gz is missing") as caught:
        oxford_pet.oxford_pet(tmp_path / "newer", split="train", download=False)
    assert "add --download to fetch it" in str(caught.value.hint)


def other_size(root: Path) -> None:
    Image.fromarray(np.ones((9, 8), np.uint8)).save(root / "annotations" / "trimaps" / "Abyssinian_100.png")


def other_value(root: Path) -> None:
    Image.fromarray(np.full((30, 40), 4, np.uint8)).save(root / "annotations" / "trimaps" / "Abyssinian_100.png")


def other_line(text: str) -> Callable[[Path], object]:
    return lambda root: (root / "annotations" / "trainval.txt").write_text(f"# names\n\n{text}\n")


WRONG: list[tuple[Callable[[Path], object], str]] = [
    (lambda r: (r / "images" / "Abyssinian_100.jpg").unlink(), "is incomplete: images/Abyssinian_100.jpg missing"),
    (lambda r: [p.unlink() for p in (r / "images").iterdir()], "images/Abyssinian_100.jpg and 15 more missing"),
    (lambda r: (r / "images" / "Abyssinian_100.jpg").write_bytes(b"\xff\xd8\xff"), "Abyssinian_100.jpg is damaged"),
    (
        lambda r: (r / "annotations/trimaps/Abyssinian_100.png").unlink(),
        "annotations/trimaps/Abyssinian_100.png missing",
    ),
    (other_size, "Abyssinian_100.png has 9 x 8 pixels, its picture"),
    (other_value, "Abyssinian_100.png has the value 4, which stands for no class"),
    (lambda r: (r / "annotations" / "trainval.txt").unlink(), "annotations/trainval.txt missing"),
    (other_line("Abyssinian_100 2 1 1"), "trainval.txt, line 3, is not a picture of a known breed with its number"),
    (other_line("tiger_100 2 1 1"), "is not a picture of a known breed with its number: 'tiger_100 2 1 1'"),
    (other_line("../x/Abyssinian_100 1 1 1"), "is not a picture of a known breed"),
    (other_line("Abyssinian_100"), "is not a picture of a known breed"),
    (other_line(""), "split train has no samples"),
]


@pytest.mark.parametrize(("change", "text"), WRONG, ids=[text for _, text in WRONG])
def test_files_that_are_not_as_published(tmp_path: Path, change: Callable[[Path], object], text: str) -> None:
    root = write_pets(tmp_path / "pets")
    change(root)
    with pytest.raises(ZooError, match=re.escape(text)) as caught:
        bound("oxford-pet", root).load("train")
    assert caught.value.exit_code == 1


# --- unpacking what strangers packed


def member(name: str, *, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, 4 if kind == tarfile.REGTYPE else 0
    return info


def archive_of(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info in members:
            tar.addfile(info, io.BytesIO(b"data"))
    return path


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (member("top/../../outside"), "holds a file that must not be written"),
        (member("top/link", kind=tarfile.SYMTYPE, link="/etc/passwd"), "top/link is neither a file nor a folder"),
        (member("top/hard", kind=tarfile.LNKTYPE, link="top/a"), "top/hard is neither a file nor a folder"),
        (member("top/device", kind=tarfile.CHRTYPE), "top/device is neither a file nor a folder"),
    ],
)
def test_members_that_would_land_elsewhere(tmp_path: Path, bad: tarfile.TarInfo, text: str) -> None:
    folder = tmp_path / "deep" / "er"
    folder.mkdir(parents=True)
    archive = archive_of(folder / "x.tar.gz", member("top/a"), bad)
    with pytest.raises(RefusedFileError, match=re.escape(text)) as caught:
        unpack(archive, top="top")
    assert str(archive) in caught.value.message
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]
    assert [path.name for path in folder.iterdir()] == ["x.tar.gz"]


def test_only_what_is_below_the_folder_is_unpacked(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "x.tar.gz", member("./top/a"), member("../evil"), member("/abs"), member("top2/b"))
    folder = unpack(archive, top="top")
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["top", "x.tar.gz"]


@pytest.mark.parametrize(("limit", "value"), [("MAX_UNPACKED_BYTES", 7), ("MAX_MEMBERS", 1)])
def test_archives_that_would_fill_the_disk(
    tmp_path: Path, limit: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, limit, value)
    archive = archive_of(tmp_path / "x.tar.gz", member("top/a"), member("top/b"))
    with pytest.raises(RefusedFileError, match=r"x\.tar\.gz holds over 8 GiB or over a million files"):
        unpack(archive, top="top")
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar.gz"]


def test_archives_that_end_too_early_leave_nothing(tmp_path: Path) -> None:
    archive = pack(write_pets(tmp_path / "pets") / "images", tmp_path / "new" / "images.tar.gz")
    archive.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(ZooError, match=r"images\.tar\.gz is (truncated|damaged)"):
        unpack(archive, top="images")
    assert [path.name for path in archive.parent.iterdir()] == ["images.tar.gz"]
    with pytest.raises(ZooError, match=r"x\.tar\.gz has no folder images"):
        unpack(archive_of(tmp_path / "new" / "x.tar.gz", member("other/a")), top="images")
