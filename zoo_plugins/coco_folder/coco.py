"""Boxes as COCO has them: one JSON file with `images`, `annotations` and `categories`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo_core import ZooError
from zoo_core.data import BoxTargets, FileSplit, load_json, read_plain

MOST_BYTES = 1 << 30
"""COCO's own largest file has half of that."""
FARTHEST = 1e6
"""Pixels: no box is farther from the corner of its picture."""


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """What a file says: `pictures` by their numbers, `classes` by theirs, and a row for each box.

    `rows`: number of the picture, number of the class, x, y, width, height, and whether it is a crowd.
    """

    pictures: Mapping[int, str]
    classes: Mapping[int, str]
    rows: list[tuple[int, int, float, float, float, float, bool]]


def read_coco(path: Path, *, like: Path) -> FileSplit:
    """The pictures of an annotations.json, in its order, with their boxes; classes are those of the file `like`.

    Boxes without an area are left out. Raises ZooError that names the entry that is wrong.
    """
    found = read_boxes(path)
    classes = found.classes if path == like else read_boxes(like).classes
    numbers = {name: place for place, (_, name) in enumerate(sorted(classes.items()))}
    if unknown := [name for name in found.classes.values() if name not in numbers]:
        raise ZooError(f"{path} has the category {unknown[0]!r}, which {like} does not have")
    places = {number: place for place, number in enumerate(found.pictures)}
    kept = sorted((row for row in found.rows if row[4] > 0 and row[5] > 0), key=lambda row: places[row[0]])
    sides = np.array([row[2:6] for row in kept], np.float64).reshape(-1, 4)
    targets = BoxTargets(
        boxes=np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1).astype(np.float32),
        classes=np.array([numbers[found.classes[row[1]]] for row in kept], np.int64),
        counts=np.bincount(np.array([places[row[0]] for row in kept], np.int64), minlength=len(places)),
        crowd=np.array([row[6] for row in kept], np.bool_),
    )
    paths = tuple(_picture(path.parent, name, path) for name in found.pictures.values())
    return FileSplit(paths=paths, targets=targets, classes=tuple(numbers))


def read_boxes(path: Path) -> Boxes:
    """What an annotations.json says. Raises ZooError that names the entry that is wrong."""
    try:
        data = load_json(read_plain(path, most=MOST_BYTES, what="annotations"))
    except ValueError as error:
        raise ZooError(f"annotations {path} cannot be read: {error}") from None
    if not isinstance(data, dict):
        raise _wrong(path, "it is no object", "{images: [...], annotations: [...], categories: [...]}")
    pictures = _named(path, data, "images", "file_name")
    classes = _named(path, data, "categories", "name")
    if len(set(classes.values())) != len(classes):
        raise _wrong(path, "two categories have one name", "another name for one of them")
    rows = [_row(path, place, each, pictures, classes) for place, each in enumerate(_list(path, data, "annotations"))]
    return Boxes(pictures=pictures, classes=classes, rows=rows)


def _named(path: Path, data: Mapping[str, Any], kind: str, key: str) -> dict[int, str]:
    """The texts `key` of the entries by their `id`, in the order of the file."""
    found: dict[int, str] = {}
    for place, each in enumerate(_list(path, data, kind)):
        number, text = (each.get("id"), each.get(key)) if isinstance(each, dict) else (None, None)
        if not isinstance(number, int) or isinstance(number, bool) or not isinstance(text, str) or not text:
            raise _wrong(path, f"{kind}[{place}] has no id and {key}", f"an id is a whole number, {key} a text")
        if number in found:
            raise _wrong(path, f"{kind}[{place}] has the id {number}, as an entry before it", "another id")
        found[number] = text
    if not found:
        raise _wrong(path, f"{kind} is empty", "at least one entry")
    return found


def _list(path: Path, data: Mapping[str, Any], kind: str) -> list[Any]:
    entries = data.get(kind)
    if not isinstance(entries, list):
        raise _wrong(path, f"{kind} is no list", "{images: [...], annotations: [...], categories: [...]}")
    return entries


def _row(
    path: Path, place: int, entry: Any, pictures: Mapping[int, str], classes: Mapping[int, str]
) -> tuple[int, int, float, float, float, float, bool]:
    where = f"annotations[{place}]"
    if not isinstance(entry, dict):
        raise _wrong(path, f"{where} is no object", "{image_id: ..., category_id: ..., bbox: [x, y, width, height]}")
    picture, number, box = entry.get("image_id"), entry.get("category_id"), entry.get("bbox")
    if not isinstance(picture, int) or picture not in pictures:
        raise _wrong(path, f"{where} has the image_id {str(picture)[:40]}", "one that an entry of images has as id")
    if not isinstance(number, int) or number not in classes:
        raise _wrong(path, f"{where} has the category_id {str(number)[:40]}", "one that a category has as id")
    if not isinstance(box, list) or len(box) != 4 or not all(_is_length(value) for value in box):
        raise _wrong(path, f"{where} has the bbox {str(box)[:60]}", "[x, y, width, height] in pixels")
    x, y, width, height = map(float, box)
    return picture, number, x, y, width, height, entry.get("iscrowd", 0) == 1


def _is_length(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= FARTHEST


def _picture(folder: Path, name: str, path: Path) -> Path:
    """The file of a picture, beside annotations.json or in images/."""
    relative = Path(name)
    if relative.is_absolute() or ".." in relative.parts or "\0" in name:
        raise _wrong(path, f"the file_name {name[:60]!r} leads out of its folder", "a path below it")
    beside, inside = folder / relative, folder / "images" / relative
    return inside if not beside.exists() and inside.exists() else beside


def _wrong(path: Path, what: str, wanted: str) -> ZooError:
    return ZooError(f"annotations {path} cannot be used: {what}", hint=f"needed: {wanted}")
