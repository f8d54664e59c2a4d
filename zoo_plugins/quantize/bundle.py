"""The folder of a smaller file: an export like any other, with its own self-test, test vectors, card and report."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core import CheckResult, ExportReport, OutputError, ZooError, __version__
from zoo_core.commands import clear_io_errors, is_export, model_file, package_versions, write_atomic
from zoo_core.data import read_plain
from zoo_core.export import remove_export
from zoo_core.runtime import SEAL, Metadata, seal_of

from .expected import Expected
from .source import Arrays, Source

if TYPE_CHECKING:
    import onnx

MODEL, REPORT, CARD, VECTORS = "model.onnx", "report.json", "README.md", "test_data_set_0"
WORDS = "zoo"
MADE_OF = "quantized"
"""The key under which a file says, beside its own words, what it was made of."""
VERSIONED = ("zoo-core", "onnx", "onnxruntime", "numpy")
_MOST_BYTES = 2**31 - 1


def own_metadata(source: Source, name: str) -> Metadata:
    """What a smaller file says of itself, before it has a self-test."""
    return dataclasses.replace(
        source.metadata,
        name=name,
        # Neither the weights of the run, nor its metrics: what PyTorch gives is not what this file has to give.
        run=None,
        weights=None,
        metrics={},
        versions=package_versions(VERSIONED),
        self_test=None,
    )


def written(proto: onnx.ModelProto, path: Path, metadata: Metadata, source: Source, made_of: Mapping[str, Any]) -> None:
    """Write a smaller file. Raises ZooError for one above 2 GB, or where it cannot be written."""
    proto.producer_name, proto.producer_version = "zoo-core", __version__
    proto.ir_version = source.proto.ir_version
    proto.doc_string, proto.graph.name = source.proto.doc_string, source.proto.graph.name
    del proto.metadata_props[:]
    proto.metadata_props.add(key=WORDS, value=metadata.to_json())
    if metadata.license:
        proto.metadata_props.add(key="license", value=metadata.license)
    if made_of:
        proto.metadata_props.add(key=MADE_OF, value=json.dumps(made_of, sort_keys=True))
    if proto.ByteSize() > _MOST_BYTES:
        raise ZooError("it is larger than 2 GB even so, which one file cannot hold")
    write_atomic(path, proto.SerializeToString(deterministic=True))


def sealed(metadata: Metadata, self_test: Mapping[str, Any]) -> Metadata:
    """The metadata with their self-test, and the seal over all the rest."""
    return dataclasses.replace(metadata, self_test={**self_test, SEAL: seal_of(metadata.to_json())})


def copy_learnt(source: Source, folder: Path) -> None:
    """Copy what recipes have learnt and that lies beside the float file, such as a large vocabulary."""
    beside = model_file(source.path).parent
    for name in {place["file"] for parts in source.metadata.recipe_files.values() for place in parts.values()}:
        write_atomic(folder / name, read_plain(beside / name, most=_MOST_BYTES, within=beside))


def write_vectors(folder: Path, expected: Expected) -> None:
    """Samples of the dataset, and what the file has to give for them, in the form of the ONNX project's own tests."""
    from onnx import numpy_helper

    for role, arrays in (("input", expected.vector_inputs), ("output", expected.vector_outputs)):
        for number, (name, value) in enumerate(arrays.items()):
            content = numpy_helper.from_array(value, name).SerializeToString()
            write_atomic(folder / VECTORS / f"{role}_{number}.pb", content)


def write_report(
    folder: Path,
    metadata: Metadata,
    *,
    checks: Sequence[CheckResult],
    outputs: Sequence[OutputError],
    quantized: Mapping[str, Any],
) -> dict[str, Any]:
    """Write report.json, as `zoo export` does, and under `quantized` what the file was made of and what it is worth."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != REPORT)
    report = ExportReport(
        outcome="verified",
        name=metadata.name,
        model=metadata.model,
        run=metadata.run,
        opset=metadata.opset,
        axes={name: spec.axes for name, spec in {**metadata.inputs, **metadata.outputs}.items()},
        untrained=metadata.untrained,
        reference="float64",
        checks=tuple(checks),
        outputs=tuple(outputs),
        versions=package_versions(VERSIONED),
        files={path.relative_to(folder).as_posix(): _sha256(path) for path in files},
        described=hashlib.sha256(metadata.to_json().encode()).hexdigest(),
        layer=metadata.layer,
    )
    told = {**report.to_json(), "quantized": dict(quantized)}
    write_atomic(folder / REPORT, json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    return told


def verified_again(folder: Path) -> tuple[list[CheckResult], list[OutputError]]:
    """What `zoo verify --thorough` says of the folder, at every level of optimisation, in a process of its own.

    Raises ZooError where it is not verified.
    """
    command = [sys.executable, "-P", "-m", "zoo_core", "verify", str(folder), "--thorough", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    try:
        report = json.loads(done.stdout)
        checks = [CheckResult(**each) for each in report["checks"]]
        outputs = [OutputError(**each) for each in report["outputs"]]
    except (ValueError, KeyError, TypeError):
        told = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
        raise ZooError(f"zoo verify could not check it: {told.removeprefix('Error: ')}") from None
    if report["outcome"] != "verified":
        bad = next((each for each in checks if each.outcome in {"failed", "not-conclusive"}), None)
        why = "" if bad is None else f": {bad.rule}: {bad.detail}"
        raise ZooError(f"zoo verify says {report['outcome']}{why}")
    return checks, outputs


def _sha256(path: Path) -> str:
    return hashlib.sha256(read_plain(path, most=_MOST_BYTES, within=path.parent)).hexdigest()


@contextlib.contextmanager
def new_bundle(target: Path) -> Iterator[Path]:
    """A folder beside `target` to fill, which is removed at the end unless `publish` has moved it."""
    check_target(target)
    with clear_io_errors("cannot write", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:48]}."))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_target(target: Path) -> None:
    """Raise ZooError where something is in the way that is no earlier export: that alone is replaced."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise ZooError(f"{target} is there already, and is no folder", hint="choose another one with --to")
    if target.is_dir() and any(target.iterdir()) and not (is_export(target) and (target / REPORT).is_file()):
        raise ZooError(
            f"{target} exists, is not empty and is not an earlier export, so it is not replaced",
            hint="choose another folder with --to, or empty this one",
        )


def publish(folder: Path, target: Path) -> None:
    """Put a finished bundle in its place; an earlier export there makes room for it."""
    check_target(target)
    with clear_io_errors("cannot write", target):
        folder.chmod(0o755)
        if target.is_dir() and any(target.iterdir()):
            remove_export(target)
        elif target.is_dir():
            target.rmdir()
        folder.rename(target)


def vector_rows(source: Source, count: int) -> Arrays:
    """The first validation samples, as inputs of the file."""
    return dict(source.validation.arrays(slice(0, source.fixed_batch or min(count, len(source.validation)))))
