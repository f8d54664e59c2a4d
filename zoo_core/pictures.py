"""Reading pictures that strangers made: four formats, limits checked before decoding, one meaning for every mode."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from .errors import RefusedFileError, UsageError, ZooError
from .file_limits import MAX_PICTURE_BYTES, MAX_PIXELS
from .files import read_plain
from .quiet_pillow import pillow_quiet

SUFFIXES = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WEBP",
    ".bmp": "BMP",
}
"""The file names that are read, and the format that each must hold."""


# Modes that Pillow turns into RGB without losing what the picture means. CMYK (from JPEG) goes by the plain formula,
# without a colour profile. What is not listed here (32-bit integers, floats, Lab, ...) is refused.
_PLAIN_MODES = ("1", "L", "P", "RGB", "CMYK")
_ALPHA_MODES = ("LA", "PA", "RGBA")
_ORIENTATION, _UPRIGHT = ExifTags.Base.Orientation, 1

_SIGNATURES = (
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"BM", "BMP"),
    (b"GIF8", "a GIF"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"%PDF", "a PDF"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
    (b"<", "a web page or an SVG drawing"),
)


def read_picture(
    source: Path | bytes, *, color: Literal["RGB", "BGR", "L"], name: str = "", misnamed: bool = False
) -> NDArray[np.uint8]:
    """The pixels of one PNG, JPEG, WEBP or BMP picture: uint8, shape (H, W, C), C = 1 for "L" and 3 otherwise.

    `name` is what messages call the picture (and whose suffix is checked) when `source` is bytes. `misnamed`: for
    published datasets with wrong suffixes, which are not checked then, and with GIFs, of which the first frame counts.
    Of a phone's MPO, a JPEG with a second view, the first picture is taken. Raises RefusedFileError for another format,
    a suffix of another format, more pixels than `max_pixels`, more bytes than `max_bytes`, more than one frame, or an
    undefined mode; ZooError for a missing, truncated or damaged file. Rules: docs/preprocessing.md.
    """
    return pixels_in(read_image(source, color=color, name=name, misnamed=misnamed), color)


def read_image(
    source: Path | bytes, *, color: Literal["RGB", "BGR", "L"], name: str = "", misnamed: bool = False
) -> Image.Image:
    """The picture of `read_picture` as one of Pillow, before it becomes an array: mode "L" for that colour, else "RGB".

    To resize it at once saves two copies of the whole picture. Raises as `read_picture`.
    """
    name, image = _opened(source, name, misnamed=misnamed)
    return _in_mode(_decode(image, name, ours=True), color, name)


def read_mask(source: Path | bytes, *, name: str = "") -> NDArray[np.uint8]:
    """The numbers in one mask, a PNG, JPEG, WEBP or BMP picture: uint8, shape (H, W).

    Grey as it is, 1 bit as 0 and 255, a palette as the numbers of its entries whatever their colours, colour where
    all three values are equal. Raises as `read_picture`, and RefusedFileError for other colours and larger numbers.
    """
    name, image = _opened(source, name)
    image = _decode(image, name, ours=True)
    if image.mode == "1":
        image = image.convert("L")
    values = np.asarray(image)
    if image.mode == "RGB" and (values == values[:, :, :1]).all():
        values = values[:, :, 0]
    elif image.mode not in {"L", "P", "I;16"}:
        raise RefusedFileError(
            f"mask {name} is a picture of mode {image.mode}, not one number for each pixel",
            hint="save it as PNG, 8-bit grey or with a palette",
        )
    if values.size and values.max() > 255:
        raise RefusedFileError(f"mask {name} has the value {values.max()}, over 255", hint="save it as 8-bit grey")
    return np.ascontiguousarray(values, dtype=np.uint8)


def pixels_of_image(
    image: Image.Image, *, color: Literal["RGB", "BGR", "L"], name: str = "picture"
) -> NDArray[np.uint8]:
    """The pixels of a Pillow picture, by the rules of `read_picture`: uint8, shape (H, W, C). It is not changed."""
    return pixels_in(checked_image(image, color=color, name=name), color)


def checked_image(image: Image.Image, *, color: Literal["RGB", "BGR", "L"], name: str = "picture") -> Image.Image:
    """A Pillow picture as `read_image` gives one. It is not changed, and may be the answer itself."""
    _check_header(image, name, one_frame=False)
    return _in_mode(_decode(image, name, ours=False), color, name)


def max_pixels() -> int:
    """Pixels that a picture may have: ZOO_MAX_PIXELS, or 50 million. Raises UsageError for what is no such number."""
    said = os.environ.get("ZOO_MAX_PIXELS", "")
    if not said:
        return MAX_PIXELS
    if not said.isascii() or not said.isdecimal() or int(said) < 1:
        raise UsageError(
            f"ZOO_MAX_PIXELS is a whole number above 0, not {said!r}", hint="for example ZOO_MAX_PIXELS=200000000"
        )
    return int(said)


def max_bytes() -> int:
    """Bytes that a picture file may have: 64 MB, and in proportion more where more pixels are allowed."""
    return max(MAX_PICTURE_BYTES, MAX_PICTURE_BYTES * max_pixels() // MAX_PIXELS)


def _opened(source: Path | bytes, name: str, *, misnamed: bool = False) -> tuple[str, Image.Image]:
    """What messages call the picture, and the picture, checked as far as its header tells."""
    if isinstance(source, Path):
        name = name or str(source)
        content = content_of(source)
    else:
        name = name or "picture"
        content = source
    if len(content) > max_bytes():
        raise _too_many_bytes(name)
    image = _open(content, name, misnamed=misnamed)
    _check_header(image, name, one_frame=not misnamed)
    return name, image


def content_of(path: Path) -> bytes:
    """The bytes of a picture file. Raises ZooError when it cannot be read, RefusedFileError for one of over 64 MB."""
    return read_plain(path, most=max_bytes(), what="picture", too_large=_too_many_bytes(str(path)))


def _open(content: bytes, name: str, *, misnamed: bool) -> Image.Image:
    """The picture with its header read, and no pixel decoded yet."""
    if not content:
        raise _damaged(name, "the file is empty")
    found = _recognise(content)
    if misnamed and found == "a GIF":
        found = "GIF"
    elif found not in SUFFIXES.values():
        seems = f"; it seems to be {found}" if found else ""
        raise RefusedFileError(f"{name} is not a PNG, JPEG, WEBP or BMP picture{seems}", hint="convert it to PNG")
    wanted = SUFFIXES.get(Path(name).suffix.lower())
    if Path(name).suffix and wanted != found and not misnamed:
        raise RefusedFileError(
            f"{name} is not what its name says: the content is {found}",
            hint=f"rename it to {Path(name).with_suffix('.' + found.lower()).name}, if you trust it",
        )
    try:
        with pillow_quiet():  # it warns of 89 megapixels, and of a JPEG whose second view is damaged
            return _opened_by_pillow(content, found)
    except Image.DecompressionBombError:
        raise _too_large(name, "more than 178") from None
    except UnidentifiedImageError:
        raise _damaged(name, f"its {found} header is broken") from None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 Pillow's decoders raise many kinds of errors for a broken file
        raise _damaged(name, str(error)) from None


def _opened_by_pillow(content: bytes, format_: str) -> Image.Image:
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels() > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels()  # our own limit is checked on the header, and was raised by the user
    return Image.open(io.BytesIO(content), formats=(format_,))


def _recognise(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    start = content[:64].lstrip() if content[:1].isspace() else content[:64]
    return next((format_ for signature, format_ in _SIGNATURES if start.startswith(signature)), "")


def _check_header(image: Image.Image, name: str, *, one_frame: bool) -> None:
    width, height = image.size
    if width < 1 or height < 1:
        raise _damaged(name, f"its size is {width} x {height}")
    if width * height > max_pixels():
        raise _too_large(name, f"{width} x {height} = {width * height / 1e6:.0f}")
    if one_frame and image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise RefusedFileError(f"picture {name} has more than one frame", hint="save one frame of it as PNG")


def _too_large(name: str, size: str) -> RefusedFileError:
    pixels = 4 * max_pixels()
    return RefusedFileError(
        f"picture {name} has {size} megapixels, more than the {max_pixels() / 1e6:g} allowed",
        hint=f"make it smaller, or allow more pixels: ZOO_MAX_PIXELS={pixels}",
    )


def _too_many_bytes(name: str) -> RefusedFileError:
    return RefusedFileError(
        f"picture {name} has over {max_bytes() >> 20} MB",
        hint="make it smaller; the limit grows with ZOO_MAX_PIXELS",
    )


def _damaged(name: str, why: str) -> ZooError:
    return ZooError(f"picture {name} is damaged: {why}", hint="replace the file, or remove it")


def _decode(image: Image.Image, name: str, *, ours: bool) -> Image.Image:
    """All pixels, turned upright as the EXIF orientation says; in place where the picture is `ours`."""
    try:
        image.load()
        upright = image
        if ours:
            ImageOps.exif_transpose(image, in_place=True)
        elif image.getexif().get(_ORIENTATION, _UPRIGHT) != _UPRIGHT:
            upright = ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 as above
        raise _damaged(name, str(error)) from None
    return upright


def _in_mode(image: Image.Image, color: Literal["RGB", "BGR", "L"], name: str) -> Image.Image:
    if image.mode == "I;16":
        image = _sixteen_bit(image)
    if image.mode not in _PLAIN_MODES + _ALPHA_MODES:
        raise RefusedFileError(
            f"picture {name} has the mode {image.mode!r}, which has no agreed meaning here",
            hint="save it as 8-bit grey or RGB",
        )
    try:
        return _converted(image, "L" if color == "L" else "RGB")
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 as above: a palette, or what is transparent, may be damaged or missing
        raise _damaged(name, f"its colours cannot be read: {error or type(error).__name__}") from None


def _converted(image: Image.Image, wanted: Literal["L", "RGB"]) -> Image.Image:
    if image.mode in _ALPHA_MODES or image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    # Everything goes through RGB first: grey is unchanged by it, and colour has one formula for its grey (ITU-R 601).
    # Pillow copies the whole picture also where it has that mode already.
    if image.mode not in {"L", "RGB"}:
        image = image.convert("RGB")
    return image if image.mode == wanted else image.convert(wanted)


def pixels_in(image: Image.Image, color: Literal["RGB", "BGR", "L"]) -> NDArray[np.uint8]:
    """The pixels of a picture of `read_image`, which was read for this colour: uint8, shape (H, W, C)."""
    array = np.asarray(image, dtype=np.uint8)
    if color == "L":
        return np.ascontiguousarray(array[:, :, np.newaxis])
    return np.ascontiguousarray(array[:, :, ::-1] if color == "BGR" else array)


def _sixteen_bit(image: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey: 65,535 / 255 = 257, rounded to nearest; a transparent grey value becomes white."""
    values = np.asarray(image).astype(np.uint32)
    grey = ((values + 128) // 257).astype(np.uint8)
    key = image.info.get("transparency")
    if isinstance(key, int):
        grey[values == key] = 255
    return Image.fromarray(grey)
