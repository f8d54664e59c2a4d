"""What a recipe should not be given, and is: damaged files, odd texts and cells, arrays of other kinds, bad fields."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from zoo_core.options import Option

BAD_NUMBERS: dict[str, tuple[Any, ...]] = {"int": (0, -1), "float": (0.0, -1.0, math.inf, math.nan)}
"""None so large that making it would take the memory of a machine."""
ODD_CELLS: tuple[Any, ...] = ("", "x", "nan", "9" * 400, "\0", "\ud800", None, math.nan, math.inf, True, b"x", [1])
ODD_TEXTS = ("", " ", "\0", "\ud800", "\u202e", "😀" * 50, "x" * 100_000, "a " * 5_000)
ODD_BYTES = (0, 1, 0x7F, 0x80, 0xFF)
DAMAGED = 24
"""Damaged copies of each file."""


def bad_fields(options: Sequence[Option]) -> Iterator[tuple[str, Any]]:
    """A field that is a number, and a value that it can hardly have."""
    for option in options:
        if not option.choices:
            yield from ((option.name, value) for value in BAD_NUMBERS.get(option.type, ()))


def bad_sources(good: Sequence[Any], *, random: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """What it is, as the subject of a sentence, and the source; some are damaged copies of `good` ones."""
    yield "an empty file", b""
    for size in (1, 16, 4096):
        yield "a file of random bytes", random.bytes(size)
    for content in itertools.islice((each for each in good if isinstance(each, bytes)), 3):
        for end in sorted({1, 2, 8, len(content) // 2, len(content) - 1}):
            yield f"a file that ends after {end} of its {len(content)} bytes", content[:end]
        for _ in range(DAMAGED):
            yield "a file with changed bytes", _changed(content, random)
    for text in ODD_TEXTS:
        yield f"the text {text[:12]!a}", text
    yield "a row without columns", {}
    yield "a row of another table", {"another": "1"}
    for row in itertools.islice((each for each in good if isinstance(each, Mapping)), 1):
        for column in row:
            yield f"a row without the column {column}", {name: cell for name, cell in row.items() if name != column}
            yield from ((f"a row with {ascii(odd)[:20]} in {column}", {**row, column: odd}) for odd in ODD_CELLS)
    yield from _arrays()


def _changed(content: bytes, random: np.random.Generator) -> bytes:
    """Some bytes are others; near the begin, where most formats say what follows, rather than anywhere."""
    changed = bytearray(content)
    for _ in range(int(random.integers(1, 5))):
        end = len(changed) if random.random() < 0.3 else min(len(changed), 64)
        value = int(random.integers(0, 256)) if random.random() < 0.2 else ODD_BYTES[int(random.integers(0, 5))]
        changed[int(random.integers(0, end))] = value
    return bytes(changed)


def _arrays() -> Iterator[tuple[str, Any]]:
    for shape in ((), (0,), (0, 3), (2, 0), (1,), (5, 4, 3, 2, 1)):
        for dtype in ("float32", "int64", "bool", "uint8"):
            yield f"an array of {dtype} of shape {shape}", np.ones(shape, dtype)
    yield "an array of NaN", np.full((4,), np.nan, np.float32)
    yield "an array of infinity", np.full((2, 4), np.inf, np.float32)
    yield "an array of texts", np.array(["a", "b"])
    yield "an array of objects", np.array([None, {}], object)
    yield "no source at all", None
    yield "a number", 5
