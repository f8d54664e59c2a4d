"""Masks as targets: in memory and as files, with the geometry of their pictures, cut into tiles, and wrong ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_datasets import bound

from zoo_core import Preprocess, TensorSpec, ZooError
from zoo_core.data import ArraySplit, FileSplit, MaskFiles
from zoo_core.errors import RefusedFileError, UsageError
from zoo_core.pictures import read_mask
from zoo_core.preprocess import cut_tiles, prepare_masks, resize_mask
from zoo_core.specs import IGNORED

NAMES = ("background", "thing")


def scene(count: int, height: int = 12, width: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Pictures whose grey says what the mask is, so that a mask that moved is seen: 200 inside, 40 outside."""
    rng = np.random.default_rng(1)
    masks = np.zeros((count, height, width), np.uint8)
    for mask in masks:
        top, left = rng.integers(0, height - 4), rng.integers(0, width - 4)
        mask[top : top + 4, left : left + 4] = 1
    return np.where(masks == 1, 200, 40).astype(np.uint8), masks


def in_memory(root: Path, *, split: str, download: bool, tiles: int | None = None, shade: int = 0) -> ArraySplit:
    pictures, masks = scene(20 if split == "train" else 6)
    return ArraySplit(inputs=pictures, targets=masks ^ np.uint8(shade))


def segmented(load: Callable[..., Any] = in_memory, given: dict[str, Any] | None = None, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "task": "semantic-segmentation",
        "classes": NAMES,
        "inputs": {"image": TensorSpec("N", 1, 12, 16)},
        "preprocess": Preprocess(color="L", resize=(12, 16), interpolation="nearest"),
        **changes,
    }
    return bound(load, given, **fields)


def write(folder: Path, count: int = 20, *, shown: dict[int, int] | None = None) -> tuple[tuple[Path, ...], ...]:
    """The scene as files; `shown`: the pixel value of each class."""
    pictures, masks = scene(count)
    table = np.zeros(256, np.uint8)
    for number, value in (shown or {0: 0, 1: 1}).items():
        table[number] = value
    paths: tuple[list[Path], list[Path]] = ([], [])
    for index in range(count):
        for kind, pixels, found in (("p", pictures[index], paths[0]), ("m", table[masks[index]], paths[1])):
            found.append(folder / f"{kind}{index:02}.png")
            Image.fromarray(pixels).save(found[-1])
    return tuple(paths[0]), tuple(paths[1])


def from_files(folder: Path, numbers: dict[int, int], **more: Any) -> Callable[..., FileSplit]:
    pictures = tuple(sorted(folder.glob("p*.png")))
    masks = tuple(sorted(folder.glob("m*.png")))

    def load(root: Path, *, split: str, download: bool, tiles: int | None = None) -> FileSplit:
        return FileSplit(paths=pictures, targets=MaskFiles(paths=masks, numbers=numbers), **more)

    return load


# --- in memory and from files


def test_masks_follow_their_pictures_into_train_and_validation() -> None:
    dataset = segmented()
    parts = [dataset.load(split) for split in ("train", "validation", "test")]
    assert [len(part) for part in parts] == [18, 2, 6]
    for part in parts:
        assert part.targets.dtype == np.uint8
        assert part.targets.shape == part.main.shape[:1] + part.main.shape[2:]
        assert ((part.main[:, 0] == 200) == (part.targets == 1)).all()
    assert dataset.class_names() == NAMES
    assert dataset.options["stratified"] is False


@pytest.mark.parametrize(("size", "crop"), [((6, 8), None), ((24, 20), None), ((9, 9), (5, 7)), (7, (6, 6))])
def test_masks_have_the_geometry_of_their_pictures(size: Any, crop: Any) -> None:
    recipe = Preprocess(color="L", resize=size, crop=crop, interpolation="nearest")
    height, width = recipe.size or (0, 0)
    part = segmented(preprocess=recipe, inputs={"image": TensorSpec("N", 1, height, width)}).load("test")
    assert part.targets.shape == (6, height, width)
    assert ((part.main[:, 0] == 200) == (part.targets == 1)).all()
    assert part.targets.any()


def test_resized_masks_have_no_new_values() -> None:
    mask = np.random.default_rng(0).choice([0, 3, 7, IGNORED], (31, 17)).astype(np.uint8)
    resized = resize_mask(mask, Preprocess(resize=(64, 5)))
    assert set(np.unique(resized)) <= {0, 3, 7, IGNORED}
    assert (resized == np.asarray(Image.fromarray(mask).resize((5, 64), Image.Resampling.NEAREST))).all()
    assert prepare_masks(mask[np.newaxis], Preprocess(resize=(64, 5))).tolist() == [resized.tolist()]
    assert prepare_masks(mask[np.newaxis][:0], Preprocess(resize=(64, 5))).shape[0] == 0


def test_files_give_what_arrays_give(tmp_path: Path) -> None:
    write(tmp_path, shown={0: 2, 1: 3})
    files = segmented(from_files(tmp_path, {2: 0, 3: 1})).load("train")
    arrays = segmented().load("train")
    assert (files.main == arrays.main).all()
    assert (files.targets == arrays.targets).all()


def test_a_value_may_mean_that_it_is_not_counted(tmp_path: Path) -> None:
    write(tmp_path, shown={0: 0, 1: 9})
    part = segmented(from_files(tmp_path, {0: 0, 9: IGNORED})).load("test")
    assert set(np.unique(part.targets)) == {0, IGNORED}


def test_fingerprints_cover_masks(tmp_path: Path) -> None:
    first = segmented().load("test").fingerprint
    assert segmented().load("test").fingerprint == first
    assert segmented(given={"shade": 1}).load("test").fingerprint != first
    write(tmp_path, 4)
    load = from_files(tmp_path, {0: 0, 1: 1})
    prints = {segmented(load).load("test").fingerprint}
    prints.add(segmented(from_files(tmp_path, {0: 1, 1: 0})).load("test").fingerprint)
    Image.fromarray(np.ones((12, 16), np.uint8)).save(tmp_path / "m01.png")
    prints.add(segmented(load).load("test").fingerprint)
    assert len(prints) == 3


def test_sequences_with_masks() -> None:
    values = np.random.default_rng(0).normal(size=(10, 2, 8)).astype(np.float32)
    masks = (values[:, 0] > 0).astype(np.int64)

    def load(root: Path, *, split: str, download: bool) -> ArraySplit:
        return ArraySplit(inputs=values, targets=masks)

    fields: dict[str, Any] = {
        "task": "sequence-segmentation",
        "preprocess": None,
        "inputs": {"x": TensorSpec("N", 2, 8)},
    }
    part = segmented(load, **fields).load("test")
    assert part.targets.dtype == np.uint8
    assert (part.targets == masks).all()
    with pytest.raises(ZooError, match=re.escape("masks of 7 for samples of 8")):
        segmented(lambda root, *, split, download: ArraySplit(inputs=values, targets=masks[:, :7]), **fields).load(
            "test"
        )


# --- how many outputs, and which samples


@pytest.mark.parametrize(
    ("task", "classes", "outputs"),
    [
        ("semantic-segmentation", NAMES, 1),
        ("semantic-segmentation", ("a", "b", "c"), 3),
        ("sequence-segmentation", NAMES, 1),
        ("binary-classification", NAMES, 1),
        ("image-classification", NAMES, 2),
    ],
)
def test_two_classes_need_one_output_where_only_yes_or_no_is_asked(
    task: str, classes: tuple[str, ...], outputs: int
) -> None:
    dataset = bound(task=task, classes=classes)
    assert dataset.num_classes == outputs
    assert dataset.class_names() == classes


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"classes": "background,thing"}, "dataset animals has no samples of one class: a sample is a mask"),
        ({"stratified": "true"}, "dataset animals cannot be stratified: a sample is a mask"),
        ({"tiles": "0"}, "tiles is at least 1, not 0"),
        ({"tiles": "4", "size": "8"}, "size and tiles cannot both be given"),
    ],
)
def test_options_that_masks_do_not_have(given: dict[str, str], text: str) -> None:
    with pytest.raises(UsageError, match=re.escape(text)) as caught:
        segmented(given=given)
    assert caught.value.hint


def test_sizes_count_samples_and_recorded_options_can_be_given_again() -> None:
    dataset = segmented(given={"train_size": "5", "val_size": "4", "stratified": "false"})
    assert [len(dataset.load(split)) for split in ("train", "validation")] == [5, 4]
    again = segmented(given=dataset.options)
    assert again.load("train").fingerprint == dataset.load("train").fingerprint


# --- tiles


def test_tiles_are_cut_row_by_row() -> None:
    pixels = np.arange(6 * 7, dtype=np.uint8).reshape(6, 7)
    tiles = list(cut_tiles(pixels, 3))
    assert [tile[0, 0] for tile in tiles] == [0, 3, 21, 24]
    assert all(tile.shape == (3, 3) for tile in tiles)
    with pytest.raises(ZooError, match=re.escape("the picture has 6 x 7 pixels, less than a tile of 7 x 7")):
        list(cut_tiles(pixels, 7))


@pytest.mark.parametrize("files", [True, False])
def test_tiles_of_one_picture_are_in_one_split(tmp_path: Path, files: bool) -> None:
    write(tmp_path)
    load = from_files(tmp_path, {0: 0, 1: 1}) if files else in_memory
    dataset = segmented(load, {"tiles": "4", "val_size": "3"})
    assert dataset.inputs["image"].axes == ("N", 1, 4, 4)
    assert dataset.preprocess is not None
    assert dataset.preprocess.size is None
    whole, parts = segmented(load, {"val_size": "3"}), {}
    for split, pictures in (("train", 17), ("validation", 3)):
        part = parts[split] = dataset.load(split)
        assert part.main.shape == (pictures * 12, 1, 4, 4)
        assert part.targets.shape == (pictures * 12, 4, 4)
        assert ((part.main[:, 0] == 200) == (part.targets == 1)).all()
        # Put together again, they are the pictures of that split.
        joined = part.main.reshape(pictures, 3, 4, 4, 4).transpose(0, 1, 3, 2, 4).reshape(pictures, 12, 16)
        assert (joined == whole.load(split).main[:, 0]).all()


def test_pictures_of_several_sizes_can_be_cut(tmp_path: Path) -> None:
    for index, shape in enumerate([(8, 8), (4, 13), (9, 4), (20, 20)]):
        for kind in "pm":
            Image.fromarray(np.full(shape, index % 2, np.uint8)).save(tmp_path / f"{kind}{index}.png")
    load = from_files(tmp_path, {0: 0, 1: 1})
    assert len(segmented(load, {"tiles": "4"}).load("test")) == 4 + 3 + 2 + 25
    with pytest.raises(ZooError, match=re.escape("p1.png has 4 x 13 pixels, less than a tile of 5 x 5")):
        segmented(load, {"tiles": "5"}).load("test")


# --- wrong masks

LEAVE_OUT = "-d skip_bad=true leaves out what cannot be read"


def test_a_mask_of_another_size(tmp_path: Path) -> None:
    write(tmp_path, 3)
    Image.fromarray(np.zeros((12, 15), np.uint8)).save(tmp_path / "m01.png")
    wanted = f"mask {tmp_path / 'm01.png'} has 12 x 15 pixels, its picture {tmp_path / 'p01.png'} 12 x 16"
    with pytest.raises(ZooError, match=re.escape(wanted)) as caught:
        segmented(from_files(tmp_path, {0: 0, 1: 1})).load("test")
    assert caught.value.hint == f"a mask is as large as its picture; {LEAVE_OUT}"


def test_a_mask_with_a_value_that_is_no_class(tmp_path: Path) -> None:
    write(tmp_path, 3, shown={0: 0, 1: 7})
    with pytest.raises(ZooError, match=r"mask .*m00\.png has the value 7, which stands for no class") as caught:
        segmented(from_files(tmp_path, {0: 0, 5: 1})).load("test")
    assert caught.value.hint == "the values of these masks are 0, 5; JPEG changes them, PNG does not"  # none is left


PICTURES = np.zeros((2, 12, 16), np.uint8)
FILES = (Path("a.png"), Path("b.png"))
WRONG: list[tuple[Any, str]] = [
    (ArraySplit(inputs=PICTURES, targets=np.zeros((2, 12, 15), np.uint8)), "masks of 12 x 15 for samples of 12 x 16"),
    (ArraySplit(inputs=PICTURES, targets=np.zeros((2, 12), np.uint8)), "masks of 12 for samples of 12 x 16"),
    (ArraySplit(inputs=PICTURES, targets=np.zeros(2, np.uint8)), "2 samples need as many masks (N, H, W) or (N, L)"),
    (ArraySplit(inputs=PICTURES, targets=PICTURES[:1]), "not uint8 of shape (1, 12, 16)"),
    (ArraySplit(inputs=PICTURES, targets=PICTURES / 2), "not float64 of shape (2, 12, 16)"),
    (ArraySplit(inputs=PICTURES, targets=PICTURES + 2), "mask 0 has the value 2, but there are 2 classes"),
    (ArraySplit(inputs=PICTURES, targets=PICTURES.astype(int) - 1), "mask 0 has the value -1, but there are 2 classes"),
    (ArraySplit(inputs=PICTURES[:0], targets=PICTURES[:0]), "has no samples"),
    (
        ArraySplit(inputs=PICTURES, targets=MaskFiles(paths=FILES, numbers={0: 0})),  # type: ignore[arg-type]
        "the masks of arrays are an array, not MaskFiles",
    ),
    (FileSplit(paths=FILES, targets=PICTURES), "the masks of picture files are MaskFiles, not uint8"),
    (FileSplit(paths=FILES, targets=MaskFiles(paths=FILES[:1], numbers={0: 0})), "2 pictures, but 1 masks"),
    (
        FileSplit(paths=FILES, targets=MaskFiles(paths=FILES, numbers={0: 0, 9: 2})),
        "masks cannot have the value 9 for class 2",
    ),
    (
        FileSplit(paths=FILES, targets=MaskFiles(paths=FILES, numbers={256: 0})),
        "masks cannot have the value 256 for class 0",
    ),
]


@pytest.mark.parametrize(("answer", "text"), WRONG, ids=[text for _, text in WRONG])
def test_loaders_that_break_the_contract(answer: Any, text: str) -> None:
    with pytest.raises(ZooError, match=re.escape(text)) as caught:
        segmented(lambda root, *, split, download: answer).load("test")
    assert caught.value.exit_code == 1
    assert "dataset animals, split test" in caught.value.message


def test_masks_where_the_task_has_class_numbers() -> None:
    answer = FileSplit(paths=FILES, targets=MaskFiles(paths=FILES, numbers={0: 0}))
    with pytest.raises(ZooError, match="masks are for tasks with a class for each place"):
        bound(lambda root, *, split, download: answer).load("test")


# --- reading one mask


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


def test_masks_of_every_kind_are_read_as_numbers(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(0, 21, (5, 6), dtype=np.uint8)
    colours = np.random.default_rng(1).integers(0, 256, 768, dtype=np.uint8).tolist()
    palette = Image.fromarray(numbers, "P")
    palette.putpalette(colours)
    grey = Image.fromarray(numbers)
    for name, image, options in (
        ("palette.png", palette, {}),
        ("transparent.png", palette, {"transparency": 3}),
        ("palette.bmp", palette, {}),
        ("grey.png", grey, {}),
        ("rgb.png", grey.convert("RGB"), {}),
        ("sixteen.png", Image.fromarray(numbers.astype(np.uint16)), {}),
    ):
        found = read_mask(saved(tmp_path / name, image, **options))
        assert found.dtype == np.uint8, name
        assert (found == numbers).all(), name
    two = read_mask(saved(tmp_path / "bit.png", Image.fromarray(numbers > 9)))
    assert (two == np.where(numbers > 9, 255, 0)).all()


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (Image.new("RGB", (3, 3), (1, 2, 3)), "x.png is a picture of mode RGB, not one number for each pixel"),
        (Image.new("RGBA", (3, 3)), "x.png is a picture of mode RGBA, not one number for each pixel"),
        (Image.fromarray(np.full((3, 3), 256, np.uint16)), "x.png has the value 256, over 255"),
    ],
)
def test_masks_that_hold_no_numbers(tmp_path: Path, image: Image.Image, text: str) -> None:
    with pytest.raises(RefusedFileError, match=re.escape(text)) as caught:
        read_mask(saved(tmp_path / "x.png", image))
    assert caught.value.hint
