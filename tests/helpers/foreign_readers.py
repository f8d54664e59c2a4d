"""Readers of ONNX that are not ours: what each is, whether it is here, what it makes of an export, and its limits."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from foreign_tensors import Arrays, read_arrays, write_arrays

ROOT = Path(__file__).parents[2]
NODE_PACKAGES = ROOT / "build" / "foreign-readers" / "node_modules"
HERE = Path(__file__).parent

TOLERANCE = 1e-4
"""Of an output's largest value. Half precision, where a reader takes it unasked, is off by more than that."""
SECONDS = 240

FILES: Mapping[str, str] = {
    "classifier": "`lenet5`; free N",
    "segmentation": "`unet`; free N, height and width in multiples of 16",
    "sequence": "`unet1d`; free N, length in multiples of 2",
    "recurrent": "a bidirectional LSTM; free N and length",
    "tokens": "an embedding of int64 numbers; free N and length",
    "filter": "`filter-sobel`; free N, height and width, the output smaller than the picture",
    "detector": "`torchvision/fasterrcnn_mobilenet_v3_large_320_fpn`; as many boxes as it finds",
    "baked": "`lenet5` with `--bake-preprocess --with-probabilities`; free N, height and width, pixels in uint8",
}
"""The files that are read, by name, and what each is."""


class ForeignReaderError(Exception):
    """A reader cannot load a file, cannot run it, or gives something else: the text is its own, or says what."""


@dataclass(frozen=True, kw_only=True)
class Reader:
    """`package` is on PyPI, or on npm when it runs in node. `only_shapes`: it gives the shapes of outputs, no values.

    `about` says how it is used, where that matters.
    """

    package: str
    about: str
    in_node: bool = False
    only_shapes: bool = False


READERS: dict[str, Reader] = {
    "OpenVINO": Reader(package="openvino", about="on the CPU, asked for float32: `INFERENCE_PRECISION_HINT`"),
    "onnxruntime-web": Reader(package="onnxruntime-web", about="WebAssembly, in node", in_node=True),
    "OpenCV's dnn": Reader(package="opencv-python-headless", about="`cv2.dnn.readNetFromONNX`"),
    "tract": Reader(package="tract", about="the free axes stay free"),
    "tract, sizes given": Reader(package="tract", about="without `value_info`, sizes by `set_input_fact`"),
    "onnxslim": Reader(package="onnxslim", about="the slimmed file, run by onnxruntime"),
    "onnx's reference evaluator": Reader(package="onnx", about="`onnx.reference.ReferenceEvaluator`"),
    "onnx's strict shape inference": Reader(
        package="onnx", about="`strict_mode=True, data_prop=True`; shapes, no values", only_shapes=True
    ),
}


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a reader is known not to manage: a part of what it `says`, and in our words why."""

    says: str
    reason: str


ONE_BOX_LIMIT = (
    "it asks for a list of one number where the text of ONNX has a scalar (`max_output_boxes_per_class` of "
    "`NonMaxSuppression`)"
)

LIMITS: dict[tuple[str, str], Limit] = {
    ("OpenCV's dnn", "detector"): Limit(
        says="autoSize*outTotal == inpTotal",
        reason="its `Reshape` fails on the maps of the region proposals",
    ),
    ("OpenVINO", "baked"): Limit(
        says="of its largest value",
        reason="it loads it, and computes the weights of the resize in float32 where the file says float64: one pixel "
        "in a thousand is off by 1",
    ),
    ("OpenCV's dnn", "baked"): Limit(
        says="!isDynamicShape",
        reason="its `Shape` wants sizes that are known when the file is loaded",
    ),
    ("tract", "sequence"): Limit(
        says="expected N,16,2*L,F32 got N,16,2*(1+2*L)/2,F32",
        reason="it does not see that (1 + 2·L) // 2 is L",
    ),
    ("tract", "recurrent"): Limit(
        says="Clashing resolution for expression. N=3 != 1",
        reason="it takes the free N of an LSTM for 1",
    ),
    ("tract", "detector"): Limit(
        says="Impossible to unify Sym(",
        reason="it takes two names of one size for two sizes; and it has no `RoiAlign`",
    ),
    ("tract, sizes given", "detector"): Limit(
        says="Applying rule inputs[2].rank == 1",
        reason=f"{ONE_BOX_LIMIT}; and it has no `RoiAlign`",
    ),
    ("onnx's reference evaluator", "detector"): Limit(
        says="array is 0-dimensional, but 1 were indexed",
        reason=ONE_BOX_LIMIT,
    ),
}
"""By reader and file. One that does not show any more fails the test, and so does one that is missing here."""


def missing(reader: str) -> str | None:
    """Why the reader cannot be tried here; None when it can."""
    package = READERS[reader].package
    if READERS[reader].in_node:
        if shutil.which("node") is None:
            return f"{reader} needs node, which is not installed"
        found = (NODE_PACKAGES / package).is_dir()
    else:
        found = any(importlib.metadata.distributions(name=package))
    return None if found else f"{package} is not installed: make foreign-readers"


def version(reader: str) -> str:
    """The version of a reader that is not missing."""
    package = READERS[reader].package
    if READERS[reader].in_node:
        described = json.loads((NODE_PACKAGES / package / "package.json").read_text(encoding="utf-8"))
        return str(described["version"])
    return importlib.metadata.version(package)


def judge(reader: str, name: str, file: Path, cases: Sequence[tuple[Arrays, Arrays]]) -> float | None:
    """The `largest_error` of a reader with the file of that name; None where its limit in LIMITS shows.

    Raises ForeignReaderError for every other failure, and for a limit that does not show any more.
    """
    limit = LIMITS.get((reader, name))
    try:
        error = largest_error(reader, file, cases)
    except ForeignReaderError as failed:
        if limit is None or limit.says not in str(failed):
            raise
        return None
    if limit is not None:
        raise ForeignReaderError(f"{reader} reads the file {name}: that is no limit any more, and leaves LIMITS")
    return error


def largest_error(reader: str, file: Path, cases: Sequence[tuple[Arrays, Arrays]]) -> float:
    """The largest error of any output, as a part of that output's largest value; 0.0 of a reader of shapes only.

    `cases` are inputs and the outputs that are right. Raises ForeignReaderError when the reader does not manage the
    file, or an output has another shape or dtype, or is off by more than TOLERANCE.
    """
    found = _read(reader, file, [inputs for inputs, _ in cases])
    errors = [0.0]
    for (_, expected), outputs in zip(cases, found, strict=True):
        if list(outputs) != list(expected):
            raise ForeignReaderError(f"the outputs are {', '.join(outputs)}, not {', '.join(expected)}")
        for name, right in expected.items():
            if READERS[reader].only_shapes:
                _compare_shape(name, outputs[name].tolist(), right.shape)
            else:
                errors.append(_error(name, outputs[name], right))
    return max(errors)


def _compare_shape(name: str, found: Sequence[int], right: Sequence[int]) -> None:
    if len(found) != len(right) or any(size not in {-1, exact} for size, exact in zip(found, right, strict=True)):
        raise ForeignReaderError(f"{name} is said to have the shape {found}, not {list(right)}")


def _error(name: str, found: np.ndarray, right: np.ndarray) -> float:
    if (found.shape, found.dtype) != (right.shape, right.dtype):
        raise ForeignReaderError(f"{name} is {found.dtype} {found.shape}, not {right.dtype} {right.shape}")
    exact = right.astype(np.float64)
    error = float(np.abs(found.astype(np.float64) - exact).max() / np.abs(exact).max())
    if not error <= TOLERANCE:
        raise ForeignReaderError(f"{name} is off by {error:.2g} of its largest value")
    return error


def _read(reader: str, file: Path, cases: Sequence[Arrays]) -> list[Arrays]:
    """What the reader gives for the inputs of each case."""
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / str(number) for number in range(len(cases))]
        for folder, inputs in zip(folders, cases, strict=True):
            write_arrays(folder / "inputs", inputs)
        if READERS[reader].in_node:
            package = NODE_PACKAGES / READERS[reader].package
            command = ["node", str(HERE / "onnxruntime_web.cjs"), str(package)]
        else:
            command = [sys.executable, str(HERE / "foreign_child.py"), reader]
        done = subprocess.run(
            [*command, str(file), *map(str, folders)],
            cwd=name,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
        )
        if done.returncode:
            raise ForeignReaderError(f"it ended with {done.returncode}: {done.stderr.strip()}")
        return [read_arrays(folder / "outputs") for folder in folders]
