"""A model of a Triton model repository: `NAME/config.pbtxt`, `NAME/VERSION/model.onnx`, and inputs to warm up with.

After Triton's model configuration (model_config.proto) and the README of its onnxruntime backend.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from zoo_core import TensorSpec, UsageError
from zoo_core.data import read_plain
from zoo_core.runtime import Metadata, SessionSettings

from .contents import MODEL, Contents
from .datatypes import NAMES
from .folders import new_folder, write

_LEVELS: Mapping[str, int | None] = {"all": None, "extended": 1, "basic": -1, "none": 2}
"""What Triton's onnxruntime backend calls the levels of optimisation; all is its own default."""

CONFIG = "config.pbtxt"
LABELS = "labels.txt"
_MOST_SHARED = 1 << 30
_WARM_UP = "warmup"


def write_triton(contents: Contents, repository: Path, *, version: int, batch: int, delay: float) -> Path:
    """Write the model into a repository; its folder there.

    `batch`: rows that Triton puts together at most, and `delay` the milliseconds that it waits for them, where rows are
    independent. A model of that name that is there gets one version more. Raises UsageError where it has that version,
    or where anything but the weights is not the same, which all versions of a model share.
    """
    target = repository / contents.name
    if version < 1:
        raise UsageError("a version of a Triton model is a number from 1 on")
    shared = _of_all_versions(contents, batch=batch, delay=delay)
    if (target / CONFIG).is_file():
        _check_fits(target, version, shared)
        with new_folder(target / str(version)) as folder:
            _write_weights(contents, folder)
        return target
    with new_folder(target) as folder:
        _write_weights(contents, folder / str(version))
        for name, content in shared.items():
            write(folder / name, [content])
    return target


def _write_weights(contents: Contents, folder: Path) -> None:
    for name in contents.weights:
        write(folder / contents.stored_name(name), contents.pieces(name))


def _of_all_versions(contents: Contents, *, batch: int, delay: float) -> dict[str, bytes]:
    """What Triton reads of a model whatever its version, by the names of the files."""
    files = {f"{_WARM_UP}/input_{number}": value.tobytes() for number, value in enumerate(contents.example.values())}
    if any(_labelled(spec, contents.metadata) for spec in contents.metadata.outputs.values()):
        files[LABELS] = "".join(" ".join(label.split()) + "\n" for label in contents.metadata.labels).encode()
    text = "\n".join(_config(contents, batch=batch, delay=delay)) + "\n"
    return {**files, CONFIG: text.encode()}


def _check_fits(target: Path, version: int, shared: Mapping[str, bytes]) -> None:
    """Raise UsageError where the model that is there cannot have this version, too."""
    if os.path.lexists(target / str(version)):
        raise UsageError(f"version {version} of {target} is there already", hint="--version N adds another one")
    for name, content in shared.items():
        place = target / name
        if not place.is_file() or read_plain(place, most=_MOST_SHARED) != content:
            raise UsageError(
                f"{place} is not what this export needs, and all versions of a model share it",
                hint="the options with which the first version was packaged, --name NAME, or another --to",
            )


def _labelled(spec: TensorSpec, metadata: Metadata) -> bool:
    """Whether an output has a value for each label."""
    return bool(metadata.labels) and spec.axes[-1:] == (len(metadata.labels),)


def _config(contents: Contents, *, batch: int, delay: float) -> Iterator[str]:
    metadata = contents.metadata
    joined = metadata.rows_are_independent
    most = contents.rows_together(batch)
    yield f"# {contents.name}: made by zoo package; its self-test has passed where it was made."
    yield f"name: {_text(contents.name)}"
    yield 'backend: "onnxruntime"'
    yield f"default_model_filename: {_text(MODEL)}"
    yield f"max_batch_size: {most}"
    for name, spec in metadata.inputs.items():
        yield f"input {{ {_tensor(name, spec, joined)} }}"
    for name, spec in metadata.outputs.items():
        labels = f" label_filename: {_text(LABELS)}" if _labelled(spec, metadata) else ""
        yield f"output {{ {_tensor(name, spec, joined)}{labels} }}"
    if most > 1:
        yield f"dynamic_batching {{ max_queue_delay_microseconds: {round(delay * 1000)} }}"
    yield "instance_group { count: 1 kind: KIND_CPU }"
    yield from _session(contents.settings)
    yield from _warm_up(contents, joined)


def _session(settings: SessionSettings) -> Iterator[str]:
    level = _LEVELS[settings.optimization]
    if level is not None:
        yield f"optimization {{ graph {{ level: {level} }} }}"
    if settings.threads is not None:
        yield f'parameters {{ key: "intra_op_thread_count" value {{ string_value: "{settings.threads}" }} }}'


def _warm_up(contents: Contents, joined: bool) -> Iterator[str]:
    """One request with a row of the self-test: Triton is ready when it is answered."""
    inputs = []
    for number, (name, value) in enumerate(contents.example.items()):
        shape = value.shape[1:] if joined else value.shape
        kind = f"TYPE_{NAMES[contents.metadata.inputs[name].dtype]}"
        dims = " ".join(f"dims: {size}" for size in shape)
        source = f'input_data_file: "input_{number}"'
        inputs.append(f"inputs {{ key: {_text(name)} value {{ data_type: {kind} {dims} {source} }} }}")
    yield f'model_warmup {{ name: "a row of the self-test" batch_size: 1 {" ".join(inputs)} }}'


def _tensor(name: str, spec: TensorSpec, joined: bool) -> str:
    axes = spec.axes[1:] if joined else spec.axes
    dims = " ".join(f"dims: {axis if isinstance(axis, int) else -1}" for axis in axes)
    if not axes:  # Triton wants at least one: a number for each row is (rows, 1) to it
        dims = "dims: 1 reshape { }"
    return f"name: {_text(name)} data_type: TYPE_{NAMES[spec.dtype]} {dims}"


def _text(value: str) -> str:
    """A string of protobuf's text format; it escapes as JSON does, but for letters, which are plain UTF-8."""
    return json.dumps(value, ensure_ascii=False)
