"""Files of numbers: .npy, .npz, CSV, IDX, and boxes as YOLO has them."""

from __future__ import annotations

import gzip
import io
import math
import struct
import zipfile
from functools import partial

import hostile_files as hostile
import numpy as np
from hypothesis import strategies as st
from mutations import ODD_NUMBERS, changed_bytes

from zoo_core.data import idx_bytes, read_idx
from zoo_core.runtime import read_sequence
from zoo_core.workflows.answers.gallery import read_gallery
from zoo_plugins.coco_folder.yolo import read_rows
from zoo_plugins.features_file.files import read_split

from .reader import Reader


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


@st.composite
def _gallery(draw: st.DrawFn) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", draw(st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)))) as archive:
        good = _npy_file(np.ones((3, 2), np.float32))
        archive.writestr("vectors.npy", draw(st.one_of(_npy(), st.just(good), changed_bytes(good))))
        archive.writestr("names.json", draw(changed_bytes(b'["a", "b", "c"]')))
    return draw(st.one_of(st.just(content.getvalue()), changed_bytes(content.getvalue())))


def _npy_file(values: np.ndarray | None = None) -> bytes:
    content = io.BytesIO()
    np.save(content, np.arange(6, dtype=np.float32).reshape(3, 2) if values is None else values)
    return content.getvalue()


CELLS = st.sampled_from(
    ("1", "-2.5", "", " 3 ", "nan", "inf", "1e999", "x", '"4"', '"', '"a\n1"', "1_0", "\0", "٣", "0x1")
)


ENDS = st.sampled_from(("\n", "\r\n", "\r", "\n\n", ";"))


@st.composite
def csv_content(draw: st.DrawFn) -> bytes:
    rows = draw(st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=5))
    text = "".join(",".join(row) + draw(ENDS) for row in rows)
    return text.encode(draw(st.sampled_from(("utf-8", "utf-8-sig", "utf-16"))))


@st.composite
def _yolo(draw: st.DrawFn) -> bytes:
    rows = draw(st.lists(st.lists(st.one_of(CELLS, st.sampled_from(("0", "0.5"))), min_size=4, max_size=6), max_size=4))
    return "".join(" ".join(row) + draw(ENDS) for row in rows).encode(draw(st.sampled_from(("utf-8", "utf-16"))))


@st.composite
def _idx(draw: st.DrawFn) -> bytes:
    sizes = draw(
        st.lists(st.sampled_from((0, 1, 2, 3, 255, 2**31, 2**32 - 1)), max_size=draw(st.sampled_from((3, 70))))
    )
    code = draw(st.sampled_from((8, 9, 11, 12, 13, 14, 10, 0)))
    count = draw(st.sampled_from((len(sizes), 0, 255)))
    content = bytes([0, 0, code, count]) + struct.pack(f">{len(sizes)}I", *sizes) + draw(st.binary(max_size=64))
    return gzip.compress(content, mtime=0) if draw(st.booleans()) else content


def readers() -> dict[str, Reader]:
    """Every reader of this kind by its name."""
    return {
        ".npy, header": Reader(file="x.npy", content=_npy(), read=read_sequence),
        ".npy, bytes": Reader(file="x.npy", content=changed_bytes(_npy_file()), read=read_sequence),
        "features .npz": Reader(file="x.npz", content=_npz(), read=partial(read_split, split="train")),
        "gallery": Reader(file="x.npz", content=_gallery(), read=read_gallery),
        "CSV": Reader(file="x.csv", content=csv_content(), read=read_sequence),
        "CSV, bytes": Reader(file="x.csv", content=changed_bytes(b"a,b\n1,2\n3.5,4e-3\n"), read=read_sequence),
        "YOLO": Reader(file="x.txt", content=_yolo(), read=read_rows),
        "YOLO, bytes": Reader(file="x.txt", content=changed_bytes(b"0 0.5 0.5 1e-1 .25\n1 0 0 1 1\n"), read=read_rows),
        "IDX, header": Reader(file="x.idx", content=_idx(), read=read_idx),
        "IDX, bytes": Reader(
            file="x.gz",
            content=changed_bytes(idx_bytes(np.zeros((2, 3), np.uint8), compressed=True)),
            read=read_idx,
        ),
    }
