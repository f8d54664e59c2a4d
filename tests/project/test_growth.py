"""Work on a stranger's file is linear in its size, or it has a limit: time and memory of every reader as it grows.

`benchmarks/growth.py` prints the same cases as a table.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from growth_cases import CASES, cost_of

MOST = 10.0
"""How much four times the size may cost: four times is linear, sixteen is its square."""
LITTLE_TIME = 0.005
LITTLE_MEMORY = 1 << 20


KINDS = {
    "metadata of open quotes, listed",
    "a name declared twice",
    "branches below many names",
    "nodes of two bytes",
    "tar of inherited headers",
    "CSV of one column",
    "safetensors without numbers",
    "report of many files",
    "FLAC of silence",
    "table of one column",
    "tokenizer of words",
    "manifest of annotations",
    "body of numbers",
    "form of near boundaries",
    "bench of many rows",
}
"""One of each kind of reader; all cases are for `make test-all`."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in KINDS else pytest.mark.slow) for name in CASES]
)
def test_four_times_the_size_is_about_four_times_the_work(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    small, large = (cost_of(CASES[name], times, tmp_path) for times in (1, 4))
    assert large.seconds <= MOST * max(small.seconds, LITTLE_TIME), f"{small} {large}"
    assert large.memory <= MOST * max(small.memory, LITTLE_MEMORY), f"{small} {large}"
