"""Plant faults in an export, and check each as `zoo verify` checks it, without PyTorch."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zoo_core.bundle_files import MODEL_FILE, REPORT_FILE, VECTORS_FOLDER
from zoo_core.errors import NotVerifiedError, TemporaryFolderError, ZooError
from zoo_core.files import clear_io_errors, json_text, read_json, temporary_folder
from zoo_core.records import CheckResult
from zoo_core.runtime.reading.metadata import Metadata, read_metadata
from zoo_core.runtime.reading.wire import read_onnx
from zoo_core.runtime.running.isolated import Isolated, limits_of
from zoo_core.shelf import model_file
from zoo_core.verification.conclude.recheck import verify_export
from zoo_core.verification.feed.vectors import read_vectors

from .kinds import Mutant, make_mutants
from .likeness import Healthy
from .mutable_graph import onnx_package
from .score import Judged, MutationScore, judge_each

Progress = Callable[[Judged], None]


def score_export(path: Path, *, isolated: Isolated = None, progress: Progress = lambda judged: None) -> MutationScore:
    """The mutation score of a bundle, or of a bare .onnx file: each fault is checked by the rules that need no torch.

    A mutant takes the place of the model before the report is sealed, as if the exporter had made it: its sha256 stands
    in the report, so that no hash gives it away. Mutants are looked at as the file itself would be, `isolated` as in
    `open_model`: this machine knows none of them, but what is planted is ours. `progress` hears of each. Raises
    MissingExtraError without the onnx package, and ZooError where the weights are in other files or the metadata are
    missing.
    """
    onnx_package()
    bundle = path if path.is_dir() else None
    model = model_file(path)
    file = read_onnx(model)
    content = bytes(file.content)
    metadata = read_metadata(file)
    healthy = Healthy(model, more=_vectors(bundle, metadata))
    limits = limits_of(file, isolated)
    found = []
    with temporary_folder("zoo-mutants-") as folder:
        place = folder / "export"
        with clear_io_errors("cannot copy to", place):
            _prepare(bundle, place, model, metadata)
        judge = judge_each(
            make_mutants(content),
            check=lambda mutant: _check(mutant, place, sealed=bundle is not None, isolated=limits or False),
            compare=healthy.compare,
        )
        for judged in judge:
            progress(judged)
            found.append(judged)
    return MutationScore(mutants=tuple(found))


def _vectors(bundle: Path | None, metadata: Metadata) -> dict[str, dict[str, Any]]:
    if bundle is None:
        return {}
    there = (bundle / VECTORS_FOLDER).is_dir()
    return {"vectors": read_vectors(bundle, "input", list(metadata.inputs))} if there else {}


def _prepare(bundle: Path | None, place: Path, model: Path, metadata: Metadata) -> None:
    """A folder that has everything but the model: of a bare file, what belongs to its recipes."""
    if bundle is None:
        place.mkdir()
        for name in {file["file"] for parts in metadata.recipe_files.values() for file in parts.values()}:
            shutil.copyfile(model.parent / name, place / name)
        return
    shutil.copytree(bundle, place, ignore=shutil.ignore_patterns(MODEL_FILE))


def _check(mutant: Mutant, place: Path, *, sealed: bool, isolated: Isolated) -> Sequence[CheckResult]:
    model = place / MODEL_FILE
    with clear_io_errors("cannot write", model):
        model.write_bytes(mutant.model_bytes)
        if sealed:
            report = read_json(place / REPORT_FILE, what="the verification report")
            digest = hashlib.sha256(mutant.model_bytes).hexdigest()
            report["files"] = {**report.get("files", {}), MODEL_FILE: digest}
            (place / REPORT_FILE).write_text(json_text(report), encoding="utf-8")
    try:
        return verify_export(place if sealed else model, isolated=isolated).checks
    except TemporaryFolderError:
        raise
    except NotVerifiedError as error:
        return (CheckResult(rule="run", outcome="failed", detail=error.message),)
    except ZooError as error:  # refused before it is opened
        return (CheckResult(rule="structure", outcome="failed", detail=error.message),)
