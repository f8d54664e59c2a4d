"""JSON of somebody else: size, depth, duplicate keys, odd numbers and control characters are refused."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any, NoReturn

MAX_BYTES = 256 << 10
MAX_DEPTH = 16

# Marks that turn the direction of writing: what is printed is not what is read.
_TURNS_WRITING = frozenset(map(chr, (0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))))
_STEP = re.compile(r'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


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
    if size > MAX_BYTES:
        raise ValueError(f"it has {size:,} bytes, more than the {MAX_BYTES:,} that are read")
    _check_depth(text)
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} at character {error.pos}") from None
    if not isinstance(data, dict):
        raise ValueError(f"it is a {type(data).__name__}, not an object")
    _check_texts(data)
    return data


def _check_depth(text: str) -> None:
    # Before the parser sees it: json.loads recurses.
    depth = 0
    for step in _STEP.finditer(text):
        first = step[0][0]
        depth += (first in "[{") - (first in "]}")
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} deep")


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


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} appears twice")
        found[key] = value
    return found


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a finite number")
    return value
