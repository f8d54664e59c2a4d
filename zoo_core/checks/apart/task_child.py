"""A process of its own in which a task measures and answers: does it reach for torch?"""

from __future__ import annotations

import sys

import numpy as np

from zoo_core.tasks import get_task

_HEAVY = ("torch", "torchvision", "onnx")


def torch_reached_by(name: str, plugin: str) -> str:
    """The heavy package that was loaded when made-up answers were measured and told; empty for none."""
    task = get_task(name, plugin=plugin)
    example = task.example(8, random=np.random.Generator(np.random.Philox(1)))
    task.metrics(example.outputs, example.targets)
    if task.spec.answers:
        task.decode(example.outputs, labels=example.labels)
    if task.deciding is not None:
        task.deciding.margins(example.outputs)
    return next((package for package in _HEAVY if package in sys.modules), "")
