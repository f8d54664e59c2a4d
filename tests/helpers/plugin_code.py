"""Plugins as text, for tests that install them."""

from __future__ import annotations

from typing import Any

GOOD = """
from zoo_core import ModelSpec, TensorSpec, hookimpl

def build(*, num_classes: int = 10):
    from torch import nn
    return nn.Sequential(nn.Flatten(), nn.Linear(784, num_classes))

def spec(name, **more):
    return ModelSpec(
        name=name, build=build, task="image-classification", summary="A model for tests",
        inputs={"image": TensorSpec("N", 1, 28, 28)}, outputs={"logits": TensorSpec("N", "num_classes")}, **more,
    )
"""
OFFER = """
@hookimpl
def zoo_models():
    return [spec("good-model")]
"""

MANY = """
from zoo_core import ModelSpec, TensorSpec, hookimpl

def build(*, num_classes: int = 10, depth: int, meta: bool = True):
    import torch
    from torch import nn
    if not meta:
        torch.zeros(1).item()  # impossible on the meta device
    if depth > 5:
        raise ValueError("depth is at most 5, not %d" % depth)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, num_classes))

def spec(name, **more):
    values = dict(
        name=name, build=build, task="image-classification", summary="A model for tests",
        inputs={"image": TensorSpec("N", 1, 28, 28)}, outputs={"logits": TensorSpec("N", "num_classes")},
    )
    return ModelSpec(**{**values, **more})

@hookimpl
def zoo_models():
    yield spec("smallnet18", license="MIT", aliases=("r18",))
    yield spec("smallnet9", license="Apache-2.0")
    yield spec("filter", task="image-filter", summary="A filter whose description is so long that no terminal of "
               "eighty columns can show all of it on one line, \\x1b[31m not even in red")
"""


def by_id(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in rows}
