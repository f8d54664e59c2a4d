"""The form of a text: what is left of it when its words are not read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from zoo_core import ZooError
from zoo_core.recipes import InputRecipe, lines_of

MARKS = ('"', "'", "!", "?", ":", ";", ",", ".", "-", "(", "*", "/", "[", "...")
LARGEST = 18.0
"""No text has more letters than its file has bytes: log(1 + 16 MiB) is less."""


class TextForm(InputRecipe):
    """Its input is float32 (N, 24): log(1 + count) of lines, words, marks and the like."""

    takes_text = True
    has_several = True
    most_bytes = 16 << 20
    shape = (10 + len(MARKS),)
    values = (0.0, LARGEST)

    def samples_in(self, content: bytes, *, name: str) -> list[str]:
        """A text for each line."""
        return lines_of(content, name=name)

    def read(self, source: Any, *, name: str) -> NDArray[np.float32]:
        """The numbers of a text, or of a file that holds one."""
        text = source
        if isinstance(source, bytes):
            text = "\n".join(line for line in lines_of(source, name=name) if line.strip())
        if not isinstance(text, str):
            raise ZooError(f"{name} is a {type(text).__name__}, and no text", hint="a text, or a .txt or CSV of them")
        return np.log1p(np.array(_counts(text), np.float64)).astype(np.float32)

    def stack(self, samples: Sequence[Any]) -> NDArray[Any]:
        """One array of them all."""
        return np.stack(samples)


def _counts(text: str) -> list[float]:
    lines = [line for line in text.split("\n") if line.strip()] or [""]
    words = re.findall(r"\w+", text)
    return [
        len(lines),
        len(words),
        len(text),
        sum(line[:1].isspace() for line in lines),
        sum(letter.isdigit() for letter in text),
        sum(len(word) > 1 and word.isupper() for word in words),
        sum(word[0].isupper() for word in words),
        sum(map(len, words)) / max(1, len(words)),
        len(text) / len(lines),
        max(map(len, lines)),
        *(text.count(mark) for mark in MARKS),
    ]
