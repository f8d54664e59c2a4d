"""A bad input never ends with exit code 70: damaged files for every reader, of which each is read or refused in words.

`benchmarks/fuzz.py` prints the same as a table, for as many files as one likes.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz_readers import fuzz, readers

READERS = readers()


@pytest.mark.parametrize("name", READERS)
def test_what_is_damaged_is_refused_in_words(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = fuzz(READERS[name], tmp_path, examples=25)
    assert not done.otherwise
    assert done.refused, "nothing was damaged"


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_many_more_of_them(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = fuzz(READERS[name], tmp_path, examples=2_000, start=1)
    assert not done.otherwise
    assert done.accepted, "everything is refused, so that the damage is always of one kind"
