"""Values in few letters, for people: attributes, fields of metadata, small arrays."""

from __future__ import annotations

import json
from typing import Any

from zoo_core.commands import counted
from zoo_core.runtime import OnnxFile

from .numbers import values_of

_MOST = 48
"""Letters of a value in a table."""


def shown(value: Any) -> str:
    """The value of an attribute; `...` stands for one that is not there."""
    if value is ...:
        return "not given"
    if isinstance(value, bytes):
        return cut(value.decode("utf-8", "replace"))
    if isinstance(value, tuple):
        return cut(f"[{', '.join(map(shown, value[:32]))}{', …' if len(value) > 32 else ''}]")
    if hasattr(value, "nodes"):
        return f"a graph of {counted(len(value.nodes), 'node')}"
    if hasattr(value, "dtype"):
        return f"{value.dtype} {list(value.shape)}"
    return cut(f"{value:g}" if isinstance(value, float) else str(value))


def shown_array(file: OnnxFile, tensor: Any) -> str:
    """A small stored tensor as its numbers."""
    values = values_of(file, tensor).tolist()
    return shown(tuple(values) if tensor.shape else values[0])


def shown_json(value: Any) -> str:
    """A field of metadata, as JSON without its quotes around a text."""
    if value is None:
        return "-"
    return cut(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def cut(text: str, most: int = _MOST) -> str:
    """A text of at most so many letters; its end is left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
