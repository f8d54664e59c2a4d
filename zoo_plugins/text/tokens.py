"""Texts as token numbers of one length."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo_core import ZooError
from zoo_core.data import read_plain
from zoo_core.recipes import MAX_TEXT_BYTES, MAX_TOKENIZER_BYTES, InputRecipe, lines_of, made_text, mask_of, padded

from .tokenizer import Words, learnt_words, opened, padding_of, tokens_in

if TYPE_CHECKING:
    from tokenizers import Tokenizer

__all__ = ["TextRecipe", "Words"]

_LONGEST = 65_536


class TextRecipe(InputRecipe):
    """One input of a text. It learns its tokenizer."""

    takes_text = True
    has_several = True
    learns = True
    most_bytes = MAX_TEXT_BYTES

    def __init__(
        self, *, gives: Literal["tokens", "mask"], column: str, length: int, words: Words, tokenizer: str
    ) -> None:
        if not 1 <= length <= _LONGEST:
            raise ZooError(f"recipe text: length is from 1 to {_LONGEST:,}, not {length}")
        self._gives, self.column, self._length = gives, column, length
        self._words, self._file = words, tokenizer
        self._tokenizer: Tokenizer | None = None
        self._pad = self._unknown = self._end = 0

    @property
    def shape(self) -> tuple[int, ...]:
        """(length,)."""
        return (self._length,)

    @property
    def values(self) -> tuple[float, float] | None:
        """Of tokens: from 0 to the last one of the vocabulary."""
        return None if self._gives == "mask" or self._tokenizer is None else (0, self._end)

    def samples_in(self, content: bytes, *, name: str) -> Sequence[Any]:
        """A text for each line; a blank one is an empty text, as an empty cell of a table is."""
        return lines_of(content, name=name)

    def read(self, source: Any, *, name: str) -> str:
        """The text itself."""
        if isinstance(source, bytes):
            source = "\n".join(line for line in lines_of(source, name=name) if line.strip())
        if not isinstance(source, str):
            raise ZooError(f"{name} is a {type(source).__name__}, and no text", hint="a text, or a .txt or CSV of them")
        if len(source) > MAX_TEXT_BYTES:
            raise ZooError(f"{name} is a text of over {MAX_TEXT_BYTES:,} characters", hint="cut it into pieces")
        try:
            source.encode()
        except UnicodeEncodeError:  # bytes of a command line that are no UTF-8, as Python keeps them
            raise ZooError(f"{name} is a text with bytes that are no UTF-8", hint="write it in UTF-8") from None
        return source

    def stack(self, samples: Sequence[Any]) -> NDArray[Any]:
        """int64 or bool (N, length)."""
        tokens = [np.array(self._tokens_of(sample), np.int64) for sample in samples]
        if self._gives == "mask":
            return mask_of([len(each) for each in tokens], length=self._length)
        return padded(tokens, value=self._pad, length=self._length)

    def in_words(self, stored: NDArray[Any]) -> str:
        """The text of tokens, as far as they have kept it."""
        if self._gives == "mask" or self._tokenizer is None:
            return ""
        text: str = self._tokenizer.decode(
            [int(each) for each in stored if each != self._pad], skip_special_tokens=False
        )
        return text

    def examples(self, count: int, *, random: np.random.Generator) -> Sequence[str]:
        """Texts of words that its tokenizer knows, once it has one."""
        known = {} if self._tokenizer is None else self._tokenizer.get_vocab()
        own = sorted((number, word) for word, number in known.items() if number not in {self._pad, self._unknown})
        words = [word for _, word in own]
        return [made_text(random, words) if words else made_text(random) for _ in range(count)]

    def learn(self, samples: Iterable[Any]) -> dict[str, Any]:
        """`{tokenizer}`: the JSON of the file that was named, or of the words of the samples."""
        if not self._file:
            return {"tokenizer": learnt_words(samples, self._words)}
        path = Path(self._file).expanduser()
        too_large = ZooError(
            f"{path} has over {MAX_TOKENIZER_BYTES:,} bytes, more than a file can carry", hint="fewer words"
        )
        content = read_plain(path, most=MAX_TOKENIZER_BYTES, what="tokenizer", too_large=too_large)
        try:
            data = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ZooError(f"{path} is no tokenizer that can be read: {error}", hint="a tokenizer.json") from None
        opened(data, name=str(path))
        return {"tokenizer": data}

    def use(self, learnt: Mapping[str, Any]) -> None:
        """Open the tokenizer, which a file of somebody else may have brought."""
        self._tokenizer = opened(learnt.get("tokenizer"), name="recipe text: its tokenizer")
        self._pad, self._unknown = padding_of(self._tokenizer)
        self._end = max(self._tokenizer.get_vocab().values()) + 1
        # Where the file lies on somebody's disk is no part of what it says.
        self.recipe = self.recipe.changed(tokenizer="")

    def _tokens_of(self, text: str) -> list[int]:
        if self._tokenizer is None:
            raise TypeError("a tokenizer is learnt before texts are stacked")
        return tokens_in(text, self._tokenizer) or [self._unknown]
