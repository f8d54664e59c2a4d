from __future__ import annotations

import pytest
from zoo_core.testing import conformance

from zoo_convmixer import convmixer

test_conformance = conformance("convmixer")


def test_it_is_as_large_as_the_paper_says() -> None:
    published = convmixer(width=256, depth=8, kernel_size=9, patch_size=1)
    assert sum(parameter.numel() for parameter in published.parameters()) == 706_570  # "0.7M"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 4}, "kernel_size is odd"),
        ({"patch_size": 9}, "patch_size is 1 to 8, not 9"),
        ({"depth": 0}, "depth, kernel_size and num_classes are at least 1"),
    ],
)
def test_options_that_it_cannot_take(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        convmixer(**options)
