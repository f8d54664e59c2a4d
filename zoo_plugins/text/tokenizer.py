"""Tokenizers of the `tokenizers` library: made of the words of texts, or opened from what somebody else has made."""

from __future__ import annotations

import importlib
import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo_core import MissingExtraError, ZooError
from zoo_core.recipes import MAX_TOKENIZER_BYTES

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN = "[PAD]", "[UNK]"
_NOT_SHOWN = {"Cc", "Cs", "Zl", "Zp"}
_TURNS_WRITING = frozenset(map(chr, (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))

_PARTS = {
    *("WordLevel", "WordPiece", "BPE", "Unigram", "Sequence", "NFC", "NFD", "NFKC", "NFKD", "Nmt", "Lowercase"),
    *("StripAccents", "BertNormalizer", "Strip", "Prepend", "Whitespace", "WhitespaceSplit", "BertPreTokenizer"),
    *("ByteLevel", "Metaspace", "Punctuation", "Digits", "UnicodeScripts", "CharDelimiterSplit", "Replace", "Split"),
    *("TemplateProcessing", "BertProcessing", "RobertaProcessing", "BPEDecoder", "Fuse", "ByteFallback", "CTC"),
}
"""Kinds of parts that are opened; each takes time that is linear in the text, but for patterns."""


@dataclass(frozen=True, kw_only=True)
class Words:
    """Which words make a vocabulary: the `most` frequent ones, each there `least` times, in small letters or not."""

    most: int
    least: int
    lower: bool

    def __post_init__(self) -> None:
        if self.most < 1 or self.least < 1:
            raise ZooError(f"recipe text: most and least are 1 or more, not {self.most} and {self.least}")


def learnt_words(texts: Iterable[str], words: Words) -> dict[str, Any]:
    """The JSON of a tokenizer for the words of these texts; the same for the same texts, in any order."""
    tokenizers = _library()
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({PAD: 0, UNKNOWN: 1}, unk_token=UNKNOWN))
    steps = [tokenizers.normalizers.NFKC(), *([tokenizers.normalizers.Lowercase()] * words.lower)]
    made.normalizer = tokenizers.normalizers.Sequence(steps)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    counts: Counter[str] = Counter()
    for text in texts:
        plain = made.normalizer.normalize_str(text)
        counts.update(word for word, _ in made.pre_tokenizer.pre_tokenize_str(plain))
    frequent = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    often = (word for word, count in frequent if count >= words.least and word not in {PAD, UNKNOWN})
    kept = [word for word in often if not _is_control(word)][: words.most]
    if not kept:
        raise ZooError("the training texts have no word often enough", hint="-d least=1, or more texts")
    vocabulary = {word: number for number, word in enumerate((PAD, UNKNOWN, *kept))}
    made.model = tokenizers.models.WordLevel(vocabulary, unk_token=UNKNOWN)
    data: dict[str, Any] = json.loads(made.to_str())
    return data


def _is_control(word: str) -> bool:
    """Whether the word would make a file refuse its own metadata: overstruck text has backspaces, for example."""
    return any(unicodedata.category(letter) in _NOT_SHOWN or letter in _TURNS_WRITING for letter in word)


def opened(data: Any, *, name: str) -> Tokenizer:
    """The tokenizer of this JSON. Raises ZooError for what is none, is too large, or may take any time."""
    library = _library()
    if not isinstance(data, dict) or not isinstance(data.get("model"), dict):
        raise ZooError(f"{name} is no tokenizer", hint="a tokenizer.json of the tokenizers library")
    text = json.dumps({**data, "padding": None, "truncation": None}, ensure_ascii=False)
    if len(text.encode("utf-8", "replace")) > MAX_TOKENIZER_BYTES:
        raise ZooError(f"{name} has over {MAX_TOKENIZER_BYTES:,} bytes", hint="a smaller vocabulary")
    if odd := next(_odd_parts(data), None):
        raise ZooError(f"{name} has a part {odd!r}, which is not opened", hint="a tokenizer without patterns")
    try:
        tokenizer: Tokenizer = library.Tokenizer.from_str(text)
    except Exception as error:  # noqa: BLE001 what a damaged one raises is no part of the library's contract
        raise ZooError(f"{name} cannot be opened: {str(error)[:200]}", hint="a tokenizer.json") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of Rust, which is no Exception
            raise
        raise ZooError(f"{name} cannot be opened: the tokenizers library fails", hint="a tokenizer.json") from None
    return tokenizer


def tokens_in(text: str, tokenizer: Tokenizer) -> list[int]:
    """The tokens of a text. Raises ZooError for a tokenizer that fails of it, as one without its unknown token may."""
    try:
        found: list[int] = tokenizer.encode(text).ids
    except Exception as error:  # noqa: BLE001 what a damaged one raises is no part of the library's contract
        raise ZooError(
            f"the tokenizer of the model fails of this text: {str(error)[:200]}",
            hint="train with a tokenizer.json whose vocabulary has its unknown token",
        ) from None
    return found


def padding_of(tokenizer: Tokenizer) -> tuple[int, int]:
    """The numbers of the padding and of the unknown token. Raises ZooError where there is no padding token."""
    ids = [tokenizer.token_to_id(token) for token in (PAD, "<pad>", "<PAD>", "<|endoftext|>")]
    unknown = [tokenizer.token_to_id(token) for token in (UNKNOWN, "<unk>", "<UNK>")]
    pad = next((each for each in ids if each is not None), None)
    if pad is None:
        raise ZooError(f"recipe text: its tokenizer has no token {PAD!r} or '<pad>'", hint="add one to the vocabulary")
    return pad, next((each for each in unknown if each is not None), pad)


def _odd_parts(part: Any) -> Iterator[str]:
    """Parts that are not known, and patterns, which may take any time."""
    if isinstance(part, dict):
        kind = part.get("type")
        if isinstance(kind, str) and "vocab" not in part and kind not in _PARTS and "id" not in part:
            yield kind
        for key, value in part.items():
            if key == "Regex":
                yield "Regex"
            elif key not in {"vocab", "merges", "special_tokens", "added_tokens"}:
                yield from _odd_parts(value)
    elif isinstance(part, list):
        for each in part:
            yield from _odd_parts(each)


def _library() -> Any:
    try:
        return importlib.import_module("tokenizers")
    except ImportError:
        raise MissingExtraError(needed_for="a text", extra="text", missing="tokenizers") from None
