"""A run, or a model with its options and weights, as a PyTorch module: named as plain data, built where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo_core import ModelSpec, load_run, open_zoo
from zoo_core.training import load_strictly, seed_everything
from zoo_core.workflows.exports import choose_weights

if TYPE_CHECKING:
    from torch import nn


def built(source: Mapping[str, Any]) -> tuple[nn.Module, ModelSpec]:
    """The module in evaluation mode, and its spec. Raises ZooError where it cannot be built, or its weights not found.

    `source`: `{"run": path}`, or `{"model": name, "options": {...}, "weights": name, file or None}`.
    """
    zoo = open_zoo()
    if "run" in source:
        run = load_run(source["run"])
        return run.build(zoo), run.model(zoo).spec
    model = zoo.model(source["model"])
    seed_everything(0)
    chosen = choose_weights(model, source["options"], source["weights"])
    load_strictly(chosen.module, chosen.checkpoint, source=source["model"])
    return chosen.module.eval(), model.spec
