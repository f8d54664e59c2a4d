"""One torchvision model as a ModelSpec: its kind decides tensors and builder, its weights the rest."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from zoo_core import ModelSpec, Preprocess, TensorSpec

from . import builders
from .detection import detection_kind
from .kinds import Kind
from .weights import as_weights, clip_length, labels_of, members_of, picture_recipe, smallest_side

_LINK = re.compile(r"`(?P<text>[^<`]+?)\s*<(?P<address>https?://[^>\s]+)>`_{1,2}")
_TITLE_LENGTH = 110

FREE = (
    "convnext",
    "densenet",
    "efficientnet",
    "googlenet",
    "inception",
    "mnasnet",
    "mobilenetv2",
    "mobilenetv3",
    "regnet",
    "resnet",
    "shufflenetv2",
    "squeezenet",
)
"""Files of torchvision whose nets are convolutions up to a global average: they compute the same at any size."""
FREE_FROM = {"convnext": 64}
"""Where an axis is free from another size on than the net takes: below it the last map is one place wide, and what is
traced for wider ones leaves that case out."""
WHY_FIXED = {
    "alexnet": "it averages over a grid of 6x6 cells, and ONNX has no such operator for a size that is not known",
    "swin_transformer": "how its windows are padded and shifted depends on the size",
    "vgg": "it averages over a grid of 7x7 cells, and ONNX has no such operator for a size that is not known",
}
_OTHER_SIZE = "another size with -o height=... -o width=..."


def member(name: str) -> ModelSpec:
    """The ModelSpec of `torchvision/NAME`. Raises ValueError when torchvision has no such model."""
    from torchvision.models import get_model_builder, list_models

    if name not in list_models():
        raise ValueError(f"torchvision has no model {name!r}")
    builder = get_model_builder(name)
    members = members_of(name)
    kind = _kind(name, builder.__module__.removeprefix("torchvision.models."), members)
    text, address = _described(name, builder)
    return ModelSpec(
        name=f"torchvision/{name}",
        build=kind.build,
        task=kind.task,
        summary=text,
        inputs=kind.inputs,
        outputs=kind.outputs,
        source=address,
        license="BSD-3-Clause",
        preprocess=kind.preprocess,
        labels=labels_of(members[0]) if members else (),
        weights=tuple(as_weights(one, preprocess=_recipe(one, kind)) for one in members),
        **kind.more,
    )


def _described(name: str, builder: Callable[..., Any]) -> tuple[str, str]:
    """A line about the model and the address of its paper, from the first paragraphs of torchvision's own text."""
    text = " ".join((inspect.getdoc(builder) or "").partition("Args:")[0].split())
    paper = _LINK.search(text)
    title = f"{name}, from {paper['text']}" if paper else f"{name} of torchvision"
    if len(title) > _TITLE_LENGTH:
        title = title[: _TITLE_LENGTH - 3] + "..."
    package = builder.__module__.rpartition(".")[0]
    page = f"https://docs.pytorch.org/vision/stable/models/generated/{package}.{builder.__name__}.html"
    return title, paper["address"] if paper else page


def _recipe(one: Any, kind: Kind) -> Preprocess | None:
    """The preprocessing of one set of weights, where it is not the same for all of them."""
    return picture_recipe(one) if kind.task.endswith("classification") else kind.preprocess


def _kind(name: str, module: str, members: Sequence[Any]) -> Kind:
    area, _, file = module.rpartition(".")
    if area == "segmentation":
        return _segmentation(name, members[0])
    if area == "optical_flow":
        return _flow(name)
    if area == "video":
        return _video(name, members[0])
    if area == "detection":
        return detection_kind(name, file, members[0])
    return _classification(name, file, members[0], quantized=area == "quantization")


def _classification(name: str, file: str, default: Any, *, quantized: bool) -> Kind:
    recipe = picture_recipe(default)
    side = recipe.crop[0] if recipe.crop else 224
    free = file in FREE
    return Kind(
        task="image-classification",
        outputs={"logits": TensorSpec("N", "num_classes")},
        preprocess=recipe,
        **(_any_size(name, file, default, quantized=quantized) if free else _one_size(name, file, default, side=side)),
    )


def _any_size(name: str, file: str, default: Any, *, quantized: bool) -> dict[str, Any]:
    make = builders.inception if file in {"inception", "googlenet"} else builders.any_size
    least = smallest_side(default)
    extra = ("quantize",) if quantized else ()
    free_from = FREE_FROM.get(file, least)
    return {
        "build": make(name, classes=len(labels_of(default)), smallest=least, extra=extra),
        "inputs": {"image": TensorSpec("N", 3, "H", "W")},
        "more": {
            "smallest": {"H": free_from, "W": free_from},
            "size_options": {"H": "height", "W": "width"},
        },
    }


def _one_size(name: str, file: str, default: Any, *, side: int) -> dict[str, Any]:
    classes = len(labels_of(default))
    shape: tuple[int | str, ...] = ("N", 3, "height", "width")
    reason = f"{WHY_FIXED.get(file, 'the file is made for one size of pictures')}; {_OTHER_SIZE}"
    if file == "vision_transformer":
        build = builders.vision_transformer(name, classes=classes, side=side)
        shape = ("N", 3, "image_size", "image_size")
        reason = "there is one position embedding for each patch; another size with -o image_size=..."
    elif file == "maxvit":
        build = builders.fixed_size(name, classes=classes)
        shape = ("N", 3, side, side)
        reason = f"its windows divide pictures of {side} pixels only"
    else:
        smallest = 32 if file == "swin_transformer" else smallest_side(default)
        build = builders.one_size(name, classes=classes, side=side, smallest=smallest)
    return {
        "build": build,
        "inputs": {"image": TensorSpec(*shape)},
        "more": {"fixed_axes": {"H": reason, "W": reason}},
    }


def _segmentation(name: str, default: Any) -> Kind:
    auxiliary = not name.startswith("lraspp")
    return Kind(
        task="semantic-segmentation",
        build=builders.segmenter(name, classes=len(labels_of(default)), auxiliary=auxiliary),
        inputs={"image": TensorSpec("N", 3, "H", "W")},
        outputs={"out": TensorSpec("N", "num_classes", "H", "W")},
        preprocess=picture_recipe(default),
        more={"read_outputs": _only_out},
    )


def _only_out(result: Mapping[str, Any]) -> dict[str, Any]:
    """The segmentation itself; the auxiliary head is a part of training."""
    return {"out": result["out"]}


def _flow(name: str) -> Kind:
    # Eight times smaller maps are correlated at four scales, which takes 16 x 16 of them.
    picture = TensorSpec("N", 3, "8*H", "8*W", low=-1.0, high=1.0)
    return Kind(
        task="optical-flow",
        build=builders.optical_flow(name),
        inputs={"image1": picture, "image2": picture},
        outputs={"flow": TensorSpec("N", 2, "8*H", "8*W")},
        preprocess=Preprocess(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
        more={"read_outputs": _last, "smallest": {"H": 16, "W": 16}},
    )


def _last(result: Sequence[Any]) -> Any:
    """The flow after the last of the updates."""
    return result[-1]


def _video(name: str, default: Any) -> Kind:
    recipe = picture_recipe(default)
    side = recipe.crop[0] if recipe.crop else 224
    classes, length = len(labels_of(default)), clip_length(default)
    shape: tuple[int | str, ...] = ("N", 3, "frames", "height", "width")
    reason = "the file is made for one size of clips; another one with -o frames=... -o height=... -o width=..."
    if name.startswith("mvit"):
        build = builders.fixed_size(name, classes=classes)
        shape = ("N", 3, length, side, side)
        reason = "there is one position embedding for each patch of a clip"
    else:
        smallest = {"s3d": (14, smallest_side(default)), "swin3d": (2, 32)}.get(name.partition("_")[0], (1, 16))
        build = builders.video_classifier(
            name, classes=classes, length=length, shortest=smallest[0], side=side, smallest=smallest[1]
        )
    low = min(-mean / std for mean, std in zip(recipe.mean, recipe.std, strict=True))
    high = max((1 - mean) / std for mean, std in zip(recipe.mean, recipe.std, strict=True))
    return Kind(
        task="video-classification",
        build=build,
        inputs={"clip": TensorSpec(*shape, low=low, high=high)},
        outputs={"logits": TensorSpec("N", "num_classes")},
        preprocess=recipe,  # of each frame
        more={"fixed_axes": dict.fromkeys(("T", "H", "W"), reason)},
    )
