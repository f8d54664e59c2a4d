"""How a good file is damaged: hypothesis draws what is done to its bytes, its JSON or its protobuf fields."""

from __future__ import annotations

import json
import struct
from typing import Any

from hypothesis import strategies as st

from zoo_core.runtime.reading.protobuf import varint

ODD_NUMBERS = (
    *(0, 1, -1, 2, 7, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**53, 2**62, 2**63 - 1, 2**63, 2**64),
    *(-(2**31), -(2**63), 10**30, 10**400, 0.5, -0.0, 1e-300, 1e30, 1e308, float("inf"), float("nan")),
)
ODD_TEXTS = (
    "",
    " ",
    "\0",
    "../../etc/passwd",
    "a" * 5_000,
    "\x1b[31m",
    "\u202e",
    "0",
    "nan",
    "N",
    "16*H",
    "😀",
    "NCHW",
)


DEPTHS = (20, 200, 900, 100_000)

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, [], {}, [[]], [{}], {"": []}, [1], ["x"], {"a": 1}, [None, "a", 1.5], [1] * 40),
    *ODD_NUMBERS,
    *ODD_TEXTS,
    *(f"nested {depth}" for depth in DEPTHS),
)


@st.composite
def changed_json(draw: st.DrawFn, value: Any) -> str:
    """The text of a JSON value in which some parts are others, are missing, or have a name of another part."""
    changed = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 3))):
        changed = _changed_value(draw, changed)
    text = json.dumps(changed, ensure_ascii=draw(st.booleans()))
    for depth in DEPTHS:  # as a value it could not be written
        text = text.replace(f'"nested {depth}"', "[" * depth + "]" * depth)
    how = draw(st.integers(0, 19))
    if how == 0:
        return text[: draw(st.integers(0, len(text)))]
    if how == 1:
        return text.replace(":", draw(st.sampled_from((":1e999,", ':"a":', ":-", ":NaN,", ": "))), 1)
    return text


def _changed_value(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, list | dict) or not value or draw(st.integers(0, 5)) == 0:
        # A new one each time: it may be changed, too.
        return json.loads(json.dumps(ODD_VALUES[draw(st.integers(0, len(ODD_VALUES) - 1))]))
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = draw(st.sampled_from(keys))
    how = draw(st.integers(0, 9))
    if how == 0:
        del value[key]
    elif how == 1:
        value[key] = value[draw(st.sampled_from(keys))]
    elif how == 2 and isinstance(value, dict):
        value[draw(st.sampled_from(ODD_TEXTS))] = value.pop(key)
    else:
        value[key] = _changed_value(draw, value[key])
    return value


@st.composite
def changed_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Bytes of which some are others, are missing, or stand there twice."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(changed)))
        how = draw(st.integers(0, 6))
        if how == 0:
            del changed[place:]
        elif how == 1:
            del changed[place : place + draw(st.integers(1, 64))]
        elif how == 2:
            changed[place:place] = changed[place : place + draw(st.integers(1, 64))]
        elif how == 3:
            changed[place : place + 1] = bytes([draw(st.integers(0, 255))])
        elif how == 4:
            changed[place:place] = draw(st.binary(max_size=16))
        else:
            number = draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF)))
            width = draw(st.sampled_from(("<H", ">H", "<I", ">I")))
            changed[place : place + struct.calcsize(width)] = struct.pack(width, number % 256 ** struct.calcsize(width))
    return bytes(changed)


@st.composite
def changed_protobuf(draw: st.DrawFn, content: bytes) -> bytes:
    """A protobuf message in which fields, at any depth, hold other values, are missing, or stand there twice."""
    changed = content
    for _ in range(draw(st.integers(1, 3))):
        changed = _changed_message(draw, changed, depth=8)
    return changed


def _changed_message(draw: st.DrawFn, content: bytes, *, depth: int) -> bytes:
    fields = _fields(content)
    if not fields:
        return draw(st.binary(max_size=12))
    place = draw(st.integers(0, len(fields) - 1))
    number, wire, value = fields[place]
    how = draw(st.integers(0, 11))
    if how == 0:
        del fields[place]
    elif how == 1:
        fields.insert(place, fields[draw(st.integers(0, len(fields) - 1))])
    elif how == 2:
        fields[place] = (draw(st.integers(1, 30)), wire, value)
    elif isinstance(value, int):
        fields[place] = (number, wire, draw(st.sampled_from([n for n in ODD_NUMBERS if isinstance(n, int)])) % 2**64)
    elif depth and how > 4 and _fields(value):
        fields[place] = (number, wire, _changed_message(draw, value, depth=depth - 1))
    else:
        odd = [text.encode() for text in ODD_TEXTS] + [bytes(3), bytes(400), b"\xff" * 11, b"\x80" * 9 + b"\x01"]
        fields[place] = (number, wire, draw(st.sampled_from(odd)))
    return b"".join(map(_written, fields))


_Field = tuple[int, int, int | bytes]


def _fields(content: bytes) -> list[_Field]:
    """The fields of a message; none where the bytes are no message."""
    fields: list[_Field] = []
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        number, wire = key >> 3, key & 7
        value: int | bytes
        if wire == 0:
            value, place = _varint(content, place)
        elif wire in {1, 5}:
            width = 8 if wire == 1 else 4
            value, place = content[place : place + width], place + width
        elif wire == 2:
            length, place = _varint(content, place)
            value, place = content[place : place + length], place + length
        else:
            return []
        if not number or place > len(content):
            return []
        fields.append((number, wire, value))
    return fields


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(content):
        value |= (content[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if content[place - 1] < 0x80:
            return value, place
    return 0, len(content) + 1


def _written(field: _Field) -> bytes:
    number, wire, value = field
    key = varint(number << 3 | wire)
    if isinstance(value, int):
        return key + varint(value)
    return key + value if wire in {1, 5} else key + varint(len(value)) + value
