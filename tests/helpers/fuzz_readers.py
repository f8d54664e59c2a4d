"""Every reader of files that strangers make, with good files to damage: for a test and for `benchmarks/fuzz.py`."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import math
import shutil
import struct
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

import hostile_files as hostile
import numpy as np
import recipe_files
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from mutations import ODD_NUMBERS, changed_bytes, changed_json, changed_protobuf
from onnx_files import brightness_metadata, brightness_model, write_model
from PIL import Image

from zoo_core.data import idx_bytes, read_idx, read_members, unpack
from zoo_core.errors import ZooError
from zoo_core.pictures import read_mask, read_picture
from zoo_core.records import EpochRow, to_plain
from zoo_core.runtime import open_model, read_sequence
from zoo_core.runtime.reading.metadata import KEY, read_metadata
from zoo_core.runtime.reading.own_words import own_words
from zoo_core.runtime.vetting.agreement import check_agreement
from zoo_core.runtime.vetting.vet import vet
from zoo_core.shelf import list_exports, list_runs
from zoo_core.training.checkpoint import read_tensors, save_tensors
from zoo_core.training.directory import RunDirectory
from zoo_core.training.pickled import read_pth
from zoo_core.training.run import load_run
from zoo_core.training.run_card import commands
from zoo_core.training.state import TrainState, save_state
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.verification.conclude.structure import Interface, check_structure
from zoo_core.verification.expect.self_test import input_draws, validated
from zoo_core.verification.feed.vectors import read_vectors, write_vectors
from zoo_plugins.features_file.files import read_split

FILES = settings(
    database=None,
    deadline=None,
    phases=[Phase.generate],  # to shrink what a seed gives is work for who looks into it
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """A reader that commands use: `content` are damaged files, which `read` opens under the name `file`."""

    file: str
    content: st.SearchStrategy[bytes]
    read: Callable[[Path], Any]


@dataclass(kw_only=True)
class Outcome:
    """What came of the files that one reader was given; `otherwise` are errors that no user should meet."""

    accepted: int = 0
    refused: int = 0
    seconds: float = 0.0
    otherwise: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        return self.accepted + self.refused + len(self.otherwise)


def fuzz(reader: Reader, folder: Path, *, examples: int, start: int = 0) -> Outcome:
    """Give so many damaged files to a reader, the same ones for the same `start`."""
    outcome = Outcome()
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)

    @seed(start)
    @settings(FILES, max_examples=examples)
    @given(reader.content)
    def give(content: bytes) -> None:
        path.write_bytes(content)
        try:
            reader.read(path)
        except ZooError:  # each of its kinds has an exit code of 1 to 4
            outcome.refused += 1
        except Exception as error:
            outcome.otherwise.append(f"{type(error).__name__}: {str(error)[:200]}")
        else:
            outcome.accepted += 1

    began = time.perf_counter()
    give()
    outcome.seconds = time.perf_counter() - began
    return outcome


# -- ONNX --------------------------------------------------------------------------------------------------------


def _self_test() -> dict[str, Any]:
    draws = input_draws({"image": (2, 1, 4, 4)}, ranges={"image": (0.0, 1.0)}, dtypes={"image": "float32"}, seed=7)
    expected = {"shape": [2, 3], "positions": [0, 1], "expected": [0.5, 0.5], "bound": 0.1, "floor": 0.01}
    return {**draws, "outputs": {"logits": expected}, "others": []}


@cache
def _brightness() -> dict[str, Any]:
    metadata = brightness_metadata(
        largest={"N": 64},
        options={"hidden": [1, 2]},
        dataset={"name": "digits", "plugin": "zoo-core:digits", "options": {}, "fingerprint": "0" * 64},
        metrics={"test": {"accuracy": 0.5}},
        versions={"torch": "2.11"},
        self_test=_self_test(),
    )
    plain: dict[str, Any] = json.loads(metadata.to_json())
    return plain


def _onnx_files() -> list[bytes]:
    return [
        _with_metadata(json.dumps(_brightness())),
        hostile.layers(3, metadata=1),
        hostile.branches_below_many_names(2),
        hostile.shapes_of_many_numbers(3),
        hostile.switches_of_many_values(1),
        hostile.number_in_many_pieces(2),
        _odd_nodes(),
    ]


def _odd_nodes() -> bytes:
    """Nodes whose attributes and constants are looked at."""
    nodes = [
        hostile.node("Pad", ["x"], ["a"], hostile.ints_attribute("pads", [0, 1])),
        hostile.node("Constant", (), ["n"], hostile.ints_attribute("value_ints", [1, 2])),
        hostile.node("Tile", ["x", "n"], ["b"]),
        hostile.node("Range", ["s", "s", "s"], ["c"]),
        hostile.node("Resize", ["x", "", "s"], ["d"]),
        hostile.node("MaxPool", ["x"], ["e"], hostile.ints_attribute("kernel_shape", [1, 1])),
        hostile.node("BatchNormalization", ["x"], ["f"], hostile.ints_attribute("training_mode", [0])),
    ]
    stored = [hostile.tensor("s", (2,), hostile.FLOAT, bytes(8))]
    outputs = [hostile.value_info("a", 2)]
    return hostile.model(hostile.graph(nodes, tensors=stored, inputs=[hostile.value_info("x", 2)], outputs=outputs))


def _vet(path: Path) -> None:
    own_words(path)
    file = vet(path)
    check_structure(file, Interface(inputs={}, outputs={}, opset=20))
    if KEY in file.metadata_props:
        check_agreement(file, read_metadata(file))


def _with_metadata(text: str) -> bytes:
    model = brightness_model()
    entry = model.metadata_props.add()
    entry.key, entry.value = "zoo", text.encode("utf-8", "replace").decode()
    return model.SerializeToString()


def _predict(path: Path) -> None:
    own_words(path)
    picture = path.with_name("picture.png")
    if not picture.exists():
        Image.fromarray(np.arange(60, dtype=np.uint8).reshape(6, 10)).save(picture)
    model = open_model(path, threads=1)
    metadata = model.metadata
    if metadata.self_test is not None:
        validated(metadata.self_test, inputs=metadata.inputs, outputs=metadata.outputs)
    model(picture)


# -- records -----------------------------------------------------------------------------------------------------

REPORT = {
    "outcome": "verified",
    "name": "brightness",
    "model": "brightness",
    "run": None,
    "opset": 20,
    "axes": {"image": ["N", 1, 4, 4], "logits": ["N", 3]},
    "reference": "float64",
    "checks": [{"rule": "structure", "outcome": "passed", "detail": ""}],
    "outputs": [{"name": "logits", "error": 0.0, "bound": 0.1, "floors": 0.0}],
    "versions": {"torch": "2.11"},
    "files": {"model.onnx": "0" * 64},
    "described": "0" * 64,
    "schema": 1,
}
ROW = EpochRow(epoch=1, train={"loss": 1.0}, validation={"loss": 1.0, "accuracy": 0.5}, learning_rate=0.1, seconds=1.0)


def _bundle(path: Path) -> None:
    model = path.with_name("model.onnx")
    if not model.exists():
        write_model(model, brightness_model(), brightness_metadata())
    list_exports()
    verify_export(path.parent)


def _run(path: Path) -> None:
    list_runs()
    run = load_run(path.parent)
    commands(run.info)
    json.dumps(to_plain(run.info), allow_nan=False)


def _rows(path: Path) -> None:
    if not path.with_name("run.json").exists():
        path.with_name("run.json").write_text(json.dumps(hostile.run_record()))
    load_run(path.parent)


# -- weights -----------------------------------------------------------------------------------------------------


def _saved(write: Callable[[Path], Any]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "file"))
        return Path(folder, "file").read_bytes()


@cache
def _weights() -> bytes:
    tensors = {"fc.weight": torch.zeros(2, 3), "fc.bias": torch.zeros(2), "n": torch.zeros((), dtype=torch.int64)}
    return _saved(lambda path: save_tensors(path, tensors, facts={"epoch": 1}))


@cache
def _state() -> bytes:
    module = {"fc.weight": torch.zeros(2, 3)}
    optimizer = {0: {"step": torch.zeros(()), "exp_avg": torch.zeros(2, 3), "name": "x"}}
    state = TrainState(rows=(ROW, ROW), module=module, best=module, optimizer=optimizer)
    return _saved(lambda path: save_state(path, state, selection="accuracy"))


@cache
def _pth() -> bytes:
    content = io.BytesIO()
    torch.save({"fc.weight": torch.zeros(2, 3)}, content)
    return content.getvalue()


@st.composite
def _safetensors(draw: st.DrawFn, content: bytes) -> bytes:
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    if draw(st.booleans()):
        facts = draw(changed_json(json.loads(header["__metadata__"]["zoo"])))
        return hostile.safetensors(json.dumps({**header, "__metadata__": {"zoo": facts}}).encode(), data)
    return hostile.safetensors(draw(changed_json(header)).encode("utf-8", "replace"), data)


# -- inputs ------------------------------------------------------------------------------------------------------


@st.composite
def _npy(draw: st.DrawFn) -> bytes:
    descr = draw(
        st.sampled_from(
            (
                "'<f4'",
                "'>f8'",
                "'|O'",
                "'<U5'",
                "'|b1'",
                "'|u1'",
                "[('a', '<f4')]",
                "'<M8[s]'",
                "'|V4'",
                "1",
                "''",
                "'<f2'",
            )
        )
    )
    whole = st.sampled_from([number for number in ODD_NUMBERS if isinstance(number, int)])
    size = st.one_of(st.integers(0, 4), whole)
    shape = tuple(draw(st.lists(size, max_size=draw(st.sampled_from((2, 4, 70))))))
    order = draw(st.sampled_from(("True", "False", "3")))
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {str(shape)[:9000]}, }}"
    if draw(st.integers(0, 9)) == 0:
        header = draw(st.sampled_from(("(" * 900, "-" * 5000, "[" * 95 + "]" * 95, "{" * 9000, "1" * 9000, "")))
    size = draw(st.sampled_from((math.prod(shape) * 4, math.prod(shape), 0, 7)))
    return hostile.npy(header, bytes(size if 0 <= size < 1_000 else 64), version=draw(st.sampled_from((1, 2, 3, 9))))


@st.composite
def _npz(draw: st.DrawFn) -> bytes:
    good = {"targets": _npy_file(np.array([0, 1, 0])), "classes": _npy_file(np.array(["a", "b"]))}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in ("features", "targets", "classes"):
            archive.writestr(f"{name}.npy", draw(st.one_of(_npy(), st.just(good.get(name, _npy_file())))))
    return content.getvalue()


def _npy_file(values: np.ndarray | None = None) -> bytes:
    content = io.BytesIO()
    np.save(content, np.arange(6, dtype=np.float32).reshape(3, 2) if values is None else values)
    return content.getvalue()


CELLS = st.sampled_from(
    ("1", "-2.5", "", " 3 ", "nan", "inf", "1e999", "x", '"4"', '"', '"a\n1"', "1_0", "\0", "٣", "0x1")
)
ENDS = st.sampled_from(("\n", "\r\n", "\r", "\n\n", ";"))


@st.composite
def _csv(draw: st.DrawFn) -> bytes:
    rows = draw(st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=5))
    text = "".join(",".join(row) + draw(ENDS) for row in rows)
    return text.encode(draw(st.sampled_from(("utf-8", "utf-8-sig", "utf-16"))))


@st.composite
def _idx(draw: st.DrawFn) -> bytes:
    sizes = draw(
        st.lists(st.sampled_from((0, 1, 2, 3, 255, 2**31, 2**32 - 1)), max_size=draw(st.sampled_from((3, 70))))
    )
    code = draw(st.sampled_from((8, 9, 11, 12, 13, 14, 10, 0)))
    count = draw(st.sampled_from((len(sizes), 0, 255)))
    content = bytes([0, 0, code, count]) + struct.pack(f">{len(sizes)}I", *sizes) + draw(st.binary(max_size=64))
    return gzip.compress(content, mtime=0) if draw(st.booleans()) else content


@st.composite
def _tar(draw: st.DrawFn) -> bytes:
    kinds = st.sampled_from((*b"0125679gxLKSX", 0))
    names = st.sampled_from(
        ("top/a", "top", "./top/b", "../x", "/abs", "top/../../x", "a" * 99, "top/é", "", "top/c/d")
    )
    records = st.sampled_from(
        (
            *(b"11 path=a0\n", b"13 size=99x\n", b"9 size=9\n", b"25 size=99999999999999999\n", b"12 mtime=nan\n"),
            *(b"0 =\n", b"99 path=a\n", b"17 path=../../x\n", b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"),
            *(b"25 GNU.sparse.map=0,1,2,\n", b"23 GNU.sparse.size=abc\n", b"18 hdrcharset=BINARY\n", b"\xff" * 30),
        )
    )
    parts = []
    for _ in range(draw(st.integers(0, 5))):
        content = draw(st.one_of(records, st.binary(max_size=40)))
        size = draw(st.sampled_from((len(content), len(content), len(content), 0, 2**33 - 1)))
        head = bytearray(hostile.tar_header(draw(names), size=size, kind=bytes([draw(kinds)])))
        if draw(st.integers(0, 4)) == 0:
            place = draw(st.integers(100, 340))
            head[place : place + 12] = draw(
                st.sampled_from((b"\x80" + b"\xff" * 11, b"\xff" * 12, b"-0000000001\0", b"9" * 12))
            )
            head[148:156] = b" " * 8
            head[148:156] = b"%06o\0 " % sum(head)
        parts.append(bytes(head) + hostile.padded(content))
    whole = b"".join(parts) + bytes(1024)
    return draw(st.sampled_from((bytes, gzip.compress, bz2.compress, lzma.compress)))(whole)


@cache
def _tar_file(mode: Literal["w:gz", "w:bz2", "w:xz"]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode=mode, format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("top/" + "a" * 120 + "é")
        member.size = 3
        tar.addfile(member, io.BytesIO(b"abc"))
    return content.getvalue()


def _archive(path: Path) -> None:
    read_members(path, ["top/a", "none"], most_bytes=100)
    shutil.rmtree(unpack(path, top="top"))


# -- pictures ----------------------------------------------------------------------------------------------------


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


def _vectors() -> bytes:
    def write(path: Path) -> None:
        write_vectors(path.parent, {"image": np.zeros((2, 1, 4, 4), np.float32)}, {})
        (path.parent / "test_data_set_0" / "input_0.pb").rename(path)

    return _saved(write)


def _of(files: list[bytes], change: Callable[[bytes], st.SearchStrategy[bytes]]) -> st.SearchStrategy[bytes]:
    return st.sampled_from(files).flatmap(change)


def _encoded(value: Any) -> st.SearchStrategy[bytes]:
    return changed_json(value).map(lambda text: text.encode("utf-8", "surrogatepass"))


def _picture_reader(kind: str, suffix: str, content: st.SearchStrategy[bytes] | None = None) -> Reader:
    files = [_picture_file(kind, mode) for mode in ("RGB", "L")]
    return Reader(
        file=f"picture{suffix}",
        content=_of(files, changed_bytes) if content is None else content,
        read=partial(read_picture, color="RGB"),
    )


def readers() -> dict[str, Reader]:
    """Every reader by its name."""
    return {
        "ONNX, bytes": Reader(file="model.onnx", content=_of(_onnx_files(), changed_bytes), read=_vet),
        "ONNX, fields": Reader(file="model.onnx", content=_of(_onnx_files(), changed_protobuf), read=_vet),
        "metadata": Reader(file="model.onnx", content=changed_json(_brightness()).map(_with_metadata), read=_predict),
        "report.json": Reader(file="exported/a/report.json", content=_encoded(REPORT), read=_bundle),
        "run.json": Reader(file="runs/a/run.json", content=_encoded(hostile.run_record()), read=_run),
        "metrics.jsonl": Reader(file="runs/b/metrics.jsonl", content=_encoded(ROW.to_json()), read=_rows),
        "safetensors, header": Reader(
            file="w.safetensors",
            content=_safetensors(_weights()),
            read=partial(read_tensors, what="the weights"),
        ),
        "safetensors, bytes": Reader(
            file="w.safetensors",
            content=changed_bytes(_weights()),
            read=partial(read_tensors, what="the weights"),
        ),
        "checkpoint": Reader(
            file="runs/a/last/state.safetensors",
            content=_safetensors(_state()),
            read=lambda path: RunDirectory(path.parents[1]).read_state(),
        ),
        ".pth": Reader(file="w.pth", content=changed_bytes(_pth()), read=partial(read_pth, mend="fetch it again")),
        ".npy, header": Reader(file="x.npy", content=_npy(), read=read_sequence),
        ".npy, bytes": Reader(file="x.npy", content=changed_bytes(_npy_file()), read=read_sequence),
        "features .npz": Reader(file="x.npz", content=_npz(), read=partial(read_split, split="train")),
        "CSV": Reader(file="x.csv", content=_csv(), read=read_sequence),
        "CSV, bytes": Reader(file="x.csv", content=changed_bytes(b"a,b\n1,2\n3.5,4e-3\n"), read=read_sequence),
        "WAV": Reader(file="x.wav", content=changed_bytes(recipe_files.short_wav()), read=recipe_files.read_sound),
        "FLAC and WAV of floats": Reader(
            file="x.flac",
            content=_of([recipe_files.short_flac(), recipe_files.float_wav()], changed_bytes),
            read=recipe_files.read_sound,
        ),
        "CSV table": Reader(file="t.csv", content=_csv(), read=recipe_files.read_rows),
        "CSV table, bytes": Reader(
            file="t.csv", content=changed_bytes(b"age,city\n1,oslo\n,rome\n"), read=recipe_files.read_rows
        ),
        "Parquet": Reader(file="t.parquet", content=changed_bytes(recipe_files.parquet()), read=recipe_files.read_rows),
        "texts": Reader(file="t.txt", content=changed_bytes(b"the cat\nsat\n"), read=recipe_files.read_texts),
        "tokenizer": Reader(
            file="t.json", content=_encoded(recipe_files.tokenizer()), read=recipe_files.read_tokenizer
        ),
        "IDX, header": Reader(file="x.idx", content=_idx(), read=read_idx),
        "IDX, bytes": Reader(
            file="x.gz",
            content=changed_bytes(idx_bytes(np.zeros((2, 3), np.uint8), compressed=True)),
            read=read_idx,
        ),
        "tar, headers": Reader(file="a.tar.gz", content=_tar(), read=_archive),
        "tar, bytes": Reader(
            file="a.tar.gz",
            content=_of([_tar_file("w:gz"), _tar_file("w:bz2"), _tar_file("w:xz")], changed_bytes),
            read=_archive,
        ),
        "PNG": _picture_reader("PNG", ".png"),
        "PNG, chunks": _picture_reader("PNG", ".png", _png()),
        "JPEG": _picture_reader("JPEG", ".jpg"),
        "WEBP": _picture_reader("WEBP", ".webp"),
        "BMP": _picture_reader("BMP", ".bmp"),
        "mask": Reader(file="m.png", content=_png(), read=read_mask),
        "test vector": Reader(
            file="test_data_set_0/input_0.pb",
            content=changed_protobuf(_vectors()),
            read=lambda path: read_vectors(path.parents[1], "input", ["image"]),
        ),
    }
