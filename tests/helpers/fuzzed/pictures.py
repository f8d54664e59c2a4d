"""Pictures of every format, and masks."""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache, partial

import hostile_files as hostile
import numpy as np
from hypothesis import strategies as st
from mutations import changed_bytes
from PIL import Image

from zoo_core.pictures import read_mask, read_picture

from .reader import Reader, damaged


@cache
def _picture_file(kind: str, mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    image = Image.fromarray((np.arange(16 * 12 * 3) % 251).astype(np.uint8).reshape(12, 16, 3)).convert(mode)
    exif = Image.Exif()
    exif[274] = 6
    image.save(content, kind, **({} if kind == "BMP" else {"exif": exif}))
    return content.getvalue()


@st.composite
def _png(draw: st.DrawFn) -> bytes:
    """A PNG whose chunks are others, with sums that are right again."""
    content = _picture_file("PNG", draw(st.sampled_from(("RGB", "L", "P", "LA", "I;16", "1"))))
    chunks, place = [], 8
    while place < len(content):
        (length,) = struct.unpack_from(">I", content, place)
        chunks.append((content[place + 4 : place + 8], content[place + 8 : place + 8 + length]))
        place += length + 12
    number = draw(st.integers(0, len(chunks) - 1))
    kind, held = chunks[number]
    kind = draw(
        st.sampled_from((kind, kind, kind, b"acTL", b"fcTL", b"tRNS", b"iCCP", b"zTXt", b"PLTE", b"eXIf", b"IEND"))
    )
    chunks[number] = (kind, draw(changed_bytes(held)))
    if draw(st.integers(0, 3)) == 0:
        chunks.insert(1, (kind, zlib.compress(bytes(1000))))
    return content[:8] + b"".join(hostile.png_chunk(*chunk) for chunk in chunks)


def _picture_reader(kind: str, suffix: str, content: st.SearchStrategy[bytes] | None = None) -> Reader:
    files = [_picture_file(kind, mode) for mode in ("RGB", "L")]
    return Reader(
        file=f"picture{suffix}",
        content=damaged(files, changed_bytes) if content is None else content,
        read=partial(read_picture, color="RGB"),
    )


def readers() -> dict[str, Reader]:
    """Every reader of this kind by its name."""
    return {
        "PNG": _picture_reader("PNG", ".png"),
        "PNG, chunks": _picture_reader("PNG", ".png", _png()),
        "JPEG": _picture_reader("JPEG", ".jpg"),
        "WEBP": _picture_reader("WEBP", ".webp"),
        "BMP": _picture_reader("BMP", ".bmp"),
        "mask": Reader(file="m.png", content=_png(), read=read_mask),
    }
