"""What a file that should be an ONNX file is instead, in words and with what to do."""

from __future__ import annotations

_PREFIXES: tuple[tuple[bytes, str, str | None], ...] = (
    (
        b"version https://git-lfs",
        "it is a Git LFS pointer: the name of a file that was not downloaded",
        "run `git lfs pull` in that repository, or download the file itself",
    ),
    (
        b"PK\x03\x04",
        "it is a zip archive, as PyTorch checkpoints (.pt, .pth) are",
        "export the model with `zoo export`; a checkpoint is not an ONNX file",
    ),
    (b"\x80\x02", "it is a Python pickle", "export the model with `zoo export`; a pickle is never opened"),
    (b"\x80\x04", "it is a Python pickle", "export the model with `zoo export`; a pickle is never opened"),
    (b"\x80\x05", "it is a Python pickle", "export the model with `zoo export`; a pickle is never opened"),
    (b"\x1f\x8b", "it is a gzip archive", "unpack it first"),
    (b"\x93NUMPY", "it is a numpy array (.npy)", None),
    (b"\x89HDF\r\n", "it is an HDF5 file, as Keras writes", None),
    (b"\x89PNG\r\n", "it is a PNG picture", None),
    (b"\xff\xd8\xff", "it is a JPEG picture", None),
)
_DOWNLOAD = "the address of the download was not that of the file: fetch it again, and look at its size"


def what_it_is(head: bytes, size: int) -> tuple[str, str | None] | None:
    """What the file is, and a hint; None when its first bytes (some hundred of `size`) say nothing."""
    if size == 0:
        return "it is empty", "the download or copy did not finish: fetch it again"
    for prefix, meaning, hint in _PREFIXES:
        if head.startswith(prefix):
            return meaning, hint
    if head[4:8] == b"ORTM":
        return "it is in onnxruntime's own format (.ort)", "use the .onnx file that it was made from"
    if head[4:8] == b"TFL3":
        return "it is a TensorFlow Lite file", None
    if head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= size - 8:
        return "it is a safetensors file: weights without a graph", "export the model with `zoo export`"
    if not any(head):
        return "it holds only zeros", "the download or copy did not finish: fetch it again"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        return "it is a web page (HTML)", _DOWNLOAD
    if _is_text(head):
        return f"it is text that begins with {head[:40].decode('utf-8', 'replace')!r}", _DOWNLOAD
    return None


def _is_text(head: bytes) -> bool:
    try:
        text = head[:-3].decode() if len(head) > 3 else head.decode()
    except UnicodeDecodeError as error:
        # A character may be cut where the head ends; anything earlier is no text.
        if error.start < len(head) - 8:
            return False
        text = head[: error.start].decode()
    return bool(text) and all(character.isprintable() or character in "\t\r\n" for character in text)
