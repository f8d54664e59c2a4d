"""What detectors declare: tensors, sizes, and how they are cut into stages for the export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo_core import Preprocess, TensorSpec

from . import builders
from .kinds import Kind
from .weights import labels_of

if TYPE_CHECKING:
    from zoo_core import Stage

SINGLE = {"ssd": 300, "ssdlite": 320}
"""Detectors for one size of pictures, by torchvision's module."""

FIXED = {
    "N": "each picture has its own number of boxes, so the file takes one picture at a time",
    "H": "anchors and the grid of regions belong to one size; another one with -o height=... -o width=...",
    "W": "anchors and the grid of regions belong to one size; another one with -o height=... -o width=...",
}
RECIPE = {"batch_size": 8, "epochs": 20, "optimizer": "adamw", "lr": 0.001}
"""Of a training from fresh weights."""
_ONE_SIZE = "its default boxes belong to this one size"


def detection_kind(name: str, file: str, default: Any) -> Kind:
    """The Kind of a detector: `file` is torchvision's module, `default` the enum member of its default weights."""
    classes = len(labels_of(default))
    side = SINGLE.get(file) or (320 if "_320_" in name else 800)
    shape: tuple[int | str, ...] = (1, 3, side, side) if file in SINGLE else (1, 3, "height", "width")
    task, more = _parts(file, default)
    trained = task == "detection"
    if file in SINGLE:
        build = builders.fixed_detector(name, classes=classes, side=side)
    else:
        make = builders.proposing_detector if file.endswith("_rcnn") else builders.detector
        build = make(name, classes=classes, side=side, trained=trained)
    fixed = {**FIXED, "H": _ONE_SIZE, "W": _ONE_SIZE} if file in SINGLE else FIXED
    more_fields = {"losses": losses, "recipe": RECIPE} if trained else {}
    return Kind(
        task=task,
        build=build,
        inputs={"image": TensorSpec(*shape, low=0.0, high=1.0)},
        outputs={
            "boxes": TensorSpec("K", 4),
            "scores": TensorSpec("K"),
            "labels": TensorSpec("K", dtype="int64"),
            **more,
        },
        # Mean and standard deviation are taken off inside the net.
        preprocess=Preprocess(resize=(side, side)),
        more={"read_outputs": _first, "stages": stages, "settle": settle, "fixed_axes": fixed, **more_fields},
    )


def _parts(file: str, default: Any) -> tuple[str, dict[str, TensorSpec]]:
    """The task, and the outputs beyond boxes, scores and labels."""
    if file == "mask_rcnn":
        return "instance-segmentation", {"masks": TensorSpec("K", 1, 28, 28)}
    if file == "keypoint_rcnn":
        points = len(default.meta["keypoint_names"])
        return "keypoints", {"keypoints": TensorSpec("K", points, 3), "keypoints_scores": TensorSpec("K", points)}
    return "detection", {}


def _first(result: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """What was found in the only picture of the batch."""
    return result[0]


def losses(module: Any, inputs: Any, targets: Any) -> Any:
    """Those of torchvision."""
    from .net import losses as values

    return values(module, inputs, targets)


def stages(module: Any) -> Sequence[Stage]:
    """The detector in parts."""
    from .net import detector_stages

    return detector_stages(module)


def settle(module: Any) -> None:
    """Give an untrained detector heads that find some boxes."""
    from .settle_net import settle_detector

    settle_detector(module)
