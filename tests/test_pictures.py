"""Reading pictures: what every kind of file means, and which files are refused or damaged."""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo_core import ZooError
from zoo_core.errors import RefusedFileError, UsageError
from zoo_core.pictures import read_picture


def encoded(image: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def png(width: int, height: int, bits: int, kind: int, *rows: bytes, chunks: bytes = b"") -> bytes:
    """A PNG written by hand: `kind` 0 is grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + header + chunks + data + chunk(b"IEND", b"")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def rgb(content: bytes) -> list[list[int]]:
    return read_picture(content, color="RGB").reshape(-1, 3).tolist()


def grey(content: bytes) -> list[int]:
    return read_picture(content, color="L").ravel().tolist()


def test_one_bit_is_black_and_white() -> None:
    assert grey(png(4, 1, 1, 0, b"\x50")) == [0, 255, 0, 255]
    assert rgb(png(2, 1, 1, 0, b"\x40")) == [[0, 0, 0], [255, 255, 255]]


def test_sixteen_bit_grey_is_divided_by_257_and_rounded() -> None:
    values = [0, 128, 129, 257, 32768, 65535 - 128, 65535 - 129, 65535]
    content = png(len(values), 1, 16, 0, struct.pack(f">{len(values)}H", *values))
    assert grey(content) == [round(value / 257) for value in values] == [0, 0, 1, 1, 128, 255, 254, 255]
    assert [pixel[0] for pixel in rgb(content)] == grey(content)


def test_sixteen_bit_grey_with_a_transparent_value() -> None:
    content = png(2, 1, 16, 0, struct.pack(">2H", 1000, 0), chunks=chunk(b"tRNS", struct.pack(">H", 1000)))
    assert grey(content) == [255, 0]


def test_sixteen_bits_for_several_channels_keep_the_high_byte() -> None:
    assert rgb(png(1, 1, 16, 2, struct.pack(">3H", 0x12FF, 0x8000, 0xFFFF))) == [[0x12, 0x80, 0xFF]]


def test_transparency_is_composed_over_white() -> None:
    assert rgb(png(3, 1, 8, 6, bytes([255, 0, 0, 255, 255, 0, 0, 0, 255, 0, 0, 128]))) == [
        [255, 0, 0],
        [255, 255, 255],
        [255, 127, 127],
    ]
    assert grey(png(3, 1, 8, 4, bytes([7, 255, 7, 0, 0, 128]))) == [7, 255, 127]
    one_colour = chunk(b"tRNS", struct.pack(">3H", 1, 2, 3))
    assert rgb(png(2, 1, 8, 2, bytes([1, 2, 3, 3, 2, 1]), chunks=one_colour)) == [[255] * 3, [3, 2, 1]]
    assert grey(png(2, 1, 8, 0, bytes([9, 10]), chunks=chunk(b"tRNS", b"\0\x09"))) == [255, 10]


def test_a_palette_becomes_its_colours() -> None:
    palette = chunk(b"PLTE", bytes([10, 20, 30, 200, 100, 50]))
    assert rgb(png(2, 1, 8, 3, b"\0\1", chunks=palette)) == [[10, 20, 30], [200, 100, 50]]
    transparent = palette + chunk(b"tRNS", b"\0\xff")
    assert rgb(png(2, 1, 8, 3, b"\0\1", chunks=transparent)) == [[255, 255, 255], [200, 100, 50]]


def test_cmyk_goes_by_the_plain_formula() -> None:
    content = encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "JPEG", quality=95)
    pixel = rgb(content)[0]
    assert np.abs(np.array(pixel) - [0, 255, 255]).max() <= 3


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied(orientation: int, format_: str) -> None:
    upright = np.zeros((16, 24, 3), np.uint8)
    upright[:8, :8] = 255  # the white corner is at the top left when the picture is upright
    # How the camera stored it, so that the tag brings it back (EXIF 2.3, tag 0x0112).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = encoded(Image.fromarray(np.ascontiguousarray(stored)), format_, exif=exif)
    read = read_picture(content, color="RGB")
    assert read.shape == upright.shape
    assert np.abs(read.astype(int) - upright).mean() < 8


def test_a_file_is_read_by_content_when_its_name_has_no_suffix(tmp_path: Path) -> None:
    path = tmp_path / "upload"
    path.write_bytes(encoded(Image.new("RGB", (2, 2), "red"), "BMP"))
    assert read_picture(path, color="RGB")[0, 0].tolist() == [255, 0, 0]
    (tmp_path / "X.JPG").write_bytes(encoded(Image.new("L", (2, 2), 9), "JPEG"))
    assert read_picture(tmp_path / "X.JPG", color="L").shape == (2, 2, 1)


def refused(tmp_path: Path, name: str, content: bytes, text: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RefusedFileError, match=text) as caught:
        read_picture(path, color="RGB")
    assert str(path) in caught.value.message
    assert caught.value.exit_code == 4
    assert caught.value.hint


@pytest.mark.parametrize(
    ("name", "content", "seems"),
    [
        ("a.gif", encoded(Image.new("P", (4, 4)), "GIF"), "a GIF"),
        ("a.png", encoded(Image.new("RGB", (4, 4)), "TIFF"), "a TIFF"),
        ("a.png", b"<!DOCTYPE html><html></html>", "a web page"),
        ("a.png", b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        ("a.png", encoded(Image.new("RGB", (4, 4)), "PDF"), "a PDF"),
    ],
)
def test_other_formats_are_refused(tmp_path: Path, name: str, content: bytes, seems: str) -> None:
    refused(tmp_path, name, content, f"is not a PNG, JPEG, WEBP or BMP picture; it seems to be {seems}")


@pytest.mark.parametrize("format_", ["EPS", "PPM", "JPEG2000", "ICO", "TGA", "MSP", "XBM"])
def test_formats_that_pillow_knows_but_we_do_not_read(tmp_path: Path, format_: str) -> None:
    mode = "1" if format_ in {"MSP", "XBM"} else "RGB"
    refused(tmp_path, "a.png", encoded(Image.new(mode, (16, 16)), format_), "is not a PNG, JPEG, WEBP or BMP picture")


def test_a_suffix_of_another_format_is_refused(tmp_path: Path) -> None:
    content = encoded(Image.new("RGB", (4, 4)), "PNG")
    refused(tmp_path, "a.jpg", content, "is not what its name says: the content is PNG")
    refused(tmp_path, "a.gif", content, "is not what its name says: the content is PNG")


@pytest.mark.parametrize(
    ("width", "height", "size"), [(10_000, 10_000, "100"), (7_100, 7_100, "50"), (20_000, 20_000, "178")]
)
def test_over_50_megapixels_are_refused_before_decoding(tmp_path: Path, width: int, height: int, size: str) -> None:
    # There are no pixels to decode: only the header can have told the size.
    refused(tmp_path, "a.png", png(width, height, 8, 0), f"{size} megapixels, more than the 50 allowed")


def test_50_megapixels_are_read() -> None:
    assert read_picture(png(10_000, 5_000, 1, 0, *[b"\0" * 1250] * 5_000), color="L").shape == (5_000, 10_000, 1)


def test_over_64_megabytes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with path.open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    for source in (path, path.read_bytes()):
        with pytest.raises(RefusedFileError, match="has over 64 MB"):
            read_picture(source, color="RGB")


@pytest.mark.parametrize("format_", ["PNG", "WEBP"])
def test_more_than_one_frame_is_refused(tmp_path: Path, format_: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    content = encoded(frames[0], format_, save_all=True, append_images=frames[1:])
    refused(tmp_path, f"a.{format_.lower()}", content, "has more than one frame")


def test_the_first_picture_of_a_phones_jpeg_with_two_is_taken(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "blue")]
    (tmp_path / "phone.jpg").write_bytes(encoded(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    pixels = read_picture(tmp_path / "phone.jpg", color="RGB")
    assert pixels.shape == (8, 8, 3)
    assert pixels[0, 0, 0] > 200 > 50 > pixels[0, 0, 2]
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "phone.jpg").read_bytes()[:-400])
    np.testing.assert_array_equal(read_picture(tmp_path / "cut.jpg", color="RGB"), pixels)


def test_the_limits_are_raised_by_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)  # raised below, and given back
    (tmp_path / "a.png").write_bytes(png(12_000, 9_000, 8, 0))
    refused(tmp_path, "a.png", png(12_000, 9_000, 8, 0), "108 megapixels, more than the 50 allowed")
    monkeypatch.setenv("ZOO_MAX_PIXELS", "100000000")
    refused(tmp_path, "a.png", png(12_000, 9_000, 8, 0), "108 megapixels, more than the 100 allowed")
    refused(tmp_path, "b.png", png(60_000, 60_000, 8, 0), "more than the 100 allowed")
    monkeypatch.setenv("ZOO_MAX_PIXELS", "150000000")
    with pytest.raises(ZooError, match="is damaged"):  # no pixel of it is there: the limit was no hindrance any more
        read_picture(tmp_path / "a.png", color="L")
    with (tmp_path / "big.png").open("wb") as file:
        file.truncate(193 * 2**20)
    with pytest.raises(RefusedFileError, match="has over 192 MB"):
        read_picture(tmp_path / "big.png", color="L")
    for wrong in ("0", "-5", "many", "1e9", "²"):
        monkeypatch.setenv("ZOO_MAX_PIXELS", wrong)
        with pytest.raises(UsageError, match="ZOO_MAX_PIXELS is a whole number above 0, not "):
            read_picture(tmp_path / "a.png", color="L")


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "BMP"])
@pytest.mark.parametrize("keep", [16, 40, 0.5, -40])
def test_a_truncated_picture_is_named(tmp_path: Path, format_: str, keep: float) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(pixels), format_)
    end = int(len(content) * keep) if isinstance(keep, float) else keep
    path = tmp_path / f"cut.{format_.lower()}"
    path.write_bytes(content[:end])
    with pytest.raises(ZooError, match=re.escape(f"picture {path} is damaged: ")) as caught:
        read_picture(path, color="RGB")
    assert caught.value.exit_code == 1


def test_a_palette_that_is_missing_is_told_in_words(tmp_path: Path) -> None:
    """An indexed PNG without its chunk PLTE: Pillow opens it, and only its colours cannot be had."""
    path = tmp_path / "bare.png"
    path.write_bytes(png(2, 2, 8, 3, b"\0\1", b"\1\0"))
    with pytest.raises(ZooError, match="is damaged: its colours cannot be read"):
        read_picture(path, color="RGB")


def test_damage_inside_a_picture_is_named() -> None:
    content = bytearray(encoded(Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))))
    content[-20] ^= 1
    with pytest.raises(ZooError, match="picture hurt is damaged: "):
        read_picture(bytes(content), color="L", name="hurt")


def test_an_empty_file_and_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(ZooError, match="is damaged: the file is empty") as caught:
        read_picture(tmp_path / "a.png", color="RGB")
    assert caught.value.exit_code == 1
    with pytest.raises(ZooError, match=r"cannot read picture .*b\.png: No such file"):
        read_picture(tmp_path / "b.png", color="RGB")
    with pytest.raises(ZooError, match=r"cannot read picture .*: Is a directory"):
        read_picture(tmp_path, color="RGB")


def test_a_published_set_with_wrong_names(tmp_path: Path) -> None:
    """A GIF is read there, its first frame; limits hold all the same."""
    pixels = np.random.default_rng(0).integers(0, 8, (4, 5), dtype=np.uint8)
    frames = [Image.fromarray(pixels * 30), Image.fromarray(pixels)]
    for name, options in (("one.jpg", {}), ("two.jpg", {"save_all": True, "append_images": frames[1:]})):
        frames[0].save(tmp_path / name, format="GIF", **options)
        with pytest.raises(RefusedFileError, match="it seems to be a GIF"):
            read_picture(tmp_path / name, color="L")
        assert (read_picture(tmp_path / name, color="L", misnamed=True)[:, :, 0] == pixels * 30).all()
    frames[0].save(tmp_path / "png.jpg", format="PNG")
    with pytest.raises(RefusedFileError, match="is not what its name says: the content is PNG"):
        read_picture(tmp_path / "png.jpg", color="L")
    assert (read_picture(tmp_path / "png.jpg", color="L", misnamed=True)[:, :, 0] == pixels * 30).all()
    huge = (tmp_path / "one.jpg").read_bytes()
    with pytest.raises(RefusedFileError, match="more than the 50 allowed"):
        read_picture(huge[:6] + b"\xff\xff\xff\xff" + huge[10:], color="L", misnamed=True)
    (tmp_path / "x.jpg").write_text("<html>")
    with pytest.raises(RefusedFileError, match="a web page"):
        read_picture(tmp_path / "x.jpg", color="L", misnamed=True)
