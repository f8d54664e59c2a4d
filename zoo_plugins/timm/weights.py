"""What timm says of its trained weights, as data of the zoo: address, hash, licence, labels, preprocessing."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from zoo_core import Preprocess, Weights

HUB = "https://huggingface.co"
IMAGENET = 1000
"""Classes of ImageNet-1k, the only ones whose labels are given."""

_FILE = "model.safetensors"
_HASH = re.compile(r"-([0-9a-f]{8,64})\.(?:pth|pt|safetensors)$")
_SPDX = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
    "unknown": "",
}


def weights_of(name: str, *, classes: int) -> tuple[Weights, ...]:
    """The published weights of an architecture, its default first, by their tags ("a1_in1k").

    Left out are those that no module of this architecture could take, or whose pictures the zoo cannot prepare:
    weights without a classifier, files that are no table of tensors, and recipes that pad the picture.
    """
    from timm.models import get_arch_pretrained_cfgs

    found: list[tuple[bool, Weights]] = []
    for full_name, cfg in get_arch_pretrained_cfgs(name).items():
        address, recipe = _address(cfg), picture_recipe(cfg)
        if address is not None and recipe is not None and cfg.num_classes:
            tag = full_name.partition(".")[2] or name
            found.append((cfg.num_classes != classes, _as_weights(tag, cfg, address=address, recipe=recipe)))
    # Those for as many classes as the net has unless told otherwise come first: DEFAULT is one that fits.
    return tuple(weights for _, weights in sorted(found, key=lambda pair: pair[0]))


def _as_weights(tag: str, cfg: Any, *, address: tuple[str, str | None], recipe: Preprocess) -> Weights:
    return Weights(
        name=tag,
        url=address[0],
        sha256=address[1],
        license=license_of(cfg),
        labels=imagenet_labels() if cfg.num_classes == IMAGENET else (),
        preprocess=recipe,
    )


def _address(cfg: Any) -> tuple[str, str | None] | None:
    """Where the tensors are, and the hash, or the beginning of it, that is published for them.

    The Hub's files have the names of timm's present layers, and only they are safetensors: they come first. timm says
    nothing of their hashes.
    """
    if cfg.hf_hub_id:
        return f"{HUB}/{cfg.hf_hub_id}/resolve/main/{cfg.hf_hub_filename or _FILE}", None
    if isinstance(cfg.url, str) and not cfg.custom_load and (match := _HASH.search(cfg.url)):
        return cfg.url, match[1]
    return None


def license_of(cfg: Any) -> str:
    """The licence of weights as SPDX writes it, where it is one of theirs; "" where timm does not know it."""
    text = cfg.license or ""
    return _SPDX.get(text, text)


def picture_recipe(cfg: Any) -> Preprocess | None:
    """timm's evaluation of one set of weights: a resize, and a crop at the centre. None where it pads the picture."""
    height, width = cfg.input_size[1:]
    if cfg.crop_pct > 1 or cfg.crop_mode == "border" or (height != width and cfg.crop_mode != "squash"):
        return None
    scaled = (math.floor(height / cfg.crop_pct), math.floor(width / cfg.crop_pct))
    return Preprocess(
        resize=scaled if cfg.crop_mode == "squash" else scaled[0],
        crop=(height, width),
        interpolation=cfg.interpolation,
        mean=tuple(cfg.mean),
        std=tuple(cfg.std),
    )


@functools.cache
def imagenet_labels() -> tuple[str, ...]:
    """The 1000 classes in timm's words, each text once: a label that was there before gets its number, `crane (2)`."""
    from timm.data import ImageNetInfo

    return tuple(_distinct(ImageNetInfo().label_descriptions()))


def _distinct(texts: Iterable[str]) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for text in texts:
        seen[text] += 1
        yield text if seen[text] == 1 else f"{text} ({seen[text]})"
