"""One architecture of timm as a ModelSpec: what timm says of its default weights decides sizes and preprocessing."""

from __future__ import annotations

import inspect
import re
from typing import Any

from zoo_core import ModelSpec, Preprocess, TensorSpec

from . import builders
from .names import LICENSE, installed_names
from .weights import HUB, IMAGENET, imagenet_labels, picture_recipe, weights_of

_PAPER = re.compile(r"https?://arxiv\.org/(?:abs|pdf)/[\w.]+\d")
_PAGE = "https://huggingface.co/docs/timm/reference/models"
_TITLE_LENGTH = 110
_LEAST = 32

FREE = ("convnext", "densenet", "efficientnet", "mobilenetv3", "regnet", "resnet")
"""Files of timm whose nets are convolutions up to a global average, none of which looks at the size of its maps."""
_LOOKS = re.compile(r"tf_|efficientnet_(?:[hx]_|b\d_pruned)|mobilenetv4_hybrid_")
"""Beginnings of names in these files whose nets do: TensorFlow's padding depends on it, and so does attention."""

_TOLD = "its parts are made for one size of pictures; another one with -o height=... -o width=..."
_MADE = "the file is made for one size of pictures; another one with -o height=... -o width=..."


def member(name: str) -> ModelSpec:
    """The ModelSpec of `timm/NAME`. Raises ValueError when timm has no such architecture."""
    if name not in installed_names():
        raise ValueError(f"timm has no architecture {name!r}")
    from timm.models import get_pretrained_cfg, model_entrypoint

    entry = model_entrypoint(name)
    cfg: Any = get_pretrained_cfg(name)
    # Where timm's default is a net without a classifier, there is one all the same, for as many classes as ImageNet.
    classes = cfg.num_classes or IMAGENET
    height, width = cfg.input_size[1:]
    return ModelSpec(
        name=f"timm/{name}",
        task="image-classification",
        summary=_summary(name, entry),
        outputs={"logits": TensorSpec("N", "num_classes")},
        source=_source(cfg, entry),
        license=LICENSE,
        preprocess=picture_recipe(cfg)
        or Preprocess(resize=(height, width), interpolation=cfg.interpolation, mean=cfg.mean, std=cfg.std),
        labels=imagenet_labels() if classes == IMAGENET and cfg.num_classes else (),
        weights=weights_of(name, classes=classes),
        **_kind(name, cfg, file=entry.__module__.rpartition(".")[2], classes=classes),
    )


def _kind(name: str, cfg: Any, *, file: str, classes: int) -> dict[str, Any]:
    """Builder and inputs: any size, one size that the net is told, or one size that its file is made for."""
    if file in FREE and not _LOOKS.match(name) and not cfg.fixed_input_size and cfg.min_input_size is None:
        return {
            "build": builders.any_size(name, classes=classes),
            "inputs": {"image": TensorSpec("N", "in_channels", "H", "W")},
            "smallest": {"H": _LEAST, "W": _LEAST},
        }
    reason = _TOLD if cfg.fixed_input_size else _MADE
    build = builders.one_size(
        name,
        classes=classes,
        side=cfg.input_size[1:],
        # What timm says can be smaller than its own default, as where the default is for portraits.
        smallest=cfg.min_input_size[1:] if cfg.min_input_size else (1, 1),
        told=cfg.fixed_input_size,
    )
    return {
        "build": build,
        "inputs": {"image": TensorSpec("N", "in_channels", "height", "width")},
        "fixed_axes": {"H": reason, "W": reason},
    }


def _summary(name: str, entry: Any) -> str:
    """The name, and the first line of timm's own text where it has any."""
    text = (inspect.getdoc(entry) or "").strip().partition("\n")[0].strip()
    line = f"{name} of timm: {text}" if text else f"{name} of timm"
    return line if len(line) <= _TITLE_LENGTH else f"{line[: _TITLE_LENGTH - 3]}..."


def _source(cfg: Any, entry: Any) -> str:
    """The paper that timm's text names, else the page of the default weights, else that of the original code."""
    if paper := _PAPER.search(inspect.getdoc(entry) or ""):
        return paper[0]
    return f"{HUB}/{cfg.hf_hub_id}" if cfg.hf_hub_id else cfg.origin_url or _PAGE
