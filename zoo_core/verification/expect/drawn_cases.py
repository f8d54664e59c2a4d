"""The inputs of a file's self-test, to feed it or another file with, and how far its answers may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo_core.runtime.reading.metadata import Metadata

from .selection_test import KEY
from .self_test import cases_of, self_test_inputs, validated


@dataclass(frozen=True, kw_only=True)
class SelfTestCase:
    """The inputs of a self-test in one size.

    `draw` says how they are made, as plain JSON: equal draws are equal inputs. `bounds`: how far each output may be
    from what is expected of it, in its own units.
    """

    draw: Mapping[str, Any]
    bounds: Mapping[str, float]

    def inputs(self) -> dict[str, NDArray[np.generic]]:
        """The inputs by name, their rows along the first axis. Raises ZooError where they cannot be made."""
        return self_test_inputs(self.draw)


def self_test_cases(metadata: Metadata) -> tuple[SelfTestCase, ...]:
    """The self-test of a file in each of its sizes, the usual one first; nothing where it holds none.

    Raises ZooError for a self-test that is damaged, or made by a later version.
    """
    if metadata.self_test is None:
        return ()
    test = validated(metadata.self_test, inputs=metadata.inputs, outputs=metadata.outputs)
    return tuple(
        SelfTestCase(draw={key: case[key] for key in ("generator", "inputs")}, bounds=_bounds(case))
        for case in cases_of(test)
    )


def _bounds(case: Mapping[str, Any]) -> dict[str, float]:
    if (chosen := case.get(KEY)) is not None:
        return {name: float(bound) for name, bound in chosen["bounds"].items()}
    return {name: float(one["bound"]) for name, one in case["outputs"].items()}
