"""The models of `bound_constants.py`: ordinary ones small and middle-sized, one in stages, and sick ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
import torchvision
from healthy_models import HEALTHY, settled
from mutation_models import CLASSES, Prepared, makers, plan_for, prepare
from torch import nn

from zoo_core import open_zoo
from zoo_core.export.plan.plan import DEFAULT_OPSET
from zoo_core.workflows.exports.export_source import plan_model

SICK = "sick"
"""Models with the fresh weights of their builders, without healthy parameters: much of them shows in no output."""

BUNDLED = ("cnn-bn", "cnn-tanh", "filter-sobel", "minivgg", "resnet9", "resnet-cifar", "unet", "unet1d")
# The sizes of coverage.py.
FAMILIES = {
    "torchvision/convnext_tiny": {"height": 64, "width": 96},
    "torchvision/densenet121": {"height": 64, "width": 96},
    "torchvision/efficientnet_b0": {"height": 64, "width": 96},
    "torchvision/inception_v3": {"height": 80, "width": 96},
    "torchvision/mnasnet0_5": {"height": 64, "width": 96},
    "torchvision/regnet_y_400mf": {"height": 64, "width": 96},
    "torchvision/shufflenet_v2_x0_5": {"height": 64, "width": 96},
    "torchvision/swin_t": {"height": 64, "width": 96},
    "torchvision/vgg11_bn": {"height": 64, "width": 96},
    "torchvision/vit_b_32": {"image_size": 64},
    "timm/ghostnet_100": {"height": 64, "width": 96},
    "timm/levit_128s": {},
    "timm/mixer_s16_224": {},
    "timm/mobilevit_xxs": {"height": 64, "width": 96},
    "timm/xcit_nano_12_p16_224": {"height": 64, "width": 96},
}
FRESH = ("efficientnet_b0", "mobilenet_v3_small", "resnet18", "squeezenet1_1")


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model by name and kind; `most` faults of each kind are planted in its file, none where that is 0."""

    name: str
    group: str
    make: Callable[[], Prepared] = field(repr=False)
    most: int = 0


def models(folder: Path) -> Iterator[Model]:
    """All of them; `folder` is for the runs of those that are trained."""
    for name, make in makers(folder).items():
        staged = name.endswith("in stages")
        most = 0 if staged else 2
        group = "in stages" if staged else "with planted faults"
        yield Model(name=name, group=group, make=lambda make=make: make().prepared, most=most)
    for name, build in HEALTHY.items():
        yield Model(name=name, group="small, with planted faults", make=partial(_ordinary, build), most=1)
    for name in BUNDLED:
        yield Model(name=name, group="bundled", make=partial(_catalogue, name))
    for name, options in FAMILIES.items():
        yield Model(name=name, group=name.partition("/")[0], make=partial(_catalogue, name, **options))
    for name in FRESH:
        yield Model(name=f"{name}, fresh weights", group=SICK, make=partial(_fresh, name), most=1)


def _ordinary(build: Callable[[], nn.Module]) -> Prepared:
    torch.manual_seed(0)
    return prepare(plan_for(build, checkpoint=settled(build()).state_dict(), validation=False))


def _catalogue(name: str, **options: int) -> Prepared:
    return prepare(plan_model(open_zoo().model(name), options, name=name, opset=DEFAULT_OPSET))


def _fresh(name: str) -> Prepared:
    def build() -> nn.Module:
        return torchvision.models.get_model(name, weights=None, num_classes=CLASSES)

    return prepare(plan_for(build, shape=(3, 64, 64), classes=CLASSES, validation=False))
