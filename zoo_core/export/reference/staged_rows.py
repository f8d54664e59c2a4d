"""The rows on which a model in stages is judged: samples that show much of it, and noise in which it chooses something.

A model with fresh weights chooses rows everywhere; a trained one may see nothing in noise, and little in a sample.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from zoo_core.errors import NotVerifiedError
from zoo_core.export.plan.plan import ExportPlan
from zoo_core.records import counted
from zoo_core.verification.expect.selections import Choice
from zoo_core.verification.expect.self_test import self_test_inputs
from zoo_core.verification.feed.sizes import Sizes

from .case import SEED_STEP, SELF_TEST_SEED, draws_of
from .reference import Arrays, TorchReference
from .staged_expected import FEWEST_ROWS, STAGED_ROWS, end_to_end, one_row

MOST_SAMPLES = FEWEST_ROWS
"""Samples of which each shows one row, if there are so many."""
LEAST_CLEAR = 4
"""One in so many of the rows that a whole model chooses must be clear, or its self-test says too little."""
PARTS = ((0.0, 1.0), (0.25, 0.75), (0.0, 0.5), (0.5, 1.0), (0.4, 0.6))
"""Parts of the range of an input from which noise is drawn, the first in which something is chosen."""
TRIES = 3
"""Draws of each part."""
MOST_JUDGED = 4
"""Draws of which it is asked what in them is clear: each takes a run in float64."""


@dataclass(frozen=True, kw_only=True)
class TellingNoise:
    """Noise, how the self-test draws it again, and what the whole model chooses in each row of it."""

    draw: Mapping[str, Any]
    inputs: Arrays = field(repr=False)
    choices: tuple[Choice, ...] = field(repr=False)

    @property
    def is_clear(self) -> bool:
        """Whether enough is chosen in each row."""
        return all(each.clear_count * LEAST_CLEAR >= max(each.count, 1) for each in self.choices)

    @property
    def is_silent(self) -> bool:
        """Whether it is sure that nothing is chosen in any row."""
        return not any(len(value) for each in self.choices for value in each.possible.values())


def telling_samples(plan: ExportPlan, chosen: Sequence[Arrays]) -> dict[str, Any] | None:
    """Samples in which most is chosen: STAGED_ROWS of them, more where it takes more to see enough of the model.

    `chosen`: what is chosen in each of the validation split, where that is known; else they are spread over it.
    """
    if plan.validation is None or not chosen:
        return plan.samples(STAGED_ROWS)
    counts = np.array([len(next(iter(each.values()))) for each in chosen])
    order = np.argsort(-counts, kind="stable")
    needed = int(np.searchsorted(counts[order].cumsum(), FEWEST_ROWS)) + 1
    kept = order[: min(max(needed, STAGED_ROWS), MOST_SAMPLES)]
    return {name: value[kept] for name, value in plan.validation.inputs.items()}


def telling_noise(plan: ExportPlan, reference: TorchReference, sizes: Sizes, *, seed: int) -> TellingNoise:
    """The first noise in which enough is clearly chosen; where there is none, noise in which surely nothing is.

    Raises NotVerifiedError where it is never clear what is chosen.
    """
    judged: list[TellingNoise] = []
    silent: TellingNoise | None = None
    for draw in _draws(plan, sizes, seed):
        inputs = self_test_inputs(draw)
        counts = [_count(reference, inputs, row) for row in range(STAGED_ROWS)]
        if (silent is not None and not any(counts)) or (any(counts) and not all(counts)):
            continue
        found = TellingNoise(
            draw=draw, inputs=inputs, choices=tuple(end_to_end(reference, inputs, row) for row in range(STAGED_ROWS))
        )
        if found.is_clear:
            return found
        if found.is_silent:
            silent = found
            continue
        judged.append(found)
        if len(judged) == MOST_JUDGED:
            break
    if silent is not None:
        return silent
    clear, total = (sum(getattr(each, name) for found in judged[:1] for each in found.choices) for name in _COUNTS)
    raise NotVerifiedError(
        f"{plan.model.name}: only {clear} of {counted(total, 'row')} that it chooses are clear, in PyTorch itself"
    )


_COUNTS = ("clear_count", "count")


def _draws(plan: ExportPlan, sizes: Sizes, seed: int) -> Iterator[dict[str, Any]]:
    for (low, high), trial in itertools.product(PARTS, range(TRIES)):
        ranges = {
            name: (start + low * (stop - start), start + high * (stop - start))
            if plan.inputs[name].dtype.startswith("float")
            else (start, stop)
            for name, (start, stop) in plan.ranges.items()
        }
        own = SELF_TEST_SEED + SEED_STEP * seed + trial
        yield draws_of(plan, sizes, ranges, rows=STAGED_ROWS, seed=own)


def _count(reference: TorchReference, inputs: Mapping[str, Any], row: int) -> int:
    """How many rows PyTorch chooses in one row of noise."""
    return len(next(iter(reference.float32(one_row(inputs, row)).values())))
