"""Protobuf's wire format, read strictly: no length is trusted, nothing is copied or recurses."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from zoo_core.file_limits import MAX_NODES, ONNX_OBJECTS_PER_MESSAGE

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Kind = Literal["int", "float", "double", "string", "bytes", "message", "varints", "fixed32s", "fixed64s"]

_WIRE: dict[str, int] = {
    "int": VARINT,
    "float": FIXED32,
    "double": FIXED64,
    "string": BYTES,
    "bytes": BYTES,
    "message": BYTES,
    "varints": VARINT,
    "fixed32s": FIXED32,
    "fixed64s": FIXED64,
}
_PACKED_WIDTHS: dict[str, int] = {"varints": 1, "fixed32s": 4, "fixed64s": 8}
_MAX_FIELD_NUMBER = (1 << 29) - 1


class WireError(ValueError):
    """Bytes that are no protobuf of the expected message; `reason` is the short name of what is wrong."""

    def __init__(self, text: str, *, reason: str = "damaged") -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Field:
    """How one field of a message is read.

    The kinds "varints", "fixed32s" and "fixed64s" are repeated numbers, packed or not: they come as a list of
    pieces which, joined, are the packed form. "bytes" and "message" come as views of the data, "int" as a
    signed 64-bit number.
    """

    name: str
    kind: Kind
    repeated: bool = False


Schema = Mapping[int, Field]

_PAIR = {1: Field("key", "string"), 2: Field("value", "string")}


class Budget:
    """How much may still be read: files that would make too many Python objects are refused."""

    def __init__(self, objects: int, *, nodes: int = MAX_NODES) -> None:
        self.left = objects
        self.nodes_left = nodes

    def spend(self, count: int) -> None:
        """Count objects. Raises WireError when there are too many."""
        self.left -= count
        if self.left < 0:
            raise WireError("it holds more fields than any real model", reason="too-many-fields")

    def spend_nodes(self, count: int) -> None:
        """Count nodes of a graph. Raises WireError when there are too many."""
        self.nodes_left -= count
        if self.nodes_left < 0:
            raise WireError(f"it has more than {MAX_NODES:,} nodes", reason="too-many-nodes")


def read_message(data: memoryview, schema: Schema, budget: Budget) -> dict[str, Any]:
    """The fields of one message by name; those that are absent from the data are absent here.

    Fields that the schema does not know are skipped. Raises WireError on a wrong wire type, on a length that
    leads past the end, and on a single field that appears twice: readers disagree on what that means.
    """
    found: dict[str, Any] = {}
    position, end = 0, len(data)
    budget.spend(ONNX_OBJECTS_PER_MESSAGE)
    left = budget.left
    while position < end:
        left -= 1
        if left < 0:
            budget.spend(budget.left + 1)
        key = data[position]
        if key < 0x80:  # nearly always, and twice as fast
            position += 1
        else:
            key, position = _varint(data, position, end)
        number, wire = key >> 3, key & 7
        if not 0 < number <= _MAX_FIELD_NUMBER:
            raise WireError(f"{number} is not a field number")
        field = schema.get(number)
        if wire == VARINT:
            start = position
            value, position = _varint(data, position, end)
            if field is not None and field.kind == "int":
                _store(found, field, value - (1 << 64) if value >> 63 else value)
                continue
        else:
            start, position = _extent(data, position, end, wire)
        if field is not None:
            _store_piece(found, field, wire, data[start:position])
    budget.left = left
    return found


def _extent(data: memoryview, position: int, end: int, wire: int) -> tuple[int, int]:
    """Where the bytes of a field begin and end."""
    if wire == BYTES:
        length, position = _varint(data, position, end)
    elif wire in {FIXED64, FIXED32}:
        length = 8 if wire == FIXED64 else 4
    else:
        raise WireError(f"wire type {wire} does not exist in ONNX files")
    if length > end - position:
        detail = f"a part of {length:,} bytes is announced, but only {end - position:,} are left"
        raise WireError(detail, reason="cut-short")
    return position, position + length


def _store(found: dict[str, Any], field: Field, value: Any) -> None:
    if field.repeated:
        found.setdefault(field.name, []).append(value)
    elif field.name in found:
        raise WireError(f"the field {field.name} appears twice")
    else:
        found[field.name] = value


def _store_piece(found: dict[str, Any], field: Field, wire: int, piece: memoryview) -> None:
    width = _PACKED_WIDTHS.get(field.kind)
    if wire != _WIRE[field.kind] and not (width and wire == BYTES):
        raise WireError(f"the field {field.name} has the wrong wire type {wire}")
    if not width:
        _store(found, field, _value(field, piece))
        return
    if len(piece) % width:
        raise WireError(f"the field {field.name} ends in the middle of a number")
    pieces = found.setdefault(field.name, [])
    if len(piece):  # without those that hold nothing, there are no more pieces than numbers
        pieces.append(piece)


def _value(field: Field, piece: memoryview) -> Any:
    if field.kind == "float":
        return struct.unpack("<f", piece)[0]
    if field.kind == "double":
        return struct.unpack("<d", piece)[0]
    if field.kind == "string":
        try:
            return str(piece, "utf-8")
        except UnicodeDecodeError:
            raise WireError(f"the field {field.name} is not UTF-8 text") from None
    return piece


def _varint(data: memoryview, position: int, end: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    value = shift = 0
    while position < end:
        byte = data[position]
        position += 1
        if byte < 0x80:
            value |= byte << shift
            if value >> 64:
                raise WireError("a number is longer than 64 bits")
            return value, position
        value |= (byte & 0x7F) << shift
        shift += 7
        if shift > 63:
            raise WireError("a number is longer than 64 bits")
    raise WireError("it ends in the middle of a number", reason="cut-short")


def join(pieces: list[memoryview]) -> memoryview | bytes:
    """One buffer of several pieces; a single piece is not copied."""
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def read_pairs(messages: list[memoryview], budget: Budget) -> tuple[tuple[str, str], ...]:
    """ONNX's StringStringEntryProtos as pairs, in order, duplicates included."""
    pairs = [read_message(message, _PAIR, budget) for message in messages]
    return tuple((pair.get("key", ""), pair.get("value", "")) for pair in pairs)


def varint(value: int) -> bytes:
    """A signed 64-bit number as a varint."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number_field(number: int, value: int) -> bytes:
    """One varint field, ready to be joined to a message."""
    return varint(number << 3 | VARINT) + varint(value)


def bytes_field(number: int, value: bytes | memoryview) -> bytes:
    """One length-delimited field, ready to be joined to a message."""
    return b"".join((varint(number << 3 | BYTES), varint(len(value)), value))
