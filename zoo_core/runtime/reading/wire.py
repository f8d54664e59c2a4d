"""An ONNX file, read without the onnx package: what is in it, as frozen data."""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from zoo_core.errors import RefusedFileError, ZooError
from zoo_core.file_limits import MAX_ONNX_BYTES, MAX_ONNX_OBJECTS
from zoo_core.files import clear_io_errors, plain_file
from zoo_core.paths import is_folder

from .graph import Graph, Node, Value
from .graph_wire import parse_graph
from .protobuf import Budget, Field, WireError, read_message, read_pairs
from .recognise import what_it_is
from .tensors import Tensor

_READ_AT_ONCE = 64 << 20
_PROBLEMS = {"cut-short": "it is damaged or cut short: ", "damaged": "it is not an ONNX file, or is damaged: "}


@dataclass(frozen=True, kw_only=True)
class OnnxFile:
    """What is in an ONNX file. `content` are its bytes, mapped rather than read when there are many."""

    path: Path
    content: bytes | mmap.mmap
    ir_version: int
    opset_pairs: tuple[tuple[str, int], ...]
    producer: str
    producer_version: str
    graph: Graph
    metadata_pairs: tuple[tuple[str, str], ...]
    functions: int = 0
    training_infos: int = 0
    doc_string: str = ""
    domain: str = ""
    model_version: int = 0

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self.content)

    @cached_property
    def opsets(self) -> Mapping[str, int]:
        """Opset version by domain; ONNX's own domain is the empty string."""
        return {"" if domain == "ai.onnx" else domain: version for domain, version in self.opset_pairs}

    @cached_property
    def metadata_props(self) -> Mapping[str, str]:
        """The file's key and value texts."""
        return dict(self.metadata_pairs)

    # What is asked for most, without a detour over the graph.
    @cached_property
    def inputs(self) -> tuple[Value, ...]:
        """Inputs that a caller must give: those of the graph that are not stored tensors."""
        stored = self.graph.initializers
        return tuple(value for value in self.graph.inputs if value.name not in stored)

    @property
    def outputs(self) -> tuple[Value, ...]:
        """The outputs, in order."""
        return self.graph.outputs

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The nodes of the main graph, in order."""
        return self.graph.nodes

    @property
    def initializers(self) -> Mapping[str, Tensor]:
        """The stored tensors of the main graph by name; `.array()` reads one."""
        return self.graph.initializers


_MODEL = {
    1: Field("ir_version", "int"),
    2: Field("producer_name", "string"),
    3: Field("producer_version", "string"),
    4: Field("domain", "string"),
    5: Field("model_version", "int"),
    6: Field("doc_string", "string"),
    7: Field("graph", "message"),
    8: Field("opset_import", "message", repeated=True),
    14: Field("metadata_props", "message", repeated=True),
    20: Field("training_info", "message", repeated=True),
    25: Field("functions", "message", repeated=True),
}
_OPSET = {1: Field("domain", "string"), 2: Field("version", "int")}


def refused(path: Path, reason: str, detail: str, *, hint: str | None = None) -> RefusedFileError:
    """The error for a file that is not opened; `reason` is the short name of the rule."""
    return RefusedFileError(f"{path} was refused ({reason}): {detail}", hint=hint)


def read_onnx(path: str | Path) -> OnnxFile:
    """What is in the ONNX file at `path`. Nothing is judged here but whether it is one (see `vet`).

    Raises RefusedFileError that says what the file is instead, and ZooError when it cannot be read at all.
    """
    path = Path(path)
    content = _content(path)
    head = bytes(content[:512])
    if (other := what_it_is(head, len(content))) is not None:
        raise refused(path, "not-onnx", other[0], hint=other[1])
    try:
        return _parse_model(path, content)
    except WireError as error:
        words = _PROBLEMS.get(error.reason, "")
        hint = "the download or copy did not finish: fetch it again" if error.reason == "cut-short" else None
        raise refused(path, error.reason, f"{words}{error}", hint=hint) from None


def _content(path: Path) -> bytes | mmap.mmap:
    hint = "protobuf ends at 2 GB; larger models keep their weights in files beside the .onnx file"
    too_large = refused(path, "too-large", f"it has over {MAX_ONNX_BYTES:,} bytes", hint=hint)
    if is_folder(path):
        raise ZooError(f"cannot read {path}: it is a folder", hint="name the .onnx file in it")
    with plain_file(path, most=MAX_ONNX_BYTES, too_large=too_large) as file, clear_io_errors("cannot read", path):
        if os.fstat(file.fileno()).st_size <= _READ_AT_ONCE:
            return file.read()
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _parse_model(path: Path, content: bytes | mmap.mmap) -> OnnxFile:
    budget = Budget(MAX_ONNX_OBJECTS)
    found = read_message(memoryview(content), _MODEL, budget)
    if "graph" not in found or "ir_version" not in found:
        missing = "graph" if "graph" not in found else "IR version"
        raise WireError(f"it has no {missing}")
    opsets = [read_message(piece, _OPSET, budget) for piece in found.get("opset_import", [])]
    return OnnxFile(
        path=path,
        content=content,
        ir_version=found["ir_version"],
        opset_pairs=tuple((opset.get("domain", ""), opset.get("version", 0)) for opset in opsets),
        producer=found.get("producer_name", ""),
        producer_version=found.get("producer_version", ""),
        graph=parse_graph(found["graph"], budget),
        metadata_pairs=read_pairs(found.get("metadata_props", []), budget),
        functions=len(found.get("functions", ())),
        training_infos=len(found.get("training_info", ())),
        doc_string=found.get("doc_string", ""),
        domain=found.get("domain", ""),
        model_version=found.get("model_version", 0),
    )
