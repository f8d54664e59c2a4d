"""The description of a model as bioimage.io has it (rdf.yaml, version 0.5), for exports that fit.

Inputs are described as the file takes them, already prepared: how to prepare a picture stands in the file's own words.
JSON is YAML, and the same text for equal data.
"""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core import ZooError
from zoo_core.data import read_plain
from zoo_core.runtime import bytes_field, read_onnx

from .exhibits import CARD, MODEL, Exhibit
from .facts import mapping_in, summary_of, text

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILE = "rdf.yaml"
VERSION = "0.5.4"
_VECTORS = "test_data_set_0"
_MOST_VECTOR = 1 << 30
_DTYPES = {"float32", "float64", "uint8", "int8", "int32", "int64"}
_FREE = re.compile(r"(?:(\d+)\*)?[A-Z][A-Za-z0-9_]*")
_LINK = re.compile(r"https?://[^\s\"<>]+")
_DOI = re.compile(r"https?://(?:dx\.)?doi\.org/(10\.\S+)")
_TAG = re.compile(r"[^a-z0-9]+")


class UnfitError(Exception):
    """An export that this form has no room for; the message says why."""


def described(exhibit: Exhibit) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The description, and the test tensors that it names. Raises UnfitError."""
    words = exhibit.metadata
    if exhibit.state != "verified":
        raise UnfitError(f"it is {exhibit.state}, and not verified")
    source = text(words, "source")
    if not _LINK.fullmatch(source):
        raise UnfitError("it does not say where its architecture comes from")
    if not text(words, "license"):
        raise UnfitError("it does not say its license")
    tensors = _Tensors(exhibit)
    inputs, outputs = tensors.described("input"), tensors.described("output")
    doi = _DOI.fullmatch(source)
    sums = {each.name: each.sha256 for each in exhibit.files}
    return {
        "format_version": VERSION,
        "type": "model",
        "name": _name(exhibit.name),
        "description": summary_of(exhibit)[:1000],
        "authors": [{"name": text(words, "model_plugin").replace("/", "-") or "not stated"}],
        "cite": [{"text": text(words, "model") or exhibit.name, **({"doi": doi[1]} if doi else {"url": source})}],
        "license": text(words, "license"),
        "documentation": {"source": CARD, "sha256": sums[CARD]},
        "tags": [_TAG.sub("-", text(words, "task").lower()), "onnx"],
        "inputs": inputs,
        "outputs": outputs,
        "weights": {
            "onnx": {"source": MODEL, "sha256": sums[MODEL], "opset_version": exhibit.file.opsets.get("", 0)},
        },
    }, tensors.files


def _name(name: str) -> str:
    """In letters that are allowed, of which there are from 5 to 128."""
    plain = re.sub(r"[^A-Za-z0-9_+\- ()]", "-", name)[:120]
    return plain if len(plain) >= 5 else f"{plain} model"


class _Tensors:
    """The inputs and outputs; their test tensors gather in `files`. A free size is called by the input that has it."""

    def __init__(self, exhibit: Exhibit) -> None:
        self._exhibit = exhibit
        self._free: dict[str, dict[str, str]] = {}
        self.files: dict[str, bytes] = {}

    def described(self, role: str) -> list[dict[str, Any]]:
        """Those of a role, `input` before `output`."""
        specs = mapping_in(self._exhibit.metadata, f"{role}s")
        return [self._tensor(role, place, str(name), spec) for place, (name, spec) in enumerate(specs.items())]

    def _tensor(self, role: str, place: int, name: str, spec: Any) -> dict[str, Any]:
        axes = spec.get("axes") if isinstance(spec, dict) else None
        if not isinstance(axes, list) or not 2 <= len(axes) <= 4 or axes[0] != "N":
            raise UnfitError(f"{name} has axes that this form does not know")
        dtype = text(spec, "dtype") or "float32"
        if dtype not in _DTYPES:
            raise UnfitError(f"{name} is of type {dtype}")
        said = self._exhibit.metadata
        words = mapping_in(said, "preprocess")
        is_last = role == "input" and len(axes) == 4 and (said.get("baked") is True or text(words, "layout") == "NHWC")
        channel, *sizes = [axes[3], axes[1], axes[2]] if is_last else axes[1:]
        known = _TAG.sub("_", name.lower()).strip("_") or role
        letters = "yx" if len(sizes) == 2 else "x"
        space = [self._space(known, role, letter, size) for letter, size in zip(letters, sizes, strict=False)]
        channels = {"type": "channel", "channel_names": self._channels(name, role, channel)}
        content = _as_npy(_vector(self._exhibit.path / _VECTORS / f"{role}_{place}.pb"))
        file = f"test_{role}_{place}.npy"
        self.files[file] = content
        return {
            "id": known,
            "axes": [{"type": "batch"}, *([*space, channels] if is_last else [channels, *space])],
            "data": {"type": dtype},
            "test_tensor": {"source": file, "sha256": hashlib.sha256(content).hexdigest()},
        }

    def _channels(self, name: str, role: str, size: Any) -> list[str]:
        if not isinstance(size, int):
            raise UnfitError(f"{name} has a free number of channels")
        labels = self._exhibit.metadata.get("labels")
        if role == "output" and isinstance(labels, list) and len(labels) == size:
            return [f"class {label}" for label in labels]
        return [f"channel{number}" for number in range(size)]

    def _space(self, known: str, role: str, letter: str, size: Any) -> dict[str, Any]:
        axis: dict[str, Any] = {"type": "space", "id": letter}
        if isinstance(size, int):
            return {**axis, "size": size}
        found = _FREE.fullmatch(str(size))
        if role == "output" and str(size) in self._free:
            return {**axis, "size": self._free[str(size)]}
        if found is None or role == "output":
            raise UnfitError(f"{known} has an axis that follows from another one")
        self._free[str(size)] = {"tensor_id": known, "axis_id": letter}
        step = int(found[1] or 1)
        return {**axis, "size": {"min": step, "step": step}}


def _vector(path: Path) -> NDArray[Any]:
    """The tensor in a file of ONNX's own form for test data: read as the only tensor of a model without nodes."""
    try:
        content = read_plain(path, most=_MOST_VECTOR, within=path.parent)
    except ZooError as error:
        raise UnfitError(f"it has no test data: {error}") from error
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tensor.onnx"
        model.write_bytes(b"\x08\x0a" + bytes_field(7, bytes_field(5, content)) + bytes_field(8, b"\x10\x14"))
        return next(iter(read_onnx(model).initializers.values())).array()


def _as_npy(values: NDArray[Any]) -> bytes:
    import numpy as np

    out = io.BytesIO()
    np.save(out, values, allow_pickle=False)
    return out.getvalue()
