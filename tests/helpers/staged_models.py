"""A small model in stages: it chooses places of a map, and says a few numbers of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from checking import plan_of
from torch import Tensor, nn

from zoo_core import Stage, TensorSpec
from zoo_core.export.plan.plan import ExportPlan

INPUTS = {"image": TensorSpec(1, 3, 20, 16)}


OUTPUTS = {"scores": TensorSpec("K"), "places": TensorSpec("K", dtype="int64"), "codes": TensorSpec("K", 6)}


class Chooser(nn.Module):
    """The best 12 places of a map, and of each a few numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.score, self.code = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 1, 1), nn.Linear(6, 6)

    def maps(self, image: Tensor) -> tuple[Tensor, Tensor]:
        features = torch.tanh(self.body(image))
        return features, self.score(features).flatten()

    def best(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        found = scores.topk(12)
        kept = torch.where(found.values > -10)[0]
        return found.values[kept], found.indices[kept]

    def codes(self, features: Tensor, places: Tensor) -> Tensor:
        found: Tensor = self.code(features[0].flatten(1).T[places])
        return found

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        features, scores = self.maps(image)
        best, places = self.best(scores)
        return {"scores": best, "places": places, "codes": self.codes(features, places)}


def stages_of(module: Chooser) -> Sequence[Stage]:
    return (
        Stage(name="maps", inputs=("image",), outputs=("features", "all_scores"), run=module.maps),
        Stage(name="best", inputs=("all_scores",), outputs=("scores", "places"), run=module.best, selects=True),
        Stage(name="codes", inputs=("features", "places"), outputs=("codes",), run=module.codes),
    )


def plan(stages: Callable[[Chooser], Sequence[Stage]] = stages_of) -> ExportPlan:
    return plan_of(Chooser, inputs=INPUTS, outputs=OUTPUTS, stages=stages)
