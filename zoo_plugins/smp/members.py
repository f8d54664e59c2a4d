"""One architecture of the library as a ModelSpec.

There are no weights among them: the library publishes those of its encoders alone, which are parts of a net, and gives
no hashes that they could be checked by.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from zoo_core import ModelSpec, TensorSpec

from . import builders
from .names import installed_names

_PAPER = re.compile(r"\.\. __: (?P<address>https?://\S+)")
_PAGE = "https://smp.readthedocs.io/en/latest/models.html"

POOLED = ("pspnet", "upernet")
"""They average over grids of 1 to 6 cells, and ONNX has no such operator for a size that is not known."""
TRANSFORMERS = ("dpt",)
SMALLEST = {"pan": 4}
"""In steps of 32 pixels: its pyramid halves the deepest maps three times."""


def member(name: str) -> ModelSpec:
    """The ModelSpec of `smp/NAME`. Raises ValueError when the library has no such architecture."""
    if name not in installed_names():
        raise ValueError(f"segmentation_models_pytorch has no architecture {name!r}")
    from segmentation_models_pytorch import MODEL_ARCHITECTURES_MAPPING

    architecture = MODEL_ARCHITECTURES_MAPPING[name]
    paper = _PAPER.search(inspect.getdoc(architecture) or "")
    return ModelSpec(
        name=f"smp/{name}",
        task="semantic-segmentation",
        summary=f"{architecture.__name__} of segmentation_models.pytorch, with any of its encoders",
        source=paper["address"] if paper else _PAGE,
        license="MIT",
        **_kind(name),
    )


def _kind(name: str) -> dict[str, Any]:
    if name in POOLED or name in TRANSFORMERS:
        one = name in TRANSFORMERS
        reason = "there is one position embedding for each patch" if one else "it averages over grids of fixed size"
        reason += "; another size with -o height=... -o width=..."
        return {
            "build": (builders.transformer if one else builders.one_size)(name),
            "inputs": {"image": TensorSpec("N", "in_channels", "height", "width")},
            "outputs": {"logits": TensorSpec("N", "num_classes", "height", "width")},
            "fixed_axes": {"H": reason, "W": reason},
        }
    sides = (f"{builders.STEP}*H", f"{builders.STEP}*W")
    least = SMALLEST.get(name, 1)
    return {
        "build": builders.any_size(name),
        "inputs": {"image": TensorSpec("N", "in_channels", *sides)},
        "outputs": {"logits": TensorSpec("N", "num_classes", *sides)},
        "smallest": {"H": least, "W": least},
    }
