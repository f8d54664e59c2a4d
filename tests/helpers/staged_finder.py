"""A small detector in stages, with the outputs of torchvision's: boxes, scores and labels of what it chose itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from checking import plan_of
from torch import Tensor, nn

from zoo_core import Stage, TensorSpec
from zoo_core.export.plan.plan import ExportPlan

SIDE = 24


class Finder(nn.Module):
    """The best 12 cells of a map, each with a box around it: one class above the middle, another one below."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.score = nn.Conv2d(1, 6, 3, stride=2), nn.Conv2d(6, 1, 1)

    def maps(self, image: Tensor) -> Tensor:
        score = self.score(torch.tanh(self.body(image))).flatten()
        # A sigmoid by two classes: onnxruntime's own is rough where it is nearly 0.
        return torch.stack((score, torch.zeros_like(score))).softmax(0)[0]

    def best(self, chances: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        found = chances.topk(12)
        kept = torch.where(found.values > 0.3)[0]
        scores, places = found.values[kept], found.indices[kept]
        row = torch.div(places, SIDE // 2 - 1, rounding_mode="floor")
        corner = 2.0 * torch.stack((places % (SIDE // 2 - 1), row), dim=1)
        return torch.cat((corner, corner + 4), dim=1), scores, (row >= SIDE // 4).to(torch.int64)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        boxes, scores, labels = self.best(self.maps(image))
        return {"boxes": boxes, "scores": scores, "labels": labels}


def stages(module: Finder) -> Sequence[Stage]:
    return (
        Stage(name="maps", inputs=("image",), outputs=("chances",), run=module.maps),
        Stage(name="best", inputs=("chances",), outputs=("boxes", "scores", "labels"), run=module.best, selects=True),
    )


def finder_plan(build: Callable[[], nn.Module] = Finder) -> ExportPlan:
    """Its plan, without real samples."""
    return plan_of(
        build,
        inputs={"image": TensorSpec(1, 1, SIDE, SIDE, low=0.0, high=1.0)},
        outputs={"boxes": TensorSpec("K", 4), "scores": TensorSpec("K"), "labels": TensorSpec("K", dtype="int64")},
        task="detection",
        stages=stages,
    )
