"""What can be given to a model: paths, contents of files, Pillow pictures and arrays; each with a name for messages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from zoo_core.errors import ZooError
from zoo_core.file_limits import MAX_NUMBERS_BYTES
from zoo_core.pictures import checked_image, max_bytes, pixels_of_image, read_image, read_picture
from zoo_core.preprocess import convert_color

from .numbers import Numbers, as_dtype, read_numbers

Source: TypeAlias = "str | os.PathLike[str] | bytes | IO[bytes] | Image.Image | NDArray[Any] | Mapping[str, Any]"
"""A file, by its path, its content or opened with "rb"; or what it would hold: a picture of Pillow, or an array; or a
text or a row, where a recipe takes them, and by name what a sample of several is made of.

Where a recipe takes texts, a `str` is the text itself, and `Path("t.txt")` a file of them, a text a line. A `str` that
names a file, or ends as such a name does, has a UserWarning; `{"text": "t.txt"}`, by the name of the source, has
none."""


class CertainText(str):
    """A text that was given as one, whatever it looks like."""

    __slots__ = ()


WHAT_IS_TAKEN = "a path, bytes, a file opened with 'rb', a picture of Pillow, or an array"


@dataclass(frozen=True, kw_only=True)
class Named:
    """A source, its place among all of them, and what messages call it."""

    source: Any
    index: int
    name: str


def one_or_many(inputs: Source | Iterable[Source], *, by_name: bool = False) -> Iterable[Source]:
    """The sources that were given: one of them alone, or several; `by_name`: a mapping is one of them.

    Raises ZooError for what is neither.
    """
    alone = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image, np.ndarray)
    if isinstance(inputs, alone) or hasattr(inputs, "read") or (by_name and isinstance(inputs, Mapping)):
        return [inputs]  # type: ignore[list-item]
    if isinstance(inputs, Mapping):
        raise ZooError("a dictionary is no input, nor several", hint="arrays by the names of the inputs go to run()")
    if not isinstance(inputs, Iterable):
        raise ZooError(f"{in_short(inputs)} is no input, nor several", hint=f"{WHAT_IS_TAKEN}; or a list of these")
    return inputs


def in_short(value: object) -> str:
    """What was given instead, for a message: its type, with its value where that is short."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    shown = repr(value) if isinstance(value, int | float | str | None) else ""
    return f"{shown} ({type(value).__name__})" if 0 < len(shown) < 40 else f"a {type(value).__name__}"


def named(sources: Iterable[Source]) -> Iterator[Named]:
    """Each source with its name: its path where it has one."""
    for index, source in enumerate(sources):
        known = source if isinstance(source, str | os.PathLike) else getattr(source, "filename", None)
        known = known or getattr(source, "name", None)
        has_path = isinstance(known, str | os.PathLike) and str(known)
        yield Named(source=source, index=index, name=str(known) if has_path else f"input {index}")


def is_held(given: Named) -> bool:
    """Whether it is an object that is read by one thread only: an open file has a place, and Pillow reads pictures when
    they are looked at."""
    return isinstance(given.source, Image.Image) or hasattr(given.source, "read")


def image_of(given: Named, *, color: Literal["RGB", "BGR", "L"]) -> Image.Image:
    """A picture that was given in any way, as `read_image` gives it. Raises as that."""
    source = given.source
    if isinstance(source, Image.Image):
        return checked_image(source, color=color, name=given.name)
    if isinstance(source, np.ndarray):
        pixels = pixels_of(given, color="RGB" if color == "BGR" else color)
        return Image.fromarray(pixels[:, :, 0] if color == "L" else pixels)
    return read_image(_content(given, most=max_bytes()), color=color, name=given.name)


def pixels_of(given: Named, *, color: Literal["RGB", "BGR", "L"]) -> NDArray[np.uint8]:
    """The pixels of a picture that was given in any way: uint8, shape (H, W, C). Raises as `read_picture`."""
    source = given.source
    if isinstance(source, Image.Image):
        return pixels_of_image(source, color=color, name=given.name)
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim not in {2, 3} or not source.size:
            raise ZooError(
                f"{given.name}: pixels are uint8, (height, width) or (height, width, 3), "
                f"not {source.dtype} of shape {source.shape}",
                hint="arrays that are prepared already go to run() or, alone, to the model itself",
            )
        pixels: NDArray[np.uint8] = convert_color(source.reshape(1, *source.shape[:2], -1), color)[0]
        return pixels
    content = _content(given, most=max_bytes())
    return read_picture(content, color=color, name=given.name)


def numbers_of(given: Named, *, dtype: str) -> Numbers:
    """The numbers that were given in any way, in `dtype`. Raises as `read_numbers`."""
    if isinstance(given.source, np.ndarray):
        return Numbers(values=as_dtype(given.source, dtype, name=given.name))
    if isinstance(given.source, Image.Image):
        raise ZooError(f"{given.name} is a picture, and the model takes none", hint="a CSV or .npy file, or an array")
    return read_numbers(_content(given, most=MAX_NUMBERS_BYTES), dtype=dtype, name=given.name)


def _content(given: Named, *, most: int) -> Path | bytes:
    """The path, or the content where it is at hand; one byte over the limit is enough to be refused for it."""
    source = given.source
    if isinstance(source, str | os.PathLike):
        if not os.fspath(source):
            raise ZooError(f"{given.name} is an empty text, and no path", hint=WHAT_IS_TAKEN)
        return Path(source)
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    content = source.read(most + 1) if hasattr(source, "read") else None
    if not isinstance(content, bytes):
        kind = "a file that was opened as text" if isinstance(content, str) else f"of the type {type(source).__name__}"
        raise ZooError(
            f"{given.name} is {kind}, and cannot be read",
            hint=WHAT_IS_TAKEN,
        )
    return content
