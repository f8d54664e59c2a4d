"""How much work each reader makes of a hostile file that grows: the cases of a test and of `benchmarks/growth.py`."""

from __future__ import annotations

import gc
import io
import json
import shutil
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hostile_files as hostile
import numpy as np
import recipe_files
import server_files
from sounds import wav

from zoo_core.data import read_idx, read_members, unpack
from zoo_core.errors import ZooError
from zoo_core.pictures import read_picture
from zoo_core.runtime.reading.own_words import own_words
from zoo_core.runtime.reading.wire import read_onnx
from zoo_core.runtime.running.sequences import read_sequence
from zoo_core.runtime.vetting.vet import vet
from zoo_core.shelf import list_runs
from zoo_core.training.checkpoint import read_tensors
from zoo_core.training.directory import read_info, read_rows
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.verification.conclude.structure import Interface, check_structure
from zoo_core.workflows.answers.gallery import read_gallery
from zoo_plugins.coco_folder.coco import read_coco
from zoo_plugins.coco_folder.yolo import read_rows as read_boxes

TIMES = (1, 2, 4)
ROW = {"epoch": 1, "train": {"loss": 1.0}, "validation": {"loss": 1.0}, "learning_rate": 0.1, "seconds": 1.0}


@dataclass(frozen=True, kw_only=True)
class GrowthCase:
    """A reader and what it is given: `write(size)` is the content of a file that `read` opens under the name `file`."""

    file: str
    write: Callable[[int], bytes]
    read: Callable[[Path], Any]
    size: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one reading took: bytes of the file, seconds of the processor, bytes of memory at most."""

    bytes: int
    seconds: float
    memory: int
    refused: str


def _structure(path: Path) -> None:
    check_structure(read_onnx(path), Interface(inputs={}, outputs={}, opset=20))


def _weights(path: Path) -> None:
    read_tensors(path, what="the weights")


def _picture(path: Path) -> None:
    read_picture(path, color="RGB")


def _bundle(path: Path) -> None:
    path.with_name("model.onnx").write_bytes(hostile.copy_model())
    verify_export(path.parent)


def _unpacked(path: Path) -> None:
    shutil.rmtree(unpack(path, top="top"))


def _run_of_names(size: int) -> bytes:
    return json.dumps(hostile.run_record(classes=[f"class {number}" for number in range(size)])).encode()


def _rows(size: int) -> bytes:
    return f"{json.dumps(ROW)}\n".encode() * size


def _gallery(size: int) -> bytes:
    return _zip({"vectors.npy": _vectors(size), "names.json": json.dumps(["a" * 20] * size).encode()})


def _crowded_gallery(size: int) -> bytes:
    return _zip({f"{number}.npy": b"" for number in range(size)})


def _zip(members: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def _vectors(size: int) -> bytes:
    content = io.BytesIO()
    np.save(content, np.ones((size, 4), np.float32))
    return content.getvalue()


def _coco(path: Path) -> None:
    read_coco(path, like=path)


def _boxes(size: int) -> bytes:
    box = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}
    names = {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "cat"}]}
    return json.dumps({**names, "annotations": [box] * size}).encode()


def _names(size: int) -> bytes:
    pictures = [{"id": number, "file_name": f"{number}.png"} for number in range(size)]
    classes = [{"id": number, "name": str(number)} for number in range(size)]
    return json.dumps({"images": pictures, "categories": classes, "annotations": []}).encode()


def _report(size: int) -> bytes:
    return json.dumps({"files": {f"file {number}": "0" * 64 for number in range(size)}}).encode()


def _onnx(write: Callable[[int], bytes], size: int, read: Callable[[Path], Any] = vet) -> GrowthCase:
    return GrowthCase(file="model.onnx", write=write, read=read, size=size)


CASES: dict[str, GrowthCase] = {
    "honest model": _onnx(hostile.layers, 100),
    "weights beside switches": _onnx(hostile.weights_beside_switches, 220, _structure),
    "metadata of open quotes": _onnx(hostile.metadata_of_open_quotes, 2_500),
    "metadata of open quotes, listed": _onnx(hostile.metadata_of_open_quotes, 2_500, own_words),
    "a name declared twice": _onnx(hostile.name_declared_twice, 3_000),
    "branches below many names": _onnx(hostile.branches_below_many_names, 300),
    "switches of many values": _onnx(hostile.switches_of_many_values, 200),
    "shapes of many numbers": _onnx(hostile.shapes_of_many_numbers, 500),
    "a number in many pieces": _onnx(hostile.number_in_many_pieces, 200),
    "a tensor of many axes": _onnx(hostile.tensor_of_many_axes, 2_000),
    "an input of many axes": _onnx(hostile.value_of_many_axes, 5_000),
    "domains and switches": _onnx(hostile.domains_and_switches, 200),
    "nodes of two bytes": _onnx(hostile.smallest_nodes, 1_500),
    "unknown fields": _onnx(hostile.unknown_fields, 20_000),
    "unknown fields, listed": _onnx(hostile.unknown_fields, 20_000, own_words),
    "an attribute of many numbers": _onnx(hostile.list_of_numbers, 15_000),
    "CSV of one column": GrowthCase(file="x.csv", write=lambda n: b"1\n" * n, read=read_sequence, size=10_000),
    "CSV of one row": GrowthCase(file="x.csv", write=lambda n: b"1," * n + b"1", read=read_sequence, size=10_000),
    "CSV of one quoted row": GrowthCase(
        file="x.csv", write=lambda n: b'1,"' + b'\n","' * n, read=read_sequence, size=10_000
    ),
    "CSV of empty lines": GrowthCase(file="x.csv", write=lambda n: b"\n" * n + b"1", read=read_sequence, size=10_000),
    ".npy of bytes": GrowthCase(
        file="x.npy",
        write=lambda n: hostile.npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({n},), }}", bytes(n)),
        read=read_sequence,
        size=1_000_000,
    ),
    ".npy header": GrowthCase(
        file="x.npy", write=lambda n: hostile.npy("-" * n, version=2), read=read_sequence, size=2_000
    ),
    "safetensors without numbers": GrowthCase(
        file="w.safetensors", write=hostile.empty_tensors, read=_weights, size=500
    ),
    "safetensors of many dots": GrowthCase(
        file="w.safetensors", write=hostile.tensor_of_many_dots, read=_weights, size=20_000
    ),
    "tar of inherited headers": GrowthCase(
        file="a.tar",
        write=hostile.tar_of_pax_headers,
        read=lambda path: read_members(path, ["none"], most_bytes=1),
        size=1_000,
    ),
    "tar of headers about headers": GrowthCase(
        file="a.tar",
        write=hostile.tar_of_chained_headers,
        read=lambda path: read_members(path, ["none"], most_bytes=1),
        size=200,
    ),
    "tar of holes": GrowthCase(
        file="a.tar",
        write=hostile.tar_of_sparse_map,
        read=lambda path: read_members(path, ["none"], most_bytes=1),
        size=5_000,
    ),
    "tar of empty files": GrowthCase(
        file="a.tar",
        write=hostile.tar_of_members,
        read=lambda path: read_members(path, ["none"], most_bytes=1),
        size=500,
    ),
    "tar of empty files, unpacked": GrowthCase(file="a.tar", write=hostile.tar_of_members, read=_unpacked, size=50),
    "IDX of zeros": GrowthCase(file="x.gz", write=hostile.idx_of_zeros, read=read_idx, size=4 << 20),
    "PNG of texts": GrowthCase(file="x.png", write=hostile.png_of_texts, read=_picture, size=1_000),
    "run of many classes": GrowthCase(
        file="runs/a/run.json", write=_run_of_names, read=lambda path: read_info(path.parent), size=20_000
    ),
    "runs, listed": GrowthCase(file="runs/a/run.json", write=_run_of_names, read=lambda path: list_runs(), size=20_000),
    "epochs": GrowthCase(file="metrics.jsonl", write=_rows, read=lambda path: read_rows(path.parent), size=400),
    "WAV of samples": GrowthCase(
        file="x.wav", write=lambda n: wav(np.zeros(n)), read=recipe_files.read_sound, size=100_000
    ),
    "WAV of one sample a second": GrowthCase(
        file="x.wav", write=lambda n: wav(np.zeros(n), rate=1), read=recipe_files.read_sound, size=50_000
    ),
    "WAV of chunks": GrowthCase(
        file="x.wav", write=recipe_files.wav_of_chunks, read=recipe_files.read_sound, size=2_000
    ),
    "FLAC of silence": GrowthCase(
        file="x.flac", write=recipe_files.flac_of_silence, read=recipe_files.read_sound, size=100_000
    ),
    "table of one column": GrowthCase(
        file="t.csv", write=lambda n: b"a\n" + b"1\n" * n, read=recipe_files.read_rows, size=1_000
    ),
    "table of columns": GrowthCase(
        file="t.csv", write=recipe_files.table_of_columns, read=recipe_files.read_rows, size=500
    ),
    "Parquet of one value": GrowthCase(
        file="t.parquet", write=recipe_files.parquet_of_one_value, read=recipe_files.read_rows, size=1_000
    ),
    "Parquet of columns": GrowthCase(
        file="t.parquet", write=recipe_files.parquet_of_columns, read=recipe_files.read_rows, size=250
    ),
    "texts of many lines": GrowthCase(
        file="t.txt", write=lambda n: b"cat\n" * n, read=recipe_files.read_texts, size=2_000
    ),
    "texts of one line": GrowthCase(
        file="t.txt", write=lambda n: b"cat " * n, read=recipe_files.read_texts, size=5_000
    ),
    "tokenizer of words": GrowthCase(
        file="t.json", write=recipe_files.tokenizer_of_words, read=recipe_files.read_tokenizer, size=1_000
    ),
    "gallery of many names": GrowthCase(file="x.npz", write=_gallery, read=read_gallery, size=20_000),
    "gallery with many members": GrowthCase(file="x.npz", write=_crowded_gallery, read=read_gallery, size=2_000),
    "COCO of many boxes": GrowthCase(file="annotations.json", write=_boxes, read=_coco, size=2_000),
    "COCO of many names": GrowthCase(file="annotations.json", write=_names, read=_coco, size=2_000),
    "YOLO of many boxes": GrowthCase(file="x.txt", write=lambda n: b"0 0 0 1 1\n" * n, read=read_boxes, size=4_000),
    "YOLO of one line": GrowthCase(file="x.txt", write=lambda n: b"0 " * n, read=read_boxes, size=10_000),
    **{
        name: GrowthCase(file="report.json", write=write, read=read, size=size)
        for name, (write, read, size) in server_files.GROWING.items()
    },
    "bench of many rows": GrowthCase(
        file="exported/a/bench.json",
        write=server_files.measurements_of_rows,
        read=server_files.read_measured,
        size=5_000,
    ),
    "report of many files": GrowthCase(file="report.json", write=_report, read=_bundle, size=10_000),
}


def cost_of(case: GrowthCase, times: int, folder: Path, *, best_of: int = 2) -> Cost:
    """What reading the file of `times` the size costs. The memory is measured apart: measuring it takes time."""
    path = folder / case.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(case.write(case.size * times))
    refused = _read(case, path)
    gc.collect()
    gc.disable()  # its passes over everything come in steps
    try:
        seconds = [_seconds(case, path) for _ in range(best_of)]
    finally:
        gc.enable()
    tracemalloc.start()
    try:
        _read(case, path)
        memory = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return Cost(bytes=path.stat().st_size, seconds=min(seconds), memory=memory, refused=refused)


def _seconds(case: GrowthCase, path: Path) -> float:
    start = time.process_time()
    _read(case, path)
    return time.process_time() - start


def _read(case: GrowthCase, path: Path) -> str:
    """What a refusal says; empty where the file was read."""
    try:
        case.read(path)
    except ZooError as error:
        return error.message
    return ""
