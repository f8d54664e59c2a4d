"""Files that cost their reader more than they should: each function writes one, and `size` says how large."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import struct
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from zoo_core.records import RunInfo
from zoo_core.runtime.reading.protobuf import bytes_field, number_field, varint

FLOAT, INT64, BOOL = 1, 7, 9


def value_info(name: str, *dims: int) -> bytes:
    """A ValueInfoProto of floats."""
    shape = b"".join(bytes_field(1, number_field(1, dim)) for dim in dims)
    kind = bytes_field(1, number_field(1, FLOAT) + bytes_field(2, shape))
    return bytes_field(1, name.encode()) + bytes_field(2, kind)


def node(op_type: str, inputs: Iterable[str] = (), outputs: Iterable[str] = (), *attributes: bytes) -> bytes:
    """A NodeProto."""
    return b"".join(
        (
            *(bytes_field(1, name.encode()) for name in inputs),
            *(bytes_field(2, name.encode()) for name in outputs),
            bytes_field(4, op_type.encode()),
            *(bytes_field(5, attribute) for attribute in attributes),
        )
    )


def ints_attribute(name: str, numbers: Iterable[int]) -> bytes:
    """An AttributeProto with a list of whole numbers."""
    packed = b"".join(map(varint, numbers))
    return bytes_field(1, name.encode()) + bytes_field(8, packed) + number_field(20, 7)


def graph_attribute(name: str, graph: bytes) -> bytes:
    """An AttributeProto with a graph."""
    return bytes_field(1, name.encode()) + bytes_field(6, graph) + number_field(20, 5)


def tensor(name: str, dims: Iterable[int], data_type: int, raw: bytes) -> bytes:
    """A TensorProto with raw data."""
    sizes = bytes_field(1, b"".join(map(varint, dims)))
    return sizes + number_field(2, data_type) + bytes_field(8, name.encode()) + bytes_field(9, raw)


def graph(
    nodes: Iterable[bytes] = (),
    *,
    tensors: Iterable[bytes] = (),
    inputs: Iterable[bytes] = (),
    outputs: Iterable[bytes] = (),
) -> bytes:
    """A GraphProto."""
    parts = ((1, nodes), (5, tensors), (11, inputs), (12, outputs))
    return b"".join(bytes_field(number, part) for number, found in parts for part in found)


def model(
    body: bytes, *, metadata: Mapping[str, str] | None = None, opsets: Iterable[tuple[str, int]] = (("", 20),)
) -> bytes:
    """A ModelProto."""
    pairs = (
        bytes_field(1, key.encode()) + bytes_field(2, value.encode("utf-8", "surrogatepass"))
        for key, value in (metadata or {}).items()
    )
    imports = (bytes_field(1, domain.encode()) + number_field(2, version) for domain, version in opsets)
    return b"".join(
        (
            number_field(1, 10),
            bytes_field(7, body),
            *(bytes_field(8, part) for part in imports),
            *(bytes_field(14, part) for part in pairs),
        )
    )


def copy_model(*, metadata: Mapping[str, str] | None = None) -> bytes:
    """A whole model of one node, with these metadata."""
    body = graph([node("Identity", ["x"], ["y"])], inputs=[value_info("x", 2)], outputs=[value_info("y", 2)])
    return model(body, metadata=metadata)


def run_record(**changes: Any) -> dict[str, Any]:
    """What a small run's `run.json` holds, with these changes."""
    info = RunInfo(
        name="small",
        model="mlp",
        model_plugin="zoo-core:mlp",
        options={"hidden": [8], "size": 28},
        dataset="digits",
        dataset_plugin="zoo-core:digits",
        dataset_options={"train_size": 100},
        dataset_fingerprint="0" * 64,
        classes=("0", "1"),
        trainer="supervised",
        trainer_plugin="zoo-core:supervised",
        config={"epochs": 2, "lr": 0.1},
        epochs=2,
        seed=0,
        device="cpu",
        freeze=("body.*",),
        status="finished",
        best_epoch=1,
        seconds=1.5,
        validation={"loss": 0.5, "accuracy": 0.75},
        test={"loss": 0.5, "accuracy": 0.75},
        versions={"torch": "2.11"},
    )
    return {**info.to_json(), **changes}


def metadata_of_open_quotes(size: int) -> bytes:
    """A text in the metadata that never ends, and in which every character could begin another one."""
    return copy_model(metadata={"zoo": '{"name": "' + '\\"' * size})


def name_declared_twice(size: int) -> bytes:
    """Many inputs, of which the last two are called alike."""
    names = [f"x{number}" for number in range(size)]
    return model(graph(inputs=[value_info(name, 1) for name in (*names, names[-1])]))


def branches_below_many_names(size: int) -> bytes:
    """Branches, and forty times as many names that each of them can see."""
    branch = graph([node("Identity", ["w0"], ["b"])], outputs=[value_info("b", 1)])
    both = (graph_attribute("then_branch", branch), graph_attribute("else_branch", branch))
    choices = [node("If", ["c"], [f"y{number}"], *both) for number in range(size)]
    names = node("Split", ["x"], [f"w{number}" for number in range(40 * size)])
    chosen = tensor("c", (1,), BOOL, b"\1")
    return model(graph([names, *choices], tensors=[chosen], inputs=[value_info("x", 1)], outputs=[value_info("y0", 1)]))


def switches_of_many_values(size: int) -> bytes:
    """Nodes, and a tensor that grows with them, which each of them would look through."""
    switch = tensor("off", (size << 14,), BOOL, bytes(size << 14))
    nodes = [node("Dropout", ["x", "", "off"], [f"y{number}"]) for number in range(size)]
    return model(graph(nodes, tensors=[switch], inputs=[value_info("x", 1)], outputs=[value_info("y0", 1)]))


def shapes_of_many_numbers(size: int) -> bytes:
    """As many nodes as the constant has numbers that each of them would multiply."""
    constant = node("Constant", (), ["shape"], ints_attribute("value_ints", [1] * size))
    nodes = [node("ConstantOfShape", ["shape"], [f"y{number}"]) for number in range(size)]
    return model(graph([constant, *nodes], outputs=[value_info("y0", 1)]))


def number_in_many_pieces(size: int) -> bytes:
    """A tensor of one number, in as many pieces as there are nodes that need it; all pieces but one are empty."""
    pieces = bytes_field(7, b"") * size + bytes_field(7, varint(1))
    one = bytes_field(1, varint(1)) + number_field(2, INT64) + bytes_field(8, b"shape") + pieces
    nodes = [node("ConstantOfShape", ["shape"], [f"y{number}"]) for number in range(size)]
    return model(graph(nodes, tensors=[one], outputs=[value_info("y0", 1)]))


def tensor_of_many_axes(size: int) -> bytes:
    """A tensor whose size has more digits the more axes it has."""
    return model(graph(tensors=[tensor("w", [1 << 39] * size, FLOAT, b"")]))


def value_of_many_axes(size: int) -> bytes:
    """An input with an axis for every five bytes of the file."""
    return model(graph(inputs=[value_info("x", *[1] * size)]))


def domains_and_switches(size: int) -> bytes:
    """Nodes that ask for the opset, and ten times as many domains among which it stands."""
    off = tensor("off", (), BOOL, b"\0")
    nodes = [node("Dropout", ["x", "", "off"], [f"y{number}"]) for number in range(size)]
    body = graph(nodes, tensors=[off], inputs=[value_info("x", 1)], outputs=[value_info("y0", 1)])
    return model(body, opsets=[("", 20), *((f"d{number}", 1) for number in range(10 * size))])


def weights_beside_switches(size: int) -> bytes:
    """Nodes that ask for a weight, and twenty-five times as many weights among which it stands."""
    nodes = [node("Dropout", ["x", "", "w0"], [f"y{number}"]) for number in range(size)]
    stored = [tensor(f"w{number}", (), BOOL, b"\0") for number in range(25 * size)]
    return model(graph(nodes, tensors=stored, inputs=[value_info("x", 1)], outputs=[value_info("y0", 1)]))


def smallest_nodes(size: int) -> bytes:
    """Nodes of two bytes, each of them an object to its reader."""
    return model(graph(nodes=[b""] * size))


def unknown_fields(size: int) -> bytes:
    """Fields of two bytes that no reader knows, beside the graph."""
    return copy_model() + number_field(15, 0) * size


def list_of_numbers(size: int) -> bytes:
    """An attribute with a number for every byte."""
    constant = node("Constant", (), ["y"], ints_attribute("value_ints", [1] * size))
    return model(graph([constant], outputs=[value_info("y", size)]))


def layers(size: int, *, metadata: int = 6) -> bytes:
    """An honest model: see `layers_graph`."""
    return model(layers_graph(size, metadata=metadata))


def layers_graph(size: int, *, metadata: int = 6) -> bytes:
    """An honest graph: layer after layer, each with a weight, an attribute, and the exporter's metadata."""
    names = ["x", *(f"layer{number}/output" for number in range(size - 1)), "y"]
    pairs = b"".join(
        bytes_field(9, bytes_field(1, b"pkg.torch.onnx.%d" % number) + bytes_field(2, b"a class and its line"))
        for number in range(metadata)
    )
    axis = bytes_field(1, b"axis") + number_field(3, 1) + number_field(20, 2)
    nodes = [
        node("Add", [first, f"layer{number}.bias"], [second], axis) + bytes_field(3, b"add_%d" % number) + pairs
        for number, (first, second) in enumerate(itertools.pairwise(names))
    ]
    stored = [tensor(f"layer{number}.bias", (2,), FLOAT, bytes(8)) for number in range(size)]
    return graph(nodes, tensors=stored, inputs=[value_info("x", 2)], outputs=[value_info("y", 2)])


def safetensors(header: bytes, data: bytes = b"") -> bytes:
    """A safetensors file with this header."""
    return len(header).to_bytes(8, "little") + header + data


def empty_tensors(size: int) -> bytes:
    """A safetensors file of tensors without a single number."""
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    return safetensors(json.dumps({f"w{number}": entry for number in range(size)}).encode())


def tensor_of_many_dots(size: int) -> bytes:
    """A safetensors file with one tensor, whose name could begin at any of its dots."""
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    return safetensors(json.dumps({"a." * size + "weight": entry}).encode(), bytes(4))


def npy(header: str, data: bytes = b"", *, version: int = 1) -> bytes:
    """A .npy file with this header."""
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + data


def tar_header(name: str, *, size: int, kind: bytes) -> bytes:
    """One block of 512 bytes that announces a member."""
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


def padded(content: bytes) -> bytes:
    """Content of a member up to the next whole block."""
    return content + bytes(-len(content) % 512)


def tar_of_pax_headers(size: int) -> bytes:
    """An archive with a large global header, which each member after it inherits."""
    records = b"".join(b"12 k%06d=\n" % number for number in range(size))
    members = b"".join(
        tar_header("x", size=11, kind=tarfile.XHDTYPE) + padded(b"11 path=a0\n") + tar_header("a", size=0, kind=b"0")
        for _ in range(size // 8)
    )
    return tar_header("g", size=len(records), kind=tarfile.XGLTYPE) + padded(records) + members + bytes(1024)


def tar_of_chained_headers(size: int) -> bytes:
    """An archive in which a header is about a header, and so on."""
    one = tar_header("x", size=11, kind=tarfile.XHDTYPE) + padded(b"11 path=a0\n")
    return one * size + tar_header("a", size=0, kind=b"0") + bytes(1024)


def tar_of_sparse_map(size: int) -> bytes:
    """An archive with a member that says of itself that it has many holes."""
    holes = b"".join(b"0\n1\n" for _ in range(size))
    text = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    content = padded(b"%d\n" % size + holes)
    head = tar_header("x", size=len(text), kind=tarfile.XHDTYPE) + padded(text)
    return head + tar_header("a", size=len(content), kind=b"0") + content + bytes(1024)


def tar_of_members(size: int) -> bytes:
    """An archive of empty files."""
    return b"".join(tar_header(f"top/{n}", size=0, kind=b"0") for n in range(size)) + bytes(1024)


def tar_of_zeros(size: int) -> bytes:
    """A small archive that unpacks to much."""
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=1, mtime=0) as file:
        file.write(tar_header("other", size=size, kind=b"0"))
        for start in range(0, size, 1 << 20):
            file.write(bytes(min(1 << 20, size - start)))
        file.write(bytes(-size % 512) + bytes(1024))
    return content.getvalue()


def idx_of_zeros(size: int) -> bytes:
    """A small IDX file that unpacks to much."""
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=1, mtime=0) as file:
        file.write(bytes([0, 0, 8, 1]) + struct.pack(">I", size))
        for start in range(0, size, 1 << 20):
            file.write(bytes(min(1 << 20, size - start)))
    return content.getvalue()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG, with its sum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of_texts(size: int) -> bytes:
    """A picture of one pixel with many texts."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    pixels = png_chunk(b"IDAT", zlib.compress(b"\0\0"))
    texts = b"".join(png_chunk(b"tEXt", b"k%06d\0v" % number) for number in range(size))
    return b"\x89PNG\r\n\x1a\n" + header + texts + pixels + png_chunk(b"IEND", b"")
