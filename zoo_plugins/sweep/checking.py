"""Every value of a space held against what its option takes, before the first training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo_core import UsageError, Zoo
from zoo_core.commands import check_options
from zoo_core.training import DEFAULT_TRAINER

from .space import TABLES

if TYPE_CHECKING:
    from .space import Space


def check_values(
    space: Space, *, model: str, dataset: str, trainer: str | None, typed: Mapping[str, Mapping[str, str]], zoo: Zoo
) -> None:
    """Raises UsageError for an option that nobody has, a value that it cannot have, or one that is `typed`, too.

    `typed`: what stands on the command line, by the table of a space that it would stand in.
    """
    architecture, data, trains = zoo.model(model), zoo.dataset(dataset), zoo.trainer(trainer or DEFAULT_TRAINER)
    known = {
        "model_options": (f"model {architecture.name}", architecture.spec.options, architecture.spec.renamed),
        "dataset_options": (f"dataset {data.name}", data.spec.options, {}),
        "trainer_options": (f"trainer {trains.name}", trains.spec.options, {}),
    }
    for table, (where, options, renamed) in known.items():
        for name, value in space.values(table):
            if name in typed[table]:
                raise UsageError(
                    f"{name} is given twice, with {TABLES[table]} and in the space", hint="one of the two is enough"
                )
            check_options({name: value}, options, where=where, renamed=renamed)
