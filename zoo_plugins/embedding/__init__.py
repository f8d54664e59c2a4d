"""The task whose answers are vectors: samples of one class lie near each other, and those of others far away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo_core import TaskSpec, hookimpl

if TYPE_CHECKING:
    from zoo_core.tasks import Task


def embedding(spec: TaskSpec) -> Task:
    """A vector for each sample."""
    from .vectors import Embedding

    return Embedding(spec)


@hookimpl
def zoo_tasks() -> Iterator[TaskSpec]:
    yield TaskSpec(
        name="embedding",
        summary="a vector for a sample, near to those of its class: what is alike, and who is who",
        load=embedding,
        targets="classes",
        metrics={"loss": "less", "recall@1": "more", "recall@5": "more"},
        selection="recall@1",
        compared="embedding",
        loss="contrastive, of all pairs in a batch; triplet by name",
        takes=(
            "image-classification",
            "sequence-classification",
            "text-classification",
            "audio-classification",
            "video-classification",
        ),
    )
