"""JSON of somebody else: size, depth, duplicate keys, odd numbers and control characters are refused."""

from __future__ import annotations

import unicodedata
from typing import Any

from zoo_core.bounded_json import load_json
from zoo_core.file_limits import MAX_OWN_WORDS_BYTES, MAX_OWN_WORDS_DEPTH

# Marks that turn the direction of writing: what is printed is not what is read.
_TURNS_WRITING = frozenset(map(chr, (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))


def has_control_characters(text: str) -> bool:
    """True if printing `text` could move the cursor, colour the screen, ring a bell or turn the writing round."""
    if text.isprintable():
        return False
    return any(
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in _TURNS_WRITING for character in text
    )


def load_strict(text: str) -> dict[str, Any]:
    """One JSON object. Raises ValueError that says in words what is wrong with it."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_OWN_WORDS_BYTES:
        raise ValueError(f"it has {size:,} bytes, more than the {MAX_OWN_WORDS_BYTES:,} that are read")
    data = load_json(text, max_depth=MAX_OWN_WORDS_DEPTH, unique_keys=True)
    if not isinstance(data, dict):
        raise ValueError(f"it is a {type(data).__name__}, not an object")
    _check_texts(data)
    return data


def _check_texts(value: Any) -> None:
    if isinstance(value, str):
        if has_control_characters(value):
            raise ValueError(f"the text {value[:60]!r} holds control characters")
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_texts(key)
            _check_texts(item)
    elif isinstance(value, list):
        for item in value:
            _check_texts(item)
