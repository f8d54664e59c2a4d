"""What torchvision says of its trained weights, as data of the zoo: address, hash, labels, preprocessing, metrics."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zoo_core import Preprocess, Weights

_HASH = re.compile(r"-([0-9a-f]{8,64})\.(?:pth|pt|safetensors)$")
_CLIP = re.compile(r"clip_len=(\d+)")
_MEBIBYTE = 2**20  # torchvision gives sizes in units of 1024 * 1024 bytes, to three digits


def members_of(name: str) -> list[Any]:
    """The weights of a model as torchvision's own enum members, its default first.

    A quantized name has those of the float net that it was made from: the float net is what is built here.
    """
    from torchvision.models import get_model_weights

    enum: Any = get_model_weights(name)
    members = list(enum)
    if members:
        members.sort(key=lambda member: member is not enum.DEFAULT)
    found = [member.meta["unquantized"] if "backend" in member.meta else member for member in members]
    # Weights without categories, where a model has labels, are parts of other models (the features of an SSD in VGG).
    return [member for member in found if member.meta.get("categories", ()) is not None]


def as_weights(member: Any, *, preprocess: Preprocess | None) -> Weights:
    """One enum member. Raises ValueError if its address holds no hash: what is fetched could not be checked."""
    match = _HASH.search(member.url)
    if match is None:
        raise ValueError(f"the address of {member} has no hash: {member.url}")
    return Weights(
        name=member.name,
        url=member.url,
        sha256=match[1],
        size=round(member.meta["_file_size"] * _MEBIBYTE),
        license=member.meta.get("license", ""),
        labels=labels_of(member),
        preprocess=preprocess,
        metrics=dict(_flat(member.meta.get("_metrics", {}))),
    )


def labels_of(member: Any) -> tuple[str, ...]:
    """The categories, in order, each text once: COCO has ten "N/A", and older lists of ImageNet two cranes.

    A label that was there before gets its number, `crane (2)`, so that an answer names one class.
    """
    return tuple(_distinct(member.meta.get("categories") or ()))


def _distinct(texts: Iterable[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for text in texts:
        seen[text] += 1
        yield text if seen[text] == 1 else f"{text} ({seen[text]})"


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for key, value in metrics.items():
        name = f"{prefix} {key}".strip()
        if isinstance(value, Mapping):
            yield from _flat(value, name)
        else:
            yield name, float(value)


def picture_recipe(member: Any) -> Preprocess:
    """The preprocessing of classification, segmentation and video weights (each frame of it)."""
    recipe = member.transforms()
    crop = tuple(recipe.crop_size) * (2 if len(recipe.crop_size) == 1 else 1) if hasattr(recipe, "crop_size") else None
    resize: Any = tuple(recipe.resize_size)
    if len(resize) == 1:
        # Segmentation nets resize the shorter side and keep the rest; a file's pictures are square, and whole.
        resize = resize[0] if crop else resize * 2
    return Preprocess(
        resize=resize,
        crop=crop,
        interpolation=recipe.interpolation.value,
        mean=tuple(recipe.mean),
        std=tuple(recipe.std),
    )


def clip_length(member: Any) -> int:
    """How many frames the weights were evaluated on at once."""
    match = _CLIP.search(member.meta["_docs"])
    return int(match[1]) if match else 16


def smallest_side(member: Any) -> int:
    """The smallest height and width, in pixels, that torchvision says the net takes."""
    return int(max(member.meta["min_size"]))
