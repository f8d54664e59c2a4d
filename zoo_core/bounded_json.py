"""JSON that somebody else may have written: how deep and how large its parts may be is looked at before it is used."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from .file_limits import MAX_INTEGER, MAX_RECORD_DEPTH

# A text that never ends is one step, too: otherwise each quote in it would begin a search of its own.
_STEP = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)
_LONGEST_INTEGER = len(str(-MAX_INTEGER))


def load_json(content: bytes | str, *, max_depth: int = MAX_RECORD_DEPTH, unique_keys: bool = False) -> Any:
    """The value of a JSON text. Raises ValueError that says in words what is wrong with it.

    Refused, besides what is no JSON: more than `max_depth` levels, whole numbers of more than 64 bits, numbers that are
    not finite, and with `unique_keys` a key that appears twice in one object.
    """
    text = content if isinstance(content, str) else _decoded(content)
    _check_depth(text, max_depth)
    try:
        return json.loads(
            text,
            object_pairs_hook=_object if unique_keys else None,
            parse_constant=_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg} at character {error.pos}") from None


def is_plain_number(value: Any) -> bool:
    """A number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text: byte {error.start}") from None


def _check_depth(text: str, most: int) -> None:
    # Before the parser sees it: json.loads recurses.
    depth = 0
    for step in _STEP.finditer(text):
        first = step[0][0]
        depth += (first in "[{") - (first in "]}")
        if depth > most:
            raise ValueError(f"it is nested more than {most} deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:60]!r} appears twice")
        found[key] = value
    return found


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:30]} is not a finite number")
    return value


def _int(text: str) -> int:
    if len(text) > _LONGEST_INTEGER or abs(value := int(text)) > MAX_INTEGER:
        raise ValueError(f"the whole number {text[:30]}{'...' if len(text) > 30 else ''} has more than 64 bits")
    return value
